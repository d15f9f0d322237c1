//! The RFC's logs: the worked example, and generated logs with known truth.

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::simulate::{Noise, RfcPlan, RfcStory, RfcTruth, rfc_log_of, rfc_story};
use xenheap_console::scan;
use xenheap_ledger::{Account, Config, EventSink, Intake, Matched};
use xenheap_model::{
    Arch, CheckId, CheckOutcome, Domain, Event, Kind, LogFormat, Op, RawStack, RefusalReason,
};

/// What the RFC's parser calls an operation, with the size that it gives it.
#[derive(Default)]
struct Operations(Vec<(Domain, &'static str, u64)>);

impl EventSink for Operations {
    fn event(&mut self, event: &Event, matched: Option<&Matched>) {
        let name = match (event.op, event.kind) {
            (Op::Alloc, Kind::Xmalloc) if event.is_whole_pages() => "xmalloc_whole_pages",
            (Op::Alloc, Kind::Xmalloc) => "xmem_pool_alloc",
            (Op::Alloc, _) => "alloc_domheap_pages",
            (Op::Free, Kind::Xmalloc) => "xfree",
            (Op::Free, _) => "free",
            other => panic!("an RFC log has no {other:?}"),
        };
        let size = if event.op == Op::Free { matched.map_or(0, |m| m.size) } else { event.size.unwrap_or(0) };
        self.0.push((event.current, name, size));
    }
}

fn read(log: &[u8]) -> (Account, Operations) {
    let mut operations = Operations::default();
    let mut intake = Intake::with_sink(Config::default(), &mut operations);
    scan(log, &mut intake, |_| {}).expect("reading from memory");
    let account = intake.finish().expect("nothing was asked for");
    (account, operations)
}

fn outcome(account: &Account, id: CheckId) -> CheckOutcome {
    account
        .checks
        .iter()
        .find(|check| check.id == id)
        .map(|check| check.outcome)
        .expect("all checks are there")
}

#[test]
fn the_worked_example() {
    let (account, operations) = read(include_bytes!("../../../testdata/rfc/sample-x86_64.log"));
    let d0 = Domain::Id(0);
    let d1 = Domain::Id(1);
    assert_eq!(
        operations.0,
        [
            (d0, "alloc_domheap_pages", 4096),
            (d0, "xmem_pool_alloc", 392),
            (d0, "xmem_pool_alloc", 1),
            (d0, "xfree", 1),
            (d1, "xmem_pool_alloc", 712),
            (d1, "xmem_pool_alloc", 712),
            (d0, "alloc_domheap_pages", 4096),
            (d0, "alloc_domheap_pages", 4096),
            (Domain::Idle, "xmem_pool_alloc", 128),
            (d0, "xmalloc_whole_pages", 4096),
            (d0, "xmem_pool_alloc", 1),
            (d0, "xfree", 1),
            (Domain::Null, "xfree", 0),
            (d0, "xmem_pool_alloc", 32),
        ]
    );
    assert_eq!(account.facts.format, LogFormat::Rfc);
    assert_eq!(account.facts.arch, Arch::X86_64);
    assert_eq!(account.refused, BTreeMap::from([(RefusalReason::Guest, 1), (RefusalReason::RfcLayered, 1)]));
    let live_of = |domain, pages| {
        let mine =
            |live: &&xenheap_ledger::Live| live.key.current == domain && live.key.kind.is_block() != pages;
        account.live.iter().filter(mine).map(|live| live.bytes).sum::<u64>()
    };
    assert_eq!([live_of(d0, false), live_of(d1, false), live_of(Domain::Idle, false)], [4520, 1424, 128]);
    assert_eq!(live_of(d0, true), 12288);
    // Of the last record the trace is cut off.
    let last = account.live.last().expect("something is live");
    assert!(!account.stacks.contains_key(&last.key.stack));
    assert_eq!(outcome(&account, CheckId::Stacks), CheckOutcome::Failed);
    assert_eq!(outcome(&account, CheckId::Overlap), CheckOutcome::Ok);
    assert_eq!(outcome(&account, CheckId::Intact), CheckOutcome::Ok);
    assert_eq!(outcome(&account, CheckId::Sequence), CheckOutcome::NotApplicable);
}

fn counted(account: &Account) -> RfcTruth {
    let mut truth = RfcTruth::default();
    for row in &account.profile {
        let table = if row.key.kind == Kind::Xmalloc { &mut truth.xmalloc } else { &mut truth.pages };
        let c = &row.counters;
        let sums = table.entry(row.key.current).or_default();
        for (sum, n) in sums.iter_mut().zip([c.allocs, c.bytes, c.freed, c.live, c.live_bytes]) {
            *sum += n;
        }
    }
    truth.orphans = Kind::ANONYMOUS.iter().map(|kind| account.totals.of(*kind).orphans).sum();
    truth
}

fn assert_truth(story: &RfcStory, noise: &Noise) -> Account {
    let (account, operations) = read(&rfc_log_of(story, noise));
    assert_eq!(counted(&account), story.truth);
    assert_eq!(operations.0.len() as u64, account.facts.events);
    account
}

#[test]
fn clean_logs_tell_the_truth_with_every_kind_of_page() {
    for seed in 0..10 {
        let story = rfc_story(&RfcPlan { seed, steps: 2000, without_trace: 0, arm: seed % 2 == 1 });
        let account = assert_truth(&story, &Noise { seed, ..Noise::default() });
        // The RFC's recorder sees the pages of a vmalloc one by one.
        for kind in Kind::ANONYMOUS.into_iter().filter(|kind| *kind != Kind::Vmalloc) {
            assert!(account.totals.of(kind).counters.allocs > 0, "{kind}");
        }
        assert_eq!(outcome(&account, CheckId::Stacks), CheckOutcome::Ok);
        assert_eq!(outcome(&account, CheckId::Overlap), CheckOutcome::Ok);
        let doubled = account.stacks.values().filter(|stack| match stack {
            RawStack::Trace { frames, .. } => frames.windows(2).any(|pair| pair[0].name == pair[1].name),
            RawStack::Addresses { .. } => true,
        });
        assert_eq!(doubled.count(), 0, "a doubled last frame is one frame");
    }
}

#[test]
fn layered_pairs_are_recognized_by_pointer_where_traces_are_missing() {
    for seed in 0..10 {
        let story = rfc_story(&RfcPlan { seed, steps: 2000, without_trace: 60, arm: false });
        assert_truth(&story, &Noise::default());
    }
}

#[test]
fn guests_and_noise_change_no_count() {
    for seed in 0..6 {
        let story = rfc_story(&RfcPlan { seed, steps: 700, without_trace: 0, arm: seed % 2 == 0 });
        let none = Noise { seed, ..Noise::default() };
        assert_truth(&story, &Noise { guests: true, ..none.clone() });
        assert_truth(&story, &Noise { ci: true, stamps: true, ..none.clone() });
        assert_truth(&story, &Noise { raw: true, loader: true, ..none });
        let account = assert_truth(&story, &Noise::all(seed));
        assert!(account.refused.contains_key(&RefusalReason::Guest));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_truth_survives(seed in any::<u64>(), steps in 1usize..1500, without_trace in 0usize..100, arm in any::<bool>()) {
        let story = rfc_story(&RfcPlan { seed, steps, without_trace, arm });
        assert_truth(&story, &Noise { guests: true, ..Noise::default() });
    }
}
