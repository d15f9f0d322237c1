use xenheap_model::{
    Charge, Counters, Domain, DomainId, Event, Kind, KindTotals, Op, Owner, PAGE_SIZE, StackId,
};

use super::*;

const PAGE: u64 = PAGE_SIZE;

/// A book, and events that are numbered as they come.
#[derive(Default)]
struct Trial {
    book: Book,
    seq: u64,
}

impl Trial {
    fn event(&mut self, op: Op, kind: Kind, addr: u64, size: impl Into<Option<u64>>) -> Event {
        self.seq += 1;
        Event {
            seq: self.seq,
            op,
            kind,
            addr,
            size: size.into(),
            used: None,
            stack: StackId(1),
            current: Domain::Id(0),
            passed: None,
            charge: Charge::Nobody,
            memflags: 0,
            layer: 0,
            cpu: 0,
            time: 0,
            unknown: false,
            epoch: 0,
            bracketed: false,
            subject: None,
        }
    }

    fn apply(&mut self, op: Op, kind: Kind, addr: u64, size: impl Into<Option<u64>>) -> Option<Matched> {
        let event = self.event(op, kind, addr, size);
        self.book.apply(&event)
    }

    fn counters(&self, kind: Kind) -> Counters {
        self.book.totals().of(kind).counters
    }

    /// freed, given, live
    fn counts(&self, kind: Kind) -> [u64; 3] {
        let c = self.counters(kind);
        [c.freed, c.given, c.live]
    }

    /// the same in pages
    fn pages(&self, kind: Kind) -> [u64; 3] {
        let c = self.counters(kind);
        [c.freed_bytes / PAGE, c.given_bytes / PAGE, c.live_bytes / PAGE]
    }
}

#[test]
fn an_allocation_counts_as_freed_when_its_last_part_goes() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Xenheap, 0x10000, 4 * PAGE);
    let first = t.apply(Op::Free, Kind::Xenheap, 0x11000, PAGE).expect("it is there");
    assert_eq!((first.seq, first.size, first.bytes, first.last), (1, 4 * PAGE, PAGE, false));
    assert_eq!((t.counts(Kind::Xenheap), t.pages(Kind::Xenheap)), ([0, 0, 1], [1, 0, 3]));
    t.apply(Op::Free, Kind::Xenheap, 0x12000, 2 * PAGE);
    assert_eq!(t.counts(Kind::Xenheap), [0, 0, 1]);
    let last = t.apply(Op::Free, Kind::Xenheap, 0x10000, PAGE).expect("it is there");
    assert!(last.last);
    assert_eq!((t.counts(Kind::Xenheap), t.pages(Kind::Xenheap)), ([1, 0, 0], [4, 0, 0]));
    assert_eq!(t.counters(Kind::Xenheap).peak, 4 * PAGE);
    assert_eq!(t.book.totals().xenheap.pages_freed, 4);
    assert_eq!(t.book.live(), []);
}

#[test]
fn one_free_can_end_several_allocations() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Xenheap, 0x10000, PAGE);
    t.apply(Op::Alloc, Kind::PoolGrowth, 0x11000, PAGE);
    t.apply(Op::Alloc, Kind::Xenheap, 0x12000, 2 * PAGE);
    let matched = t.apply(Op::Free, Kind::Xenheap, 0x10000, 3 * PAGE).expect("it is there");
    assert_eq!((matched.seq, matched.bytes, matched.last), (1, PAGE, true));
    assert_eq!(t.counts(Kind::Xenheap), [1, 0, 1]);
    assert_eq!(t.counts(Kind::PoolGrowth), [1, 0, 0]);
    // Each gives its own kind's pages back.
    assert_eq!((t.book.totals().xenheap.pages_freed, t.book.totals().pool_growth.pages_freed), (2, 1));
    assert_eq!(*t.book.findings(), Findings::default());
}

#[test]
fn what_went_last_decides_between_freed_and_given() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Domheap, 0x10000, 2 * PAGE);
    t.apply(Op::Give, Kind::Domheap, 0x10000, PAGE);
    t.apply(Op::Free, Kind::Domheap, 0x11000, PAGE);
    assert_eq!((t.counts(Kind::Domheap), t.pages(Kind::Domheap)), ([1, 0, 0], [1, 1, 0]));
    t.apply(Op::Alloc, Kind::Domheap, 0x20000, 2 * PAGE);
    t.apply(Op::Free, Kind::Domheap, 0x20000, PAGE);
    t.apply(Op::Give, Kind::Domheap, 0x21000, PAGE);
    assert_eq!((t.counts(Kind::Domheap), t.pages(Kind::Domheap)), ([1, 1, 0], [2, 2, 0]));
    // Given pages are the domain's: the heap did not get them back.
    assert_eq!(t.book.totals().domheap.pages_freed, 2);
}

#[test]
fn a_failed_gift_brings_the_same_allocation_back() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Domheap, 0x10000, 4 * PAGE);
    t.apply(Op::Give, Kind::Domheap, 0x10000, 4 * PAGE);
    assert_eq!((t.counts(Kind::Domheap), t.pages(Kind::Domheap)), ([0, 1, 0], [0, 4, 0]));
    t.apply(Op::GiveBack, Kind::Domheap, 0x10000, 2 * PAGE);
    assert_eq!((t.counts(Kind::Domheap), t.pages(Kind::Domheap)), ([0, 0, 1], [0, 2, 2]));
    t.apply(Op::GiveBack, Kind::Domheap, 0x12000, 2 * PAGE);
    assert_eq!((t.counts(Kind::Domheap), t.pages(Kind::Domheap)), ([0, 0, 1], [0, 0, 4]));
    assert_eq!(t.apply(Op::Free, Kind::Domheap, 0x10000, 4 * PAGE).map(|m| (m.seq, m.last)), Some((1, true)));
    assert_eq!(t.counts(Kind::Domheap), [1, 0, 0]);
    assert_eq!(*t.book.findings(), Findings::default());
}

#[test]
fn a_gift_is_final_when_the_memory_is_allocated_again() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Domheap, 0x10000, PAGE);
    t.apply(Op::Give, Kind::Domheap, 0x10000, PAGE);
    t.apply(Op::Alloc, Kind::Domheap, 0x10000, PAGE);
    assert_eq!(t.book.findings().overlaps, Found::default());
    t.apply(Op::GiveBack, Kind::Domheap, 0x10000, PAGE);
    assert_eq!(t.book.findings().unmatched.count, 1);
    assert_eq!(t.counts(Kind::Domheap), [0, 1, 1]);
}

#[test]
fn remembered_gifts_are_bounded() {
    let mut t = Trial::default();
    for i in 0..2 * GIVEN as u64 + 10 {
        t.apply(Op::Alloc, Kind::Domheap, (1 << 40) + i * PAGE, PAGE);
        t.apply(Op::Give, Kind::Domheap, (1 << 40) + i * PAGE, PAGE);
    }
    assert!(t.book.given.len() <= GIVEN && t.book.given_order.len() <= 2 * GIVEN);
    assert!(t.book.allocations.slots.len() <= GIVEN + 2);
}

#[test]
fn taken_pages_live_like_an_allocation_and_are_none() {
    let mut t = Trial::default();
    let mut take = t.event(Op::Take, Kind::Domheap, 0x10000, PAGE);
    take.passed = Some(Domain::Id(3));
    t.book.apply(&take);
    let c = t.counters(Kind::Domheap);
    assert_eq!((c.allocs, c.taken, c.live, c.peak), (0, 1, 1, PAGE));
    let rows = t.book.rows();
    let row = rows.first().expect("there is a row");
    // Keyed like the hypervisor's rows, so that they can be compared: the domain that lost the page.
    assert_eq!(row.key.owner, Owner::Passed(DomainId::unknown(Domain::Id(3))));
    assert_eq!((row.counters.min, row.counters.max), (0, 0));
    t.apply(Op::Free, Kind::Domheap, 0x10000, PAGE);
    let totals = t.book.totals().domheap;
    assert_eq!((totals.pages, totals.pages_freed, totals.counters.live), (0, 1, 0));
}

#[test]
fn each_taken_page_is_a_block_of_its_own() {
    let mut t = Trial::default();
    t.apply(Op::Take, Kind::Domheap, 0x10000, 4 * PAGE);
    t.apply(Op::Free, Kind::Domheap, 0x11000, 2 * PAGE);
    assert_eq!((t.counts(Kind::Domheap), t.pages(Kind::Domheap)), ([2, 0, 2], [2, 0, 2]));
    t.apply(Op::Give, Kind::Domheap, 0x13000, PAGE);
    assert_eq!(t.counts(Kind::Domheap), [2, 1, 1]);
    t.apply(Op::GiveBack, Kind::Domheap, 0x13000, PAGE);
    assert_eq!((t.counts(Kind::Domheap), t.pages(Kind::Domheap)), ([2, 0, 2], [2, 0, 2]));
    assert_eq!(t.counters(Kind::Domheap).taken, 4);
}

#[test]
fn a_missed_free_is_the_older_allocations() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Xenheap, 0x10000, 4 * PAGE);
    t.apply(Op::Alloc, Kind::PoolGrowth, 0x11000, PAGE);
    let overlaps = t.book.findings().overlaps;
    assert_eq!(overlaps.count, 1);
    assert_eq!(overlaps.first, Some(Contradiction { addr: 0x11000, older: 1, newer: 2 }));
    assert_eq!((t.counts(Kind::Xenheap), t.pages(Kind::Xenheap)), ([0, 0, 1], [1, 0, 3]));
    t.apply(Op::Alloc, Kind::Xmalloc, 0x500, 100);
    t.apply(Op::Alloc, Kind::Xmalloc, 0x540, 10);
    t.apply(Op::Alloc, Kind::Xmalloc, 0x530, 100);
    assert_eq!(t.book.findings().overlaps.count, 3);
    assert_eq!(t.counts(Kind::Xmalloc), [2, 0, 1]);
    let live: Vec<_> = t.book.live().iter().map(|live| (live.seq, live.bytes / 10)).collect();
    assert_eq!(live, [(1, 3 * PAGE / 10), (2, PAGE / 10), (5, 10)]);
}

#[test]
fn classes_of_memory_do_not_meet() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Xmalloc, 0x10000, 3 * PAGE);
    t.apply(Op::Alloc, Kind::Xenheap, 0x10000, PAGE);
    assert_eq!(t.book.findings().overlaps.count, 0);
    assert!(t.book.in_whole_pages(0x12fff) && !t.book.in_whole_pages(0x13000));
    t.apply(Op::Free, Kind::Xmalloc, 0x10000, 3 * PAGE);
    assert_eq!(t.counts(Kind::Xenheap), [0, 0, 1]);
    assert_eq!((t.book.totals().xmalloc.pages, t.book.totals().xmalloc.pages_freed), (3, 3));
}

#[test]
fn orphans_are_explained_or_not() {
    let mut t = Trial::default();
    let mut before = t.event(Op::Free, Kind::Xmalloc, 0x530, None);
    before.unknown = true;
    before.used = Some(96);
    t.book.apply(&before);
    let mut before = t.event(Op::Free, Kind::Domheap, 0x10000, 2 * PAGE);
    before.unknown = true;
    t.book.apply(&before);
    assert_eq!(t.book.findings().before, 2);
    assert_eq!(t.book.findings().unmatched, Found::default());
    let x = t.book.totals().xmalloc;
    assert_eq!(x, KindTotals { orphans: 1, pool_freed: 96, ..KindTotals::default() });
    let d = t.book.totals().domheap;
    // By the page: how many were freed at once is the printer's affair.
    assert_eq!((d.orphans, d.orphan_bytes, d.pages_freed), (2, 2 * PAGE, 2));

    t.apply(Op::Free, Kind::Xmalloc, 0x730, 8);
    t.apply(Op::Give, Kind::Domheap, 0x20000, PAGE);
    let unmatched = t.book.findings().unmatched;
    assert_eq!((unmatched.count, unmatched.first.map(|c| c.newer)), (2, Some(3)));
    // What was given was never freed.
    assert_eq!(t.book.totals().domheap.orphans, 2);

    t.seq += 1;
    t.apply(Op::Free, Kind::Xmalloc, 0x930, 8);
    assert!(t.book.has_gap());
    assert_eq!(t.book.findings().unmatched_after_gap.count, 1);
    assert_eq!(t.book.findings().unmatched.count, 2);
}

#[test]
fn a_free_that_says_more_than_is_there() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Xenheap, 0x10000, PAGE);
    t.apply(Op::Free, Kind::Xenheap, 0x10000, 3 * PAGE);
    assert_eq!(t.counts(Kind::Xenheap), [1, 0, 0]);
    let totals = t.book.totals().xenheap;
    assert_eq!((totals.orphans, totals.orphan_bytes, totals.pages_freed), (2, 2 * PAGE, 3));
    assert_eq!(t.book.findings().unmatched.count, 1);
    t.apply(Op::Alloc, Kind::Xmalloc, 0x530, 8);
    t.apply(Op::Free, Kind::Xmalloc, 0x530, 9);
    assert_eq!(t.book.findings().other_size.count, 1);
}

#[test]
fn a_known_allocation_that_the_recorder_says_it_never_saw() {
    let mut t = Trial::default();
    for (kind, addr, size) in [(Kind::Xmalloc, 0x530, 8), (Kind::Domheap, 0x10000, PAGE)] {
        t.apply(Op::Alloc, kind, addr, size);
        let mut free = t.event(Op::Free, kind, addr, size);
        free.unknown = true;
        assert!(t.book.apply(&free).is_some());
        assert_eq!(t.counts(kind), [1, 0, 0]);
    }
    assert_eq!(t.book.findings().contradicted.count, 2);
}

#[test]
fn a_free_without_a_size_frees_what_starts_there_or_one_page() {
    let mut t = Trial::default();
    t.apply(Op::Alloc, Kind::Domheap, 0x10000, 4 * PAGE);
    t.apply(Op::Free, Kind::Domheap, 0x12000, None);
    assert_eq!(t.pages(Kind::Domheap), [1, 0, 3]);
    t.apply(Op::Free, Kind::Domheap, 0x10000, None);
    assert_eq!(t.pages(Kind::Domheap), [3, 0, 1]);
    t.apply(Op::Free, Kind::Domheap, 0x13000, None);
    assert_eq!(t.counts(Kind::Domheap), [1, 0, 0]);
    t.apply(Op::Free, Kind::Domheap, 0x13000, None);
    assert_eq!(t.book.totals().domheap.orphans, 1);
}

#[test]
fn failures_count_in_their_row_and_allocate_nothing() {
    let mut t = Trial::default();
    let mut fail = t.event(Op::Fail, Kind::Domheap, 0, 512 * PAGE);
    fail.charge = Charge::NoOwner;
    fail.passed = Some(Domain::Id(0));
    t.book.apply(&fail);
    assert_eq!(t.counters(Kind::Domheap), Counters { failed: 1, ..Counters::default() });
    assert_eq!(t.book.rows().len(), 1);
    assert_eq!(t.book.live(), []);
}

#[test]
fn pool_blocks_and_whole_pages_take_different_memory() {
    let mut t = Trial::default();
    for (addr, size, used) in [(0x530, 70, 96), (0x20000, 5000, 2 * PAGE)] {
        let mut alloc = t.event(Op::Alloc, Kind::Xmalloc, addr, size);
        alloc.used = Some(used);
        t.book.apply(&alloc);
    }
    let x = t.book.totals().xmalloc;
    assert_eq!((x.pages, x.pool, x.counters.bytes), (2, 96, 5070));
    for addr in [0x530, 0x20000] {
        t.apply(Op::Free, Kind::Xmalloc, addr, None);
    }
    let x = t.book.totals().xmalloc;
    assert_eq!((x.pages_freed, x.pool_freed), (2, 96));
}
