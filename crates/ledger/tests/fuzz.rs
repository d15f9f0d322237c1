//! Any records in any order: no panic, no number out of nothing, and what is told stays within
//! bounds.

use proptest::prelude::*;
use xenheap_console::{
    Counted, DumpBegin, DumpEnd, Header, KindLine, Place, Record, RecordSink, Refusal, RfcRecord, RowLine,
    StackLine, Tag,
};
use xenheap_ledger::{Account, Book, Config, EventSink, Intake, Matched};
use xenheap_model::{
    AnyEvent, Charge, CheckId, CheckOutcome, Counters, Domain, DomainEvent, DomainId, DomainState, Event,
    How, Kind, KindTotals, Life, Machine, Mark, Op, Owner, Pair, Pc, Pool, RfcOp, Row, RowKey, StackId,
    Subject, TraceFrame, View,
};

/// Small numbers, so that records meet, and the ends of the range.
fn number() -> BoxedStrategy<u64> {
    prop_oneof![6 => 0u64..8, 1 => Just(u64::MAX), 1 => u64::MAX - 3..=u64::MAX, 1 => any::<u64>()].boxed()
}

fn address() -> BoxedStrategy<u64> {
    prop_oneof![4 => (0u64..6).prop_map(|n| n * 4096), 2 => 0u64..100, 1 => number()].boxed()
}

fn size() -> BoxedStrategy<u64> {
    prop_oneof![4 => (0u64..4).prop_map(|n| n * 4096), 2 => 0u64..100, 1 => number()].boxed()
}

fn kind() -> BoxedStrategy<Kind> {
    prop::sample::select(&Kind::ANONYMOUS[..]).boxed()
}

fn domain() -> impl Strategy<Value = Domain> {
    prop::sample::select(vec![Domain::Id(0), Domain::Id(1), Domain::Idle, Domain::Null])
}

fn view() -> impl Strategy<Value = View> {
    prop::sample::select(vec![View::Trace, View::Warn, View::Summary])
}

/// Few of them, so that ids and generations meet in every way.
fn domain_id() -> impl Strategy<Value = DomainId> {
    (0u16..3, 0u32..5).prop_map(|(id, generation)| DomainId { domain: Domain::Id(id), generation })
}

fn subject() -> impl Strategy<Value = Subject> {
    let how = prop::sample::select(vec![How::Create, How::Destroy, How::Domctl, How::Move]);
    (how, domain_id()).prop_map(|(how, id)| Subject { how, id })
}

fn domain_event() -> impl Strategy<Value = DomainEvent> {
    let life = prop_oneof![
        number().prop_map(|flags| Life::Created { flags }),
        any::<bool>().prop_map(|failed| Life::Ended { failed, pool: Pool::default() }),
    ];
    (life, domain_id(), domain(), number()).prop_map(|(life, id, current, time)| DomainEvent {
        seq: 0,
        life,
        id,
        current,
        cpu: 0,
        time,
    })
}

fn any_event() -> BoxedStrategy<AnyEvent> {
    prop_oneof![4 => event().prop_map(AnyEvent::from), 1 => domain_event().prop_map(AnyEvent::from)].boxed()
}

fn numbered(seq: u64, mut event: AnyEvent) -> AnyEvent {
    match &mut event {
        AnyEvent::Memory(event) => event.seq = seq,
        AnyEvent::Domain(event) => event.seq = seq,
    }
    event
}

fn counted() -> BoxedStrategy<Counted> {
    prop_oneof![
        4 => kind().prop_map(Counted::Anonymous),
        1 => Just(Counted::DomainPool),
        1 => Just(Counted::NoRefcount),
    ]
    .boxed()
}

prop_compose! {
    fn event()(
        op in prop::sample::select(vec![Op::Alloc, Op::Fail, Op::Free, Op::Give, Op::GiveBack, Op::Take]),
        kind in kind(), addr in address(), size in prop::option::weighted(0.9, size()),
        used in prop::option::of(size()), stack in 0u32..4, current in domain(),
        passed in prop::option::of(domain()), no_owner in any::<bool>(), unknown in any::<bool>(), time in number(),
        (cpu, epoch, bracketed, subject) in (0u32..2, 0u64..4, any::<bool>(), prop::option::of(subject())),
    ) -> Event {
        let charge = if no_owner { Charge::NoOwner } else { Charge::Nobody };
        Event {
            seq: 0, op, kind, addr, size, used, stack: StackId(stack), current, passed, charge, memflags: 0, layer: 0,
            cpu, time, unknown, epoch, bracketed, subject, untried: None,
        }
    }
}

fn counters() -> impl Strategy<Value = Counters> {
    (number(), number(), number(), number()).prop_map(|(allocs, bytes, freed, live)| Counters {
        allocs,
        bytes,
        freed,
        live,
        live_bytes: bytes,
        peak: live,
        ..Counters::default()
    })
}

fn record() -> BoxedStrategy<(u64, Record)> {
    let key = (0u32..4, kind(), domain()).prop_map(|(stack, kind, current)| RowKey {
        stack: StackId(stack),
        kind,
        charge: Charge::Nobody,
        current,
        owner: Owner::Unknown,
    });
    let record = prop_oneof![
        12 => (view(), event()).prop_map(|(view, event)| Record::Event { view, event }).boxed(),
        4 => (view(), domain_event()).prop_map(|(view, event)| Record::Domain { view, event }).boxed(),
        1 => (domain_id(), number()).prop_map(|(id, size)| {
            Record::State(DomainState { id, pool: Pool { size, ..Pool::default() } })
        }),
        1 => prop::collection::vec(view(), 0..3).prop_map(|modes| Record::Header(Header { modes, ..Header::default() })),
        2 => (0u32..4, 0u64..2).prop_map(|(id, hash)| {
            Record::Stack(StackLine { id: StackId(id), hash, pcs: vec![Pc { addr: 1, exact: false }], truncated: false })
        }),
        1 => number().prop_map(|number| Record::DumpBegin(DumpBegin { number, why: "key\u{1b}".to_owned().into() })),
        1 => (number(), 0u64..3, 0u64..3)
            .prop_map(|(number, stacks, rows)| Record::DumpEnd(DumpEnd { number, stacks, rows, bills: 0, cut: false })),
        1 => (key, counters()).prop_map(|(key, counters)| Record::Row(RowLine { key, counters })),
        6 => (counted(), counters(), number()).prop_map(|(of, counters, pages)| {
            Record::Kind(KindLine { of, totals: KindTotals { counters, pages, pool: pages, ..KindTotals::default() } })
        }),
        1 => (number(), number(), number()).prop_map(|(start, now, n)| Record::Machine(Machine {
            free: Pair { start, now }, poolused: Pair { start: now, now: start }, poolhdr: n, owned_alloc: n, busy: n,
            lost_live: start, ..Machine::default()
        })),
    ];
    (number(), record.boxed()).boxed()
}

fn rfc() -> BoxedStrategy<RfcRecord> {
    let names = [
        "_xmalloc",
        "xfree",
        "alloc_domheap_pages",
        "xmalloc_tlsf.c#xmalloc_whole_pages",
        "xmem_pool_alloc",
        "",
    ];
    let frame = (
        prop::sample::select(names.to_vec()),
        0u64..3,
        prop::sample::select(vec![Mark::R, Mark::Pc, Mark::Lr]),
    )
        .prop_map(|(name, addr, mark)| TraceFrame {
            addr: Some(addr),
            name: name.to_owned(),
            offset: None,
            mark,
        });
    let op = prop::sample::select(&RfcOp::ALL[..]);
    (
        op,
        domain(),
        prop::option::of(size()),
        prop::option::weighted(0.9, address()),
        prop::collection::vec(frame, 0..4),
    )
        .prop_map(|(op, domain, size, ptr, trace)| RfcRecord {
            op,
            domain,
            size,
            ptr,
            trace,
            time: None,
            uncertain: None,
        })
        .boxed()
}

#[derive(Clone, Debug)]
enum Input {
    Record(u32, u64, Box<Record>),
    Rfc(RfcRecord),
    Refused(Refusal),
}

fn input() -> BoxedStrategy<Input> {
    let tag = prop_oneof![5 => Just(1u32), 1 => 1u32..4];
    prop_oneof![
        10 => (tag, record()).prop_map(|(tag, (seq, record))| Input::Record(tag, seq, Box::new(record))),
        2 => rfc().prop_map(Input::Rfc),
        1 => prop::sample::select(vec![
            Refusal::Guest, Refusal::Damaged(None), Refusal::Damaged(Some(Tag(1))), Refusal::Malformed(Some(Tag(2))),
            Refusal::RfcDamaged,
            Refusal::RfcUnmarked,
        ]).prop_map(Input::Refused),
    ]
    .boxed()
}

/// The events that come out, applied to another book.
#[derive(Default)]
struct Again {
    book: Book,
    last: u64,
    in_order: bool,
    same: bool,
}

impl EventSink for Again {
    fn event(&mut self, event: &Event, matched: Option<&Matched>) {
        self.in_order &= event.seq > self.last;
        self.last = event.seq;
        self.same &= self.book.apply(event).as_ref() == matched;
    }

    fn domain(&mut self, event: &DomainEvent) {
        self.in_order &= event.seq > self.last;
        self.last = event.seq;
        self.book.domain(event);
    }
}

fn feed(intake: &mut Intake<'_>, inputs: Vec<Input>) {
    for (line, input) in (1..).zip(inputs) {
        let at = Place { line, offset: line * 80 };
        match input {
            Input::Record(tag, seq, mut record) => {
                match &mut *record {
                    Record::Event { event, .. } => event.seq = seq,
                    Record::Domain { event, .. } => event.seq = seq,
                    _ => {}
                }
                let bytes = format!("{tag} {seq} {record:?}");
                intake.record(at, Tag(tag), seq, bytes.as_bytes(), *record);
            }
            Input::Rfc(record) => intake.rfc(at, record),
            Input::Refused(why) => intake.refused(at, why),
        }
    }
}

fn assert_sound(account: &Account) {
    let ids: Vec<CheckId> = account.checks.iter().map(|check| check.id).collect();
    assert_eq!(ids, CheckId::ALL);
    for check in &account.checks {
        let printable = check.detail.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        assert!(printable && !check.detail.is_empty() && check.detail.len() < 2000, "{check:?}");
    }
    assert!(account.profile.is_sorted_by(|a, b| a.key < b.key));
    assert!(account.live.is_sorted_by_key(|live| live.seq));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_records(inputs in prop::collection::vec(input(), 0..80)) {
        let mut again = Again { in_order: true, same: true, ..Again::default() };
        let mut intake = Intake::with_sink(Config::default(), &mut again);
        feed(&mut intake, inputs);
        let account = intake.finish().expect("nothing was asked for");
        assert_sound(&account);
        prop_assert!(again.in_order && again.same);
        if account.streamed.is_some() && account.streamed_the_chosen() {
            prop_assert_eq!(again.book.rows(), account.profile);
            prop_assert_eq!(again.book.live(), account.live);
        }
    }

    #[test]
    fn any_choice(inputs in prop::collection::vec(input(), 0..40), boot in prop::option::of(0u32..3), view in prop::option::of(view())) {
        let mut intake = Intake::new(Config { boot, view, format: None });
        feed(&mut intake, inputs);
        match intake.finish() {
            Ok(account) => assert_sound(&account),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_events(events in prop::collection::vec(any_event(), 0..200)) {
        let mut book = Book::new();
        for (seq, event) in (1..).zip(events) {
            book.any(&numbered(seq, event));
        }
        for row in book.rows() {
            prop_assert!(row.counters.live_bytes <= row.counters.peak);
        }
    }

    #[test]
    fn sensible_events_keep_the_books_balanced(events in prop::collection::vec(any_event(), 0..200)) {
        let mut book = Book::new();
        for (seq, event) in (1..).zip(events) {
            let mut event = numbered(seq, event);
            if let AnyEvent::Memory(event) = &mut event {
                event.addr %= 1 << 40;
                event.size = Some(event.size.unwrap_or(0).clamp(1, 1 << 20).next_multiple_of(4096));
            }
            book.any(&event);
            for kind in Kind::ANONYMOUS {
                let c = book.totals().of(kind).counters;
                prop_assert_eq!(c.live, c.allocs + c.taken - c.freed - c.given);
                prop_assert_eq!(c.live_bytes, c.bytes + c.taken_bytes - c.freed_bytes - c.given_bytes);
            }
        }
        let live = book.live();
        let bytes: u64 = live.iter().map(|live| live.bytes).sum();
        let rows = book.rows();
        prop_assert_eq!(bytes, rows.iter().map(|row| row.counters.live_bytes).sum::<u64>());
        // Whoever a row is for, it is a part of one of the hypervisor's. (What comes back is taken
        // from what the row gave, else from what it freed, so only their sum is the same, and what
        // was freed within a call only bounded.)
        let sums = |rows: &[Row]| {
            let of = |get: fn(&Counters) -> u64| rows.iter().map(|row| get(&row.counters)).sum::<u64>();
            let gone = of(|c| c.freed + c.given);
            [of(|c| c.allocs), of(|c| c.bytes), gone, of(|c| c.live)]
        };
        prop_assert_eq!(sums(&rows), sums(&book.whole_rows()));
        prop_assert!(rows.iter().all(|row| row.counters.bracketed.unwrap_or(0) <= row.counters.freed));
        for account in book.domains() {
            let live = account.allocated.bytes + account.taken.bytes - account.freed.bytes - account.given.bytes;
            prop_assert_eq!(account.live.bytes, live);
        }
        let left: u64 = book.left().iter().map(|left| left.live.bytes).sum();
        prop_assert_eq!(left, book.domains().iter().map(|account| account.left().bytes).sum::<u64>());
        // Taken pages count one by one.
        prop_assert!(live.len() as u64 <= rows.iter().map(|row| row.counters.live).sum::<u64>());
    }
}

#[test]
fn an_empty_log_says_so() {
    let account = Intake::new(Config::default()).finish().expect("nothing was asked for");
    assert_sound(&account);
    let failed: Vec<CheckId> = account
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Failed)
        .map(|check| check.id)
        .collect();
    assert_eq!(failed, [CheckId::Header]);
}
