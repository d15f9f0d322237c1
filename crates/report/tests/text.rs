//! The report for people.

mod common;

use common::{doubtful, experiment, guests, render, report, run};
use insta::assert_snapshot;
use xenheap_model::{Arch, Domain, Kind, LogFormat, Run, View};
use xenheap_report::{Filter, Report, Text, TextOptions};

#[test]
fn everything() {
    assert_snapshot!(render(&Text::default(), &[report()]));
}

#[test]
fn with_lines() {
    let text = render(&Text(TextOptions { lines: true, all: true, ..TextOptions::default() }), &[report()]);
    assert!(text.contains("pv_hypercall  arch/x86/pv/hypercall.c:162\n"), "{text}");
    assert!(text.contains("alloc_page [inlined]  common/event_fifo.c:401\n"), "{text}");
}

/// What stands before the findings that are no leaks.
fn above_the_rest(run: Run) -> String {
    let text = render(&Text::default(), &[Report::new("guests", run, &Filter::default())]);
    let (above, _) = text.split_once("\nSELF-CHECKS").expect("self-checks");
    above.to_owned()
}

#[test]
fn what_was_made_different() {
    let text = above_the_rest(experiment());
    let (_, own) = text.split_once("  !! An allocation").expect("the failure");
    assert_snapshot!(own);
}

#[test]
fn guests_come_and_go() {
    assert_snapshot!(above_the_rest(guests()));
}

#[test]
fn findings_of_many_domains_are_one_paragraph() {
    let text = render(&Text::default(), &[Report::new("guests", guests(), &Filter::default())]);
    let (_, findings) = text.split_once("LIVE AT THE END").expect("findings");
    assert_snapshot!(findings);
}

#[test]
fn all_stacks_on_request() {
    let all = Text(TextOptions { all: true, ..TextOptions::default() });
    let text = render(&all, &[Report::new("guests", guests(), &Filter::default())]);
    let (_, findings) = text.split_once("NOT LIVE AT THE END").expect("findings");
    assert_snapshot!(findings);
}

#[test]
fn a_run_with_a_gap_has_no_leaks() {
    let text = above_the_rest(doubtful());
    let (_, leftovers) = text.split_once("LEFT AND GROWING").expect("leftovers");
    let (leftovers, _) = leftovers.split_once("DOMAINS").expect("domains");
    assert_snapshot!(leftovers);
    let word = text.matches("leak").count() + text.matches("LEAK").count();
    assert_eq!(word, 1, "only where it says why nothing is called so: {text}");
}

#[test]
fn what_a_run_without_leaks_rests_on() {
    let basis = |change: fn(&mut Run)| {
        let mut run = guests();
        run.left.clear();
        run.cycles.growing.clear();
        change(&mut run);
        let text = above_the_rest(run);
        let from = text.find("\nLE").expect("leaks") + 1;
        let to = text.find("\n\nDOMAINS").or(text.find("\n\nANONYMOUS")).expect("the next section");
        text[from..to].to_owned()
    };
    let texts = [
        basis(|_| {}),
        basis(|run| run.cycles.completed = 2),
        basis(|run| {
            run.domains.clear();
            run.cycles.completed = 0;
        }),
        basis(|run| run.checks = common::run().checks),
    ];
    assert_snapshot!(texts.join("\n----\n"));
}

#[test]
fn a_leak_of_a_hundred_domains_is_short() {
    let mut run = guests();
    let (left, domain) = (run.left[0], run.domains[1].clone());
    for guest in 7..=100_u16 {
        let id = xenheap_model::DomainId { domain: Domain::Id(guest), generation: u32::from(guest) + 2 };
        let owner = xenheap_model::Owner::Created(id);
        run.left.push(xenheap_model::Left { owner, ..left });
        let mut row = run.profile.iter().find(|row| row.key.owner == left.owner).copied().expect("a row");
        row.key.owner = owner;
        run.profile.push(row);
        // No two are alike.
        let mut domain = domain.clone();
        domain.id = id;
        domain.allocated.add(1, u64::from(guest));
        domain.freed.add(1, u64::from(guest));
        run.domains.push(domain);
    }
    let text = above_the_rest(run);
    assert!(text.lines().count() < 110, "{text}");
    assert!(text.contains("d1 to d100 (in its creation)"), "{text}");
    assert_snapshot!(
        text.split_once("DOMAINS,").and_then(|(_, rest)| rest.split_once("ANON")).expect("domains").0
    );
}

#[test]
fn filters_reach_every_section() {
    let only = |filter: Filter| render(&Text::default(), &[Report::new("guests", guests(), &filter)]);
    let owner = only(Filter { owner: vec![Domain::Id(3)], ..Filter::default() });
    assert!(owner.contains("although d3 ended"), "{owner}");
    assert!(!owner.contains("d1"), "{owner}");
    let pools = only(Filter { kinds: vec![Kind::DomainPool], ..Filter::default() });
    assert!(pools.contains("hap.c#hap_alloc") && !pools.contains("hap_set_allocation"), "{pools}");
    assert!(!pools.contains("sched_alloc_unit_mem"), "{pools}");
    let charge = only(Filter { charges: vec![xenheap_model::Charge::NoRefcount], ..Filter::default() });
    assert!(!charge.contains("hap.c#hap_alloc") && charge.contains("hap_set_allocation"), "{charge}");
}

#[test]
fn leaks_that_filters_left_out_are_not_none() {
    let title = |filter: &Filter, run: Run| {
        let text = render(&Text::default(), &[Report::new("guests", run, filter)]);
        let line = text.lines().find(|line| line.starts_with("LEAKS") || line.starts_with("LEFT AND"));
        line.expect("a title").to_owned()
    };
    let none = "none that passes the filters; filters left out 2 paths, 432 B left";
    let kind = Filter { kinds: vec![Kind::Domheap], ..Filter::default() };
    assert_eq!(title(&kind, guests()), format!("LEAKS: {none}"));
    let large = Filter { min_bytes: 1000, ..Filter::default() };
    assert_eq!(title(&large, guests()), format!("LEAKS: {none}"));
    let nothing = none.replace("none", "nothing");
    assert_eq!(title(&kind, doubtful()), format!("LEFT AND GROWING: {nothing}"));
    let owner = Filter { owner: vec![Domain::Id(3)], ..Filter::default() };
    assert_eq!(title(&owner, guests()), "LEAKS: 1 path, 72 B left; filters left out 1 path, 360 B left");
    assert_eq!(title(&Filter::default(), guests()), "LEAKS: 2 paths, 432 B left");
    let mut clean = guests();
    clean.left.clear();
    clean.cycles.growing.clear();
    assert_eq!(title(&kind, clean), "LEAKS: none");
}

#[test]
fn what_the_recorder_lacks_is_said_where_it_cannot_be_told() {
    let mut run = guests();
    run.facts.lacks = ["owners", "calls", "pools-hap", "what-is-new"].map(str::to_owned).to_vec();
    run.domains.clear();
    let text = above_the_rest(run.clone());
    for said in [
        "Lacks      owners. Hence unknown: which domain memory is for",
        "Lacks      calls. Hence unknown: whether memory was freed before",
        "Lacks      what-is-new, which this version of xenheap does not know",
        "It is unknown which domains ended",
        "WHAT CALLS LEAVE BEHIND WHEN THEY COMPLETE: unknown",
        "Unknown, because this Xen lacks a function that the recorder hooks: what is taken from the",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    run.facts.lacks = vec!["given".to_owned()];
    assert!(above_the_rest(run).contains("Nothing is called a leak here"));
}

#[test]
fn the_summary_view_says_nothing_of_domains() {
    let mut run = guests();
    run.facts.view = Some(View::Summary);
    run.domains.truncate(1);
    let text = above_the_rest(run);
    assert!(text.contains("DOMAINS, AND WHAT WAS ALLOCATED FOR THEM: not in this view"), "{text}");
    assert!(!text.contains("1 domain, 0 ended") && !text.contains("live or left"), "{text}");
    assert!(!text.contains("unknown owner"), "{text}");
}

/// The cells of the line of a table that begins so.
fn cells(text: &str, first: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.trim_start().starts_with(first)).expect("a line");
    line.trim().split("   ").filter(|cell| !cell.is_empty()).map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn what_is_for_nobody_knows_whom_has_a_line() {
    let text = above_the_rest(guests());
    assert_eq!(cells(&text, "owner unknown").last().map(String::as_str), Some("5 / 9,076 B live"));
    assert!(text.contains("Live for an unknown\n  owner: 4.8 KiB (4,980 B) in 4 allocations."), "{text}");
    let only = |owner| {
        let filter = Filter { owner: vec![owner], ..Filter::default() };
        render(&Text::default(), &[Report::new("guests", guests(), &filter)])
    };
    assert!(!only(Domain::Id(3)).contains("  owner unknown  "));
    assert!(only(Domain::Id(3)).contains("1 domain, 1 ended (7 left out by --owner)"));
}

#[test]
fn no_two_lines_of_calls_read_the_same() {
    let text = above_the_rest(guests());
    let (_, calls) = text.split_once("WHAT CALLS LEAVE").expect("calls");
    assert_eq!(calls.matches("do_domctl").count(), 1, "{calls}");
    // All that one call of domain_create left behind, not only the page.
    assert_eq!(cells(calls, "hypercall   do_domctl")[2..], ["3", "25 / 25,936 B", "4 / 4,312 B"]);
    assert!(!calls.contains("softirq  "), "{calls}");
    let put_off = "deferred work, done within calls: timer.c#timer_softirq_action 1 / 128 B";
    assert!(calls.contains(put_off), "{calls}");
}

#[test]
fn nothing_of_a_log_reaches_the_terminal_as_it_is() {
    let evil = "\u{1b}]0;x\u{7}\r\n\u{9b}2J\u{202e}\u{7f}";
    let mut run = doubtful();
    let say = |text: &mut String| text.push_str(evil);
    run.facts.xen.iter_mut().chain(&mut run.facts.build_id).chain(&mut run.facts.tag).for_each(say);
    run.checks.iter_mut().for_each(|check| say(&mut check.detail));
    for frame in run.stacks.values_mut().flat_map(|stack| &mut stack.frames) {
        say(&mut frame.function);
        frame.file.iter_mut().for_each(say);
        frame.source.iter_mut().for_each(|source| say(&mut source.file));
    }
    let report = || [Report::new(format!("name{evil}"), run.clone(), &Filter::default())];
    for options in [TextOptions::default(), TextOptions { all: true, lines: true, color: false }] {
        let text = render(&Text(options), &report());
        assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{text}");
        assert!(text.contains("sched_alloc_unit_mem\\x1b]0;x\\x07\\r\\n\\x9b2J"), "{text}");
    }
    let json = render(&xenheap_report::Json, &report());
    assert!(json.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{json}");
}

#[test]
fn colours_change_nothing_else() {
    let plain = render(&Text::default(), &[report()]);
    let mut coloured = render(&Text(TextOptions { color: true, ..TextOptions::default() }), &[report()]);
    assert!(coloured.contains("\u{1b}[1;31mFAILED\u{1b}[0m"));
    for code in ["0", "1", "2", "32", "1;31"] {
        coloured = coloured.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(coloured, plain);
    assert!(!plain.contains('\u{1b}'));
}

#[test]
fn no_line_is_too_wide() {
    let guests = Report::new("guests", guests(), &Filter::default());
    for line in render(&Text::default(), &[report(), guests]).lines() {
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
    let (_, told) = text.split_once("Filters").expect("what was left out");
    let (told, rest) = told.split_once("\n\n").expect("more");
    let (_, findings) = rest.split_once("LIVE AT THE END").expect("findings");
    assert_snapshot!(format!("Filters{told}\n...\n{findings}"));
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
