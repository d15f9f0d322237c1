//! The RFC's format, of a run of our own recorder. (The golden test of an RFC log stands with the
//! command.)

mod common;

use common::{render, report_with_events, run};
use insta::assert_snapshot;
use xenheap_model::{Domain, Event, Kind, Op, Owner, RowKey, Run};
use xenheap_report::{Filter, Report, rfc};

#[test]
fn parsed() {
    let report = report_with_events(&Filter::default());
    assert_snapshot!(render(&rfc::Parsed { orphan_frees: true }, &[report]));
}

#[test]
fn verbose() {
    assert_snapshot!(render(&rfc::Verbose, &[report_with_events(&Filter::default())]));
}

/// It has no word for it: it is one allocation of all its pages.
#[test]
fn a_vmalloc_is_its_pages() {
    let first = common::events().swap_remove(1);
    let Event { stack, charge, current, .. } = first;
    let key = RowKey { stack, kind: Kind::Vmalloc, charge, current, owner: Owner::Unknown };
    let event = |seq, op, addr, size| Event { seq, op, kind: Kind::Vmalloc, addr, size, ..first.clone() };
    let mut log = rfc::EventLog::new();
    log.event(&event(1, Op::Alloc, 0x10_0000, Some(5000)), None);
    log.event(&event(2, Op::Alloc, 0x20_0000, Some(4096)), None);
    log.event(&event(3, Op::Free, 0x10_0000, None), Some(rfc::Freed { key, size: 5000 }));
    log.set_live(vec![rfc::Live { seq: 2, addr: 0x20_0000, bytes: 4096, key }]);
    let report = Report::new("job", run(), &Filter::default()).with_events(log);
    let parsed = render(&rfc::Parsed::default(), &[report]);
    assert!(
        parsed.contains("[d0] alloc_domheap_pages:\n    sizes (B): [8192, 4096]\n    num calls: 2\n"),
        "{parsed}"
    );
    assert!(parsed.contains("[d0] free_domheap_pages:\n    sizes (B): [8192]\n"), "{parsed}");
    assert!(parsed.contains("[d0] total non-freed alloc_domheap_pages size: 4096 B\n"), "{parsed}");
    assert!(parsed.contains("vmalloc\n") && parsed.contains("vfree\n"), "{parsed}");
}

#[test]
fn what_has_no_word_is_counted() {
    let left_out = rfc::left_out(&report_with_events(&Filter::default()));
    let expected =
        [("failed allocations", 1), ("pages given to domains", 2), ("pages taken from domains", 1)];
    assert_eq!(left_out, expected.into_iter().collect());
}

#[test]
fn the_third_section_comes_only_on_request() {
    let report = report_with_events(&Filter::default());
    let with = render(&rfc::Parsed { orphan_frees: true }, std::slice::from_ref(&report));
    let without = render(&rfc::Parsed::default(), &[report]);
    let (head, third) = with.split_at(without.len());
    assert_eq!(head, without);
    assert!(third.contains("xfree() paths without a matching allocation"));
}

#[test]
fn filters_reach_single_events_and_their_frees() {
    let filter =
        Filter { exclude: vec!["evtchn_fifo_init_control".parse().expect("a pattern")], ..Filter::default() };
    let report = report_with_events(&filter);
    let parsed = render(&rfc::Parsed::default(), std::slice::from_ref(&report));
    assert!(!parsed.contains("evtchn_fifo_init_control"), "{parsed}");
    assert!(!parsed.contains("[d1] xfree"), "the free of what was left out:\n{parsed}");
    assert!(parsed.contains("[d0] xfree"), "the free of what was never seen:\n{parsed}");
    let only_d1 = Filter { current: vec![Domain::Id(1)], ..Filter::default() };
    let verbose = render(&rfc::Verbose, &[report_with_events(&only_d1)]);
    assert_eq!(verbose.matches("[domain: ").count(), 1, "{verbose}");
}

#[test]
fn a_run_without_events_has_only_titles() {
    let report = Report::new("empty", Run::default(), &Filter::default());
    assert_snapshot!(render(&rfc::Parsed::default(), &[report]));
}
