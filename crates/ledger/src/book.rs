//! The book: which memory is live, and whose.

mod calls;
mod intervals;
mod lives;
mod tally;

use std::collections::{BTreeMap, VecDeque};

use xenheap_model::{
    AnyEvent, Counters, DomainAccount, DomainEvent, DomainId, Event, How, Kind, Left, Op, Owner, PAGE_SIZE,
    Row, RowKey, Service, Totals,
};

use crate::Matched;
use calls::{Call, Calls};
pub use intervals::{Cut, Intervals};
pub use lives::LifeFindings;
use lives::Lives;
use tally::{Exit, Memory, Tally, pages_of};

/// Given pages that are remembered for the case that the domain did not take them. A record of that
/// follows the gift closely; more than this many are never under way.
const GIVEN: usize = 1 << 16;

/// Applies events, in order of their numbers, to what is live.
///
/// xmallocs and vmallocs are matched by their exact address, all pages as intervals of one address
/// space: domain heap pages have machine addresses and the others virtual ones, which do not
/// collide.
///
/// An allocation at a place where something of the same class is live means that a free was missed.
/// Then the *older* allocation, or the part of it that is overlapped, is dropped and counted as
/// freed: the allocator would not have given that memory out again otherwise.
///
/// An allocation is for the domain that was passed, else for the one that Xen was working on. If
/// neither is known, and it is freed in the destruction of a domain before any part of it was given
/// away, it was that domain's: from then on it counts in a row of its own, with
/// [`Owner::Destroyed`].
#[derive(Clone, Debug, Default)]
pub struct Book {
    tally: Tally,
    blocks: BTreeMap<(Kind, u64), Block>,
    pieces: Intervals<usize>,
    allocations: Slab,
    given: Intervals<usize>,
    given_order: VecDeque<(u64, u64)>,
    lives: Lives,
    calls: Calls,
    /// The call in which the last event happened.
    now: Call,
    findings: Findings,
    last_seq: u64,
    gap: bool,
    scratch: Vec<Cut<usize>>,
}

/// A live xmalloc or vmalloc.
#[derive(Clone, Copy, Debug)]
struct Block {
    seq: u64,
    size: u64,
    used: Option<u64>,
    row: usize,
    call: Call,
}

/// An allocation of pages, of which something is live or remembered as given.
#[derive(Clone, Copy, Debug)]
struct Pages {
    seq: u64,
    addr: u64,
    size: u64,
    row: usize,
    /// Taken from a domain: each page is a live block of its own.
    by_page: bool,
    /// Bytes that are live.
    live: u64,
    /// Bytes that were given and are remembered.
    given: u64,
    /// Bytes that were freed.
    freed: u64,
    call: Call,
}

impl Pages {
    /// As how many it counts in `live`.
    fn blocks(&self) -> u64 {
        if self.by_page { pages_of(self.live) } else { (self.live > 0).into() }
    }
}

/// An allocation of which something is live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// Number of the event that made it.
    pub seq: u64,
    /// Its first address; that part may be gone.
    pub addr: u64,
    /// Bytes of the whole allocation, as asked.
    pub size: u64,
    /// Bytes of it that are live.
    pub bytes: u64,
    /// Its row of the profile.
    pub key: RowKey,
}

/// A place where events contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// The address.
    pub addr: u64,
    /// Number of the event that was there first; 0 if there is none.
    pub older: u64,
    /// Number of the event that contradicts it.
    pub newer: u64,
}

/// How often something was found, and where first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How often.
    pub count: u64,
    /// The first place.
    pub first: Option<Contradiction>,
}

impl Found {
    fn add(&mut self, addr: u64, older: u64, newer: u64) {
        self.count = self.count.saturating_add(1);
        self.first.get_or_insert(Contradiction { addr, older, newer });
    }
}

/// What the events of a book say against each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Allocations at a place where another was live.
    pub overlaps: Found,
    /// Frees that the recorder marked as of memory it never recorded, where we know nothing either.
    pub before: u64,
    /// Frees, gifts and failed gifts of memory that no record allocated, although nothing is
    /// missing before them.
    pub unmatched: Found,
    /// The same after a gap in the sequence, where the allocation can be among the lost records.
    pub unmatched_after_gap: Found,
    /// Frees that the recorder marked as of memory it never recorded, where a record says
    /// otherwise.
    pub contradicted: Found,
    /// Frees that name another size than their allocation has.
    pub other_size: Found,
}

/// What an event leaves behind when it takes live memory away.
struct Taken {
    matched: Option<Matched>,
    bytes: u64,
}

impl Book {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one event. Numbers must rise; a hole in them is remembered as a gap.
    ///
    /// Returns the allocation that it made, or that a free or a gift met.
    pub fn apply(&mut self, event: &Event) -> Option<Matched> {
        self.number(event.seq);
        self.now = Call { cpu: event.cpu, epoch: event.epoch };
        self.calls.now(self.now);
        self.tally.marked |= event.epoch != 0;
        if let Some(subject) = event.subject {
            self.lives.subject(subject, event.op, event.seq);
        }
        match (event.op, event.kind) {
            (Op::Alloc, kind) if kind.is_block() => return self.block(event),
            (Op::Alloc | Op::Take, _) => return self.pages(event),
            (Op::Fail, _) => {
                let owner = self.owner(event);
                let row = self.tally.row_of(event, owner);
                self.tally.failed(row);
            }
            (Op::Free, kind) if kind.is_block() => return self.block_leaves(event),
            (Op::Free | Op::Give, _) => return self.pages_leave(event),
            (Op::GiveBack, _) => self.pages_back(event),
        }
        None
    }

    /// Applies one event of a domain, numbered in the same sequence.
    pub fn domain(&mut self, event: &DomainEvent) {
        self.number(event.seq);
        // A recorder that tells of domains marks calls too, also where nothing was allocated yet.
        self.tally.marked = true;
        self.lives.event(event);
    }

    /// Applies either.
    pub fn any(&mut self, event: &AnyEvent) -> Option<Matched> {
        match event {
            AnyEvent::Memory(event) => self.apply(event),
            AnyEvent::Domain(event) => {
                self.domain(event);
                None
            }
        }
    }

    fn number(&mut self, seq: u64) {
        if seq > self.last_seq.saturating_add(1) {
            self.gap = true;
        }
        self.last_seq = seq;
    }

    /// The domain that an event's memory is for.
    fn owner(&self, event: &Event) -> Owner {
        event.owner(|domain| self.lives.latest(domain))
    }

    /// The profile, sorted by key.
    pub fn rows(&self) -> Vec<Row> {
        self.tally.sorted()
    }

    /// The profile by the keys that the hypervisor's own table has, sorted: of an owner it knows
    /// only what was passed, and no generation.
    pub fn whole_rows(&self) -> Vec<Row> {
        self.tally.wholes()
    }

    /// The totals per kind.
    pub fn totals(&self) -> Totals {
        self.tally.totals()
    }

    /// The account of each domain, by generation.
    pub fn domains(&self) -> Vec<DomainAccount> {
        self.lives.accounts(&self.rows())
    }

    /// The domains that exist.
    pub fn existing(&self) -> Vec<DomainId> {
        self.lives.exist()
    }

    /// Whether any event was of a domain.
    pub fn knows_domains(&self) -> bool {
        !self.lives.is_empty()
    }

    /// What does not fit together in the lives of domains.
    pub fn life_findings(&self) -> &LifeFindings {
        &self.lives.findings
    }

    /// What is live although the domain that it was for is gone.
    pub fn left(&self) -> Vec<Left> {
        let mut left: BTreeMap<_, Left> = BTreeMap::new();
        for Row { key, counters } in self.rows() {
            let gone = key.owner.id().is_some_and(|id| self.lives.has_ended(id));
            if !gone || (counters.live == 0 && counters.live_bytes == 0) {
                continue;
            }
            let RowKey { stack, kind, charge, owner, .. } = key;
            let of = Left { stack, kind, charge, owner, live: Default::default() };
            let of = left.entry((stack, kind, charge, owner)).or_insert(of);
            of.live.add(counters.live, counters.live_bytes);
        }
        left.into_values().collect()
    }

    /// What calls leave behind, by stack and kind.
    pub fn services(&self) -> Vec<Service> {
        self.calls.services()
    }

    /// What does not fit together.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Whether numbers are missing before the last event.
    pub fn has_gap(&self) -> bool {
        self.gap
    }

    /// Everything that is live, in order of its numbers.
    pub fn live(&self) -> Vec<Live> {
        let blocks = self.blocks.iter().filter_map(|(&(_, addr), block)| {
            let key = self.tally.key(block.row)?;
            Some(Live { seq: block.seq, addr, size: block.size, bytes: block.size, key })
        });
        let pages = self.allocations.iter().filter(|pages| pages.live > 0).filter_map(|pages| {
            let key = self.tally.key(pages.row)?;
            Some(Live { seq: pages.seq, addr: pages.addr, size: pages.size, bytes: pages.live, key })
        });
        let mut live: Vec<Live> = blocks.chain(pages).collect();
        live.sort_unstable_by_key(|live| (live.seq, live.addr));
        live
    }

    /// Whether a page of this address is live.
    pub(crate) fn has_page(&self, addr: u64) -> bool {
        self.pieces.at(addr).is_some()
    }

    /// Whether the address lies in an xmalloc that is whole pages.
    pub(crate) fn in_whole_pages(&self, addr: u64) -> bool {
        let before = (Kind::Xmalloc, 0)..=(Kind::Xmalloc, addr);
        self.blocks.range(before).next_back().is_some_and(|(&(_, start), block)| {
            matches!(Memory::of_block(start, block.used, block.size), Memory::Heap(len) if addr - start < len)
        })
    }

    /// Where the xmalloc at this address ends; the address itself if there is none.
    pub(crate) fn end_of_xmalloc(&self, addr: u64) -> u64 {
        addr.saturating_add(self.blocks.get(&(Kind::Xmalloc, addr)).map_or(0, |block| block.size))
    }

    fn block(&mut self, event: &Event) -> Option<Matched> {
        let Event { seq, kind, addr, used, .. } = *event;
        let size = event.size.unwrap_or(0);
        let end = addr.saturating_add(size.max(1));
        while let Some((&at, &block)) = self.blocks.range((kind, 0)..(kind, end)).next_back() {
            if at.1.saturating_add(block.size.max(1)) <= addr {
                break;
            }
            self.blocks.remove(&at);
            self.findings.overlaps.add(addr.max(at.1), block.seq, seq);
            self.tally.gone(block.row, Exit::Freed, 1, block.size);
            self.tally.memory_freed(kind, Memory::of_block(at.1, block.used, block.size));
        }
        let (row, call) = self.came(event, size);
        self.tally.memory_taken(kind, Memory::of_block(addr, used, size));
        self.blocks.insert((kind, addr), Block { seq, size, used, row, call });
        let key = self.tally.key(row)?;
        Some(matched(&key, seq, addr, size, size, false))
    }

    /// Counts what comes to life.
    fn came(&mut self, event: &Event, size: u64) -> (usize, Call) {
        let owner = self.owner(event);
        let row = self.tally.row_of(event, owner);
        self.tally.came(row, event.op, size);
        let call = self.now;
        let count = if event.op == Op::Take { pages_of(size) } else { 1 };
        self.calls.made(call, (event.stack, event.kind), count, size);
        (row, call)
    }

    /// Counts what leaves, and whether it did so within the call that made it.
    fn gone(&mut self, row: usize, call: Call, exit: Exit, ended: u64, bytes: u64) {
        self.tally.gone(row, exit, ended, bytes);
        let within = match exit {
            Exit::Freed => false,
            Exit::Bracketed => true,
            Exit::Given => call == self.now,
        };
        if within && let Some(key) = self.tally.key(row) {
            self.calls.gone(call, (key.stack, key.kind), ended, bytes);
        }
    }

    fn block_leaves(&mut self, event: &Event) -> Option<Matched> {
        let Some(mut block) = self.blocks.remove(&(event.kind, event.addr)) else {
            let size = event.size.unwrap_or(0);
            self.tally.orphan(event.kind, size);
            self.tally.memory_freed(event.kind, Memory::of_block(event.addr, event.used, size));
            self.unmatched(event, event.addr);
            return None;
        };
        if let Some(owner) = destroyed(event) {
            block.row = self.own(block.row, owner, block.size, block.size, 0);
        }
        self.gone(block.row, block.call, exit_of(event), 1, block.size);
        let used = event.used.or(block.used);
        self.tally.memory_freed(event.kind, Memory::of_block(event.addr, used, block.size));
        if event.unknown {
            self.findings.contradicted.add(event.addr, block.seq, event.seq);
        } else if event.size.is_some_and(|size| size != block.size) {
            self.findings.other_size.add(event.addr, block.seq, event.seq);
        }
        let key = self.tally.key(block.row)?;
        Some(matched(&key, block.seq, event.addr, block.size, block.size, true))
    }

    /// An allocation of unknown owner turns out to be a domain's.
    fn own(&mut self, row: usize, owner: Owner, size: u64, live: u64, freed: u64) -> usize {
        let can_be = |key: RowKey| key.owner == Owner::Unknown && key.kind != Kind::PoolGrowth;
        if !self.tally.key(row).is_some_and(can_be) {
            return row;
        }
        let one = Counters {
            allocs: 1,
            bytes: size,
            freed_bytes: freed,
            live: 1,
            live_bytes: live,
            ..Counters::default()
        };
        self.tally.own(row, owner, &one)
    }

    fn pages(&mut self, event: &Event) -> Option<Matched> {
        let size = event.size.unwrap_or(0);
        let end = event.addr.saturating_add(size);
        self.clear(event.addr, end, event.seq);
        let (row, call) = self.came(event, size);
        if event.op == Op::Alloc {
            self.tally.memory_taken(event.kind, Memory::Heap(size));
        }
        // At the very end of the address space a range cannot be as long as it says.
        let len = end - event.addr;
        let (seq, addr) = (event.seq, event.addr);
        let by_page = event.op == Op::Take;
        let index = self.allocations.add(Pages {
            seq,
            addr,
            size,
            row,
            by_page,
            live: len,
            given: 0,
            freed: 0,
            call,
        });
        self.pieces.insert(event.addr, len, index);
        self.allocations.release_if_empty(index);
        let key = self.tally.key(row)?;
        Some(matched(&key, seq, addr, size, size, false))
    }

    /// Drops what is live in a range that is about to be live anew: its free was missed.
    fn clear(&mut self, start: u64, end: u64, seq: u64) {
        let mut cuts = std::mem::take(&mut self.scratch);
        self.pieces.cut(start, end, &mut cuts);
        for cut in cuts.drain(..) {
            if let Some(matched) = self.take_live(&cut, Exit::Freed, None) {
                self.findings.overlaps.add(cut.start, matched.seq, seq);
                self.tally.memory_freed(matched.kind, Memory::Heap(cut.len));
            }
        }
        if !self.given.is_empty() {
            self.given.cut(start, end, &mut cuts);
            self.forget_given(&mut cuts);
        }
        self.scratch = cuts;
    }

    /// Counts a piece that left the live pages. `owner`: whose it was, if nobody knew.
    fn take_live(&mut self, cut: &Cut<usize>, exit: Exit, owner: Option<Owner>) -> Option<Matched> {
        let Pages { row, size, live, freed, by_page, .. } = *self.allocations.get_mut(cut.value)?;
        let whole = live.saturating_add(freed) == size && !by_page;
        let row = match owner.filter(|_| whole) {
            Some(owner) => self.own(row, owner, size, live, freed),
            None => row,
        };
        let pages = self.allocations.get_mut(cut.value)?;
        pages.row = row;
        let before = pages.blocks();
        pages.live = pages.live.saturating_sub(cut.len);
        if exit == Exit::Given {
            pages.given = pages.given.saturating_add(cut.len);
        } else {
            pages.freed = pages.freed.saturating_add(cut.len);
        }
        let pages = *pages;
        self.allocations.release_if_empty(cut.value);
        self.gone(pages.row, pages.call, exit, before.saturating_sub(pages.blocks()), cut.len);
        let key = self.tally.key(pages.row)?;
        Some(matched(&key, pages.seq, pages.addr, pages.size, cut.len, pages.live == 0))
    }

    /// Where the freed or given pages are, and how many bytes the event says that they are.
    fn extent(&self, event: &Event) -> (u64, u64) {
        if let Some(size) = event.size {
            return (event.addr, event.addr.saturating_add(size));
        }
        // Nobody says how much: what starts there, or one page out of the middle.
        match self.pieces.at(event.addr) {
            Some(piece) if piece.start == event.addr => (piece.start, piece.start.saturating_add(piece.len)),
            Some(_) => (event.addr, event.addr.saturating_add(PAGE_SIZE)),
            None => (event.addr, event.addr),
        }
    }

    fn pages_leave(&mut self, event: &Event) -> Option<Matched> {
        let exit = exit_of(event);
        let (start, end) = self.extent(event);
        let Taken { matched, bytes } = self.leave(start, end, exit, destroyed(event));
        // The size that nobody knows is that of the allocation.
        let rest = event.size.unwrap_or(bytes).saturating_sub(bytes);
        if rest > 0 || matched.is_none() {
            if exit != Exit::Given {
                self.tally.orphan(event.kind, rest);
                self.tally.memory_freed(event.kind, Memory::Heap(rest));
            }
            self.unmatched(event, start);
        } else if let Some(matched) = matched
            && event.unknown
        {
            self.findings.contradicted.add(start, matched.seq, event.seq);
        }
        matched
    }

    fn leave(&mut self, start: u64, end: u64, exit: Exit, owner: Option<Owner>) -> Taken {
        let mut taken = Taken { matched: None, bytes: 0 };
        let mut cuts = std::mem::take(&mut self.scratch);
        self.pieces.cut(start, end, &mut cuts);
        for cut in cuts.drain(..) {
            taken.bytes = taken.bytes.saturating_add(cut.len);
            let matched = self.take_live(&cut, exit, owner);
            taken.matched = matched.or(taken.matched);
            match (exit, matched) {
                (Exit::Given, _) => self.remember_given(&cut),
                (_, Some(m)) => self.tally.memory_freed(m.kind, Memory::Heap(cut.len)),
                (_, None) => {}
            }
        }
        self.scratch = cuts;
        taken
    }

    fn remember_given(&mut self, cut: &Cut<usize>) {
        let mut old = Vec::new();
        self.given.cut(cut.start, cut.start.saturating_add(cut.len), &mut old);
        self.given.insert(cut.start, cut.len, cut.value);
        self.given_order.push_back((cut.start, cut.len));
        while self.given.len() > GIVEN || self.given_order.len() > 2 * GIVEN {
            let Some((start, len)) = self.given_order.pop_front() else { break };
            self.given.cut(start, start.saturating_add(len), &mut old);
        }
        self.forget_given(&mut old);
    }

    fn forget_given(&mut self, cuts: &mut Vec<Cut<usize>>) {
        for cut in cuts.drain(..) {
            if let Some(pages) = self.allocations.get_mut(cut.value) {
                pages.given = pages.given.saturating_sub(cut.len);
            }
            self.allocations.release_if_empty(cut.value);
        }
    }

    fn pages_back(&mut self, event: &Event) {
        let (start, end) = (event.addr, event.addr.saturating_add(event.size.unwrap_or(0)));
        let mut cuts = Vec::new();
        self.given.cut(start, end, &mut cuts);
        // Nothing is live there: what comes to life is forgotten as given.
        let mut bytes = 0u64;
        for cut in cuts {
            let Some(pages) = self.allocations.get_mut(cut.value) else { continue };
            let before = pages.blocks();
            pages.live = pages.live.saturating_add(cut.len);
            pages.given = pages.given.saturating_sub(cut.len);
            let again = pages.blocks().saturating_sub(before);
            let Pages { row, call, .. } = *pages;
            self.tally.back(row, again, cut.len);
            if call == self.now
                && let Some(key) = self.tally.key(row)
            {
                self.calls.made(call, (key.stack, key.kind), again, cut.len);
            }
            self.pieces.insert(cut.start, cut.len, cut.value);
            bytes = bytes.saturating_add(cut.len);
        }
        if bytes < event.size.unwrap_or(0) || bytes == 0 {
            self.unmatched(event, start);
        }
    }

    fn unmatched(&mut self, event: &Event, addr: u64) {
        if event.unknown {
            self.findings.before = self.findings.before.saturating_add(1);
        } else if self.gap {
            self.findings.unmatched_after_gap.add(addr, 0, event.seq);
        } else {
            self.findings.unmatched.add(addr, 0, event.seq);
        }
    }
}

/// How memory leaves.
fn exit_of(event: &Event) -> Exit {
    match event.op {
        Op::Give => Exit::Given,
        _ if event.bracketed => Exit::Bracketed,
        _ => Exit::Freed,
    }
}

/// Whose memory a free in the destruction of a domain frees, if nobody knows better.
fn destroyed(event: &Event) -> Option<Owner> {
    let subject = event.subject.filter(|subject| subject.how == How::Destroy && subject.id.is_known())?;
    (event.op == Op::Free).then_some(Owner::Destroyed(subject.id))
}

fn matched(key: &RowKey, seq: u64, addr: u64, size: u64, bytes: u64, last: bool) -> Matched {
    let RowKey { stack, kind, charge, current, owner } = *key;
    Matched { seq, addr, size, bytes, last, kind, stack, current, charge, owner }
}

/// Allocations of pages, by a number that stays the same and is used again.
#[derive(Clone, Debug, Default)]
struct Slab {
    slots: Vec<Option<Pages>>,
    empty: Vec<usize>,
}

impl Slab {
    fn add(&mut self, pages: Pages) -> usize {
        if let Some(index) = self.empty.pop()
            && let Some(slot) = self.slots.get_mut(index)
        {
            *slot = Some(pages);
            return index;
        }
        self.slots.push(Some(pages));
        self.slots.len() - 1
    }

    fn get_mut(&mut self, index: usize) -> Option<&mut Pages> {
        self.slots.get_mut(index)?.as_mut()
    }

    fn release_if_empty(&mut self, index: usize) {
        if let Some(slot) = self.slots.get_mut(index)
            && slot.is_some_and(|pages| pages.live == 0 && pages.given == 0)
        {
            *slot = None;
            self.empty.push(index);
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Pages> {
        self.slots.iter().flatten()
    }
}

#[cfg(test)]
mod tests;
