use xenheap_model::{Counters, DomainId, Event, Kind, KindTotals, Op, Owner, PAGE_SIZE, Row, RowKey, Totals};

use crate::hash::FoldMap;

/// How memory stops being live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Freed,
    Given,
}

/// The profile and the totals, always changed together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    rows: Vec<Row>,
    index: FoldMap<RowKey, usize>,
    pub totals: Totals,
}

/// Like the hypervisor's rows: for taken pages the owner is the domain that lost them.
fn key_of(event: &Event) -> RowKey {
    RowKey {
        stack: event.stack,
        kind: event.kind,
        charge: event.charge,
        current: event.current,
        owner: event.passed.map_or(Owner::Unknown, |domain| Owner::Passed(DomainId::unknown(domain))),
    }
}

impl Tally {
    /// The row of an allocation, made if it is new.
    pub(crate) fn row_of(&mut self, event: &Event) -> usize {
        let key = key_of(event);
        *self.index.entry(key).or_insert_with(|| {
            self.rows.push(Row { key, counters: Counters::default() });
            self.rows.len() - 1
        })
    }

    pub(crate) fn key(&self, row: usize) -> Option<RowKey> {
        self.rows.get(row).map(|row| row.key)
    }

    /// The counters that an allocation of this row changes: the row's and its kind's.
    fn each(&mut self, row: usize, mut change: impl FnMut(&mut Counters)) {
        if let Some(row) = self.rows.get_mut(row) {
            change(&mut row.counters);
            if let Some(totals) = self.totals.of_mut(row.key.kind) {
                change(&mut totals.counters);
            }
        }
    }

    pub(crate) fn came(&mut self, row: usize, op: Op, bytes: u64) {
        self.each(row, |c| {
            let count = if op == Op::Take {
                let pages = pages_of(bytes);
                c.taken = c.taken.saturating_add(pages);
                c.taken_bytes = c.taken_bytes.saturating_add(bytes);
                pages
            } else {
                c.allocs = c.allocs.saturating_add(1);
                c.bytes = c.bytes.saturating_add(bytes);
                1
            };
            live(c, count, bytes);
        });
        // Single sizes are a row's only, and those of allocations only: taken pages come one by one.
        if op == Op::Alloc
            && let Some(Row { counters: c, .. }) = self.rows.get_mut(row)
        {
            c.min = if c.allocs == 1 { bytes } else { c.min.min(bytes) };
            c.max = c.max.max(bytes);
        }
    }

    pub(crate) fn failed(&mut self, row: usize) {
        self.each(row, |c| c.failed = c.failed.saturating_add(1));
    }

    /// `ended`: how many allocations (or taken pages) ended with these bytes.
    pub(crate) fn gone(&mut self, row: usize, exit: Exit, ended: u64, bytes: u64) {
        self.each(row, |c| {
            let (count, sum) = match exit {
                Exit::Freed => (&mut c.freed, &mut c.freed_bytes),
                Exit::Given => (&mut c.given, &mut c.given_bytes),
            };
            *count = count.saturating_add(ended);
            *sum = sum.saturating_add(bytes);
            c.live = c.live.saturating_sub(ended);
            c.live_bytes = c.live_bytes.saturating_sub(bytes);
        });
    }

    /// Given pages are anonymous again. `again`: how many allocations (or taken pages) were not live and are.
    pub(crate) fn back(&mut self, row: usize, again: u64, bytes: u64) {
        self.each(row, |c| {
            // The part that went last may have been freed and not given.
            let from_given = again.min(c.given);
            c.given -= from_given;
            c.freed = c.freed.saturating_sub(again - from_given);
            c.given_bytes = c.given_bytes.saturating_sub(bytes);
            live(c, again, bytes);
        });
    }

    /// Memory that an allocation took.
    pub(crate) fn memory_taken(&mut self, kind: Kind, memory: Memory) {
        if let Some(totals) = self.totals.of_mut(kind) {
            memory.add(&mut totals.pages, &mut totals.pool);
        }
    }

    /// Memory that a free gave back.
    pub(crate) fn memory_freed(&mut self, kind: Kind, memory: Memory) {
        if let Some(totals) = self.totals.of_mut(kind) {
            memory.add(&mut totals.pages_freed, &mut totals.pool_freed);
        }
    }

    pub(crate) fn orphan(&mut self, kind: Kind, bytes: u64) {
        let Some(KindTotals { orphans, orphan_bytes, .. }) = self.totals.of_mut(kind) else { return };
        let count = if kind == Kind::Xmalloc { 1 } else { pages_of(bytes).max(1) };
        *orphans = orphans.saturating_add(count);
        *orphan_bytes = orphan_bytes.saturating_add(bytes);
    }

    /// All rows, sorted by key.
    pub(crate) fn sorted(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        rows.sort_unstable_by_key(|row| row.key);
        rows
    }
}

/// How many pages that is. Taken pages and orphans are counted by the page.
pub(crate) fn pages_of(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE_SIZE)
}

fn live(c: &mut Counters, count: u64, bytes: u64) {
    c.live = c.live.saturating_add(count);
    c.live_bytes = c.live_bytes.saturating_add(bytes);
    c.peak = c.peak.max(c.live_bytes);
}

/// Where an operation's memory comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    /// Bytes of the page heap.
    Heap(u64),
    /// Bytes of the xmalloc pool.
    Pool(u64),
}

impl Memory {
    /// That of an xmalloc. Blocks of the pool never start on a page boundary.
    pub(crate) fn of_xmalloc(addr: u64, used: Option<u64>, size: u64) -> Self {
        if addr.is_multiple_of(PAGE_SIZE) {
            Memory::Heap(used.unwrap_or_else(|| size.checked_next_multiple_of(PAGE_SIZE).unwrap_or(size)))
        } else {
            Memory::Pool(used.unwrap_or(0))
        }
    }

    fn add(self, pages: &mut u64, pool: &mut u64) {
        match self {
            Memory::Heap(bytes) => *pages = pages.saturating_add(bytes / PAGE_SIZE),
            Memory::Pool(bytes) => *pool = pool.saturating_add(bytes),
        }
    }
}
