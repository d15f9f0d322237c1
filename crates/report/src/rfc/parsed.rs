//! The parsed file: statistics, then what was never freed.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    io::{self, Write},
};

use xenheap_judge::{Head, Key};
use xenheap_model::{Domain, Kind, RfcOp, RowKey, StackId, Uncertain};

use super::{
    RULE,
    events::{EventLog, ListedEvent, Live, allocation, shown_size},
    stacks::Stacks,
};
use crate::{Render, Report};

const BETWEEN_DOMAINS: &str = "  ----------------------------------------------------------";
const UNDER_TITLE: &str = "------------------------------------------------------------";

/// The parsed file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parsed {
    /// Add the third section, of frees without an allocation.
    pub orphan_frees: bool,
}

impl Render<[Report]> for Parsed {
    fn render(&self, reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
        reports.iter().try_for_each(|report| self.one(report, out))
    }
}

/// One allocation or free, wherever it comes from.
#[derive(Clone, Copy)]
struct Call {
    op: RfcOp,
    kind: Kind,
    stack: StackId,
    size: u64,
    /// What decisions are kept by, for an allocation.
    decided: Option<Key>,
}

impl From<&ListedEvent> for Call {
    fn from(entry: &ListedEvent) -> Self {
        Call { op: entry.op, kind: entry.kind, stack: entry.stack, size: entry.size, decided: None }
    }
}

impl From<&Live> for Call {
    fn from(live: &Live) -> Self {
        let op = allocation(live.key.kind, live.addr);
        let RowKey { stack, kind, charge, .. } = live.key;
        Call {
            op,
            kind,
            stack,
            size: shown_size(kind, live.bytes),
            decided: Some(Key { stack, kind, charge }),
        }
    }
}

impl Parsed {
    fn one(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let empty = EventLog::new();
        let log = report.events().unwrap_or(&empty);
        let mut stacks = Stacks::new(report.run());
        let entries = log.shown(report);
        let live = log.live(report);
        let mut never: BTreeMap<Domain, Vec<Call>> = BTreeMap::new();
        for live in &live {
            never.entry(live.key.current).or_default().push(live.into());
        }
        let domains: Vec<Domain> = {
            let mut all: Vec<Domain> = entries.keys().chain(never.keys()).copied().collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        for (at, domain) in domains.iter().enumerate() {
            if at > 0 {
                writeln!(out, "{BETWEEN_DOMAINS}\n")?;
            }
            let calls: Vec<Call> = entries.get(domain).into_iter().flatten().map(Call::from).collect();
            statistics(*domain, &calls, &mut stacks, out)?;
            let never = never.get(domain).map_or(&[][..], Vec::as_slice);
            never_freed(*domain, "xmalloc", never, true, &mut stacks, out)?;
            never_freed(*domain, "alloc_domheap_pages", never, false, &mut stacks, out)?;
            writeln!(out)?;
        }
        let of = |xmalloc: bool| move |call: &Call| call.op.is_xmalloc() == xmalloc;
        section(
            report,
            "        xmalloc() paths without a matching xfree()",
            &never,
            of(true),
            &mut stacks,
            out,
        )?;
        writeln!(out)?;
        section(
            report,
            "    alloc_domheap_pages() paths without a matching free",
            &never,
            of(false),
            &mut stacks,
            out,
        )?;
        if self.orphan_frees {
            let is_orphan = |entry: &&ListedEvent| entry.op == RfcOp::Xfree && entry.orphan;
            let orphans = entries
                .iter()
                .map(|(domain, entries)| {
                    (*domain, entries.iter().filter(is_orphan).map(Call::from).collect())
                })
                .collect();
            writeln!(out)?;
            section(
                report,
                "        xfree() paths without a matching allocation",
                &orphans,
                |_| true,
                &mut stacks,
                out,
            )?;
        }
        Ok(())
    }
}

/// The first of the largest.
fn largest<'a>(calls: impl Iterator<Item = &'a Call>) -> Option<&'a Call> {
    calls.fold(None, |best: Option<&Call>, call| match best {
        Some(best) if best.size >= call.size => Some(best),
        _ => Some(call),
    })
}

fn path(
    call: &Call,
    domain: Domain,
    indent: usize,
    stacks: &mut Stacks<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{:indent$}{}(size={}) [domain: {domain}]", "", call.op.as_str(), call.size)?;
    out.write_all(stacks.text(call.stack, call.op, call.kind, indent).as_bytes())
}

fn statistics(
    domain: Domain,
    calls: &[Call],
    stacks: &mut Stacks<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut by_op: BTreeMap<RfcOp, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        by_op.entry(call.op).or_default().push(call);
    }
    for (op, calls) in by_op {
        writeln!(out, "  [{domain}] {}:", op.as_str())?;
        write!(out, "    sizes (B): [")?;
        for (at, call) in calls.iter().enumerate() {
            write!(out, "{}{}", if at > 0 { ", " } else { "" }, call.size)?;
        }
        writeln!(out, "]")?;
        let sum = calls.iter().fold(0u64, |sum, call| sum.saturating_add(call.size));
        let min = calls.iter().map(|call| call.size).min().unwrap_or(0);
        writeln!(out, "    num calls: {}", calls.len())?;
        writeln!(out, "    sum size:  {sum} B")?;
        writeln!(out, "    min size:  {min} B")?;
        if let Some(max) = largest(calls.iter().copied()) {
            writeln!(out, "    max size:  {} B", max.size)?;
            writeln!(out, "    max size path:")?;
            path(max, domain, 6, stacks, out)?;
        }
    }
    Ok(())
}

fn never_freed(
    domain: Domain,
    name: &str,
    calls: &[Call],
    xmalloc: bool,
    stacks: &mut Stacks<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let own = || calls.iter().filter(|call| call.op.is_xmalloc() == xmalloc);
    let Some(max) = largest(own()) else { return Ok(()) };
    let sum = own().fold(0u64, |sum, call| sum.saturating_add(call.size));
    writeln!(out, "  [{domain}] total non-freed {name} size: {sum} B")?;
    writeln!(out, "  [{domain}] max size non-freed {name} path:")?;
    path(max, domain, 4, stacks, out)
}

/// A path of a section.
#[derive(Default)]
struct Path {
    times: u64,
    bytes: u64,
    key: Option<Key>,
    uncertain: Vec<Uncertain>,
}

fn section(
    report: &Report,
    title: &str,
    calls: &BTreeMap<Domain, Vec<Call>>,
    belongs: impl Fn(&Call) -> bool,
    stacks: &mut Stacks<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{RULE}\n{title}\n{UNDER_TITLE}")?;
    writeln!(out, "Each path is considered only once (per domain)")?;
    writeln!(out, "Paths are sorted by descending allocation size\n{RULE}\n")?;
    for (domain, calls) in calls {
        let mut paths: BTreeMap<String, Path> = BTreeMap::new();
        for call in calls.iter().filter(|call| belongs(call)) {
            let text = stacks.text(call.stack, call.op, call.kind, 0);
            let path = paths.entry(text).or_insert_with(|| Path { key: call.decided, ..Path::default() });
            path.times += 1;
            path.bytes = path.bytes.saturating_add(call.size);
            path.uncertain.extend(stacks.uncertain(call.stack));
        }
        let mut paths: Vec<_> = paths.into_iter().collect();
        // The sort is stable: equal totals stay in the order of their text.
        paths.sort_by_key(|(_, path)| Reverse(path.bytes));
        for (text, Path { times, bytes, key, uncertain }) in paths {
            if let Some(decision) = key.and_then(|key| report.decision(key)) {
                write!(out, "{}", decision.note(Head::By))?;
            }
            write!(out, "{}", stacks.note(&uncertain, times))?;
            write!(out, "Domain     : {domain}\nOccurrences: {times}\nTotal size : {bytes} B\n{text}")?;
        }
    }
    Ok(())
}
