//! Which entry speaks of which stack.

use std::{fmt::Write as _, path::PathBuf};

use clap::Args;
use xenheap_judge::EntryPoint;
use xenheap_model::NormalStack;
use xenheap_output::printable;
use xenheap_verdicts::{Difference, Match as Found, Subject};

use super::store::{self, Store};
use crate::{
    failure::{Exit, Failure},
    output, runs,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  xenheap verdict match verdicts.toml run\n  xenheap verdict match verdicts.toml run --missing   only stacks without an entry, with near misses"
)]
pub struct Match {
    /// The verdict file
    pub file: PathBuf,
    /// Lab folders, console logs or saved runs
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Only stacks without an entry, or with entries that contradict each other
    #[arg(long)]
    pub missing: bool,
}

pub fn run(arguments: &Match) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.file)?;
    let mut text = String::new();
    for path in &arguments.runs {
        let report = runs::report(path)?;
        let arch = report.run().facts.arch;
        let (mut matched, mut all) = (0, 0);
        let mut lines = String::new();
        for group in report.numbered() {
            let normal = NormalStack::from(group.stack);
            let subject =
                Subject { kind: group.kind, arch, stack: &normal, truncated: group.stack.truncated };
            let found = store.file.find(&subject);
            all += 1;
            matched += usize::from(matches!(found, Found::Entry(_)));
            if arguments.missing && matches!(found, Found::Entry(_)) {
                continue;
            }
            let point = EntryPoint::of(group.stack);
            let last = normal.outline().last().map(ToString::to_string).unwrap_or_default();
            // Writing to a string cannot fail.
            let mark = if group.stack.uncertain.is_some() { " (uncertain)" } else { "" };
            let _ = writeln!(
                lines,
                "\n{} by {}: {} > ... > {}{mark}",
                group.kind,
                point.entry,
                printable(&point.function),
                printable(&last)
            );
            explain(&store, &subject, &found, &mut lines);
        }
        let _ = writeln!(text, "{}: {matched} of {all} stacks have an entry", printable(report.name()));
        text.push_str(&lines);
    }
    output::stdout(|out| store::print(out, &text))?;
    Ok(Exit::Done)
}

fn explain(store: &Store, subject: &Subject<'_>, found: &Found<'_>, text: &mut String) {
    match found {
        Found::Entry(entry) => {
            let why = if entry.pattern.is_exact() { "the same stack" } else { "its pattern matches" };
            let _ = writeln!(text, "  {} {}: {why}", entry.id, entry.verdict);
        }
        Found::Ambiguous(entries) => {
            let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
            let _ = writeln!(text, "  contradicting entries: {}", ids.join(", "));
        }
        Found::None if subject.truncated => {
            let _ = writeln!(text, "  no entry can match it: the recorder did not see the whole stack");
        }
        Found::None => {
            let near = store.file.near(subject, 3);
            if near.is_empty() {
                let _ = writeln!(text, "  no entry, and none that is nearly alike");
            }
            for near in near {
                let percent = (near.likeness * 100.0).round();
                let _ = writeln!(
                    text,
                    "  no entry; {} ({}) is alike to {percent} %:",
                    near.entry.id, near.entry.verdict
                );
                for part in &near.difference {
                    let (sign, frame) = match part {
                        Difference::Same(frame) => (' ', frame),
                        Difference::Gone(frame) => ('-', frame),
                        Difference::New(frame) => ('+', frame),
                    };
                    let _ = writeln!(text, "    {sign} {}", printable(&frame.to_string()));
                }
            }
        }
    }
}
