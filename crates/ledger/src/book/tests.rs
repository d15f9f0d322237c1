use xenheap_model::{
    Amount, Charge, Counters, Domain, DomainEvent, DomainId, Event, How, Kind, KindTotals, Life, Op, Owner,
    PAGE_SIZE, Pool, Row, StackId, Subject,
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
            untried: None,
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
    // Keyed like the hypervisor's rows, so that they can be compared: the domain that lost the
    // page.
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

const fn id(domain: u16, generation: u32) -> DomainId {
    DomainId { domain: Domain::Id(domain), generation }
}

impl Trial {
    fn life(&mut self, id: DomainId, life: Life) {
        self.seq += 1;
        let event = DomainEvent { seq: self.seq, life, id, current: Domain::Id(0), cpu: 0, time: self.seq };
        self.book.domain(&event);
    }

    fn created(&mut self, id: DomainId) {
        self.life(id, Life::Created { flags: 0 });
    }

    fn ended(&mut self, id: DomainId) {
        self.life(id, Life::Ended { failed: false, pool: Pool::default() });
    }

    fn with(
        &mut self,
        op: Op,
        kind: Kind,
        addr: u64,
        size: u64,
        detail: impl FnOnce(&mut Event),
    ) -> Option<Matched> {
        let mut event = self.event(op, kind, addr, size);
        detail(&mut event);
        self.book.apply(&event)
    }

    fn owners(&self) -> Vec<Owner> {
        self.book.rows().iter().map(|row| row.key.owner).collect()
    }
}

fn by(how: How, id: DomainId) -> impl FnOnce(&mut Event) {
    move |event| event.subject = Some(Subject { how, id })
}

#[test]
fn an_owner_is_who_was_passed_else_the_subject() {
    let mut t = Trial::default();
    t.created(id(5, 2));
    let passed = |event: &mut Event| event.passed = Some(Domain::Id(5));
    t.with(Op::Alloc, Kind::Xmalloc, 0x110, 8, by(How::Create, id(5, 2)));
    t.with(Op::Alloc, Kind::Xmalloc, 0x210, 8, by(How::Domctl, id(5, 2)));
    t.with(Op::Alloc, Kind::Xmalloc, 0x310, 8, by(How::Destroy, id(5, 2)));
    t.with(Op::Alloc, Kind::Domheap, 0x10000, PAGE, passed);
    t.with(Op::Alloc, Kind::PoolGrowth, 0x20000, PAGE, by(How::Create, id(5, 2)));
    let expected = [
        Owner::Unknown,
        Owner::Created(id(5, 2)),
        Owner::Domctl(id(5, 2)),
        Owner::Passed(id(5, 2)),
        // Whoever makes the pool grow, its pages are nobody's.
        Owner::Unknown,
    ];
    assert_eq!(t.owners(), expected);
    // The hypervisor's rows know what was passed.
    let whole: Vec<Owner> = t.book.whole_rows().iter().map(|row| row.key.owner).collect();
    assert_eq!(whole, [Owner::Unknown, Owner::Passed(id(5, 0)), Owner::Unknown]);
    // While two domains have the id, the subject tells which is meant, else it is the newer; and
    // none when both are gone.
    t.created(id(5, 3));
    t.with(Op::Alloc, Kind::Domheap, 0x11000, PAGE, |event| {
        passed(event);
        by(How::Destroy, id(5, 2))(event);
    });
    let made = t.with(Op::Alloc, Kind::Domheap, 0x12000, PAGE, passed);
    assert_eq!(made.map(|made| made.owner), Some(Owner::Passed(id(5, 3))));
    t.ended(id(5, 3));
    let made = t.with(Op::Alloc, Kind::Domheap, 0x13000, PAGE, passed);
    assert_eq!(made.map(|made| made.owner), Some(Owner::Passed(id(5, 2))));
    t.ended(id(5, 2));
    let made = t.with(Op::Alloc, Kind::Domheap, 0x14000, PAGE, passed);
    assert_eq!(made.map(|made| made.owner), Some(Owner::Passed(id(5, 0))));
    let account =
        |generation| t.book.domains().into_iter().find(|account| account.id.generation == generation);
    assert_eq!(account(2).map(|account| account.left()), Some(Amount { count: 5, bytes: 16 + 3 * PAGE }));
    assert_eq!(account(3).map(|account| account.left()), Some(Amount { count: 1, bytes: PAGE }));
    assert_eq!(t.book.left().iter().map(|left| left.live.bytes).sum::<u64>(), 16 + 4 * PAGE);
}

#[test]
fn what_is_freed_in_a_destruction_was_the_domains() {
    let mut t = Trial::default();
    t.created(id(5, 2));
    t.apply(Op::Alloc, Kind::Xmalloc, 0x110, 100);
    t.apply(Op::Alloc, Kind::Xmalloc, 0x210, 40);
    t.apply(Op::Alloc, Kind::Xenheap, 0x10000, 4 * PAGE);
    t.apply(Op::Free, Kind::Xenheap, 0x11000, PAGE);
    let whole = t.book.whole_rows();
    let freed = t.with(Op::Free, Kind::Xmalloc, 0x110, 100, by(How::Destroy, id(5, 2)));
    assert_eq!(freed.map(|freed| freed.owner), Some(Owner::Destroyed(id(5, 2))));
    t.with(Op::Free, Kind::Xenheap, 0x12000, 2 * PAGE, by(How::Destroy, id(5, 2)));
    assert_eq!(t.owners(), [Owner::Unknown, Owner::Destroyed(id(5, 2)), Owner::Destroyed(id(5, 2))]);
    let rows = t.book.rows();
    let counts = |row: &Row| {
        let c = row.counters;
        [c.allocs, c.bytes, c.freed, c.freed_bytes, c.live, c.live_bytes, c.peak]
    };
    let counts: Vec<_> = rows.iter().map(counts).collect();
    assert_eq!(
        counts,
        [
            [1, 40, 0, 0, 1, 40, 140],
            [1, 100, 1, 100, 0, 0, 100],
            [1, 4 * PAGE, 0, 3 * PAGE, 1, PAGE, 3 * PAGE],
        ]
    );
    // To the hypervisor nothing has changed but that memory is free.
    assert_eq!(t.book.whole_rows().len(), whole.len());
    assert_eq!(t.book.whole_rows().iter().map(|row| row.counters.peak).collect::<Vec<_>>(), [140, 4 * PAGE]);
    // What is a domain's stays it; another domain's destruction may free it.
    t.created(id(6, 3));
    t.with(Op::Alloc, Kind::Xmalloc, 0x310, 8, by(How::Create, id(6, 3)));
    let freed = t.with(Op::Free, Kind::Xmalloc, 0x310, 8, by(How::Destroy, id(5, 2)));
    assert_eq!(freed.map(|freed| freed.owner), Some(Owner::Created(id(6, 3))));
    // And a domain without a generation pretends nothing.
    let freed = t.with(Op::Free, Kind::Xmalloc, 0x210, 40, by(How::Destroy, id(9, 0)));
    assert_eq!(freed.map(|freed| freed.owner), Some(Owner::Unknown));
    t.ended(id(5, 2));
    let left: Vec<_> = t.book.left().iter().map(|left| (left.kind, left.owner, left.live.bytes)).collect();
    assert_eq!(left, [(Kind::Xenheap, Owner::Destroyed(id(5, 2)), PAGE)]);
    assert_eq!(*t.book.life_findings(), LifeFindings::default());
}

#[test]
fn lives_that_cannot_be() {
    let found = |make: &dyn Fn(&mut Trial)| {
        let mut t = Trial::default();
        t.created(id(5, 2));
        make(&mut t);
        let LifeFindings { twice, never_created, after_end } = *t.book.life_findings();
        [twice.count, never_created.count, after_end.count]
    };
    assert_eq!(found(&|t| t.created(id(6, 3))), [0, 0, 0]);
    assert_eq!(found(&|t| t.created(id(5, 2))), [1, 0, 0]);
    assert_eq!(found(&|t| t.ended(id(6, 2))), [1, 0, 0]);
    assert_eq!(found(&|t| t.ended(id(6, 3))), [0, 1, 0]);
    let again = |t: &mut Trial| {
        t.ended(id(5, 2));
        t.ended(id(5, 2));
    };
    assert_eq!(found(&again), [0, 0, 1]);
    let after = |op| {
        move |t: &mut Trial| {
            t.ended(id(5, 2));
            t.with(op, Kind::Domheap, 0x10000, PAGE, by(How::Destroy, id(5, 2)));
        }
    };
    assert_eq!(found(&after(Op::Alloc)), [0, 0, 1]);
    // A late free is none.
    assert_eq!(found(&after(Op::Free)), [0, 0, 0]);
    let no_generation = |t: &mut Trial| {
        t.with(Op::Alloc, Kind::Xmalloc, 0x10, 8, by(How::Domctl, id(1, 0)));
    };
    assert_eq!(found(&no_generation), [0, 0, 0]);
}

#[test]
fn what_a_call_leaves_behind() {
    let mut t = Trial::default();
    let call = |cpu, epoch| {
        move |event: &mut Event| {
            event.cpu = cpu;
            event.epoch = epoch;
        }
    };
    t.with(Op::Alloc, Kind::Xmalloc, 0x110, 100, call(0, 7));
    t.with(Op::Alloc, Kind::Xmalloc, 0x210, 30, call(0, 7));
    // The other CPU may free it before the call has ended: the recorder says so.
    t.with(Op::Free, Kind::Xmalloc, 0x110, 100, |event| {
        call(1, 3)(event);
        event.bracketed = true;
    });
    t.with(Op::Alloc, Kind::Domheap, 0x10000, 4 * PAGE, call(0, 7));
    t.with(Op::Give, Kind::Domheap, 0x10000, 4 * PAGE, call(0, 7));
    t.with(Op::Alloc, Kind::Xmalloc, 0x310, 50, call(0, 8));
    // Too late for its call.
    t.with(Op::Free, Kind::Xmalloc, 0x210, 30, call(0, 8));
    t.with(Op::Free, Kind::Xmalloc, 0x310, 50, |event| {
        call(0, 8)(event);
        event.bracketed = true;
    });
    // In no call at all.
    t.apply(Op::Alloc, Kind::Xmalloc, 0x410, 9);
    let services: Vec<_> =
        t.book.services().iter().map(|s| (s.kind, s.calls, s.leaving, s.most.bytes, s.total.count)).collect();
    assert_eq!(services, [(Kind::Xmalloc, 2, 1, 30, 1), (Kind::Domheap, 1, 0, 0, 0)]);
    // One call that leaves 30 bytes at one place and a page at another.
    t.with(Op::Alloc, Kind::Xmalloc, 0x510, 30, call(0, 9));
    t.with(Op::Alloc, Kind::Xenheap, 0x50000, PAGE, call(0, 9));
    t.with(Op::Alloc, Kind::PoolGrowth, 0x60000, PAGE, call(0, 9));
    let wholes: Vec<_> =
        t.book.services().iter().map(|s| (s.kind, s.most_whole.count, s.most_whole.bytes)).collect();
    let both = |kind| (kind, 2, PAGE + 30);
    assert_eq!(
        wholes,
        [both(Kind::Xmalloc), both(Kind::Xenheap), (Kind::Domheap, 0, 0), both(Kind::PoolGrowth)]
    );
    assert_eq!(t.counters(Kind::Xmalloc).bracketed, Some(2));
    assert_eq!(t.counters(Kind::Domheap).bracketed, Some(0));
    // A recorder that marks no calls knows nothing of it.
    let mut old = Trial::default();
    old.apply(Op::Alloc, Kind::Xmalloc, 0x110, 100);
    assert_eq!((old.counters(Kind::Xmalloc).bracketed, old.book.services().len()), (None, 0));
}
