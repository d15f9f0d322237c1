//! For people.

use std::io::{self, Write};

use xenheap_callgraph::Who;
use xenheap_judge::coverage::{
    Coverage, CoveredEntry, Decided, Evidence, Funnel, Next, Site, State, Untaken,
};
use xenheap_output::{Escaped, size::Bytes};

use super::{note_texts, runs, way};
use crate::Render;
use crate::write_untold;

/// How many of a list are shown unless all of it is asked for.
const SHOWN: usize = 15;

/// What was seen, what was not, and what to test next.
#[derive(Clone, Copy, Debug, Default)]
pub struct CoverageText {
    /// Whether all of each list is shown.
    pub all: bool,
}

impl Render<Coverage> for CoverageText {
    fn render(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        head(coverage, out)?;
        write_untold(&coverage.untold, out)?;
        pairs(coverage, out)?;
        counts(coverage, out)?;
        self.entries(coverage, out)?;
        self.funnels(coverage, out)?;
        self.next(coverage, out)?;
        self.unseen(coverage, out)?;
        self.others(coverage, out)?;
        writeln!(out, "\nTaken for granted")?;
        for assumption in &coverage.assumptions {
            writeln!(out, "  {}", Escaped(assumption))?;
        }
        Ok(())
    }
}

/// Of what it is, by which runs, and what is to be known first.
pub(crate) fn head(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let of = &coverage.configuration;
    let xen = of.xen.as_deref().unwrap_or("of unknown version");
    let build = of.build_id.as_deref().unwrap_or("not known");
    writeln!(out, "Xen {} for {}, build {}", Escaped(xen), Escaped(&of.architecture), Escaped(build))?;
    let config = of.config_sha256.as_deref().unwrap_or("not known");
    writeln!(out, ".config {}", Escaped(config))?;
    writeln!(out, "\nRuns{:>28} {:>8} {:>6} {:>6} {:>6}", "events", "stacks", "laid", "sites", "alone")?;
    for run in &coverage.runs {
        let name = Escaped(&run.name).to_string();
        let laid = format!("{}/{}", run.laid, run.allocating);
        writeln!(
            out,
            "  {name:<20} {:>9} {:>8} {laid:>6} {:>6} {:>6}",
            run.events, run.stacks, run.sites, run.alone
        )?;
    }
    if !coverage.notes.is_empty() {
        writeln!(out, "\nTo know first")?;
    }
    for note in note_texts(&coverage.notes) {
        writeln!(out, "  {}: {}", note.code.as_str(), Escaped(&note.what))?;
        writeln!(out, "    what to do: {}", Escaped(note.next))?;
    }
    Ok(())
}

fn pairs(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let pairs = &coverage.pairs;
    let found = pairs.found();
    let percent = found.percent().map_or("-".to_owned(), |percent| format!("{percent:.2} %"));
    writeln!(
        out,
        "\nRecorded calls (caller, callee) that the graph has: {} of {}, {percent}",
        found.part, found.whole
    )?;
    writeln!(
        out,
        "  {} by a call or inlined, {} through a function that ends with a jump, {} through pointers, {} by an exception or interrupt",
        pairs.direct, pairs.tail, pairs.indirect, pairs.arrivals
    )?;
    for pair in &pairs.missing {
        let runs: Vec<String> = pair.runs.iter().map(|run| Escaped(run).to_string()).collect();
        writeln!(
            out,
            "  missing: {} -> {}: {} ({})",
            Escaped(&pair.caller),
            Escaped(&pair.callee),
            pair.reason,
            runs.join(", ")
        )?;
    }
    Ok(())
}

fn counts(coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
    let counts = &coverage.counts;
    writeln!(out, "\nCalls of allocators that can be anonymous {:>23}", counts.sites)?;
    for state in [
        State::Seen,
        State::Unseen,
        State::UnseenByCuts,
        State::NotKnown,
        State::BootOnly,
        State::Unreachable,
    ] {
        let count = counts.by_state.get(&state).copied().unwrap_or(0);
        writeln!(out, "  {:<56} {count:>6}", state.describe())?;
        if state == State::Unseen {
            for (one, count) in &counts.unseen_by {
                writeln!(out, "    by {:<51} {count:>6}", one.as_str())?;
            }
        }
    }
    writeln!(out, "Apart from these: always charged to a domain {:>20}", counts.charged)?;
    writeln!(out, "                  within allocators {:>29}", counts.inner)?;
    let calls = &coverage.calls;
    writeln!(out, "Calls on ways from entries to them: {} of {} were seen", calls.seen, calls.all)
}

impl CoverageText {
    fn take<'a, T>(&self, list: &'a [T]) -> impl Iterator<Item = &'a T> + use<'a, T> {
        list.iter().take(if self.all { usize::MAX } else { SHOWN })
    }

    fn rest(&self, list: usize, out: &mut dyn Write) -> io::Result<()> {
        match list.saturating_sub(SHOWN) {
            more if more > 0 && !self.all => writeln!(out, "  and {more} more; --all shows them"),
            _ => Ok(()),
        }
    }

    fn entries(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        let mut seen: Vec<&CoveredEntry> =
            coverage.entries.iter().filter(|entry| !entry.runs.is_empty()).collect();
        let count = coverage.entries.len();
        writeln!(out, "\nEntries that lead to anonymous allocations: {} of {count} were seen", seen.len())?;
        seen.sort_by_key(|entry| (entry.who, std::cmp::Reverse(entry.sites)));
        for entry in self.take(&seen) {
            writeln!(
                out,
                "  {:<34} {:<18} {:>3} sites, {:>3} unseen; seen: {}",
                Escaped(&entry.operation).to_string(),
                entry.who.as_str(),
                entry.sites,
                entry.unseen,
                runs(&entry.runs)
            )?;
        }
        self.rest(seen.len(), out)
    }

    fn funnels(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        let funnels: Vec<&Funnel> = coverage.funnels.iter().collect();
        let seen = funnels.iter().filter(|funnel| !funnel.runs.is_empty()).count();
        writeln!(
            out,
            "\nFunctions that are on every path to several sites: {seen} of {} were seen",
            funnels.len()
        )?;
        for funnel in self.take(&funnels) {
            let seen = if funnel.runs.is_empty() { "never".to_owned() } else { runs(&funnel.runs) };
            writeln!(
                out,
                "  {:<40} {:>3} sites, {:>3} unseen; seen: {seen}",
                Escaped(&funnel.function).to_string(),
                funnel.sites,
                funnel.unseen
            )?;
        }
        self.rest(funnels.len(), out)
    }

    fn next(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        let next: Vec<&Next> = coverage.next.iter().filter(|next| next.what != Untaken::Site).collect();
        writeln!(
            out,
            "\nWhat to test next: entries and functions that no run passed, with the unseen sites that they lead to"
        )?;
        if next.is_empty() {
            writeln!(out, "  nothing")?;
        }
        for next in self.take(&next) {
            let what = if next.what == Untaken::Entry { "entry" } else { "function" };
            writeln!(out, "  {:>3} by {}: {what} {}", next.behind, next.who.as_str(), Escaped(&next.name))?;
            writeln!(out, "      {}", way(&next.way))?;
        }
        self.rest(next.len(), out)
    }

    /// Every unseen site that a guest can come to, with a way; of the others the way only on
    /// request.
    fn unseen(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        for one in [Who::AnyGuest, Who::DeviceModel, Who::ControlDomain, Who::Hardware, Who::Boot] {
            let sites: Vec<&Site> = coverage
                .sites
                .iter()
                .filter(|site| site.state == State::Unseen && site.who == Some(one))
                .collect();
            if sites.is_empty() {
                continue;
            }
            writeln!(out, "\nUnseen, and {} can come there ({})", one.as_str(), sites.len())?;
            for site in sites {
                self.site(site, one == Who::AnyGuest || self.all, out)?;
            }
        }
        Ok(())
    }

    fn site(&self, site: &Site, with_way: bool, out: &mut dyn Write) -> io::Result<()> {
        let at = site.at.as_deref().map_or_else(String::new, |at| format!(" ({})", Escaped(at)));
        writeln!(out, "  {}{at}: {}", Escaped(&site.function), Escaped(site.allocators.join(", ")))?;
        if let Some(reason) = &site.reason {
            writeln!(out, "      {}", Escaped(reason))?;
        }
        if let Some(condition) = &site.condition {
            writeln!(out, "      only if {}", Escaped(condition))?;
        }
        if with_way && !site.entries.is_empty() {
            let few: Vec<&str> = site.entries.iter().take(8).map(String::as_str).collect();
            let more = if site.entries.len() > few.len() { ", …" } else { "" };
            writeln!(out, "      by {}{more}", Escaped(few.join(", ")))?;
        }
        if with_way && !site.way.is_empty() {
            writeln!(out, "      {}", way(&site.way))?;
        }
        if let Some(evidence) = &site.evidence {
            writeln!(out, "      {}", shown(evidence))?;
        }
        for decided in &site.decisions {
            writeln!(out, "      {}", decision(decided))?;
        }
        Ok(())
    }

    fn others(&self, coverage: &Coverage, out: &mut dyn Write) -> io::Result<()> {
        for state in [State::UnseenByCuts, State::NotKnown, State::Seen, State::BootOnly, State::Unreachable]
        {
            let sites: Vec<&Site> = coverage.sites.iter().filter(|site| site.state == state).collect();
            let short = matches!(state, State::Seen | State::BootOnly) && !self.all;
            if sites.is_empty() || short {
                continue;
            }
            let title = state.describe();
            let (first, rest) = title.split_at(1);
            writeln!(out, "\n{}{rest} ({})", first.to_uppercase(), sites.len())?;
            for site in sites {
                self.site(site, self.all || state == State::UnseenByCuts, out)?;
            }
        }
        if !self.all {
            writeln!(out, "\n--all lists also what was seen, and what is boot only")?;
        }
        Ok(())
    }
}

/// What runs show, in one line.
pub(crate) fn shown(evidence: &Evidence) -> String {
    let lifetimes: Vec<&str> = evidence.lifetimes.iter().map(|lifetime| lifetime.as_str()).collect();
    let counters = &evidence.counters;
    format!(
        "seen: {}; largest {}, peak {}; lifetime {}",
        runs(&evidence.runs),
        Bytes(counters.max),
        Bytes(counters.peak),
        lifetimes.join(", ")
    )
}

/// What people decided, in one line.
pub(crate) fn decision(decided: &Decided) -> String {
    let mut text = match &decided.entry {
        Some(entry) => format!("{} by {}", decided.verdict, Escaped(entry)),
        None => format!("{}, no entry decides", decided.verdict),
    };
    if let Some(bound) = &decided.bound {
        text.push_str(&format!("; {bound}"));
    }
    if let Some(assumption) = &decided.assumption {
        text.push_str(&format!("; assuming: {}", Escaped(assumption)));
    }
    for remark in &decided.remarks {
        text.push_str(&format!("; {}", Escaped(remark)));
    }
    text
}
