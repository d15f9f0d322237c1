//! The hypervisor's dumps: lines put together, complete or not.

use std::collections::BTreeMap;

use xenheap_console::{Counted, DumpBegin, DumpEnd, KindLine, RowLine};
use xenheap_model::{
    Bill, Charged, Counters, DomainId, DomainState, Dump, Kind, KindTotals, Machine, Pool, Row, RowKey,
    StackId,
};

use crate::hash::{FoldMap, FoldSet};

/// More rows than a recorder can have.
const MOST_ROWS: usize = 1 << 20;

/// More domains than exist at once.
const MOST_DOMAINS: usize = 1 << 16;

/// Incomplete dumps that are kept to be named.
const NAMED: usize = 8;

/// What became of a dump's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Accepted,
    /// This line ended a dump, which is now [`Dumps::last`].
    Completed,
    Replayed,
    ReplayedOld,
    Conflict,
    Outside,
    TooMany,
}

/// A dump of which not all lines came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Incomplete {
    pub number: u64,
    pub what: String,
}

#[derive(Debug, Default)]
struct Open {
    dump: Dump,
    rows: FoldMap<RowKey, Counters>,
    kinds: BTreeMap<Counted, KindTotals>,
    domains: BTreeMap<DomainId, Pool>,
    bills: BTreeMap<Option<DomainId>, Bill>,
    machine: Option<Machine>,
    stacks: FoldSet<StackId>,
}

/// A dump that a replay tells again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Replay {
    number: u64,
    seq: u64,
}

/// All dumps of a boot; the last complete one is kept.
#[derive(Debug, Default)]
pub(crate) struct Dumps {
    open: Option<Open>,
    /// A dump is being told again, of which nothing is needed.
    replaying: Option<Replay>,
    last: Option<Dump>,
    /// How many were complete.
    pub complete: u64,
    /// The format of the records, 0 as long as no header said it.
    pub format: u32,
    /// The first number that any line named.
    first: u64,
    /// The highest.
    highest: u64,
    pub incomplete: Vec<Incomplete>,
    pub incomplete_more: u64,
}

impl Dumps {
    pub(crate) fn last(&self) -> Option<&Dump> {
        self.last.as_ref()
    }

    pub(crate) fn into_last(self) -> Option<Dump> {
        self.last
    }

    fn lost(&mut self, number: u64, what: String) {
        if self.incomplete.len() < NAMED {
            self.incomplete.push(Incomplete { number, what });
        } else {
            self.incomplete_more = self.incomplete_more.saturating_add(1);
        }
    }

    /// A line names a dump of which none was seen before.
    fn named(&mut self, number: u64) {
        if self.first == 0 {
            self.first = number;
        }
        self.highest = number;
    }

    /// An open dump that gets no more lines is incomplete.
    fn give_up(&mut self) {
        if let Some(open) = self.open.take() {
            self.lost(open.dump.number, "its end is missing".to_owned());
        }
    }

    pub(crate) fn begin(&mut self, seq: u64, begin: DumpBegin) -> Line {
        if let Some(Open { dump, .. }) = &self.open
            && dump.number == begin.number
        {
            return if dump.seq == seq && dump.why == begin.why { Line::Replayed } else { Line::Conflict };
        }
        if begin.number <= self.highest {
            self.replaying = Some(Replay { number: begin.number, seq });
            return match &self.last {
                Some(last) if last.number == begin.number => {
                    if last.seq == seq && last.why == begin.why {
                        Line::Replayed
                    } else {
                        Line::Conflict
                    }
                }
                _ => Line::ReplayedOld,
            };
        }
        self.give_up();
        self.replaying = None;
        // Of a log that begins late nobody knows which dumps it should have.
        if self.highest != 0 && begin.number > self.highest + 1 {
            self.lost(self.highest + 1, "none of its lines is there".to_owned());
        }
        self.named(begin.number);
        let dump = Dump { number: begin.number, why: begin.why, seq, ..Dump::default() };
        self.open = Some(Open { dump, ..Open::default() });
        Line::Accepted
    }

    /// The open dump, if a line with this number belongs to it.
    fn open_at(&mut self, seq: u64) -> Option<&mut Open> {
        self.open.as_mut().filter(|open| open.dump.seq == seq)
    }

    /// What a line is that no open dump waits for: `same` tells whether the last dump has it.
    fn told_again(&self, seq: u64, same: impl FnOnce(&Dump) -> bool) -> Line {
        match (&self.last, self.replaying) {
            (Some(last), _) if last.seq == seq => {
                if same(last) {
                    Line::Replayed
                } else {
                    Line::Conflict
                }
            }
            (_, Some(replay)) if replay.seq == seq => Line::ReplayedOld,
            // Of dumps before the last nothing is remembered.
            (Some(last), _) if last.seq > seq => Line::ReplayedOld,
            _ => Line::Outside,
        }
    }

    /// Whether a stack line belongs to a dump, and what became of it then. `known`: the stack was
    /// printed before.
    pub(crate) fn stack(&mut self, seq: u64, id: StackId, known: bool) -> Option<Line> {
        if let Some(open) = self.open_at(seq) {
            return Some(if open.stacks.insert(id) { Line::Accepted } else { Line::Replayed });
        }
        // Before a dump everything is printed that happened before it.
        let again = self.last.as_ref().is_some_and(|last| last.seq >= seq)
            || self.replaying.is_some_and(|replay| replay.seq == seq);
        (known && again).then_some(Line::Replayed)
    }

    pub(crate) fn row(&mut self, seq: u64, line: RowLine) -> Line {
        let RowLine { key, counters } = line;
        let Some(open) = self.open_at(seq) else {
            return self.told_again(seq, |last| counters_of(last, &key) == Some(&counters));
        };
        match open.rows.get(&key) {
            Some(known) if *known == counters => Line::Replayed,
            Some(_) => Line::Conflict,
            None if open.rows.len() >= MOST_ROWS => Line::TooMany,
            None => {
                open.rows.insert(key, counters);
                Line::Accepted
            }
        }
    }

    pub(crate) fn kind(&mut self, seq: u64, line: KindLine) -> Line {
        let KindLine { of, totals } = line;
        let Some(open) = self.open_at(seq) else {
            return self.told_again(seq, |last| totals_of(last, of) == Some(totals));
        };
        match open.kinds.get(&of) {
            Some(known) if *known == totals => Line::Replayed,
            Some(_) => Line::Conflict,
            None => {
                open.kinds.insert(of, totals);
                Line::Accepted
            }
        }
    }

    /// A domain that exists.
    pub(crate) fn state(&mut self, seq: u64, state: DomainState) -> Line {
        let DomainState { id, pool } = state;
        let Some(open) = self.open_at(seq) else {
            return self.told_again(seq, |last| last.domains.binary_search(&state).is_ok());
        };
        match open.domains.get(&id) {
            Some(known) if *known == pool => Line::Replayed,
            Some(_) => Line::Conflict,
            None if open.domains.len() >= MOST_DOMAINS => Line::TooMany,
            None => {
                open.domains.insert(id, pool);
                Line::Accepted
            }
        }
    }

    /// What a domain was charged.
    pub(crate) fn bill(&mut self, seq: u64, bill: Bill) -> Line {
        let Some(open) = self.open_at(seq) else {
            return self.told_again(seq, |last| last.bills.contains(&bill));
        };
        match open.bills.get(&bill.payer) {
            Some(known) if *known == bill => Line::Replayed,
            Some(_) => Line::Conflict,
            None if open.bills.len() >= MOST_DOMAINS => Line::TooMany,
            None => {
                open.bills.insert(bill.payer, bill);
                Line::Accepted
            }
        }
    }

    pub(crate) fn machine(&mut self, seq: u64, machine: Machine) -> Line {
        let Some(open) = self.open_at(seq) else {
            return self.told_again(seq, |last| last.machine == machine);
        };
        match &open.machine {
            Some(known) if *known == machine => Line::Replayed,
            Some(_) => Line::Conflict,
            None => {
                open.machine = Some(machine);
                Line::Accepted
            }
        }
    }

    pub(crate) fn end(&mut self, seq: u64, end: DumpEnd) -> Line {
        if self.replaying.is_some_and(|replay| replay.number == end.number) {
            self.replaying = None;
            return Line::Replayed;
        }
        let Some(open) = self.open.take_if(|open| open.dump.number == end.number && open.dump.seq == seq)
        else {
            match &self.last {
                Some(last) if last.number == end.number => return Line::Replayed,
                Some(last) if last.number > end.number => return Line::ReplayedOld,
                _ => {}
            }
            if end.number > self.highest {
                self.named(end.number);
                self.lost(end.number, "its begin is missing".to_owned());
            }
            return Line::Outside;
        };
        let missing = missing(&open, &end, self.format);
        if !missing.is_empty() {
            self.lost(end.number, missing.join(", "));
            return Line::Accepted;
        }
        // Format 1 has none of vmallocs, but who says that it is format 1?
        if self.format == 0 && !open.kinds.contains_key(&Counted::Anonymous(Kind::Vmalloc)) {
            let what = "its totals of vmalloc are missing, or it has none: the header would tell";
            self.lost(end.number, what.to_owned());
        }
        let Open { mut dump, rows, kinds, machine, domains, bills, .. } = open;
        dump.machine = machine.unwrap_or_default();
        let mut rows: Vec<Row> = rows.into_iter().map(|(key, counters)| Row { key, counters }).collect();
        rows.sort_unstable_by_key(|row| row.key);
        let (anonymous, charged) = rows.into_iter().partition(|row| row.key.charge.is_anonymous());
        dump.rows = anonymous;
        for (of, totals) in &kinds {
            if let Counted::Anonymous(kind) = *of
                && let Some(place) = dump.totals.of_mut(kind)
            {
                *place = *totals;
            }
        }
        // The earlier recorder knows none.
        if let (Some(&domain_pool), Some(&no_refcount)) =
            (kinds.get(&Counted::DomainPool), kinds.get(&Counted::NoRefcount))
        {
            dump.charged = Some(Charged { rows: charged, domain_pool, no_refcount });
        }
        dump.domains = domains.into_iter().map(|(id, pool)| DomainState { id, pool }).collect();
        dump.bills = bills.into_values().collect();
        self.last = Some(dump);
        self.complete = self.complete.saturating_add(1);
        Line::Completed
    }

    /// The log ends.
    pub(crate) fn finish(&mut self) {
        self.give_up();
        // A log that has the header begins with the boot. (The header can come late, so this is
        // for the end.)
        if self.format != 0 && self.first > 1 {
            let others = match self.first {
                2 => String::new(),
                first => format!(", nor of those up to {}", first - 1),
            };
            self.lost(1, format!("none of its lines came before those of others{others}"));
        }
    }
}

/// The counters of a row of a dump.
fn counters_of<'a>(dump: &'a Dump, key: &RowKey) -> Option<&'a Counters> {
    let charged = || dump.charged.as_ref().map(|charged| charged.rows.as_slice());
    let rows = if key.charge.is_anonymous() { &dump.rows } else { charged()? };
    let index = rows.binary_search_by_key(key, |row| row.key).ok()?;
    rows.get(index).map(|row| &row.counters)
}

/// The totals of a dump.
fn totals_of(dump: &Dump, of: Counted) -> Option<KindTotals> {
    match of {
        Counted::Anonymous(kind) => Some(dump.totals.of(kind)),
        Counted::DomainPool => dump.charged.as_ref().map(|charged| charged.domain_pool),
        Counted::NoRefcount => dump.charged.as_ref().map(|charged| charged.no_refcount),
    }
}

/// What an ended dump lacks.
fn missing(open: &Open, end: &DumpEnd, format: u32) -> Vec<String> {
    let mut missing = Vec::new();
    if end.cut {
        missing.push("the recorder had no time to print all of it".to_owned());
    }
    let mut lacks = |of: Counted, what: &str| {
        if !open.kinds.contains_key(&of) {
            missing.push(format!("its totals of {what} are missing"));
        }
    };
    // Format 1 does not know vmallocs.
    for kind in Kind::ANONYMOUS.into_iter().filter(|kind| *kind != Kind::Vmalloc || format > 1) {
        lacks(Counted::Anonymous(kind), kind.as_str());
    }
    // The earlier recorder counts no charged memory and does not speak of domains.
    if open.machine.is_some_and(|machine| machine.lost_domains.is_some()) {
        lacks(Counted::DomainPool, "domain-pool");
        lacks(Counted::NoRefcount, "no-refcount");
    }
    if open.machine.is_none() {
        missing.push("the machine's own numbers are missing".to_owned());
    }
    let counts = [
        ("stacks", open.stacks.len() as u64, end.stacks),
        ("rows", open.rows.len() as u64, end.rows),
        ("bills", open.bills.len() as u64, end.bills),
    ];
    for (what, have, expected) in counts {
        if have != expected {
            missing.push(format!("{have} of {expected} {what} came"));
        }
    }
    missing
}
