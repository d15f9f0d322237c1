//! Which entry speaks of which stack.

use std::io::{self, Write};

use xenheap_judge::EntryPoint;
use xenheap_model::{Kind, NormalStack};
use xenheap_output::printable;
use xenheap_verdicts::{Difference, Entry, Match, Near, Subject, VerdictFile};

use super::write_for_people;
use crate::{Group, Render, Report};

/// How many entries that nearly match are shown.
const NEAR: usize = 3;

/// What a verdict file says of the stacks of one run.
#[derive(Clone, Debug)]
pub struct Matched<'a> {
    /// What people call the run.
    pub run: String,
    /// How many stacks it has.
    pub all: usize,
    /// How many of them have an entry.
    pub matched: usize,
    /// Those that are shown.
    pub stacks: Vec<MatchedStack<'a>>,
}

/// What a verdict file says of one stack.
#[derive(Clone, Debug)]
pub struct MatchedStack<'a> {
    /// At which level memory was allocated.
    pub kind: Kind,
    /// How the outside came in.
    pub point: EntryPoint,
    /// The innermost function.
    pub last: String,
    /// Whether it may not be what happened.
    pub is_uncertain: bool,
    /// What was found.
    pub found: Found<'a>,
}

/// What was found of a stack.
#[derive(Clone, Debug)]
pub enum Found<'a> {
    /// This entry.
    Entry(&'a Entry),
    /// Entries that contradict each other.
    Ambiguous(Vec<&'a Entry>),
    /// Nothing, as the recorder did not see all of the stack.
    Truncated,
    /// Nothing but entries that are nearly alike, if any are.
    Near(Vec<Near<'a>>),
}

impl<'a> Matched<'a> {
    /// Looks up every stack of a report; `only_missing` shows those on which no entry decides.
    pub fn new(report: &Report, file: &'a VerdictFile, only_missing: bool) -> Self {
        let mut new = Matched { run: report.name().to_owned(), all: 0, matched: 0, stacks: Vec::new() };
        for group in report.numbered() {
            let stack = MatchedStack::new(report, &group, file);
            let has_entry = matches!(stack.found, Found::Entry(_));
            new.all += 1;
            new.matched += usize::from(has_entry);
            if !(only_missing && has_entry) {
                new.stacks.push(stack);
            }
        }
        new
    }
}

impl<'a> MatchedStack<'a> {
    fn new(report: &Report, group: &Group<'_>, file: &'a VerdictFile) -> Self {
        let normal = NormalStack::from(group.stack);
        let arch = report.run().facts.arch;
        let subject = Subject { kind: group.kind, arch, stack: &normal, truncated: group.stack.truncated };
        MatchedStack {
            kind: group.kind,
            point: EntryPoint::of(group.stack),
            last: normal.outline().last().map(ToString::to_string).unwrap_or_default(),
            is_uncertain: group.stack.uncertain.is_some(),
            found: match file.find(&subject) {
                Match::Entry(entry) => Found::Entry(entry),
                Match::Ambiguous(entries) => Found::Ambiguous(entries),
                Match::None if subject.truncated => Found::Truncated,
                Match::None => Found::Near(file.near(&subject, NEAR)),
            },
        }
    }
}

/// A line for each run and for each stack, and below it what was found.
#[derive(Clone, Copy, Debug, Default)]
pub struct MatchedText;

impl Render<[Matched<'_>]> for MatchedText {
    fn render(&self, runs: &[Matched<'_>], out: &mut dyn Write) -> io::Result<()> {
        for Matched { run, all, matched, stacks } in runs {
            writeln!(out, "{}: {matched} of {all} stacks have an entry", printable(run))?;
            for stack in stacks {
                let MatchedStack { kind, point, last, is_uncertain, found } = stack;
                let mark = if *is_uncertain { " (uncertain)" } else { "" };
                let (function, last) = (printable(&point.function), printable(last));
                writeln!(out, "\n{kind} by {}: {function} > ... > {last}{mark}", point.entry)?;
                explain(found, out)?;
            }
        }
        Ok(())
    }
}

fn explain(found: &Found<'_>, out: &mut dyn Write) -> io::Result<()> {
    match found {
        Found::Entry(entry) => {
            let why = if entry.pattern.is_exact() { "the same stack" } else { "its pattern matches" };
            write_for_people(&format!("  {} {}: {why}\n", entry.id, entry.verdict), out)
        }
        Found::Ambiguous(entries) => {
            let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
            write_for_people(&format!("  contradicting entries: {}\n", ids.join(", ")), out)
        }
        Found::Truncated => {
            writeln!(out, "  no entry can match it: the recorder did not see the whole stack")
        }
        Found::Near(near) if near.is_empty() => {
            writeln!(out, "  no entry, and none that is nearly alike")
        }
        Found::Near(near) => near.iter().try_for_each(|near| alike(near, out)),
    }
}

/// An entry that nearly matches: a line for each frame that both or one of them have.
fn alike(near: &Near<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (id, verdict) = (&near.entry.id, near.entry.verdict);
    let percent = (near.likeness * 100.0).round();
    write_for_people(&format!("  no entry; {id} ({verdict}) is alike to {percent} %:\n"), out)?;
    for part in &near.difference {
        let (sign, frame) = match part {
            Difference::Same(frame) => (' ', frame),
            Difference::Gone(frame) => ('-', frame),
            Difference::New(frame) => ('+', frame),
        };
        writeln!(out, "    {sign} {}", printable(&frame.to_string()))?;
    }
    Ok(())
}
