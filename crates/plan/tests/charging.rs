//! What must hold of charging, whatever happens.

use std::collections::BTreeMap;

use proptest::prelude::*;
use xenheap_judge::Key;
use xenheap_ledger::{Book, EventSink};
use xenheap_model::{
    Charge, Domain, DomainEvent, DomainId, Event, How, Kind, Life, Op, PAGE_SIZE, Run, StackId, Subject,
};
use xenheap_plan::{Charged, Margin, Of, Payer, Plan, Policy, Rules, RunPlan, Trace, Usage, Why, charge};
use xenheap_verdicts::ChargeTo;

const PAGES: u64 = 0xffff_8300_0000_0000;

fn id(domain: u16) -> DomainId {
    DomainId { domain: Domain::Id(domain), generation: u32::from(domain) + 1 }
}

/// With nothing but what every event has.
fn empty(seq: u64, op: Op, kind: Kind, addr: u64) -> Event {
    serde_json::from_value(serde_json::json!({
        "seq": seq, "op": op, "kind": kind, "addr": addr, "size": null, "stack": 1, "current": "d0", "charge": "nobody",
    }))
    .expect("an event")
}

prop_compose! {
    /// An event at one of few places, so that frees meet allocations; xmallocs do not overlap,
    /// pages can.
    fn event()(
        op in prop_oneof![6 => Just(Op::Alloc), 4 => Just(Op::Free), 1 => Just(Op::Give), 1 => Just(Op::GiveBack), 1 => Just(Op::Take)],
        kind in prop_oneof![2 => Just(Kind::Xmalloc), 1 => Just(Kind::Vmalloc), 1 => Just(Kind::Xenheap), 2 => Just(Kind::Domheap)],
        place in 0..16u64,
        whole in prop::bool::weighted(0.1),
        len in 1..5u64,
        bytes in 0..400u64,
        known_size in prop::bool::weighted(0.9),
        current in prop_oneof![Just(Domain::Id(0)), Just(Domain::Id(1)), Just(Domain::Idle)],
        passed in prop::option::weighted(0.2, prop_oneof![Just(Domain::Id(1)), Just(Domain::Xen)]),
        subject in prop::option::weighted(0.4, (prop_oneof![Just(How::Create), Just(How::Destroy), Just(How::Domctl)], 1..3u16)),
        known_used in prop::bool::weighted(0.7),
        epoch in 0..4u64,
        stack in 1..5u32,
    ) -> Event {
        let kind = if matches!(op, Op::Alloc | Op::Free) || !kind.is_block() { kind } else { Kind::Domheap };
        let addr = match (kind, whole) {
            (Kind::Xmalloc, true) => 0x10_0000 * (place + 1),
            (Kind::Xmalloc, false) => 0x1000 * (place + 1) + 0x110,
            (Kind::Vmalloc, _) => 0x1000_0000 * (place + 1),
            _ => PAGES + place * PAGE_SIZE,
        };
        let size = match kind {
            Kind::Xmalloc => bytes,
            Kind::Vmalloc => bytes * 37,
            _ => len * PAGE_SIZE,
        };
        let used = if addr % PAGE_SIZE == 0 { size.div_ceil(PAGE_SIZE) * PAGE_SIZE } else { size.div_ceil(16) * 16 + 48 };
        Event {
            size: (known_size || op != Op::Free).then_some(size),
            used: (known_used && kind.is_block()).then_some(used),
            epoch,
            current,
            passed,
            charge: if passed.is_some() { Charge::NoOwner } else { Charge::Nobody },
            subject: subject.map(|(how, domain)| Subject { how, id: id(domain) }),
            stack: StackId(stack),
            ..empty(0, op, kind, addr)
        }
    }
}

fn rules() -> impl Strategy<Value = Rules> {
    let to = prop_oneof![
        Just(ChargeTo::Owner),
        Just(ChargeTo::Current),
        Just(ChargeTo::System),
        Just(ChargeTo::Never)
    ];
    prop::collection::btree_map(1..5u32, to, 0..4).prop_map(|by_stack| {
        let keys = by_stack.into_iter().flat_map(|(stack, to)| {
            let kinds = [Kind::Xmalloc, Kind::Vmalloc, Kind::Xenheap, Kind::Domheap];
            let key = move |kind, charge| Key { stack: StackId(stack), kind, charge };
            kinds
                .into_iter()
                .flat_map(move |kind| [(key(kind, Charge::Nobody), to), (key(kind, Charge::NoOwner), to)])
        });
        keys.collect()
    })
}

/// What a book and a trace make of the same events.
fn replay(events: &[Event]) -> (Book, Trace) {
    let (mut book, mut trace) = (Book::new(), Trace::new());
    for domain in 0..3 {
        let created = DomainEvent {
            seq: u64::from(domain) + 1,
            life: Life::Created { flags: 0 },
            id: id(domain),
            current: Domain::Id(0),
            cpu: 0,
            time: 0,
        };
        book.domain(&created);
        trace.domain(&created);
    }
    for (seq, event) in (4..).zip(events) {
        let event = Event { seq, time: seq * 1000, ..event.clone() };
        let matched = book.apply(&event);
        trace.event(&event, matched.as_ref());
    }
    (book, trace)
}

fn sum(charged: &BTreeMap<Of, Charged>, policy: Policy) -> (u64, u64, u64) {
    let by = charged.iter().filter(|(of, _)| matches!(of, Of::By(by, _) if *by == policy));
    by.fold((0, 0, 0), |(bytes, pages, used), (_, Charged { now, .. })| {
        (bytes + now.bytes, pages + now.pages, used + now.used)
    })
}

proptest! {
    #[test]
    fn policies_share_out_exactly_what_is_live(
        events in prop::collection::vec(event(), 0..120),
        rules in prop::option::of(rules()),
    ) {
        let (book, trace) = replay(&events);
        let charged = charge(&trace, rules.as_ref());
        let all = charged.get(&Of::All).map(|charged| charged.now).unwrap_or_default();
        let totals = book.totals();
        let live = |kind| totals.of(kind).counters.live_bytes;
        let pages = live(Kind::Xenheap) + live(Kind::Domheap);
        prop_assert_eq!(all.asked, pages + live(Kind::Xmalloc) + live(Kind::Vmalloc));
        // What a vmalloc takes are whole pages; what an xmalloc takes is more than it asks for.
        let vmallocs = book.live().into_iter().filter(|live| live.key.kind == Kind::Vmalloc);
        let of_vmallocs: u64 = vmallocs.map(|live| live.size.div_ceil(PAGE_SIZE)).sum();
        prop_assert_eq!(all.pages, pages / PAGE_SIZE + of_vmallocs);
        prop_assert!(all.bytes >= live(Kind::Xmalloc));
        prop_assert_eq!(all.used, all.bytes + all.pages * PAGE_SIZE);
        for policy in Policy::ALL {
            let asked = policy != Policy::Rules || rules.is_some();
            let expected = if asked { (all.bytes, all.pages, all.used) } else { (0, 0, 0) };
            prop_assert_eq!(sum(&charged, policy), expected, "{:?}", policy);
        }
        for (of, Charged { now, peak, high, causes, curve }) in &charged {
            let each = |a: &Usage, b: &Usage| {
                a.bytes >= b.bytes && a.pages >= b.pages && a.used >= b.used && a.asked >= b.asked && a.heap >= b.heap
            };
            prop_assert!(each(peak, now), "{:?}", of);
            prop_assert_eq!(high.usage.heap, peak.heap);
            prop_assert_eq!(causes.iter().map(|cause| cause.bytes).sum::<u64>(), high.usage.asked);
            prop_assert_eq!(curve.iter().map(|point| point.asked).max(), Some(peak.asked));
            prop_assert_eq!(curve.iter().map(|point| point.heap).max(), Some(peak.heap));
            prop_assert!(peak.used >= peak.asked, "what is used is no less than what is asked for");
            prop_assert!(peak.heap * PAGE_SIZE >= peak.asked, "a heap holds what it is asked for");
        }
        // No policy charges what is idle, and `never` is only a rule's.
        for of in charged.keys() {
            if let Of::By(policy, payer) = of {
                let idle = matches!(payer, Payer::Domain(id) if id.domain == Domain::Idle);
                prop_assert!(!idle);
                prop_assert!(*policy == Policy::Rules || !matches!(payer, Payer::System | Payer::Never));
            }
        }
    }

    #[test]
    fn the_worst_is_no_less_than_any_run_and_order_changes_nothing(
        histories in prop::collection::vec(prop::collection::vec(event(), 0..40), 1..5),
    ) {
        let runs: Vec<RunPlan> = histories
            .iter()
            .enumerate()
            .map(|(at, events)| RunPlan::new(format!("run{at}"), &Run::default(), &replay(events).1, None))
            .collect();
        let plan = |runs: Vec<RunPlan>| Plan { runs, margin: Margin(25), policies: vec![Policy::Current, Policy::Owner] };
        let forth = plan(runs.clone());
        let back = plan(runs.iter().rev().cloned().collect());
        let worst = forth.worst();
        prop_assert_eq!(&worst, &back.worst());
        let none = BTreeMap::new();
        for policy in [Policy::Current, Policy::Owner] {
            prop_assert_eq!(forth.configuration(policy, &none), back.configuration(policy, &none));
        }
        for run in &runs {
            for policy in Policy::ALL {
                for (payer, charged) in run.under(policy) {
                    let worst = &worst[&(policy, payer.without_generation())].peak;
                    let Usage { bytes, pages, used, asked, heap } = charged.peak;
                    prop_assert!(worst.bytes >= bytes && worst.pages >= pages && worst.used >= used);
                    prop_assert!(worst.asked >= asked && worst.heap >= heap);
                }
            }
        }
    }

    #[test]
    fn a_margin_rounds_up(amount: u64, percent in 0..1000u32) {
        let with = Margin(percent).on(amount);
        prop_assert!(with >= amount);
        let exact = u128::from(amount) * u128::from(percent + 100);
        prop_assert!(u128::from(with) * 100 >= exact || with == u64::MAX);
        prop_assert!(u128::from(with) * 100 < exact + 100);
    }
}

fn now(charged: &BTreeMap<Of, Charged>, policy: Policy, payer: Payer) -> (u64, u64) {
    charged.get(&Of::By(policy, payer)).map_or((0, 0), |charged| (charged.now.bytes, charged.now.pages))
}

#[test]
fn who_pays_under_each_policy() {
    // What a block takes is charged: here one byte more than is asked for.
    let xmalloc = |place: u64, size: u64| Event {
        size: Some(size),
        used: Some(size + 1),
        epoch: 1,
        ..empty(0, Op::Alloc, Kind::Xmalloc, 0x1000 * place + 0x10)
    };
    let created = Some(Subject { how: How::Create, id: id(1) });
    let destroyed = Some(Subject { how: How::Destroy, id: id(2) });
    let nowhere = DomainId { domain: Domain::Id(77), generation: 0 };
    let events = [
        // dom0 creates d1
        Event { subject: created, ..xmalloc(1, 99) },
        // a timer, while d2 runs; freed when d2 is destroyed
        Event { current: Domain::Id(2), epoch: 0, ..xmalloc(2, 29) },
        // Xen is idle
        Event { current: Domain::Idle, epoch: 0, stack: StackId(2), ..xmalloc(3, 6) },
        // d2 works for itself
        Event { current: Domain::Id(2), stack: StackId(3), ..xmalloc(4, 0) },
        // d1 is being destroyed, and can pay for nothing more
        Event { subject: Some(Subject { how: How::Destroy, id: id(1) }), ..xmalloc(5, 199) },
        // a domctl of a domain that does not exist is refused
        Event { subject: Some(Subject { how: How::Domctl, id: nowhere }), ..xmalloc(6, 999) },
    ];
    let (_, trace) = replay(&events);
    let charged = charge(&trace, None);
    let is = |policy, payer| now(&charged, policy, payer).0;
    assert_eq!(is(Policy::Current, Payer::Domain(id(0))), 1300);
    assert_eq!(is(Policy::Current, Payer::Domain(id(2))), 1);
    assert_eq!(is(Policy::Current, Payer::Nobody(Why::OutsideCall)), 30);
    assert_eq!(is(Policy::Current, Payer::Nobody(Why::NoDomain)), 7);
    assert_eq!(is(Policy::Owner, Payer::Domain(id(1))), 100);
    assert_eq!(is(Policy::Owner, Payer::Domain(id(2))), 1);
    assert_eq!(is(Policy::Owner, Payer::Domain(id(0))), 0);
    assert_eq!(is(Policy::Owner, Payer::Nobody(Why::OwnerUnknown)), 1237);
    assert_eq!(charged[&Of::Beyond].now.bytes, 37, "neither says who");

    // The free shows whose it was: too late for `owner`, not for a rule that says so.
    let free = Event { subject: destroyed, ..empty(0, Op::Free, Kind::Xmalloc, 0x2010) };
    let (_, trace) = replay(&[&events[..], &[free]].concat());
    let rule = |stack, to| (Key { stack: StackId(stack), kind: Kind::Xmalloc, charge: Charge::Nobody }, to);
    let rules = [rule(1, ChargeTo::Owner), rule(2, ChargeTo::System)].into_iter().collect();
    let charged = charge(&trace, Some(&rules));
    let peak = |policy, payer| charged[&Of::By(policy, payer)].peak.bytes;
    assert_eq!(peak(Policy::Owner, Payer::Nobody(Why::OwnerLate)), 30);
    assert_eq!(peak(Policy::Rules, Payer::Domain(id(2))), 30);
    assert_eq!(peak(Policy::Rules, Payer::Domain(id(1))), 100);
    assert_eq!(peak(Policy::Rules, Payer::System), 7);
    assert_eq!(peak(Policy::Rules, Payer::Nobody(Why::NoRule)), 1);
}

#[test]
fn whoever_frees_the_one_who_was_charged_is_credited() {
    let pages = Event {
        size: Some(3 * PAGE_SIZE),
        current: Domain::Id(1),
        epoch: 1,
        ..empty(0, Op::Alloc, Kind::Domheap, PAGES)
    };
    let part = Event { size: Some(PAGE_SIZE), ..empty(0, Op::Free, Kind::Domheap, PAGES + PAGE_SIZE) };
    let give = Event { size: Some(PAGE_SIZE), ..empty(0, Op::Give, Kind::Domheap, PAGES) };
    let back = Event { op: Op::GiveBack, ..give.clone() };
    for (events, left) in [
        (vec![pages.clone()], 3),
        (vec![pages.clone(), part.clone()], 2),
        (vec![pages.clone(), part.clone(), give.clone()], 1),
        (vec![pages, part, give, back], 2),
    ] {
        let charged = charge(&replay(&events).1, None);
        assert_eq!(
            now(&charged, Policy::Current, Payer::Domain(id(1))),
            (0, left),
            "{} events",
            events.len()
        );
        assert_eq!(now(&charged, Policy::Current, Payer::Domain(id(0))), (0, 0));
    }
}
