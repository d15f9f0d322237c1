use std::io::{self, Write};

use super::{Compared, doubtful, doubts, lifetimes, pair, untold, words};
use crate::{
    Render,
    gate::{UNCERTAIN, cell},
    untold::{TITLE, list},
};

/// For a merge request.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiffMarkdown;

impl Render<Compared<'_>> for DiffMarkdown {
    fn render(&self, compared: &Compared<'_>, out: &mut dyn Write) -> io::Result<()> {
        let Compared { names: [old, new], diff } = *compared;
        writeln!(out, "## Run-time allocations: {} -> {}\n", cell(old), cell(new))?;
        writeln!(out, "{} paths differ, {} are the same.", diff.changed.len(), diff.same)?;
        let untold = untold(diff);
        if !untold.is_empty() {
            writeln!(out, "\n{TITLE}:\n")?;
            list(untold, out)?;
        }
        let doubtful = doubtful(diff);
        if !doubtful.is_empty() {
            writeln!(out, "\n{UNCERTAIN}:\n")?;
            list(doubtful, out)?;
        }
        if !diff.changed.is_empty() {
            writeln!(out, "\n| what | kind | lifetime | largest (B) | peak (B) | live (B) | path |")?;
            writeln!(out, "|---|---|---|---:|---:|---:|---|")?;
        }
        for one in &diff.changed {
            let doubts = doubts(one).join("; ");
            let doubts = if doubts.is_empty() { doubts } else { format!(" ({doubts})") };
            writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {} |",
                words(one),
                one.kind,
                cell(&lifetimes(one)),
                cell(&pair(one, |side| side.counters.max)),
                cell(&pair(one, |side| side.counters.peak)),
                cell(&pair(one, |side| side.counters.live_bytes)),
                cell(&format!("{}{doubts}", one.stack.join(" > ")))
            )?;
        }
        Ok(())
    }
}
