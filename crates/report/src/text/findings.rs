//! Single findings: how much, what, how it came about.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use xenheap_judge::{EntryPoint, Head, Key, Lifetime};
use xenheap_model::{Domain, DomainId, Frame, Kind, Owner, Stack, StackId};
use xenheap_output::{
    Escaped,
    layout::{Paint, hanging},
    size::{Bytes, Count, Several},
};

use super::{
    TextOptions,
    domains::{Names, list},
    overview::bytes_in,
};
use crate::{Group, Leftover, Report, finding::look};

/// How far the lines under a finding's number are indented.
const INDENT: usize = 6;

/// The findings of a report, numbered as they are written.
pub(super) struct Findings<'a> {
    report: &'a Report,
    groups: &'a [Group<'a>],
    options: TextOptions,
    paint: Paint,
    /// Levels at which stacks that look the same differ, by stack.
    twins: BTreeMap<StackId, BTreeSet<usize>>,
    written: usize,
    /// Those that were written as leaks.
    done: BTreeSet<Key>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(
        report: &'a Report,
        groups: &'a [Group<'a>],
        options: TextOptions,
        paint: Paint,
    ) -> Self {
        Findings {
            report,
            groups,
            options,
            paint,
            twins: differences(groups),
            written: 0,
            done: BTreeSet::new(),
        }
    }

    /// Writes one that is left or growing, with what is known of that.
    pub(super) fn leftover(
        &mut self,
        leftover: &Leftover<'_>,
        facts: &[(&str, String)],
        names: &Names,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let key = Key { stack: leftover.id, kind: leftover.kind, charge: leftover.charge };
        self.done.insert(key);
        let groups = self.groups;
        let group = groups.iter().find(|group| group.key() == key);
        match group {
            Some(group) => self.whole(group, facts, names, out),
            None => Ok(()),
        }
    }

    /// Writes the others.
    pub(super) fn write(&mut self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let left_out = report.left_out();
        if self.groups.is_empty() && left_out.findings == 0 {
            return writeln!(out, "No anonymous allocation at run time was recorded.");
        }
        let names = Names::of(report);
        let others: Vec<&Group<'_>> =
            self.groups.iter().filter(|group| !self.done.contains(&group.key())).collect();
        let (live, gone): (Vec<_>, Vec<_>) = others.into_iter().partition(|group| group.counters.live > 0);
        // Nobody asked for these: they are there for the xmallocs in them.
        let (pool, live): (Vec<_>, Vec<_>) =
            live.into_iter().partition(|group| group.kind == Kind::PoolGrowth);
        if !live.is_empty() {
            let which = if self.done.is_empty() { "" } else { ", without the above" };
            let title = self.paint.bold("LIVE AT THE END");
            writeln!(out, "{title}: {}{which}; most bytes first\n", paths(&live))?;
            for group in live {
                self.whole(group, &[], &names, out)?;
            }
        }
        self.briefly("LIVE PAGES OF THE XMALLOC POOL", &pool, &names, out)?;
        self.briefly("NOT LIVE AT THE END", &gone, &names, out)
    }

    /// Writes without stacks what matters less, unless they are asked for.
    fn briefly(
        &mut self,
        title: &str,
        groups: &[&Group<'_>],
        names: &Names,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let how = if self.options.all { "" } else { "; --all shows whole stacks" };
        writeln!(out, "{}: {}; most bytes first{how}\n", self.paint.bold(title), paths(groups))?;
        for group in groups {
            match self.options.all {
                true => self.whole(group, &[], names, out)?,
                false => self.short(group, names, out)?,
            }
        }
        if self.options.all { Ok(()) } else { writeln!(out) }
    }

    /// A paragraph with the stack.
    fn whole(
        &mut self,
        group: &Group<'_>,
        facts: &[(&str, String)],
        names: &Names,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let number = self.number();
        let (one, several) = whose(group, names);
        let what = format!("{}{one}, charge {}", group.kind, group.charge);
        writeln!(out, "{number}{}", self.paint.bold(&what))?;
        self.decision(group, out)?;
        for text in several {
            fact(out, "owner", &text)?;
        }
        for (name, text) in facts {
            hanging(out, &format!("      {} ", self.paint.bad(&format!("{name:<10}"))), 17, text)?;
        }
        if let Some(uncertain) = group.stack.uncertain {
            let name = self.paint.bad(&format!("{:<10}", "uncertain"));
            hanging(out, &format!("{:INDENT$}{name} ", ""), 17, &format!("stack, {uncertain}"))?;
        }
        quantities(group, out)?;
        self.stack(group, out)?;
        writeln!(out)
    }

    /// What people decided, in the form that `xenheap verdict harvest` reads, and what the machine
    /// concludes.
    fn decision(&self, group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
        if let Some(decision) = self.report.decision(group.key()) {
            for line in decision.note(Head::Id).to_string().lines() {
                writeln!(out, "{:INDENT$}{line}", "")?;
            }
            for remark in &decision.remarks {
                let name = self.paint.bad(&format!("{:<10}", "verdict"));
                hanging(out, &format!("{:INDENT$}{name} ", ""), 17, &remark.to_string())?;
            }
        }
        let Some(judgement) = self.report.judgement(group.key()) else { return Ok(()) };
        if judgement.lifetime != Lifetime::Unknown {
            fact(out, "lifetime", judgement.lifetime.describe())?;
        }
        match judgement.point.who {
            Some(who) => {
                fact(out, "trigger", &format!("{}, by {}", who.as_str(), Escaped(&judgement.point.function)))
            }
            None => Ok(()),
        }
    }

    /// A few lines without the stack.
    fn short(&mut self, group: &Group<'_>, names: &Names, out: &mut dyn Write) -> io::Result<()> {
        let counters = &group.counters;
        let mut text = format!("{}: ", group.kind);
        text.push_str(&match (counters.allocs, counters.taken) {
            (0, 0) => "nothing".to_owned(),
            (0, taken) => format!("{} taken in {}", Bytes(counters.taken_bytes), Several(taken, "page")),
            (allocs, _) => bytes_in(counters.bytes, allocs),
        });
        if counters.live > 0 && counters.live < counters.allocs {
            text.push_str(&format!(", {} live", Bytes(counters.live_bytes)));
        }
        text.push_str(&after(group).iter().map(|part| format!(", {part}")).collect::<String>());
        let (one, several) = whose(group, names);
        match several.is_empty() {
            true => text.push_str(&one.replacen(", ", "; ", 1)),
            false => text.push_str(&format!("; owner {}", several.join("; owner "))),
        }
        if let Some(decision) = self.report.decision(group.key()) {
            let id = decision.entry.as_ref().map(|entry| format!(" ({})", entry.id)).unwrap_or_default();
            text.push_str(&format!("; {}{id}", decision.verdict));
        }
        hanging(out, &self.number(), INDENT, &text)?;
        hanging(out, &format!("{:INDENT$}", ""), INDENT + 2, &path(group.stack, self.twins.get(&group.id)))
    }

    fn number(&mut self) -> String {
        self.written += 1;
        format!("{:>4}  ", self.written)
    }

    fn stack(&self, group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
        let frames = &group.stack.frames;
        if frames.is_empty() {
            return writeln!(out, "{:INDENT$}N/A (the stack could not be read)", "");
        }
        if group.stack.truncated {
            writeln!(out, "{:INDENT$}{}", "", self.paint.dim("... (deeper than the recorder looks)"))?;
        }
        let differs = self.twins.get(&group.id);
        for (level, frame) in frames.iter().enumerate() {
            let indent = INDENT + 2 * level;
            let inlined = if frame.inlined { self.paint.dim(" [inlined]") } else { String::new() };
            let shown = self.options.lines || differs.is_some_and(|levels| levels.contains(&level));
            let place = if shown { format!("  {}", self.paint.dim(&place(frame))) } else { String::new() };
            writeln!(out, "{:indent$}{}{inlined}{}", "", Escaped(frame.name()), place.trim_end())?;
        }
        Ok(())
    }
}

fn paths(groups: &[&Group<'_>]) -> String {
    Several(groups.len() as u64, "path").to_string()
}

/// How an owner is known, for people.
fn known_by(owner: Owner) -> &'static str {
    match owner {
        Owner::Unknown => "unknown",
        Owner::Passed(_) => "passed to the allocator",
        Owner::Created(_) => "in its creation",
        // The guest's page is read a second time.
        Owner::Domctl(_) => "named by a domctl, a hint",
        Owner::Moved(_) => "moved between cpupools",
        Owner::Destroyed(_) => "freed in its destruction",
    }
}

/// Of one finding: who was running and whose it is, to follow the kind. Of several: the same, a
/// line for each way of knowing.
fn whose(group: &Group<'_>, names: &Names) -> (String, Vec<String>) {
    if let [finding] = group.findings.as_slice() {
        let owner = match finding.key.owner.id() {
            None => "unknown".to_owned(),
            Some(id) => format!("{} ({})", names.of_one(id), known_by(finding.key.owner)),
        };
        return (format!(", current {}, owner {owner}", finding.key.current), Vec::new());
    }
    let mut ways: BTreeMap<&str, (BTreeSet<DomainId>, BTreeSet<Domain>)> = BTreeMap::new();
    for finding in &group.findings {
        let (owners, currents) = ways.entry(known_by(finding.key.owner)).or_default();
        owners.extend(finding.key.owner.id());
        currents.insert(finding.key.current);
    }
    let lines = ways.into_iter().map(|(how, (owners, currents))| {
        let owners = match owners.is_empty() {
            true => "unknown".to_owned(),
            false => format!("{} ({how})", names.of_all(owners)),
        };
        format!("{owners}; current {}", list(currents))
    });
    (String::new(), lines.collect())
}

fn quantities(group: &Group<'_>, out: &mut dyn Write) -> io::Result<()> {
    let counters = &group.counters;
    // Several domains need not have had theirs at one time.
    let peak = if group.findings.len() > 1 { "largest peak of one domain" } else { "peak" };
    let live = match (counters.live, counters.peak) {
        (0, 0) => "nothing".to_owned(),
        (0, most) => format!("nothing; {peak} {}", Bytes(most)),
        (live, most) => format!("{}; {peak} {}", bytes_in(counters.live_bytes, live), Bytes(most)),
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
    let allocated = match counters.allocs {
        0 => "nothing".to_owned(),
        allocs => bytes_in(counters.bytes, allocs),
    };
    let after = after(group);
    let after = if after.is_empty() { String::new() } else { format!("; {}", after.join(", ")) };
    fact(out, "allocated", &format!("{allocated}{each}{after}"))
}

/// What became of it.
fn after(group: &Group<'_>) -> Vec<String> {
    let counters = &group.counters;
    let bracketed = match counters.bracketed {
        Some(0) => " (none before the call returned)".to_owned(),
        Some(all) if all == counters.freed => " (before the call returned)".to_owned(),
        Some(some) => format!(" ({} before the call returned)", Count(some)),
        None => String::new(),
    };
    let mut after = Vec::new();
    if counters.freed > 0 {
        after.push(format!("freed {}{bracketed}", Count(counters.freed)));
    }
    if counters.given > 0 {
        after.push(format!("given away {}", Count(counters.given)));
    }
    if counters.failed > 0 {
        after.push(format!("FAILED {}", Count(counters.failed)));
    }
    after
}

fn fact(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    hanging(out, &format!("      {name:<10} "), 17, text)
}

/// A stack in short: how Xen was entered, then the functions from there, without those that were
/// inlined; with places where it differs from another one.
pub(super) fn path(stack: &Stack, differs: Option<&BTreeSet<usize>>) -> String {
    if stack.frames.is_empty() {
        return "N/A (the stack could not be read)".to_owned();
    }
    let (from, entry) = EntryPoint::find(stack);
    let names = stack.frames.iter().enumerate().skip(from).filter_map(|(level, frame)| {
        let name = Escaped(frame.name()).to_string();
        match differs.is_some_and(|levels| levels.contains(&level)) {
            true => Some(format!("{name} ({})", place(frame))),
            false => (level == from || !frame.inlined).then_some(name),
        }
    });
    let uncertain = if stack.uncertain.is_some() { " (uncertain)" } else { "" };
    format!("{entry}: {}{uncertain}", names.collect::<Vec<_>>().join(" > "))
}

fn place(frame: &Frame) -> String {
    match (&frame.source, frame.addr) {
        (Some(source), _) => format!("{}:{}", Escaped(&source.file), source.line),
        (None, Some(addr)) if !frame.function.starts_with("0x") => format!("{addr:#x}"),
        (None, _) => String::new(),
    }
}

/// Stacks that would look the same, and the levels at which they differ.
fn differences(groups: &[Group<'_>]) -> BTreeMap<StackId, BTreeSet<usize>> {
    let mut alike: BTreeMap<_, BTreeMap<StackId, &Stack>> = BTreeMap::new();
    for group in groups {
        let shown = (group.kind, group.charge, group.stack.truncated, look(group.stack));
        alike.entry(shown).or_default().insert(group.id, group.stack);
    }
    let mut result: BTreeMap<StackId, BTreeSet<usize>> = BTreeMap::new();
    for stacks in alike.into_values().filter(|stacks| stacks.len() > 1) {
        let depth = stacks.values().next().map_or(0, |stack| stack.frames.len());
        let places = |level: usize| {
            stacks.values().map(|stack| stack.frames.get(level).map(place)).collect::<BTreeSet<_>>()
        };
        let levels: BTreeSet<usize> = (0..depth).filter(|level| places(*level).len() > 1).collect();
        for id in stacks.into_keys() {
            result.entry(id).or_default().extend(levels.iter().copied());
        }
    }
    result
}
