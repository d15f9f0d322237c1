//! What must hold of any runs on any graph.

mod support;

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*, sample::select};
use support::{Mini, assess, coverage, frame, run};
use xenheap_callgraph::{Anonymity, EntryClass, Graph, SiteKind, Who};
use xenheap_judge::{About, Assessment, coverage::State};
use xenheap_model::{Run, Stack};

const FUNCTIONS: usize = 7;

/// A graph, with what it takes to walk on it.
#[derive(Debug, Clone)]
struct World {
    graph: Graph,
    /// Caller, callee, address.
    calls: Vec<(usize, usize, u64)>,
    /// Function, address of its call of an allocator.
    sites: Vec<(usize, u64)>,
}

fn world() -> impl Strategy<Value = World> {
    let kind = select(vec![SiteKind::Call, SiteKind::Indirect]);
    let anonymity = select(vec![Anonymity::Always, Anonymity::Always, Anonymity::May, Anonymity::Never]);
    let who = select(vec![Who::AnyGuest, Who::ControlDomain, Who::Hardware]);
    (
        vec((0..FUNCTIONS, 0..FUNCTIONS, kind), 1..12),
        vec((0..FUNCTIONS, anonymity), 1..6),
        vec((0..FUNCTIONS, who), 1..3),
    )
        .prop_map(|(calls, allocations, entries)| {
            let mut mini = Mini::new();
            let name = |at: usize| format!("f{at}");
            let calls = calls
                .into_iter()
                .map(|(from, to, kind)| (from, to, mini.call(&name(from), &name(to), kind)))
                .collect();
            let sites = allocations
                .into_iter()
                .map(|(at, anonymity)| (at, mini.allocates(&name(at), "_xmalloc", anonymity, SiteKind::Call)))
                .collect();
            for (at, who) in entries {
                mini.entry(&name(at), EntryClass::Hypercall, who);
            }
            World { graph: mini.graph(), calls, sites }
        })
}

/// What a walk decides: where it ends, which way it goes back, and what is wrong with it.
type Walk = (usize, Vec<usize>, u8);

impl World {
    /// A stack: from a site back along calls; with a fault, if it says so.
    fn stack(&self, (site, ways, fault): &Walk) -> Stack {
        let (mut at, address) = self.sites[site % self.sites.len()];
        let name = |at: usize| format!("f{at}");
        let mut frames = vec![frame(&name(at), Some(address))];
        for way in ways {
            let into: Vec<&(usize, usize, u64)> = self.calls.iter().filter(|call| call.1 == at).collect();
            if into.is_empty() {
                break;
            }
            let (from, _, address) = into[way % into.len()];
            frames.insert(0, frame(&name(*from), Some(*address)));
            at = *from;
        }
        match fault {
            0 => frames[0].function = "not_in_xen".to_owned(),
            1 => frames[0].addr = None,
            2 => frames[0].addr = Some(1),
            _ => {}
        }
        Stack { frames, truncated: *fault == 3, ..Stack::default() }
    }

    fn runs(&self, walks: &[Vec<Walk>]) -> Vec<(String, Run)> {
        let runs = walks.iter().enumerate().map(|(at, walks)| {
            let mut run = run(&at.to_string(), walks.iter().map(|walk| self.stack(walk)));
            // Some of them are not freed in the call that made them, and one run in four is of
            // another build.
            for (row, walk) in run.profile.iter_mut().zip(walks) {
                if walk.0 % 3 == 0 {
                    row.counters.bracketed = Some(0);
                }
            }
            if walks.len() % 4 == 3 {
                run.facts.build_id = Some("0ddb".to_owned());
            }
            // Two runs can have one name.
            (format!("run-{}", at / 2), run)
        });
        runs.collect()
    }
}

fn walks() -> impl Strategy<Value = Vec<Vec<Walk>>> {
    vec(vec((0..8_usize, vec(0..8_usize, 0..4), 0..12_u8), 0..5), 1..5)
}

fn named(runs: &[(String, Run)]) -> Vec<(&str, Run)> {
    runs.iter().map(|(name, run)| (name.as_str(), run.clone())).collect()
}

/// Addresses of the sites that were seen.
fn seen(found: &xenheap_judge::coverage::Coverage) -> BTreeSet<String> {
    let seen = found.sites.iter().filter(|site| site.state == State::Seen);
    seen.filter_map(|site| site.address.clone()).collect()
}

fn verdicts() -> impl Strategy<Value = Vec<String>> {
    let verdict = select(vec!["SAFE", "PROB_SAFE", "UNDECIDED", "PROBLEM"]);
    let comment = select(vec!["", "comment = \"freed\"\n"]);
    let bound = select(vec!["", "bound = { size = 16 }\n", "bound = { size = 4096 }\n"]);
    let stack = (0..FUNCTIONS, 0..FUNCTIONS, 0..3_u8).prop_map(|(f, g, how)| match how {
        0 => format!("...\nf{f}"),
        1 => format!("...\nf{g}\nf{f}"),
        _ => format!("f{f}"),
    });
    vec(
        (verdict, comment, bound, stack).prop_map(|(verdict, comment, bound, stack)| {
            format!("verdict = \"{verdict}\"\n{comment}{bound}stack = \"\"\"\n{stack}\n\"\"\"\n")
        }),
        0..6,
    )
}

fn file(entries: &[String]) -> String {
    let entries = entries.iter().enumerate();
    let entries = entries.map(|(at, entry)| format!("[[verdict]]\nid = \"v{at}\"\n{entry}"));
    format!("format = 1\n{}", entries.collect::<String>())
}

/// Of what something is open, with the words.
fn open(statement: &Assessment) -> BTreeSet<(&About, &str)> {
    statement.blockers.iter().map(|blocker| (&blocker.about, blocker.code())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn more_runs_unsee_nothing(world in world(), walks in walks()) {
        let runs = world.runs(&walks);
        let mut before = BTreeSet::new();
        for count in 0..=runs.len() {
            let now = seen(&coverage(&world.graph, &named(&runs[..count])));
            prop_assert!(before.is_subset(&now), "{before:?} and then {now:?}");
            before = now;
        }
    }

    #[test]
    fn the_order_of_runs_changes_nothing(world in world(), walks in walks(), by in 0..4_usize, verdicts in verdicts()) {
        let mut runs = world.runs(&walks);
        // The same boot, by two logs.
        if let Some(first) = runs.first().cloned() {
            runs.push(("again".to_owned(), first.1));
        }
        let verdicts = file(&verdicts);
        let found = assess(&world.graph, &named(&runs), &verdicts);
        runs.reverse();
        prop_assert_eq!(&found, &assess(&world.graph, &named(&runs), &verdicts));
        let count = runs.len();
        runs.rotate_left(by % count);
        prop_assert_eq!(&found, &assess(&world.graph, &named(&runs), &verdicts));
    }

    #[test]
    fn more_verdicts_open_nothing_but_by_contradiction(
        world in world(), walks in walks(), verdicts in verdicts(), from in 0..6_usize,
    ) {
        let runs = world.runs(&walks);
        let fewer = file(&verdicts[..from.min(verdicts.len())]);
        let before = assess(&world.graph, &named(&runs), &fewer);
        let after = assess(&world.graph, &named(&runs), &file(&verdicts));
        let was_open: BTreeSet<&About> = open(&before).into_iter().map(|(about, _)| about).collect();
        let new: BTreeSet<&About> =
            open(&after).into_iter().map(|(about, _)| about).filter(|about| !was_open.contains(about)).collect();
        for about in new {
            // Of other entries, of what a run shows, or of what the machine accepts.
            let contradictions = ["ambiguous", "bound", "not-accepted", "unjustified"];
            let is_one = contradictions.iter().any(|code| open(&after).contains(&(about, code)));
            prop_assert!(is_one, "{about:?}: {:?}", after.blockers);
        }
        prop_assert_eq!(after.supported, after.blockers.is_empty());
    }

    #[test]
    fn a_removed_site_supports_nothing(world in world(), walks in walks(), at in 0..12_usize) {
        let runs = world.runs(&walks);
        let mut draft = xenheap_callgraph::Draft::from(world.graph.clone());
        let gone = draft.edges[at % draft.edges.len()];
        draft.edges.retain(|edge| (edge.site, edge.callee) != (gone.site, gone.callee));
        draft.allocations.retain(|allocation| allocation.site != gone.site);
        let found = assess(&draft.finish(), &named(&runs), "format = 1\n");
        prop_assert!(!found.supported);
        prop_assert!(found.blockers.iter().any(|blocker| blocker.code() == "part"));
    }
}
