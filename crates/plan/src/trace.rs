//! The events of a run, as far as a replay needs them.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_judge::Key;
use xenheap_ledger::{EventSink, Matched};
use xenheap_model::{Charge, Domain, DomainEvent, DomainId, Event, How, Kind, Life, Op, Owner};

/// Xen scrubs such pages itself before it gives them to the domain. A bit that versions before 4.22
/// do not use.
const MEMF_KEEP_SCRUB: u32 = 1 << 2;

/// Takes the events of a run while it is read, and keeps them: memory grows with their number.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    pub(crate) steps: Vec<Step>,
    /// The generation that an id means now.
    latest: BTreeMap<Domain, u32>,
    /// All generations that an id had.
    generations: BTreeMap<Domain, BTreeSet<u32>>,
    /// Of allocations, by number: the domain whose they turned out to be.
    late: BTreeMap<u64, DomainId>,
    has_times: bool,
    /// Whether events tell in which call they happened.
    has_calls: bool,
}

/// One event of anonymous memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub seq: u64,
    pub time: u64,
    pub op: Op,
    pub addr: u64,
    pub size: Option<u64>,
    pub used: Option<u64>,
    pub key: Key,
    pub current: DomainId,
    pub owner: Option<DomainId>,
    pub in_call: bool,
    pub cannot_pay: bool,
    pub bound: bool,
}

/// What decides who pays.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocation {
    pub op: Op,
    pub key: Key,
    pub current: DomainId,
    /// Whether a call of a guest was served.
    pub in_call: bool,
    /// Whether it is about a domain that cannot pay: it is being destroyed, or a domctl named one
    /// that does not exist.
    pub cannot_pay: bool,
    /// Whether the domain that was passed is to get it.
    pub bound: bool,
    /// As known then.
    pub owner: Option<DomainId>,
    /// As known when it was freed.
    pub late: Option<DomainId>,
}

impl Trace {
    /// Without events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where a step stands on the axis of time: nanoseconds, or numbers of events in a log without
    /// times.
    pub(crate) fn at(&self, step: &Step) -> u64 {
        if self.has_times { step.time } else { step.seq }
    }

    /// Whether the axis is of nanoseconds.
    pub(crate) fn has_times(&self) -> bool {
        self.has_times
    }

    /// Where the axis begins and ends.
    pub(crate) fn span(&self) -> (u64, u64) {
        let at = |step: &Step| self.at(step);
        (self.steps.iter().map(at).min().unwrap_or(0), self.steps.iter().map(at).max().unwrap_or(0))
    }

    /// What decides who pays for what a step allocates.
    pub(crate) fn allocation(&self, step: &Step) -> Allocation {
        Allocation {
            op: step.op,
            key: step.key,
            current: self.known(step.current),
            in_call: step.in_call || !self.has_calls,
            cannot_pay: step.cannot_pay,
            bound: step.bound,
            owner: step.owner.map(|id| self.known(id)),
            late: self.late.get(&step.seq).copied(),
        }
    }

    /// An id of which the generation was not known then, and that only one domain ever had, is that
    /// domain.
    fn known(&self, id: DomainId) -> DomainId {
        match self.generations.get(&id.domain) {
            Some(all) if !id.is_known() && all.len() == 1 => {
                DomainId { generation: all.first().copied().unwrap_or(0), ..id }
            }
            _ => id,
        }
    }

    fn exists(&mut self, id: DomainId) {
        if id.is_known() {
            self.latest.insert(id.domain, id.generation);
            self.generations.entry(id.domain).or_default().insert(id.generation);
        }
    }
}

impl EventSink for Trace {
    fn event(&mut self, event: &Event, matched: Option<&Matched>) {
        if let Some(Matched { owner: Owner::Destroyed(id), seq, .. }) = matched
            && event.op == Op::Free
        {
            self.late.insert(*seq, *id);
        }
        if let Some(subject) = event.subject
            && !self.latest.contains_key(&subject.id.domain)
        {
            self.exists(subject.id);
        }
        // Pages of the xmalloc pool are not asked for: the pools of the model have their own.
        if event.kind == Kind::PoolGrowth || event.op == Op::Fail {
            return;
        }
        self.has_times |= event.time > 0;
        self.has_calls |= event.epoch != 0;
        let about = event.subject.filter(|_| event.passed.is_none());
        let cannot_pay = about.is_some_and(|subject| match subject.how {
            How::Destroy => true,
            How::Domctl => !subject.id.is_known(),
            How::Create | How::Move => false,
        });
        let generation = self.latest.get(&event.current).copied().unwrap_or(0);
        self.steps.push(Step {
            seq: event.seq,
            time: event.time,
            op: event.op,
            addr: event.addr,
            size: event.size,
            used: event.used,
            key: Key { stack: event.stack, kind: event.kind, charge: event.charge },
            current: DomainId { domain: event.current, generation },
            owner: matched.and_then(|matched| matched.owner.id()),
            in_call: event.epoch != 0,
            cannot_pay,
            bound: event.charge == Charge::NoOwner && event.memflags & MEMF_KEEP_SCRUB != 0,
        });
    }

    fn domain(&mut self, event: &DomainEvent) {
        match event.life {
            Life::Created { .. } => self.exists(event.id),
            Life::Ended { .. } => {
                if self.latest.get(&event.id.domain) == Some(&event.id.generation) {
                    self.latest.remove(&event.id.domain);
                }
            }
        }
    }
}
