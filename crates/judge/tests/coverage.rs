//! Runs laid on the graph of a small Xen; then the same with something wrong, which must be noticed
//! and make nothing better.

mod support;

use std::collections::BTreeMap;

use support::{Small, assess, coverage, frame, notes, run, small, states};
use xenheap_callgraph::{Draft, EntryClass, Graph, Lack, SiteId, SiteKind, Who};
use xenheap_judge::coverage::{Coverage, Differs, Note, State, Untaken, belongs};
use xenheap_model::{Arch, Charge, Facts, Run};

fn all(small: &Small) -> Run {
    run("1", [small.by_a(), small.by_g(), small.by_jumps(), small.by_timer()])
}

#[test]
fn each_site_is_what_it_is() {
    let small = small();
    let found = coverage(&small.graph, &[("one", run("1", [small.by_a()]))]);
    assert_eq!(notes(&found), [""; 0]);
    let expected = [
        ("dead", State::Unreachable),
        ("f", State::Seen),
        ("g", State::Unseen),
        ("init_start", State::BootOnly),
        ("j", State::Unseen),
        ("k", State::BootOnly),
        ("q", State::UnseenByCuts),
        ("timer", State::Unseen),
    ];
    assert_eq!(states(&found), expected.map(|(name, state)| (name.to_owned(), state)).into());
    let who: BTreeMap<&str, Option<Who>> =
        found.sites.iter().map(|site| (site.function.as_str(), site.who)).collect();
    assert_eq!(
        (who["g"], who["j"], who["timer"], who["q"]),
        (Some(Who::AnyGuest), Some(Who::ControlDomain), Some(Who::Hardware), None)
    );
    assert_eq!((found.counts.charged, found.counts.inner), (1, 1));
    let reasons: Vec<&str> = found.sites.iter().filter_map(|site| site.reason.as_deref()).collect();
    assert_eq!(
        reasons,
        [
            "it stands in code that is given back after boot",
            "only code that is given back after boot leads to it",
            "only dead leads to it, which nothing in this build calls",
        ]
    );
    let f = found.sites.iter().find(|site| site.function == "f").expect("f");
    let evidence = f.evidence.as_ref().expect("it was seen");
    assert_eq!(evidence.runs, BTreeMap::from([("one".to_owned(), 2)]));
}

#[test]
fn what_was_passed_was_witnessed() {
    let small = small();
    let found = coverage(&small.graph, &[("one", all(&small)), ("two", run("2", [small.by_a()]))]);
    let a = found.entries.iter().find(|entry| entry.operation == "a").expect("an entry");
    assert_eq!(a.runs, BTreeMap::from([("one".to_owned(), 4), ("two".to_owned(), 2)]));
    assert_eq!((a.sites, a.unseen), (2, 0), "q is behind the cuts");
    // do_a > f, do_a > g, do_ctl > h, the jump to j, and the four sites; of j only its end was
    // seen.
    assert_eq!((found.calls.seen, found.calls.all), (7, 8), "{:?}", found.calls.list);
    assert_eq!(found.pairs.found().percent(), Some(100.0));
    assert_eq!((found.pairs.direct, found.pairs.indirect, found.pairs.tail), (3, 1, 0));
    assert!(found.next.is_empty(), "{:?}", found.next);
    let alone: Vec<usize> = found.runs.iter().map(|run| run.alone).collect();
    assert_eq!(alone, [3, 0]);
}

#[test]
fn what_to_test_next_begins_with_guests() {
    let small = small();
    let found = coverage(&small.graph, &[("one", run("1", [small.by_timer()]))]);
    let next: Vec<(Who, Untaken, &str, usize)> =
        found.next.iter().map(|next| (next.who, next.what, next.name.as_str(), next.behind)).collect();
    let at = |key: &str| format!("common/mini.c:{}", small.at[key] / 0x10);
    let site = |key: &str| format!("{} ({})", key.trim_end_matches('>'), at(key));
    assert_eq!(
        next,
        [
            (Who::AnyGuest, Untaken::Entry, "a (do_a)", 2),
            (Who::AnyGuest, Untaken::Site, site("f>").as_str(), 1),
            (Who::AnyGuest, Untaken::Site, site("g>").as_str(), 1),
            (Who::ControlDomain, Untaken::Entry, "ctl (do_ctl)", 1),
            (Who::ControlDomain, Untaken::Site, site("j>").as_str(), 1),
        ]
    );
    let way: Vec<String> = found.next[4].way.iter().map(|step| step.shown()).collect();
    assert_eq!(way, [format!("do_ctl ({})", at("do_ctl>h")), format!("h ({})", at("h>j")), site("j>")]);
}

/// What is seen must not become more, and what may be unreachable neither.
#[track_caller]
fn no_better(worse: &Coverage, good: &Coverage) {
    let (worse_states, good) = (states(worse), states(good));
    for (site, state) in &worse_states {
        let before = good.get(site).unwrap_or_else(|| panic!("{site} is new"));
        let order = |state: &State| match state {
            State::Unseen | State::UnseenByCuts | State::NotKnown => 0,
            State::Seen | State::BootOnly | State::Unreachable => 1,
        };
        assert!(order(state) <= order(before), "{site} was {before:?} and is {state:?}");
    }
    assert!(worse.notes.iter().any(Note::blocks), "nothing was noticed");
}

/// The graph without some of its sites.
fn without(graph: &Graph, removed: impl Fn(SiteId) -> bool) -> Graph {
    let mut draft = Draft::from(graph.clone());
    draft.edges.retain(|edge| !removed(edge.site));
    draft.allocations.retain(|allocation| !removed(allocation.site));
    let mut keep = 0..;
    draft.sites.retain(|_| keep.next().is_some_and(|at| !removed(SiteId(at))));
    // Ids are positions: what comes after moves up.
    let moved = |site: &mut SiteId| site.0 -= (0..site.0).filter(|at| removed(SiteId(*at))).count() as u32;
    draft.edges.iter_mut().for_each(|edge| moved(&mut edge.site));
    draft.allocations.iter_mut().for_each(|allocation| moved(&mut allocation.site));
    draft.finish()
}

fn site_at(graph: &Graph, address: u64) -> SiteId {
    let at = graph.sites.iter().position(|site| site.address == Some(address)).expect("a site");
    SiteId(u32::try_from(at).expect("few"))
}

#[test]
fn a_site_that_was_removed_is_missed() {
    let small = small();
    let good = coverage(&small.graph, &[("one", all(&small))]);
    // Seen by the run: its stack cannot be laid any more.
    let seen = site_at(&small.graph, small.at["f>"]);
    let found = coverage(&without(&small.graph, |site| site == seen), &[("one", all(&small))]);
    assert!(notes(&found).contains(&"no-site") && notes(&found).contains(&"part"), "{:?}", found.notes);
    no_better(&found, &good);
    // Not seen: only the graph's own account tells.
    let unseen = site_at(&small.graph, small.at["g>"]);
    let found = coverage(&without(&small.graph, |site| site == unseen), &[("one", run("1", [small.by_a()]))]);
    assert_eq!(notes(&found), ["part"; 3], "sites, edges, allocations: {:?}", found.notes);
    // In the middle of a stack.
    let middle = site_at(&small.graph, small.at["do_a>f"]);
    let found = coverage(&without(&small.graph, |site| site == middle), &[("one", all(&small))]);
    assert!(notes(&found).contains(&"missing-edge"), "{:?}", found.notes);
    let missing: Vec<(&str, &str)> =
        found.pairs.missing.iter().map(|pair| (pair.caller.as_str(), pair.callee.as_str())).collect();
    assert_eq!(missing, [("do_a", "f")]);
    no_better(&found, &good);
}

#[test]
fn an_allocation_that_is_not_judged_counts() {
    let small = small();
    let mut graph = small.graph.clone();
    let site = site_at(&graph, small.at["g>"]);
    graph.allocations.retain(|allocation| allocation.site != site);
    let found = coverage(&graph, &[("one", run("1", [small.by_a()]))]);
    assert_eq!(notes(&found), ["part", "unjudged"]);
    assert_eq!(states(&found)["g"], State::Unseen);
}

#[test]
fn a_run_of_another_build_shows_less() {
    let small = small();
    let mut other = all(&small);
    other.facts.build_id = Some("0ddb".to_owned());
    let good = coverage(&small.graph, &[("one", all(&small))]);
    let found = coverage(&small.graph, &[("one", other.clone())]);
    assert!(notes(&found).contains(&"other-build"), "{:?}", found.notes);
    assert_eq!(found.calls.seen, 0, "addresses of another build mean nothing");
    no_better(&found, &good);
    // Moved lines and addresses of a function with several sites: it cannot be told which.
    let twice = {
        let mut mini = support::Mini::new();
        let always = xenheap_callgraph::Anonymity::Always;
        mini.call("entry", "do_a", SiteKind::Call);
        mini.call("do_a", "f", SiteKind::Call);
        mini.allocates("f", "_xmalloc", always, SiteKind::Call);
        mini.allocates("f", "_xmalloc", always, SiteKind::Call);
        mini.entry("do_a", EntryClass::Hypercall, Who::AnyGuest);
        mini.graph()
    };
    for stack in other.stacks.values_mut() {
        for frame in &mut stack.frames {
            frame.source = None;
        }
    }
    let found = coverage(&twice, &[("one", other)]);
    assert!(notes(&found).contains(&"ambiguous"), "{:?}", found.notes);
    assert_eq!(found.counts.by_state.get(&State::Seen), None);
}

#[test]
fn whether_runs_and_graphs_belong_together() {
    let graph = small().graph.facts;
    let run = |arch, build: Option<&str>, events| Facts {
        arch,
        build_id: build.map(str::to_owned),
        events,
        ..Facts::default()
    };
    let differs = |facts: &Facts, config| belongs(&graph, facts, config).differs;
    assert_eq!(differs(&run(Arch::X86_64, Some("b0b0"), 1), Some("c0c0")), []);
    assert!(matches!(differs(&run(Arch::X86_64, Some("b0b1"), 1), None)[..], [Differs::Build(..)]));
    assert!(matches!(differs(&run(Arch::X86_64, Some("b0b0"), 1), Some("c0c1"))[..], [Differs::Config(..)]));
    assert!(matches!(
        differs(&run(Arch::Arm64, Some("b0b1"), 1), None)[..],
        [Differs::Architecture(..), Differs::Build(..)]
    ));
    assert!(matches!(differs(&run(Arch::Unknown, None, 1), None)[..], [Differs::Unsaid("run")]));
    // A log without a record has no build; that it is empty is said of its own.
    assert_eq!(differs(&run(Arch::Unknown, None, 0), None), []);
    let mut graph = graph.clone();
    graph.build_id = None;
    assert!(matches!(
        belongs(&graph, &run(Arch::X86_64, Some("b0b0"), 1), None).differs[..],
        [Differs::Unsaid("graph")]
    ));
}

#[test]
fn a_frame_that_does_not_exist_is_shown() {
    let small = small();
    let good = coverage(&small.graph, &[("one", all(&small))]);
    for at in 0..3 {
        let mut run = all(&small);
        let stack = run.stacks.values_mut().next().expect("a stack");
        stack.frames[at] = frame("not_in_xen", stack.frames[at].addr.map(|addr| addr - 5));
        let found = coverage(&small.graph, &[("one", run)]);
        assert!(notes(&found).contains(&"unknown-function"), "{:?}", found.notes);
        assert!(
            found.pairs.missing.iter().any(|pair| pair.callee == "not_in_xen" || pair.caller == "not_in_xen")
        );
        assert_eq!(states(&found)["f"], State::Unseen, "a stack that cannot be laid shows nothing");
        no_better(&found, &good);
    }
}

#[test]
fn an_empty_run_shows_nothing() {
    let small = small();
    let good = coverage(&small.graph, &[("one", all(&small))]);
    let empty = Run::default();
    let found = coverage(&small.graph, &[("empty", empty.clone())]);
    assert_eq!(notes(&found), ["empty-run"]);
    no_better(&found, &good);
    // Beside others it is still said.
    let found = coverage(&small.graph, &[("one", all(&small)), ("empty", empty)]);
    assert_eq!(notes(&found), ["empty-run"]);
    assert_eq!(states(&found), states(&good));
}

#[test]
fn without_indirect_edges_nothing_is_unreachable() {
    let small = small();
    let good = coverage(&small.graph, &[("one", all(&small))]);
    let mut graph = small.graph.clone();
    let indirect: Vec<bool> = graph.sites.iter().map(|site| site.kind == SiteKind::Indirect).collect();
    graph.edges.retain(|edge| !indirect[edge.site.0 as usize]);
    let found = coverage(&graph, &[("one", all(&small))]);
    assert!(notes(&found).contains(&"unresolved") && notes(&found).contains(&"part"), "{:?}", found.notes);
    let states = states(&found);
    assert_eq!(
        (states["g"], states["dead"], states["k"]),
        (State::NotKnown, State::NotKnown, State::NotKnown)
    );
    no_better(&found, &good);
    // A graph that never had any says so of itself.
    graph.seal();
    let found = coverage(&graph, &[("one", all(&small))]);
    assert!(notes(&found).contains(&"unresolved") && !notes(&found).contains(&"part"), "{:?}", found.notes);
}

#[test]
fn by_a_graph_of_a_part_of_a_build_nothing_is_unreachable() {
    let small = small();
    let mut graph = small.graph.clone();
    graph.facts.lacks.insert("common/other.c".to_owned(), [Lack::Ci, Lack::Dump].into());
    let found = coverage(&graph, &[("one", all(&small))]);
    assert_eq!(notes(&found), ["part"]);
    let lacks = Note::Lacks { unit: "common/other.c".to_owned(), lacks: vec![Lack::Ci, Lack::Dump] };
    assert_eq!(found.notes, [lacks]);
    let states = states(&found);
    assert_eq!((states["dead"], states["k"]), (State::NotKnown, State::NotKnown));
    assert!(!states.values().any(|state| *state == State::Unreachable), "{states:?}");
    no_better(&found, &coverage(&small.graph, &[("one", all(&small))]));
    // What happens where the part has no way is no contradiction.
    let dead = run("1", [small.stack(&[("dead", "dead>")])]);
    assert_eq!(notes(&coverage(&graph, &[("one", dead)])), ["part"]);
    let assessment = assess(&graph, &[("one", all(&small))], "format = 1\n");
    assert!(assessment.blockers.iter().any(|blocker| blocker.code() == "part"), "{:?}", assessment.blockers);
}

#[test]
fn what_contradicts_the_graph_is_said() {
    let small = small();
    let stack = |keys: &[(&str, &str)]| run("1", [small.stack(keys)]);
    for (frames, function) in [
        (&[("dead", "dead>")][..], "dead"),
        (&[("k", "k>")], "k"),
        (&[("entry", "entry>do_a"), ("do_a", "do_a>f"), ("f", "charged>")], "f"),
    ] {
        let found = coverage(&small.graph, &[("one", stack(frames))]);
        assert_eq!(notes(&found), ["contradiction"], "{function}: {:?}", found.notes);
        let said = matches!(&found.notes[0], Note::Contradiction { site, .. } if site.starts_with(function));
        assert!(said, "{:?}", found.notes);
    }
}

#[test]
fn a_jump_through_a_pointer_has_no_frame() {
    let mut mini = support::Mini::new();
    let always = xenheap_callgraph::Anonymity::Always;
    let first = mini.call("do_a", "f", SiteKind::Call);
    mini.call("f", "g", SiteKind::Indirect);
    let last = mini.allocates("g", "_xmalloc", always, SiteKind::Call);
    mini.entry("do_a", EntryClass::Hypercall, Who::AnyGuest);
    let stack = [frame("do_a", Some(first)), frame("g", Some(last))];
    let stack = xenheap_model::Stack { frames: stack.to_vec(), ..xenheap_model::Stack::default() };
    let found = coverage(&mini.graph(), &[("one", run("1", [stack]))]);
    assert_eq!((notes(&found), found.pairs.indirect), (vec![], 1));
    assert_eq!(states(&found)["g"], State::Seen);
}

/// What an exception interrupted has not asked for what follows.
#[test]
fn an_exception_cuts_a_stack() {
    let mut mini = support::Mini::new();
    let always = xenheap_callgraph::Anonymity::Always;
    let hypercall = mini.call("do_a", "copy", SiteKind::Call);
    mini.call("page_fault", "handle_exception", SiteKind::Fall);
    let fault = mini.call("handle_exception", "do_page_fault", SiteKind::Call);
    let last = mini.allocates("do_page_fault", "_xmalloc", always, SiteKind::Call);
    for name in ["page_fault", "handle_exception"] {
        let id = mini.function(name);
        mini.draft.functions[id.0 as usize].code = xenheap_callgraph::Code::Assembly;
    }
    mini.entry("do_a", EntryClass::Hypercall, Who::AnyGuest);
    mini.entry("page_fault", EntryClass::Trap, Who::AnyGuest);
    let mut interrupted = frame("copy", None);
    interrupted.addr = Some(0x20_0007);
    let stack = [
        frame("do_a", Some(hypercall)),
        interrupted,
        frame("handle_exception", Some(fault)),
        frame("do_page_fault", Some(last)),
    ];
    let stack = xenheap_model::Stack { frames: stack.to_vec(), ..xenheap_model::Stack::default() };
    let found = coverage(&mini.graph(), &[("one", run("1", [stack]))]);
    assert_eq!((notes(&found), found.pairs.arrivals, found.pairs.direct), (vec![], 1, 2));
    assert_eq!(states(&found)["do_page_fault"], State::Seen);
    assert!(found.entries.iter().all(|entry| entry.operation != "a" || entry.runs.is_empty()));
}

#[test]
fn charged_memory_and_frees_show_no_site() {
    let small = small();
    let mut charged = all(&small);
    for row in &mut charged.profile {
        row.key.charge = Charge::Domain;
    }
    let mut taken = all(&small);
    for row in &mut taken.profile {
        row.counters.taken = std::mem::take(&mut row.counters.allocs);
    }
    for run in [charged, taken] {
        let found = coverage(&small.graph, &[("one", run)]);
        assert_eq!(found.counts.by_state.get(&State::Seen), None);
        assert_eq!(found.pairs.found().percent(), Some(100.0), "each stack is laid all the same");
    }
}

#[test]
fn incomplete_runs_and_stacks_are_said() {
    let small = small();
    let mut cut = all(&small);
    cut.checks.clear();
    let found = coverage(&small.graph, &[("one", cut)]);
    assert_eq!(notes(&found), ["doubt"]);
    let mut unread = all(&small);
    let mut stacks = unread.stacks.values_mut();
    stacks.next().expect("a stack").truncated = true;
    stacks.next().expect("a stack").frames.clear();
    let found = coverage(&small.graph, &[("one", unread)]);
    assert_eq!(found.notes, [Note::Unread { run: "one".to_owned(), stacks: 2 }]);
    assert_eq!(states(&found)["f"], State::Seen, "where it ends is known");
    assert_eq!(states(&found)["g"], State::Unseen);
}

#[test]
fn one_boot_counts_once() {
    let small = small();
    let twice = [("b", run("1", [small.by_a()])), ("a", run("1", [small.by_g()])), ("c", run("2", []))];
    let found = coverage(&small.graph, &twice);
    assert_eq!(notes(&found), ["empty-run", "same-boot"]);
    assert_eq!(found.runs.len(), 2);
    assert_eq!((states(&found)["f"], states(&found)["g"]), (State::Seen, State::Seen));
}
