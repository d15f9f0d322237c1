//! What calls of guests leave behind when they complete.

use std::io::{self, Write};

use super::{
    layout::{Paint, hanging, table},
    overview::pair,
};
use crate::{Escaped, Report, size::Count};

pub(super) fn write(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let calls = report.calls();
    if calls.is_empty() {
        return Ok(());
    }
    let title = "WHAT CALLS LEAVE BEHIND WHEN THEY COMPLETE";
    writeln!(out, "{} (how often / how much)\n", paint.bold(title))?;
    let (leaving, clean): (Vec<_>, Vec<_>) = calls.into_iter().partition(|calls| calls.total.count > 0);
    let lines = leaving.iter().map(|calls| {
        [
            calls.point.entry.to_string(),
            Escaped(&calls.point.function).to_string(),
            Count(calls.paths.len() as u64).to_string(),
            pair(calls.total.count, calls.total.bytes),
            pair(calls.most.count, calls.most.bytes),
        ]
    });
    let lines: Vec<_> = lines.collect();
    if !lines.is_empty() {
        let titles = ["entry", "function", "paths", "left behind in sum", "most by one call"];
        table(out, titles, 2, &lines)?;
    }
    if !clean.is_empty() {
        let names: Vec<_> = clean.iter().map(|calls| Escaped(&calls.point.function).to_string()).collect();
        hanging(out, "  nothing: ", 11, &names.join(", "))?;
        writeln!(out)?;
    }
    Ok(())
}
