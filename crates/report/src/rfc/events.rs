use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_model::{Domain, DomainId, Event, Kind, Op, Owner, PAGE_SIZE, RfcOp, RowKey, StackId};

use crate::Report;

/// What the format calls an allocation.
pub(super) fn allocation(kind: Kind, addr: u64) -> RfcOp {
    match kind {
        Kind::Xmalloc if addr.is_multiple_of(PAGE_SIZE) => RfcOp::XmallocWholePages,
        Kind::Xmalloc => RfcOp::XmemPoolAlloc,
        Kind::Xenheap | Kind::Domheap | Kind::Vmalloc | Kind::PoolGrowth | Kind::DomainPool => {
            RfcOp::AllocDomheapPages
        }
    }
}

/// What the format calls a free.
fn free(kind: Kind) -> RfcOp {
    match kind {
        Kind::Xmalloc => RfcOp::Xfree,
        Kind::Domheap | Kind::Vmalloc => RfcOp::FreeDomheapPages,
        Kind::Xenheap | Kind::PoolGrowth | Kind::DomainPool => RfcOp::FreeXenheapPages,
    }
}

/// A vmalloc is its pages there.
pub(super) fn shown_size(kind: Kind, bytes: u64) -> u64 {
    if kind == Kind::Vmalloc { bytes.checked_next_multiple_of(PAGE_SIZE).unwrap_or(bytes) } else { bytes }
}

/// The allocation that a free met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    /// What it was.
    pub key: RowKey,
    /// Bytes of the whole allocation.
    pub size: u64,
}

/// An allocation of which something is live at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Number of the event that made it.
    pub seq: u64,
    /// Its first address.
    pub addr: u64,
    /// Bytes of it that are live.
    pub bytes: u64,
    /// Its row of the profile.
    pub key: RowKey,
}

/// One event, as short as can be: there is one for every event of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListedEvent {
    pub(super) op: RfcOp,
    /// For a free: no allocation was known.
    pub(super) orphan: bool,
    /// Which filter applies: that of the allocation.
    key: u32,
    pub(super) kind: Kind,
    pub(super) stack: StackId,
    pub(super) size: u64,
}

/// The events of a run as the RFC's format needs them.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    keys: Vec<RowKey>,
    numbers: HashMap<RowKey, u32>,
    domains: BTreeMap<Domain, Vec<ListedEvent>>,
    live: Vec<Live>,
    taken: BTreeSet<u64>,
    no_word: BTreeMap<&'static str, u64>,
}

impl EventLog {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next event. `freed`: the allocation that a free met.
    pub fn event(&mut self, event: &Event, freed: Option<Freed>) {
        let pages = event.size.unwrap_or(0).div_ceil(PAGE_SIZE);
        let op = match event.op {
            Op::Alloc => allocation(event.kind, event.addr),
            Op::Free => free(event.kind),
            Op::Fail => return self.no_word("failed allocations", 1),
            Op::Give => return self.no_word("pages given to domains", pages),
            Op::GiveBack => return self.no_word("pages that domains did not take", pages),
            Op::Take => {
                self.taken.insert(event.seq);
                return self.no_word("pages taken from domains", pages);
            }
        };
        let own = RowKey {
            stack: event.stack,
            kind: event.kind,
            charge: event.charge,
            current: event.current,
            owner: event.passed.map_or(Owner::Unknown, |domain| Owner::Passed(DomainId::unknown(domain))),
        };
        let is_free = event.op == Op::Free;
        let entry = ListedEvent {
            op,
            orphan: is_free && freed.is_none(),
            key: self.number(freed.map_or(own, |freed| freed.key)),
            kind: event.kind,
            stack: event.stack,
            size: shown_size(event.kind, event.size.or(freed.map(|freed| freed.size)).unwrap_or(0)),
        };
        self.domains.entry(event.current).or_default().push(entry);
    }

    /// Says what is live after the last event, in order of sequence numbers.
    pub fn set_live(&mut self, live: Vec<Live>) {
        self.live = live;
    }

    fn no_word(&mut self, what: &'static str, count: u64) {
        let sum = self.no_word.entry(what).or_default();
        *sum = sum.saturating_add(count);
    }

    fn number(&mut self, key: RowKey) -> u32 {
        let keys = &mut self.keys;
        *self.numbers.entry(key).or_insert_with(|| {
            keys.push(key);
            u32::try_from(keys.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Every event of every domain that the report's filters let through.
    pub(super) fn shown(&self, report: &Report) -> BTreeMap<Domain, Vec<ListedEvent>> {
        let shows: Vec<bool> = self.keys.iter().map(|key| report.shows(key)).collect();
        let kept = |entry: &&ListedEvent| shows.get(entry.key as usize).copied().unwrap_or(true);
        self.domains
            .iter()
            .map(|(domain, entries)| (*domain, entries.iter().filter(kept).copied().collect()))
            .filter(|(_, entries): &(Domain, Vec<ListedEvent>)| !entries.is_empty())
            .collect()
    }

    /// What is live and was allocated, not taken.
    pub(super) fn live(&self, report: &Report) -> Vec<Live> {
        let allocated = |live: &&Live| !self.taken.contains(&live.seq) && report.shows(&live.key);
        self.live.iter().filter(allocated).copied().collect()
    }
}

/// What the RFC's format has no word for in this report, with how often it happened; in order of
/// the words.
pub fn left_out(report: &Report) -> BTreeMap<&'static str, u64> {
    report.events().map(|log| log.no_word.clone()).unwrap_or_default()
}
