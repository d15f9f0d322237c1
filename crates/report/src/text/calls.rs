//! What calls of guests leave behind when they complete.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use xenheap_judge::EntryKind;
use xenheap_output::{
    Escaped,
    layout::{Paint, hanging, table},
    size::Count,
};

use super::overview::pair;
use crate::{Calls, Report};

pub(super) fn write(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let calls = report.calls();
    let title = "WHAT CALLS LEAVE BEHIND WHEN THEY COMPLETE";
    if report.run().facts.lacks("calls") {
        let text = "unknown, because this Xen lacks a function that the recorder hooks where calls end";
        hanging(out, &format!("{}: ", paint.bold(title)), 2, text)?;
        return writeln!(out);
    }
    if calls.is_empty() {
        return Ok(());
    }
    writeln!(out, "{} (how often / how much)\n", paint.bold(title))?;
    let (leaving, clean): (Vec<_>, Vec<_>) = calls.into_iter().partition(|calls| calls.total.count > 0);
    let (put_off, leaving): (Vec<_>, Vec<_>) =
        leaving.into_iter().partition(|calls| is_put_off(calls.point.entry));
    let lines = leaving.iter().map(|calls| {
        [
            calls.point.entry.to_string(),
            Escaped(&calls.point.function).to_string(),
            Count(calls.paths.len() as u64).to_string(),
            pair(calls.total.count, calls.total.bytes),
            pair(calls.most_whole.count, calls.most_whole.bytes),
        ]
    });
    let lines: Vec<_> = lines.collect();
    if !lines.is_empty() {
        let titles = ["entry", "function", "paths", "left behind in total", "most by one call"];
        table(out, titles, 2, &lines)?;
    }
    let has_more = !put_off.is_empty() || !clean.is_empty();
    if !put_off.is_empty() {
        let one = |calls: &Calls<'_>| {
            let left = pair(calls.total.count, calls.total.bytes);
            format!("{} {left}", Escaped(&calls.point.function))
        };
        let texts: Vec<_> = put_off.iter().map(one).collect();
        hanging(out, "  deferred work, done within calls: ", 36, &texts.join(", "))?;
    }
    if !clean.is_empty() {
        // One function can have several ways in.
        let mut seen = BTreeSet::new();
        let names = clean.iter().map(|calls| Escaped(&calls.point.function).to_string());
        let names: Vec<_> = names.filter(|name| seen.insert(name.clone())).collect();
        hanging(out, "  nothing: ", 11, &names.join(", "))?;
    }
    if has_more { writeln!(out) } else { Ok(()) }
}

/// What no guest asked for when it was done.
fn is_put_off(entry: EntryKind) -> bool {
    matches!(entry, EntryKind::Softirq | EntryKind::Tasklet | EntryKind::Interrupt | EntryKind::Idle)
}
