//! The RFC's records: no numbers, no kinds, layered allocators told at both levels.
//!
//! Its recorder prints in `_xmalloc`, `xfree` and the page heap, each time. An allocation of whole
//! pages is told twice, first by `alloc_domheap_pages`, then by `xmalloc_whole_pages` at the same
//! pointer; the pages that it gives back at its tail, and those that `xfree` gives back later, are
//! told as frees of pages. The inner halves are recognized by their trace, and where that cannot be
//! read by their pointer, and are not counted again. Between the two halves other CPUs can print;
//! so records wait in a short queue for their other half.

mod trace;

use std::collections::{BTreeMap, VecDeque};

use xenheap_console::RfcRecord;
use xenheap_model::{Charge, Clock, Event, Kind, Mark, Op, PAGE_SIZE, RawStack, RfcOp, StackId};

use crate::{EventSink, view::Applied};
use trace::{Through, Traces, without_double};

/// How many records an inner half waits for its outer one. The pair is printed within one call of
/// the allocator.
const WAITING: usize = 64;

/// How many `xfree`s of whole pages are remembered, for the inner frees that follow.
const FREED: usize = 64;

/// What a waiting record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// It counts.
    Counts,
    /// Pages of which the trace does not say what they are for.
    Undecided,
    /// The inner half of a pair. `paired`: the outer one came.
    Inner { paired: bool },
    /// A free of pages, to be decided by what is live when its turn comes.
    FreesPages(Through),
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    role: Role,
    /// The trace could be read.
    readable: bool,
}

/// The time stamps of a log's records.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Times {
    first: Option<(Clock, u64)>,
    last: Option<(Clock, u64)>,
    /// The style of the stamps changed on the way.
    mixed: bool,
}

impl Times {
    fn add(&mut self, time: Option<(Clock, u64)>) {
        let Some((clock, _)) = time else { return };
        self.mixed |= self.first.is_some_and(|(first, _)| first != clock);
        self.first = self.first.or(time);
        self.last = time;
    }

    /// The clock and the first and last time; nothing if there are none that can be compared.
    pub(crate) fn span(self) -> Option<(Clock, u64, u64)> {
        let ((clock, first), (_, last)) = self.first.zip(self.last)?;
        (!self.mixed).then_some((clock, first, last))
    }
}

/// Makes events from the RFC's records.
#[derive(Debug, Default)]
pub(crate) struct Rfc {
    traces: Traces,
    queue: VecDeque<Waiting>,
    freed: VecDeque<(u64, u64)>,
    pub applied: Applied,
    seq: u64,
    /// When the first and the last record came.
    pub times: Times,
    /// Records read.
    pub records: u64,
    /// Inner halves, not counted again.
    pub layered: u64,
    /// Records without a trace that can be read.
    pub without_trace: u64,
    /// Records whose trace is not whole, or may be another's.
    pub broken_traces: u64,
    /// Records in whose trace Xen guessed at frames, and nothing is broken.
    pub guessed_traces: u64,
    /// Frames with a mark that is not known, by mark.
    pub marks: BTreeMap<char, u64>,
    /// Records without a pointer.
    pub damaged: u64,
}

impl Rfc {
    pub(crate) fn record(&mut self, record: RfcRecord, mut sink: Option<&mut dyn EventSink>) {
        let Some(addr) = record.ptr else {
            self.damaged += 1;
            return;
        };
        self.records += 1;
        self.times.add(record.time);
        let trace = without_double(record.trace);
        let through = Through::of(&trace);
        let broken = record.uncertain.is_some_and(|uncertain| uncertain.why.is_damage());
        let readable = !trace.is_empty() && !broken;
        if trace.is_empty() {
            self.without_trace += 1;
        } else if broken {
            self.broken_traces += 1;
        } else if record.uncertain.is_some() {
            self.guessed_traces += 1;
        }
        for frame in &trace {
            if let Mark::Other(letter) = frame.mark {
                *self.marks.entry(letter).or_default() += 1;
            }
        }
        let (kind, role) = match record.op {
            RfcOp::XmemPoolAlloc | RfcOp::XmallocWholePages | RfcOp::Xfree => (Kind::Xmalloc, Role::Counts),
            RfcOp::AllocDomheapPages => pages_for(through, readable),
            RfcOp::FreeDomheapPages => (Kind::Domheap, Role::FreesPages(through)),
            RfcOp::FreeXenheapPages => {
                // Its own frame says nothing.
                (Kind::Xenheap, Role::FreesPages(Through { xenheap_free: false, ..through }))
            }
        };
        let allocates =
            matches!(record.op, RfcOp::XmemPoolAlloc | RfcOp::XmallocWholePages | RfcOp::AllocDomheapPages);
        let op = match (allocates, addr) {
            (true, 0) => Op::Fail,
            (true, _) => Op::Alloc,
            (false, _) => Op::Free,
        };
        let event = Event {
            seq: 0,
            op,
            kind,
            addr,
            size: if allocates { Some(record.size.unwrap_or(0)) } else { record.size },
            used: None,
            stack: self.traces.id_of(trace, record.uncertain),
            current: record.domain,
            passed: None,
            charge: Charge::Nobody,
            memflags: 0,
            layer: 0,
            cpu: 0,
            time: record.time.map_or(0, |(_, time)| time),
            unknown: false,
            epoch: 0,
            bracketed: false,
            subject: None,
            untried: None,
        };
        match record.op {
            RfcOp::XmallocWholePages => self.pair(addr),
            RfcOp::XmemPoolAlloc => self.grown(addr),
            _ => {}
        }
        self.queue.push_back(Waiting { event, role, readable });
        while self.queue.len() > WAITING {
            self.next(&mut sink);
        }
    }

    pub(crate) fn finish(&mut self, mut sink: Option<&mut dyn EventSink>) {
        while !self.queue.is_empty() {
            self.next(&mut sink);
        }
    }

    pub(crate) fn stacks(&self) -> usize {
        self.traces.len()
    }

    pub(crate) fn into_stacks(self) -> BTreeMap<StackId, RawStack> {
        self.traces.into_map()
    }

    /// The outer half of whole pages has come: the pages at its pointer, and what was freed of them
    /// since, were inner.
    fn pair(&mut self, addr: u64) {
        let Some(inner) = self.queue.iter().rposition(|waiting| waiting.event.addr == addr) else { return };
        let Some(waiting) = self.queue.get_mut(inner) else { return };
        // Anything else at this address, a free above all, means that the pages are another
        // allocation's.
        let is_pages = waiting.event.op == Op::Alloc && !waiting.event.kind.is_block();
        if !is_pages || waiting.role == (Role::Inner { paired: true }) {
            return;
        }
        waiting.role = Role::Inner { paired: true };
        let end = addr.saturating_add(waiting.event.size.unwrap_or(0));
        for waiting in self.queue.iter_mut().skip(inner + 1) {
            if matches!(waiting.role, Role::FreesPages(_)) && (addr..end).contains(&waiting.event.addr) {
                waiting.role = Role::Inner { paired: true };
            }
        }
    }

    /// A block of the pool lies in pages that nobody could classify: they are the pool's.
    fn grown(&mut self, addr: u64) {
        for waiting in self.queue.iter_mut().rev() {
            let Event { addr: start, size, .. } = waiting.event;
            if waiting.role == Role::Undecided && addr.wrapping_sub(start) < size.unwrap_or(0) {
                waiting.role = Role::Counts;
                waiting.event.kind = Kind::PoolGrowth;
                return;
            }
        }
    }

    /// Whether a free of pages is the inner half of a free, or of an allocation, that was told one
    /// level up.
    fn is_inner_free(&self, addr: u64, through: Through, readable: bool) -> bool {
        if through.pool_shrinks {
            return false;
        }
        if through.whole_pages || through.xenheap_free {
            return true;
        }
        if self.applied.book.has_page(addr) {
            return false;
        }
        if through.xfree {
            return true;
        }
        !readable
            && (self.applied.book.in_whole_pages(addr)
                || self.freed.iter().any(|&(start, end)| (start..end).contains(&addr)))
    }

    /// The turn of the oldest record.
    fn next(&mut self, sink: &mut Option<&mut dyn EventSink>) {
        let Some(Waiting { mut event, role, readable }) = self.queue.pop_front() else { return };
        let inner = match role {
            Role::Inner { .. } => true,
            Role::FreesPages(through) => self.is_inner_free(event.addr, through, readable),
            Role::Counts | Role::Undecided => false,
        };
        if inner {
            self.layered += 1;
            return;
        }
        if event.op == Op::Free && event.is_whole_pages() && self.applied.book.in_whole_pages(event.addr) {
            self.remember_freed(event.addr);
        }
        self.seq += 1;
        event.seq = self.seq;
        self.applied.event(&event.into(), sink);
    }

    fn remember_freed(&mut self, addr: u64) {
        let end = self.applied.book.end_of_xmalloc(addr);
        let end = end.checked_next_multiple_of(PAGE_SIZE).unwrap_or(end);
        self.freed.push_back((addr, end));
        if self.freed.len() > FREED {
            self.freed.pop_front();
        }
    }
}

/// What the pages of an `alloc_domheap_pages` are for.
fn pages_for(through: Through, readable: bool) -> (Kind, Role) {
    if through.whole_pages {
        return (Kind::Xenheap, Role::Inner { paired: false });
    }
    if through.pool_grows {
        return (Kind::PoolGrowth, Role::Counts);
    }
    if through.xmalloc {
        // Static functions can be inlined away. What `_xmalloc` fetches and is not whole pages is
        // for the pool.
        return (Kind::PoolGrowth, Role::Undecided);
    }
    let kind = if through.xenheap { Kind::Xenheap } else { Kind::Domheap };
    (kind, if readable { Role::Counts } else { Role::Undecided })
}

#[cfg(test)]
mod tests;
