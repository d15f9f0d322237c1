use std::io::{self, Write};

use xenheap_output::{Escaped, layout::hanging, size::Several};

use super::{Compared, doubtful, doubts, lifetimes, pair, untold, words};
use crate::{Render, gate::UNCERTAIN, untold::TITLE};

/// For people.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiffText;

impl Render<Compared<'_>> for DiffText {
    fn render(&self, compared: &Compared<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Compared { names: [old, new], diff } = *compared;
        let worse =
            diff.changed.iter().filter(|one| one.changes.iter().any(|change| change.is_worse())).count();
        writeln!(
            out,
            "{} -> {}: {} differ, {worse} of them for the worse; {} are the same",
            Escaped(old),
            Escaped(new),
            Several(diff.changed.len() as u64, "path"),
            diff.same
        )?;
        let untold = untold(diff);
        if !untold.is_empty() {
            writeln!(out, "\n{TITLE}:\n")?;
        }
        for line in untold {
            hanging(out, "  ", 4, &Escaped(line).to_string())?;
        }
        let doubtful = doubtful(diff);
        if !doubtful.is_empty() {
            writeln!(out, "\n{UNCERTAIN}:\n")?;
        }
        for line in doubtful {
            hanging(out, "  ", 4, &line)?;
        }
        for one in &diff.changed {
            writeln!(
                out,
                "\n{}: {}, charge {}, {}",
                words(one).to_uppercase(),
                one.kind,
                one.charge,
                lifetimes(one)
            )?;
            let counters = [
                ("allocations", pair(one, |side| side.counters.allocs.saturating_add(side.counters.taken))),
                ("bytes", pair(one, |side| side.counters.bytes.saturating_add(side.counters.taken_bytes))),
                ("largest", pair(one, |side| side.counters.max)),
                ("peak", pair(one, |side| side.counters.peak)),
                ("live", pair(one, |side| side.counters.live_bytes)),
            ];
            let text: Vec<String> = counters.iter().map(|(name, pair)| format!("{name} {pair}")).collect();
            writeln!(out, "  {}", text.join("; "))?;
            for doubt in doubts(one) {
                hanging(out, "  ", 4, &Escaped(doubt).to_string())?;
            }
            for (level, name) in one.stack.iter().enumerate() {
                writeln!(out, "{:width$}{}", "", Escaped(name), width = 4 + 2 * level)?;
            }
        }
        Ok(())
    }
}
