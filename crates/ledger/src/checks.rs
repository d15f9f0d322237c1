//! The self-checks, each in one sentence.

use std::collections::BTreeMap;

use xenheap_console::Place;
use xenheap_model::{
    Check, CheckId, CheckOutcome, Dump, DumpWhy, Facts, Kind, KindTotals, Machine, Pair, RefusalReason,
    Refused, StackId, Totals, View, nothing_for,
};

use crate::{
    Found, agree::Agreement, books::ViewBooks, dumps::Dumps, replays::Replays, rfc::Rfc, sequence::Gaps,
    stacks::Stacks,
};

/// What the checks of a log of ours look at.
pub(crate) struct Evidence<'a> {
    pub facts: &'a Facts,
    pub header: bool,
    pub views: &'a BTreeMap<View, ViewBooks>,
    /// The view that the profile is made from, if it has events.
    pub chosen: Option<&'a ViewBooks>,
    pub has_summary: bool,
    pub sums: &'a Agreement,
    /// What did not balance in dumps before the last.
    pub earlier: &'a Unbalanced,
    pub stacks: &'a Stacks,
    pub dumps: &'a Dumps,
    pub replays: &'a Replays,
    pub refused: &'a Refused,
    pub first: &'a BTreeMap<RefusalReason, Place>,
}

/// What the checks of an RFC log look at.
pub(crate) struct RfcEvidence<'a> {
    pub rfc: &'a Rfc,
    pub refused: &'a Refused,
    pub first: &'a BTreeMap<RefusalReason, Place>,
}

type Verdict = (CheckOutcome, String);

fn ok(detail: impl Into<String>) -> Verdict {
    (CheckOutcome::Ok, detail.into())
}

fn failed(detail: impl Into<String>) -> Verdict {
    (CheckOutcome::Failed, detail.into())
}

fn not_applicable(detail: impl Into<String>) -> Verdict {
    (CheckOutcome::NotApplicable, detail.into())
}

/// The checks of a log of ours.
pub(crate) fn ha1(e: &Evidence<'_>) -> Vec<Check> {
    each(|id| match id {
        CheckId::Header => e.header(),
        CheckId::Sequence => e.sequence(),
        CheckId::Intact => e.intact(),
        CheckId::Unique => e.unique(),
        CheckId::Tables => e.tables(),
        CheckId::Stacks => e.stacks(),
        CheckId::Overlap => e.overlap(),
        CheckId::Frees => e.frees(),
        CheckId::Ended => e.ended(),
        CheckId::Totals => e.totals(),
        CheckId::Views => e.views(),
        CheckId::Domains => e.domains(),
        CheckId::BalanceFree => e.balance(Balance::Free),
        CheckId::BalanceDomains => e.balance(Balance::Domains),
        CheckId::BalancePool => e.balance(Balance::Pool),
    })
}

/// The checks of an RFC log.
pub(crate) fn rfc(e: &RfcEvidence<'_>) -> Vec<Check> {
    each(|id| match id {
        CheckId::Header => not_applicable("RFC logs have no header"),
        CheckId::Sequence => {
            not_applicable("RFC records have no numbers: lines that were lost are not noticed")
        }
        CheckId::Intact => e.intact(),
        CheckId::Unique => {
            not_applicable("RFC records have no numbers: lines that came twice are not noticed")
        }
        CheckId::Stacks => e.stacks(),
        CheckId::Overlap => overlap(&e.rfc.applied.book.findings().overlaps),
        CheckId::Frees => e.frees(),
        _ => not_applicable("RFC logs have no totals of the hypervisor"),
    })
}

/// The checks of a log without any record, and what was refused in it.
pub(crate) fn nothing(refused: &Refused, first: &BTreeMap<RefusalReason, Place>) -> Vec<Check> {
    let reasons = [
        RefusalReason::Damaged,
        RefusalReason::DamagedOther,
        RefusalReason::Malformed,
        RefusalReason::RfcDamaged,
        RefusalReason::RfcUnmarked,
        RefusalReason::Base64,
    ];
    let altered: u64 = reasons.iter().filter_map(|why| refused.get(why)).sum();
    let count = |why: RefusalReason| refused.get(&why).copied().unwrap_or(0);
    each(|id| match id {
        CheckId::Header if altered > 0 => failed("no record of any recorder could be read"),
        CheckId::Header => {
            failed("the log has no record of any recorder: boot an instrumented Xen, without heap-audit=off")
        }
        CheckId::Intact if count(RefusalReason::Base64) > 0 => {
            failed("the log begins in base64 (line 1): decode it, with base64 -d, and read what that gives")
        }
        CheckId::Intact if altered > 0 && altered == count(RefusalReason::RfcUnmarked) => failed(format!(
            "{} of the RFC's recorder {} no (XEN) before {}{}; take the log as the console wrote it: without (XEN) it is \
             unknown who wrote a record",
            counted(altered, "record"),
            has_or_have(altered),
            if altered == 1 { "it" } else { "them" },
            first_line(first, &reasons)
        )),
        CheckId::Intact if altered > 0 => failed(format!(
            "{} of a recorder {} damaged{}; take the log as the console wrote it: mail, a terminal or a web page can \
             have altered it",
            counted(altered, "record"),
            is_or_are(altered),
            first_line(first, &reasons)
        )),
        _ => not_applicable("the log has no record"),
    })
}

fn each(check: impl Fn(CheckId) -> Verdict) -> Vec<Check> {
    CheckId::ALL
        .into_iter()
        .map(|id| {
            let (outcome, detail) = check(id);
            Check { id, outcome, detail }
        })
        .collect()
}

/// `1 record`, `2 records`.
fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn is_or_are(count: u64) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn has_or_have(count: u64) -> &'static str {
    if count == 1 { "has" } else { "have" }
}

/// A word of the log's, made safe to be shown.
fn word(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).take(64).collect()
}

/// `, the first in line 12`
fn first_line(first: &BTreeMap<RefusalReason, Place>, reasons: &[RefusalReason]) -> String {
    match reasons.iter().filter_map(|why| first.get(why)).filter(|at| at.line > 0).min() {
        Some(at) => format!(", the first in {at}"),
        None => String::new(),
    }
}

fn gaps(gaps: &Gaps) -> String {
    let mut names: Vec<String> = gaps
        .ranges
        .iter()
        .map(|&(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    if gaps.more > 0 {
        names.push(format!("and {}", counted(gaps.more, "more range")));
    }
    names.join(", ")
}

fn ids(stacks: &[StackId]) -> String {
    const NAMED: usize = 8;
    let mut names: Vec<String> = stacks.iter().take(NAMED).map(|id| id.0.to_string()).collect();
    if stacks.len() > NAMED {
        names.push(format!("and {} more", stacks.len() - NAMED));
    }
    names.join(", ")
}

fn overlap(found: &Found) -> Verdict {
    match found.first {
        None => ok("no two live allocations overlap"),
        Some(place) => failed(format!(
            "{} overlapped one that was live, so {} missed; the first at {:x}: made by record {}, made again by record {}; \
             the older was taken for freed",
            counted(found.count, "allocation"),
            if found.count == 1 { "a free was" } else { "frees were" },
            place.addr,
            place.older,
            place.newer
        )),
    }
}

impl Evidence<'_> {
    fn refused(&self, why: RefusalReason) -> u64 {
        self.refused.get(&why).copied().unwrap_or(0)
    }

    /// Missing numbers of all views together.
    fn missing(&self) -> u64 {
        self.views.values().map(|view| view.events.sequence.gaps.missing).sum()
    }

    fn header(&self) -> Verdict {
        let which = format!("boot {} of {}", self.facts.boot, self.facts.boots);
        if self.header {
            ok(format!("{which}, Xen {}", word(self.facts.xen.as_deref().unwrap_or("?"))))
        } else {
            failed(format!(
                "{which} has no header: the log begins late or the line was lost, so version and image are not known; \
                 capture the console from the start"
            ))
        }
    }

    fn sequence(&self) -> Verdict {
        if self.views.is_empty() {
            return not_applicable("the log has no view with events");
        }
        let mut good = Vec::new();
        let mut bad = Vec::new();
        for (view, books) in self.views {
            let found = &books.events.sequence.gaps;
            let events = books.events.applied.events;
            if found.missing == 0 {
                good.push(format!("{view} has all of {}", counted(events, "event")));
            } else {
                bad.push(format!(
                    "{view} lacks {} of {}: {}",
                    found.missing,
                    found.missing.saturating_add(events),
                    gaps(found)
                ));
            }
        }
        if bad.is_empty() {
            return ok(good.join(", "));
        }
        let late = self.refused(RefusalReason::Late);
        let late =
            if late > 0 { format!("; {} came too late", counted(late, "record")) } else { String::new() };
        failed(format!("{}{late}; boot with sync_console, or capture the whole log", bad.join("; ")))
    }

    fn intact(&self) -> Verdict {
        let copies = self.refused(RefusalReason::DamagedReplay);
        let needed = copies > 0 && !self.nothing_is_missing();
        let mut reasons = vec![
            RefusalReason::Damaged,
            RefusalReason::Malformed,
            RefusalReason::FarAhead,
            RefusalReason::TooMany,
        ];
        reasons.extend(needed.then_some(RefusalReason::DamagedReplay));
        let count: u64 = reasons.iter().map(|why| self.refused(*why)).sum();
        if count > 0 {
            let first = first_line(self.first, &reasons);
            return failed(format!(
                "{} of this boot {} damaged{first}",
                counted(count, "record"),
                is_or_are(count)
            ));
        }
        match copies {
            0 => ok("no record of this boot is damaged"),
            1 => ok("no record of this boot is damaged, except one copy in a replay; no record is missing"),
            copies => ok(format!(
                "no record of this boot is damaged, except {copies} copies in a replay; no record is missing"
            )),
        }
    }

    /// Whether every record came that the others tell of: each event by its number, each stack by
    /// those that name it, each line of a dump by the dump's own count, and each domain of a dump
    /// by the events.
    fn nothing_is_missing(&self) -> bool {
        let domains = |books: &ViewBooks| books.domains.holds() && books.missed == 0;
        self.header
            && !self.views.is_empty()
            && self.missing() == 0
            && self.stacks().0 == CheckOutcome::Ok
            && self.dumps.incomplete.is_empty()
            && self.views.values().all(domains)
    }

    fn unique(&self) -> Verdict {
        let replayed = self.refused(RefusalReason::Replayed);
        let old = self.refused(RefusalReason::ReplayedOld);
        let conflicts = self.refused(RefusalReason::Conflict);
        let alone = self.replays.alone;
        let mut told = Vec::new();
        if replayed > 0 {
            told.push(format!("{} came again and counted once", counted(replayed, "record")));
        }
        if old > 0 {
            told.push(format!(
                "{} came again too late to be compared, and did not count",
                counted(old, "record")
            ));
        }
        let mut bad = Vec::new();
        if conflicts > 0 {
            let first = first_line(self.first, &[RefusalReason::Conflict]);
            bad.push(format!(
                "{} came again with other bytes and did not count{first}",
                counted(conflicts, "record")
            ));
        }
        if let Some(at) = self.replays.first_alone {
            let more = if alone > 1 { format!(" and {} more", alone - 1) } else { String::new() };
            bad.push(format!("the one in {at}{more} came again alone, but xl dmesg repeats many records"));
        }
        match (told.is_empty(), bad.is_empty()) {
            (true, true) => ok("every record came once"),
            (false, true) => ok(format!("{}; xl dmesg repeats records", told.join(", "))),
            _ => failed([told, bad].concat().join("; ")),
        }
    }

    fn last(&self) -> Option<&Dump> {
        self.dumps.last()
    }

    fn tables(&self) -> Verdict {
        let Some(dump) = self.last() else {
            return not_applicable("only the hypervisor's totals say whether its tables were large enough");
        };
        let m = &dump.machine;
        let lost: Vec<String> = [
            (m.lost_records, "record", "ring"),
            (m.lost_stacks, "stack", "stacks"),
            (m.lost_rows, "row", "rows"),
            (m.lost_live, "live block", "live"),
            (m.lost_domains.unwrap_or(0), "domain", "domains"),
        ]
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, what, table)| format!("{} (table {table})", counted(count, what)))
        .collect();
        if lost.is_empty() {
            ok("none of the recorder's tables was full")
        } else {
            failed(format!("the recorder lost {}: make the tables larger", lost.join(", ")))
        }
    }

    fn stacks(&self) -> Verdict {
        let mut missing = self.stacks.missing();
        if let Some(dump) = self.last() {
            let charged = dump.charged.iter().flat_map(|charged| &charged.rows);
            let rows = dump.rows.iter().chain(charged);
            missing.extend(rows.map(|row| row.key.stack).filter(|&id| !self.stacks.has(id)));
            missing.sort_unstable();
            missing.dedup();
        }
        let only_in_dump = self.stacks.only_in_dump();
        let mut bad = Vec::new();
        if !missing.is_empty() {
            bad.push(format!("{} never printed: {}", counted(missing.len() as u64, "stack"), ids(&missing)));
        }
        if !only_in_dump.is_empty() {
            let count = counted(only_in_dump.len() as u64, "stack");
            bad.push(format!("the line of {count} lost, only a dump has it: {}", ids(&only_in_dump)));
        }
        if bad.is_empty() {
            ok(format!("all of {} were printed", counted(self.stacks.len() as u64, "stack")))
        } else {
            failed(bad.join("; "))
        }
    }

    fn overlap(&self) -> Verdict {
        match self.chosen {
            Some(books) => overlap(&books.events.applied.book.findings().overlaps),
            None => not_applicable("the summary view has no addresses"),
        }
    }

    fn frees(&self) -> Verdict {
        let Some(books) = self.chosen else {
            return not_applicable("the summary view has no frees to match");
        };
        let found = books.events.applied.book.findings();
        let mut bad = Vec::new();
        if let Some(place) = found.unmatched.first {
            bad.push(format!(
                "{} of memory that no record allocated, the first at {:x} by record {}",
                counted(found.unmatched.count, "free"),
                place.addr,
                place.newer
            ));
        }
        if let Some(place) = found.other_size.first {
            bad.push(format!(
                "{} of another size than allocated, the first at {:x} by record {}",
                counted(found.other_size.count, "free"),
                place.addr,
                place.newer
            ));
        }
        let mut notes = Vec::new();
        if let Some(place) = found.contradicted.first {
            let text = format!(
                "{} marked as never recorded, although record {} allocated {:x}",
                counted(found.contradicted.count, "free"),
                place.older,
                place.addr
            );
            // A full table of live blocks forgets allocations that were printed.
            let overflow = self.last().is_none_or(|dump| dump.machine.lost_live > 0);
            if overflow || books.events.applied.book.has_gap() {
                notes.push(text);
            } else {
                bad.push(text);
            }
        }
        if found.before > 0 {
            notes.push(format!("{} of memory from before recording", counted(found.before, "free")));
        }
        if found.unmatched_after_gap.count > 0 {
            notes.push(format!(
                "{} match nothing: lost record? (the sequence has gaps)",
                counted(found.unmatched_after_gap.count, "free")
            ));
        }
        let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
        if bad.is_empty() {
            ok(format!("every free is explained{notes}"))
        } else {
            failed(format!("{}{notes}", bad.join("; ")))
        }
    }

    fn ended(&self) -> Verdict {
        let mut bad: Vec<String> = self
            .dumps
            .incomplete
            .iter()
            .map(|dump| format!("dump {} is incomplete: {}", dump.number, dump.what))
            .collect();
        if self.dumps.incomplete_more > 0 {
            bad.push(format!("{} incomplete", counted(self.dumps.incomplete_more, "more dump")));
        }
        let Some(dump) = self.last() else {
            bad.push(
                "the log has no complete totals of the hypervisor: it was cut, or the machine neither shut down nor got \
                 the debug key y"
                    .to_owned(),
            );
            if let Some(part) = self.facts.first_lacking(&["shutdown", "sleep"]) {
                bad.push(format!("{}: only the key y gives totals", nothing_for(part)));
            }
            return failed(bad.join("; "));
        };
        let newest = self.views.values().map(|view| view.events.sequence.newest()).max().unwrap_or(0);
        let why = word(dump.why.as_str());
        if newest > dump.seq {
            bad.push(format!(
                "{} after the last totals (dump {}, {why}, at {}), which hold for a part of the log only",
                counted(newest - dump.seq, "event"),
                dump.number,
                dump.seq
            ));
        }
        if !bad.is_empty() {
            return failed(bad.join("; "));
        }
        let holds = format!("dump {} ({why}) holds at {}, where the log ends", dump.number, dump.seq);
        // A log that was cut there and one that ends there are the same bytes.
        if dump.why == DumpWhy::Key {
            return not_applicable(format!("{holds}, by the debug key: the log can have been cut after it"));
        }
        ok(holds)
    }

    fn totals(&self) -> Verdict {
        let Some(dump) = self.last() else {
            return not_applicable("the log has no complete totals of the hypervisor");
        };
        let mut bad = Vec::new();
        if !self.sums.holds() {
            bad.push(format!("the hypervisor's rows do not add up to its totals: {}", self.sums.words()));
        }
        let Some(books) = self.chosen else {
            if self.facts.view.is_none() && dump.totals != Totals::default() {
                bad.push(
                    "the report counts nothing, because neither an event nor a row is in the log, and the \
                     hypervisor counted something"
                        .to_owned(),
                );
            }
            return match (bad.is_empty(), self.sums.compared) {
                (true, 0) => not_applicable("the hypervisor's totals have nothing to be compared with"),
                (true, dumps) => ok(format!("the rows of {} add up to their totals", counted(dumps, "dump"))),
                (false, _) => failed(bad.join("; ")),
            };
        };
        if !books.totals.holds() {
            bad.push(books.totals.words());
        }
        if books.missed > 0 {
            bad.push(format!("{} came too late to be compared", counted(books.missed, "dump")));
        }
        if bad.is_empty() {
            ok(format!(
                "all counts are those of the hypervisor, compared in {}",
                counted(books.totals.compared, "dump")
            ))
        } else {
            let lost = self.missing();
            let hint =
                if lost > 0 { format!(" ({} missing)", counted(lost, "record")) } else { String::new() };
            failed(format!("{}{hint}", bad.join("; ")))
        }
    }

    fn views(&self) -> Verdict {
        let mut compared = Vec::new();
        let mut bad = Vec::new();
        if let (Some(trace), Some(warn)) = (self.views.get(&View::Trace), self.views.get(&View::Warn)) {
            let (trace, warn) = (&trace.events.applied.book, &warn.events.applied.book);
            let mut agreement = Agreement::default();
            agreement.rows(["trace", "warn"], &trace.rows(), &warn.rows());
            agreement.totals(["trace", "warn"], &trace.totals(), &warn.totals());
            if trace.domains() != warn.domains() {
                agreement.add(|| "the domains differ in trace and warn".to_owned());
            }
            compared.push("trace and warn".to_owned());
            if !agreement.holds() {
                bad.push(agreement.words());
            }
        }
        if self.has_summary {
            for (view, books) in self.views {
                if books.rows.compared > 0 {
                    compared.push(format!("{view} and summary"));
                }
                if !books.rows.holds() {
                    bad.push(books.rows.words());
                }
            }
        }
        if !bad.is_empty() {
            failed(bad.join("; "))
        } else if compared.is_empty() {
            not_applicable("the log has one view")
        } else {
            ok(format!("every row is the same in {}", compared.join(", ")))
        }
    }

    fn domains(&self) -> Verdict {
        if let Some(verdict) = self.without(&["owners"]) {
            return verdict;
        }
        let Some(books) = self.chosen else {
            return not_applicable(
                "the summary view has no events of domains: a domain that its dumps lack is not noticed",
            );
        };
        let book = &books.events.applied.book;
        let tells = book.knows_domains()
            || self.facts.tables.is_some_and(|tables| tables.domains.is_some())
            || self.last().is_some_and(|dump| dump.charged.is_some());
        if !tells {
            return not_applicable("this recorder does not record domains");
        }
        let found = book.life_findings();
        let mut bad = Vec::new();
        for (of, what) in [
            (&found.twice, "has a generation that another domain has"),
            (&found.never_created, "is of a domain whose creation is not recorded"),
            (&found.after_end, "is of a domain that has ended"),
        ] {
            if let Some(place) = of.first {
                let more = match of.count {
                    1 => String::new(),
                    count => format!(" and {}", counted(count - 1, "more")),
                };
                bad.push(format!("record {}{more} {what}", place.newer));
            }
        }
        if !books.domains.holds() {
            bad.push(books.domains.words());
        }
        let lost = self.missing();
        if bad.is_empty() {
            let seen = book.domains();
            let ended = seen.iter().filter(|account| account.ended.is_some()).count();
            let were = if seen.len() == 1 { "was" } else { "were" };
            ok(format!("{} {were} seen, {ended} of them ended", counted(seen.len() as u64, "domain")))
        } else {
            let hint =
                if lost > 0 { format!(" ({} missing)", counted(lost, "record")) } else { String::new() };
            failed(format!("{}{hint}", bad.join("; ")))
        }
    }

    /// What a check says that needs parts of the recorder, if one of them is not there.
    fn without(&self, parts: &[&'static str]) -> Option<Verdict> {
        let part = self.facts.first_lacking(parts)?;
        Some(not_applicable(nothing_for(part)))
    }

    fn balance(&self, which: Balance) -> Verdict {
        let Some(dump) = self.last() else {
            return not_applicable("the log has no complete totals of the hypervisor");
        };
        let needed: &[&str] = match which {
            Balance::Free => &["totals"],
            Balance::Domains => &["totals", "given", "taken"],
            Balance::Pool => &[],
        };
        if let Some(verdict) = self.without(needed) {
            return verdict;
        }
        let (holds, detail) = which.of(dump);
        match self.earlier.0.iter().find(|(unbalanced, ..)| *unbalanced == which) {
            _ if !holds => failed(detail),
            Some((_, number, earlier)) if *number != dump.number => {
                failed(format!("in dump {number}: {earlier}"))
            }
            _ => ok(detail),
        }
    }
}

/// The three balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balance {
    Free,
    Domains,
    Pool,
}

impl Balance {
    /// Whether a dump balances, and how.
    fn of(self, dump: &Dump) -> (bool, String) {
        let equations = match self {
            Balance::Free => balance_free(&dump.machine, &dump.totals),
            Balance::Domains => balance_domains(&dump.machine, &dump.totals),
            Balance::Pool => balance_pool(&dump.machine, &dump.totals),
        };
        let details: Vec<String> = equations.iter().map(Equation::words).collect();
        let busy = match dump.machine.busy {
            0 => String::new(),
            busy => format!(" ({} under way on other CPUs)", counted(busy, "operation")),
        };
        (equations.iter().all(|equation| equation.rest() == 0), format!("{}{busy}", details.join("; ")))
    }
}

/// The first dump of which each balance does not hold, and its words.
#[derive(Debug, Default)]
pub(crate) struct Unbalanced(Vec<(Balance, u64, String)>);

impl Unbalanced {
    pub(crate) fn add(&mut self, dump: &Dump) {
        for which in [Balance::Free, Balance::Domains, Balance::Pool] {
            if self.0.iter().all(|(known, ..)| *known != which)
                && let (false, detail) = which.of(dump)
            {
                self.0.push((which, dump.number, detail));
            }
        }
    }
}

/// A balance: what should be now, and what is.
struct Equation {
    what: &'static str,
    start: u64,
    expected: i128,
    now: u64,
}

impl Equation {
    fn new(what: &'static str, pair: Pair, changes: &[i128]) -> Self {
        let expected = i128::from(pair.start) + changes.iter().sum::<i128>();
        Equation { what, start: pair.start, expected, now: pair.now }
    }

    fn rest(&self) -> i128 {
        i128::from(self.now) - self.expected
    }

    fn words(&self) -> String {
        let Equation { what, start, expected, now } = self;
        match self.rest() {
            0 => format!("{what}: {start} at the start, {now} now, all explained"),
            rest => format!(
                "{what}: {start} at the start, {expected} expected now, {now} there: {rest} unexplained"
            ),
        }
    }
}

fn plus(count: u64) -> i128 {
    i128::from(count)
}

fn minus(count: u64) -> i128 {
    -i128::from(count)
}

fn balance_free(m: &Machine, totals: &Totals) -> Vec<Equation> {
    let mut changes = vec![plus(m.heapadd), minus(m.owned_alloc), plus(m.owned_freed)];
    for kind in Kind::ANONYMOUS {
        let KindTotals { pages, pages_freed, .. } = totals.of(kind);
        changes.extend([minus(pages), plus(pages_freed)]);
    }
    let beside = m.beside.unwrap_or_default();
    changes.extend([minus(beside.offlined), plus(beside.onlined)]);
    changes.extend([plus(beside.colored_alloc), minus(beside.colored_freed)]);
    vec![Equation::new("free heap pages", m.free, &changes)]
}

fn balance_domains(m: &Machine, _: &Totals) -> Vec<Equation> {
    let beside = m.beside.unwrap_or_default();
    let changes = [
        plus(m.owned_alloc),
        minus(m.owned_freed),
        plus(m.given_counted),
        minus(m.taken_counted),
        plus(beside.adjusted_up),
        minus(beside.adjusted_down),
    ];
    vec![Equation::new("pages of all domains", m.dompages, &changes)]
}

fn balance_pool(m: &Machine, totals: &Totals) -> Vec<Equation> {
    let growth = totals.pool_growth;
    let pages = plus(growth.pages) - plus(growth.pages_freed);
    let page = plus(xenheap_model::PAGE_SIZE);
    let x = totals.xmalloc;
    vec![
        Equation::new("bytes of the xmalloc pool", m.pooltotal, &[page * pages]),
        Equation::new(
            "bytes in use in it",
            m.poolused,
            &[
                plus(x.pool),
                minus(x.pool_freed),
                plus(m.poolhdr).saturating_mul(pages).clamp(-(1 << 100), 1 << 100),
            ],
        ),
    ]
}

impl RfcEvidence<'_> {
    fn intact(&self) -> Verdict {
        let reasons = [RefusalReason::RfcDamaged, RefusalReason::RfcUnmarked];
        let count: u64 = reasons.iter().filter_map(|why| self.refused.get(why)).sum();
        if count == 0 {
            return ok("every RFC record could be read");
        }
        let unmarked = self.refused.get(&RefusalReason::RfcUnmarked).copied().unwrap_or(0);
        let what = if unmarked == count { "without (XEN) before it" } else { "damaged" };
        failed(format!(
            "{} of the RFC's {} {what}{}",
            counted(count, "record"),
            is_or_are(count),
            first_line(self.first, &reasons)
        ))
    }

    fn stacks(&self) -> Verdict {
        let Rfc { records, without_trace, broken_traces, guessed_traces, marks, .. } = self.rfc;
        let mut beside = String::new();
        if *guessed_traces > 0 {
            beside.push_str(&format!("; in {guessed_traces} of them Xen guessed at frames"));
        }
        if !marks.is_empty() {
            let letters: Vec<String> = marks.keys().map(char::to_string).collect();
            let count = counted(marks.values().sum(), "frame");
            beside.push_str(&format!("; {count} with a mark that is not known ({})", letters.join(", ")));
        }
        if *without_trace == 0 && *broken_traces == 0 {
            let different = self.rfc.stacks();
            return ok(format!(
                "{} {} a trace, {different} different{beside}",
                counted(*records, "record"),
                has_or_have(*records)
            ));
        }
        failed(format!(
            "of {}, {without_trace} {} no readable trace and {broken_traces} {} an uncertain trace{beside}",
            counted(*records, "record"),
            has_or_have(*without_trace),
            has_or_have(*broken_traces)
        ))
    }

    fn frees(&self) -> Verdict {
        let found = self.rfc.applied.book.findings();
        not_applicable(match found.unmatched.count {
            0 => "every free has its allocation".to_owned(),
            count => format!(
                "{} without an allocation: it was made before recording, by a domain, or in a lost line; RFC records \
                 do not say which",
                counted(count, "free")
            ),
        })
    }
}
