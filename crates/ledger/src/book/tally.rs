use xenheap_model::{Counters, DomainId, Event, Kind, KindTotals, Op, Owner, PAGE_SIZE, Row, RowKey, Totals};

use crate::hash::FoldMap;

/// How memory stops being live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Freed,
    /// Freed before the call that allocated it had ended.
    Bracketed,
    Given,
}

/// The profile and the totals, always changed together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    rows: Table,
    /// The row of the hypervisor's table that each of `rows` is a part of.
    whole: Vec<usize>,
    /// The same by the hypervisor's keys, which know of the owner only what was passed. Peaks of
    /// parts have no sum, so these are counted for themselves.
    wholes: Table,
    totals: Totals,
    /// Whether the events tell in which call they happened.
    pub marked: bool,
}

/// Rows, each found by its key.
#[derive(Clone, Debug, Default)]
struct Table {
    rows: Vec<Row>,
    index: FoldMap<RowKey, usize>,
}

impl Table {
    fn row_of(&mut self, key: RowKey) -> usize {
        *self.index.entry(key).or_insert_with(|| {
            self.rows.push(Row { key, counters: Counters::default() });
            self.rows.len() - 1
        })
    }

    fn counters(&mut self, row: usize) -> Option<&mut Counters> {
        self.rows.get_mut(row).map(|row| &mut row.counters)
    }

    fn sorted(&self, marked: bool) -> Vec<Row> {
        let mut rows: Vec<Row> = self.rows.clone();
        // A row whose last allocation got another owner is none any more.
        rows.retain(|Row { counters: c, .. }| c.allocs > 0 || c.failed > 0 || c.taken > 0);
        rows.sort_unstable_by_key(|row| row.key);
        for row in &mut rows {
            mark(&mut row.counters, marked);
        }
        rows
    }
}

/// Where calls are marked, nothing is known to be bracketed as long as nothing was.
fn mark(c: &mut Counters, marked: bool) {
    if marked {
        c.bracketed.get_or_insert(0);
    }
}

/// The key that the hypervisor's row has. For taken pages the owner is the domain that lost them.
pub(crate) fn whole_key(key: RowKey) -> RowKey {
    let owner = match key.owner {
        Owner::Passed(id) => Owner::Passed(DomainId::unknown(id.domain)),
        _ => Owner::Unknown,
    };
    RowKey { owner, ..key }
}

impl Tally {
    /// The row of an allocation, made if it is new.
    pub(crate) fn row_of(&mut self, event: &Event, owner: Owner) -> usize {
        let Event { stack, kind, charge, current, .. } = *event;
        self.row(RowKey { stack, kind, charge, current, owner })
    }

    fn row(&mut self, key: RowKey) -> usize {
        let row = self.rows.row_of(key);
        if row == self.whole.len() {
            self.whole.push(self.wholes.row_of(whole_key(key)));
        }
        row
    }

    pub(crate) fn key(&self, row: usize) -> Option<RowKey> {
        self.rows.rows.get(row).map(|row| row.key)
    }

    /// An allocation gets an owner: what was counted of it goes from one row to another. Its new
    /// row's peak rises if it must; peak, smallest and largest of the old row stay what they were.
    pub(crate) fn own(&mut self, row: usize, owner: Owner, one: &Counters) -> usize {
        let Some(key) = self.key(row) else { return row };
        if let Some(c) = self.rows.counters(row) {
            c.allocs = c.allocs.saturating_sub(one.allocs);
            c.bytes = c.bytes.saturating_sub(one.bytes);
            c.freed_bytes = c.freed_bytes.saturating_sub(one.freed_bytes);
            c.given_bytes = c.given_bytes.saturating_sub(one.given_bytes);
            c.live = c.live.saturating_sub(one.live);
            c.live_bytes = c.live_bytes.saturating_sub(one.live_bytes);
        }
        // Both are parts of one row of the hypervisor's.
        let new = self.row(RowKey { owner, ..key });
        if let Some(c) = self.rows.counters(new) {
            c.min = if c.allocs == 0 { one.bytes } else { c.min.min(one.bytes) };
            c.max = c.max.max(one.bytes);
            c.allocs = c.allocs.saturating_add(one.allocs);
            c.bytes = c.bytes.saturating_add(one.bytes);
            c.freed_bytes = c.freed_bytes.saturating_add(one.freed_bytes);
            c.given_bytes = c.given_bytes.saturating_add(one.given_bytes);
            live(c, one.live, one.live_bytes);
        }
        new
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = self.totals;
        for kind in Kind::ANONYMOUS {
            if let Some(of) = totals.of_mut(kind) {
                mark(&mut of.counters, self.marked);
            }
        }
        totals
    }

    /// The counters that an allocation of this row changes: the row's, the hypervisor's row's and
    /// its kind's.
    fn each(&mut self, row: usize, mut change: impl FnMut(&mut Counters)) {
        self.both(row, &mut change);
        if let Some(key) = self.key(row)
            && let Some(totals) = self.totals.of_mut(key.kind)
        {
            change(&mut totals.counters);
        }
    }

    fn both(&mut self, row: usize, mut change: impl FnMut(&mut Counters)) {
        if let Some(c) = self.rows.counters(row) {
            change(c);
        }
        if let Some(c) = self.whole.get(row).and_then(|&whole| self.wholes.counters(whole)) {
            change(c);
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
        // Single sizes are a row's only, and those of allocations only: taken pages come one by
        // one.
        if op == Op::Alloc {
            self.both(row, |c| {
                // The first, and not the first after others got another owner.
                let is_first = c.allocs == 1 && c.max == 0;
                c.min = if is_first { bytes } else { c.min.min(bytes) };
                c.max = c.max.max(bytes);
            });
        }
    }

    pub(crate) fn failed(&mut self, row: usize) {
        self.each(row, |c| c.failed = c.failed.saturating_add(1));
    }

    /// `ended`: how many allocations (or taken pages) ended with these bytes.
    pub(crate) fn gone(&mut self, row: usize, exit: Exit, ended: u64, bytes: u64) {
        self.each(row, |c| {
            let (count, sum) = match exit {
                Exit::Freed | Exit::Bracketed => (&mut c.freed, &mut c.freed_bytes),
                Exit::Given => (&mut c.given, &mut c.given_bytes),
            };
            *count = count.saturating_add(ended);
            *sum = sum.saturating_add(bytes);
            c.live = c.live.saturating_sub(ended);
            c.live_bytes = c.live_bytes.saturating_sub(bytes);
            if exit == Exit::Bracketed {
                let bracketed = c.bracketed.get_or_insert(0);
                *bracketed = bracketed.saturating_add(ended);
            }
        });
    }

    /// Given pages are anonymous again. `again`: how many allocations (or taken pages) were not
    /// live and are.
    pub(crate) fn back(&mut self, row: usize, again: u64, bytes: u64) {
        self.each(row, |c| {
            // The part that went last may have been freed and not given.
            let from_given = again.min(c.given);
            c.given -= from_given;
            c.freed = c.freed.saturating_sub(again - from_given);
            c.bracketed = c.bracketed.map(|bracketed| bracketed.min(c.freed));
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
        let count = if kind.is_block() { 1 } else { pages_of(bytes).max(1) };
        *orphans = orphans.saturating_add(count);
        *orphan_bytes = orphan_bytes.saturating_add(bytes);
    }

    /// All rows, sorted by key.
    pub(crate) fn sorted(&self) -> Vec<Row> {
        self.rows.sorted(self.marked)
    }

    /// All rows by the hypervisor's keys, sorted.
    pub(crate) fn wholes(&self) -> Vec<Row> {
        self.wholes.sorted(self.marked)
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
    /// That of an xmalloc or a vmalloc. Blocks of the pool never start on a page boundary.
    pub(crate) fn of_block(addr: u64, used: Option<u64>, size: u64) -> Self {
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
