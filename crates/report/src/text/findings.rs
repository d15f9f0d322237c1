//! One paragraph a finding: how much, what, how it came about.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use xenheap_model::{Frame, LogFormat, Owner, RowKey};

use super::{
    layout::{Paint, hanging},
    overview::bytes_in,
};
use crate::{
    Escaped, Finding, Report,
    finding::look,
    size::{Bytes, Count, Several},
};

pub(super) fn write(report: &Report, lines: bool, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let findings = report.findings();
    let left_out = report.left_out();
    if report.run().facts.format == LogFormat::None {
        return Ok(());
    }
    if findings.is_empty() && left_out.findings == 0 {
        return writeln!(out, "No anonymous allocation at run time was recorded.");
    }
    let title = paint.bold("FINDINGS");
    writeln!(out, "{title}: {}; what is live comes first, then by bytes\n", Count(findings.len() as u64))?;
    if report.filter().is_some() {
        let by: Vec<String> =
            left_out.by.iter().map(|(option, count)| format!("{} by --{option}", Count(*count))).collect();
        let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
        let text = format!(
            "Filters left out {}{by}, which allocated {}, of which {} live. The totals above contain them.",
            Several(left_out.findings, "finding"),
            Bytes(left_out.bytes),
            Bytes(left_out.live_bytes),
        );
        hanging(out, "  ", 2, &text)?;
        writeln!(out)?;
    }
    let twins = differences(&findings);
    for (at, finding) in findings.iter().enumerate() {
        let number = format!("{:>4}  ", at + 1);
        head(finding, &number, paint, out)?;
        stack(finding, lines, twins.get(&at), paint, out)?;
        if at + 1 < findings.len() {
            writeln!(out)?;
        }
    }
    Ok(())
}

fn head(finding: &Finding<'_>, number: &str, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let key = &finding.key;
    let owner = match key.owner {
        Owner::Unknown => "unknown".to_owned(),
        Owner::Passed(id) => format!("{} (passed to the allocator)", id.domain),
        Owner::Created(id) => format!("{} (being created)", id.domain),
        Owner::Domctl(id) => format!("{} (named by a domctl)", id.domain),
        Owner::Destroyed(id) => format!("{} (freed in its destruction)", id.domain),
    };
    let what = format!("{}, current {}, owner {owner}, charge {}", key.kind, key.current, key.charge);
    writeln!(out, "{number}{}", paint.bold(&what))?;
    let counters = &finding.counters;
    let live = match (counters.live, counters.peak) {
        (0, 0) => "nothing".to_owned(),
        (0, peak) => format!("nothing; peak {}", Bytes(peak)),
        (live, peak) => format!("{}; peak {}", bytes_in(counters.live_bytes, live), Bytes(peak)),
    };
    fact(out, "live", &live)?;
    if counters.taken > 0 {
        let taken =
            format!("{} in {} from domains", Bytes(counters.taken_bytes), Several(counters.taken, "page"));
        fact(out, "taken", &taken)?;
    }
    let each = match (counters.allocs, counters.min, counters.max) {
        (0 | 1, ..) => String::new(),
        (_, min, max) if min == max => format!(" of {} each", Bytes(max)),
        (_, min, max) => format!(" of {} to {}", Bytes(min), Bytes(max)),
    };
    let mut after = vec![format!("freed {}", Count(counters.freed))];
    if counters.given > 0 {
        after.push(format!("given away {}", Count(counters.given)));
    }
    after.push(match counters.failed {
        0 => "failed 0".to_owned(),
        failed => format!("FAILED {}", Count(failed)),
    });
    let allocated = match counters.allocs {
        0 => "nothing".to_owned(),
        allocs => bytes_in(counters.bytes, allocs),
    };
    fact(out, "allocated", &format!("{allocated}{each}; {}", after.join(", ")))
}

fn fact(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    hanging(out, &format!("      {name:<10} "), 17, text)
}

fn stack(
    finding: &Finding<'_>,
    lines: bool,
    differs: Option<&BTreeSet<usize>>,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    const INDENT: usize = 6;
    let frames = &finding.stack.frames;
    if frames.is_empty() {
        return writeln!(out, "{:INDENT$}N/A (the stack could not be read)", "");
    }
    if finding.stack.truncated {
        writeln!(out, "{:INDENT$}{}", "", paint.dim("... (deeper than the recorder looks)"))?;
    }
    for (level, frame) in frames.iter().enumerate() {
        let indent = INDENT + 2 * level;
        let inlined = if frame.inlined { paint.dim(" [inlined]") } else { String::new() };
        let place = if lines || differs.is_some_and(|levels| levels.contains(&level)) {
            format!("  {}", paint.dim(&place(frame)))
        } else {
            String::new()
        };
        writeln!(out, "{:indent$}{}{inlined}{}", "", Escaped(frame.name()), place.trim_end())?;
    }
    Ok(())
}

fn place(frame: &Frame) -> String {
    match (&frame.source, frame.addr) {
        (Some(source), _) => format!("{}:{}", Escaped(&source.file), source.line),
        (None, Some(addr)) if !frame.function.starts_with("0x") => format!("{addr:#x}"),
        (None, _) => String::new(),
    }
}

/// Findings that would look the same, and the levels of the stack at which they differ.
fn differences(findings: &[Finding<'_>]) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut groups: BTreeMap<_, Vec<(usize, &Finding<'_>)>> = BTreeMap::new();
    for (at, finding) in findings.iter().enumerate() {
        // The key without the stack's number, which is not shown.
        let RowKey { stack: _, kind, charge, current, owner } = finding.key;
        let shown = (kind, charge, current, owner, finding.stack.truncated, look(finding.stack));
        groups.entry(shown).or_default().push((at, finding));
    }
    let mut result = BTreeMap::new();
    for group in groups.into_values().filter(|group| group.len() > 1) {
        let depth = group.first().map_or(0, |(_, finding)| finding.stack.frames.len());
        let places = |level: usize| {
            group
                .iter()
                .map(|(_, finding)| finding.stack.frames.get(level).map(place))
                .collect::<BTreeSet<_>>()
        };
        let levels: BTreeSet<usize> = (0..depth).filter(|level| places(*level).len() > 1).collect();
        for (at, _) in group {
            result.insert(at, levels.clone());
        }
    }
    result
}
