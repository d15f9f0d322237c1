//! The report for people.

mod common;

use common::{render, report, run};
use insta::assert_snapshot;
use xenheap_model::{Arch, Domain, Kind, LogFormat, Run};
use xenheap_report::{Filter, Report, Text, TextOptions};

#[test]
fn everything() {
    assert_snapshot!(render(&Text::default(), &[report()]));
}

#[test]
fn with_lines() {
    let text = render(&Text(TextOptions { lines: true, color: false }), &[report()]);
    assert!(text.contains("pv_hypercall  arch/x86/pv/hypercall.c:162\n"), "{text}");
    assert!(text.contains("alloc_page [inlined]  common/event_fifo.c:401\n"), "{text}");
}

#[test]
fn colours_change_nothing_else() {
    let plain = render(&Text::default(), &[report()]);
    let mut coloured = render(&Text(TextOptions { lines: false, color: true }), &[report()]);
    assert!(coloured.contains("\u{1b}[1;31mFAILED\u{1b}[0m"));
    for code in ["0", "1", "2", "32", "1;31"] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(coloured, plain);
    assert!(!plain.contains('\u{1b}'));
}

#[test]
fn no_line_is_too_wide() {
    for line in render(&Text::default(), &[report()]).lines() {
        assert!(line.len() <= 100, "{}: {line}", line.len());
    }
}

#[test]
fn filtered() {
    let filter = Filter {
        exclude: vec!["memory_*".parse().expect("a pattern")],
        current: vec![Domain::Id(0), Domain::Idle],
        kinds: vec![Kind::Xmalloc, Kind::Domheap],
        min_bytes: 200,
        ..Filter::default()
    };
    let text = render(&Text::default(), &[Report::new("filtered", run(), &filter)]);
    let (_, findings) = text.split_once("FINDINGS").expect("findings");
    assert_snapshot!(findings);
}

#[test]
fn architectures_are_kept_apart() {
    let named = |name: &str, arch| {
        let mut run = Run::default();
        run.facts.arch = arch;
        Report::new(name, run, &Filter::default())
    };
    let mut reports = vec![named("a", Arch::Arm64), named("b", Arch::X86_64), named("c", Arch::Arm64)];
    xenheap_report::by_architecture(&mut reports);
    assert_snapshot!(render(&Text::default(), &reports));
}

#[test]
fn a_run_in_which_nothing_happened() {
    let mut run = run();
    run.profile.clear();
    run.checks.clear();
    run.refused.clear();
    run.facts.format = LogFormat::Rfc;
    assert_snapshot!(render(&Text::default(), &[Report::new("quiet", run, &Filter::default())]));
}

#[test]
fn the_order_of_the_rows_does_not_matter() {
    let mut other = run();
    other.profile.reverse();
    let other = Report::new("boot-4.17-x86_64.log", other, &Filter::default());
    assert_eq!(render(&Text::default(), &[other]), render(&Text::default(), &[report()]));
}
