use std::collections::{BTreeMap, BTreeSet};

use xenheap_model::{AnyEvent, DomainId, Row, Totals};

use crate::{
    EventSink,
    book::Book,
    sequence::{Accepted, Sequence},
};

/// Snapshots that are kept for dumps whose lines are not all there yet.
const SNAPSHOTS: usize = 16;

/// What a view says at one number of the sequence.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub totals: Totals,
    /// By the hypervisor's keys.
    pub rows: Vec<Row>,
    /// The domains that exist.
    pub domains: Vec<DomainId>,
}

/// A view with events: their sequence, and the book made from them.
#[derive(Debug)]
pub(crate) struct EventView {
    pub sequence: Sequence,
    pub applied: Applied,
}

/// What has been handed out by the sequence.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    pub book: Book,
    pub events: u64,
    pub first_time: Option<u64>,
    pub last_time: Option<u64>,
    /// The number of the last event.
    pub last: u64,
    wanted: BTreeSet<u64>,
    snapshots: BTreeMap<u64, Snapshot>,
}

impl EventView {
    pub(crate) fn new() -> Self {
        EventView { sequence: Sequence::new(), applied: Applied::default() }
    }

    pub(crate) fn accept(
        &mut self,
        hash: u32,
        event: AnyEvent,
        mut sink: Option<&mut dyn EventSink>,
    ) -> Accepted {
        let EventView { sequence, applied } = self;
        sequence.accept(hash, event, |event| applied.event(&event, &mut sink))
    }

    /// A dump holds at `seq`: keep what we have there, now or when we come there.
    pub(crate) fn want(&mut self, seq: u64, mut sink: Option<&mut dyn EventSink>) {
        let EventView { sequence, applied } = self;
        if sequence.next() > seq.saturating_add(1) || applied.snapshots.contains_key(&seq) {
            return;
        }
        sequence.ready(seq, |event| applied.event(&event, &mut sink));
        if sequence.next() == seq.saturating_add(1) {
            applied.keep(seq);
        } else if applied.wanted.len() < SNAPSHOTS {
            applied.wanted.insert(seq);
        }
    }

    pub(crate) fn snapshot(&self, seq: u64) -> Option<&Snapshot> {
        self.applied.snapshots.get(&seq)
    }

    /// Whether the snapshot will come.
    pub(crate) fn waits_for(&self, seq: u64) -> bool {
        self.applied.wanted.contains(&seq)
    }

    /// No dump needs snapshots up to here any more.
    pub(crate) fn forget(&mut self, seq: u64) {
        self.applied.snapshots.retain(|&kept, _| kept > seq);
    }

    pub(crate) fn finish(&mut self, last: u64, mut sink: Option<&mut dyn EventSink>) {
        let EventView { sequence, applied } = self;
        sequence.finish(last, |event| applied.event(&event, &mut sink));
        while let Some(seq) = applied.wanted.pop_first() {
            applied.keep(seq);
        }
    }
}

impl Applied {
    /// Applies the next event.
    pub(crate) fn event(&mut self, event: &AnyEvent, sink: &mut Option<&mut dyn EventSink>) {
        while let Some(seq) = self.wanted.first().copied().filter(|&seq| seq < event.seq()) {
            self.wanted.remove(&seq);
            self.keep(seq);
        }
        self.events += 1;
        self.last = event.seq();
        self.first_time.get_or_insert(event.time());
        self.last_time = Some(event.time());
        let matched = self.book.any(event);
        match (sink, event) {
            (Some(sink), AnyEvent::Memory(event)) => sink.event(event, matched.as_ref()),
            (Some(sink), AnyEvent::Domain(event)) => sink.domain(event),
            (None, _) => {}
        }
    }

    fn keep(&mut self, seq: u64) {
        let Applied { book, .. } = self;
        let snapshot = Snapshot { totals: book.totals(), rows: book.whole_rows(), domains: book.existing() };
        self.snapshots.insert(seq, snapshot);
        while self.snapshots.len() > SNAPSHOTS {
            self.snapshots.pop_first();
        }
    }
}
