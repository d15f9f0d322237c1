use xenheap_model::{Counters, Event, Kind, KindTotals, Op, Owner, PAGE_SIZE, Row, RowKey, Totals};

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
        owner: event.passed.map_or(Owner::Unknown, Owner::Passed),
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
            change(&mut self.totals.of_mut(row.key.kind).counters);
        }
    }

    pub(crate) fn came(&mut self, row: usize, op: Op, bytes: u64) {
        self.each(row, |c| {
            if op == Op::Take {
                c.taken = c.taken.saturating_add(1);
                c.taken_bytes = c.taken_bytes.saturating_add(bytes);
            } else {
                c.allocs = c.allocs.saturating_add(1);
                c.bytes = c.bytes.saturating_add(bytes);
            }
            live(c, 1, bytes);
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

    pub(crate) fn gone(&mut self, row: usize, exit: Exit, last: bool, bytes: u64) {
        self.each(row, |c| {
            let (count, sum) = match exit {
                Exit::Freed => (&mut c.freed, &mut c.freed_bytes),
                Exit::Given => (&mut c.given, &mut c.given_bytes),
            };
            *count = count.saturating_add(last.into());
            *sum = sum.saturating_add(bytes);
            c.live = c.live.saturating_sub(last.into());
            c.live_bytes = c.live_bytes.saturating_sub(bytes);
        });
    }

    /// Given pages are anonymous again. `first`: nothing else of their allocation was live.
    pub(crate) fn back(&mut self, row: usize, first: bool, bytes: u64) {
        self.each(row, |c| {
            // The part that went last may have been freed and not given.
            let count = if c.given > 0 { &mut c.given } else { &mut c.freed };
            *count = count.saturating_sub(first.into());
            c.given_bytes = c.given_bytes.saturating_sub(bytes);
            live(c, first.into(), bytes);
        });
    }

    /// Memory that an allocation took.
    pub(crate) fn memory_taken(&mut self, kind: Kind, memory: Memory) {
        let totals = self.totals.of_mut(kind);
        memory.add(&mut totals.pages, &mut totals.pool);
    }

    /// Memory that a free gave back.
    pub(crate) fn memory_freed(&mut self, kind: Kind, memory: Memory) {
        let totals = self.totals.of_mut(kind);
        memory.add(&mut totals.pages_freed, &mut totals.pool_freed);
    }

    pub(crate) fn orphan(&mut self, kind: Kind, bytes: u64) {
        let KindTotals { orphans, orphan_bytes, .. } = self.totals.of_mut(kind);
        *orphans = orphans.saturating_add(1);
        *orphan_bytes = orphan_bytes.saturating_add(bytes);
    }

    /// All rows, sorted by key.
    pub(crate) fn sorted(&self) -> Vec<Row> {
        let mut rows = self.rows.clone();
        rows.sort_unstable_by_key(|row| row.key);
        rows
    }
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
