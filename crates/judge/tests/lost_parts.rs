//! What a run cannot tell because its recorder had nothing to hook into must not pass as if it were
//! told.

mod support;

use support::{assess, coverage, run, small};
use xenheap_judge::{Lifetime, Policy, Refusal, check};
use xenheap_model::Run;
use xenheap_verdicts::VerdictFile;

const ACCEPTED: &str = r#"
format = 1
[[verdict]]
id = "v-all"
verdict = "SAFE"
comment = "Freed with its domain."
stack = """
...
  *
"""
"#;

fn lacking(tag: &str, parts: &[&str]) -> Run {
    let small = small();
    let mut run = run(tag, [small.by_a(), small.by_g(), small.by_jumps(), small.by_timer()]);
    run.facts.lacks = parts.iter().map(|part| (*part).to_owned()).collect();
    run
}

/// The refusals of a run of which people have accepted everything.
fn refusals(run: &Run, policy: &str) -> Vec<Refusal> {
    let verdicts = VerdictFile::parse("v.toml", ACCEPTED).expect("verdicts");
    let policy = Policy::parse(policy).expect("a policy");
    let gate = check(&[("one", run)], &verdicts, &policy);
    gate.refusals().map(|(_, refusal)| refusal.clone()).collect()
}

#[test]
fn a_run_that_cannot_tell_leaks_does_not_pass() {
    let parts = ["given", "taken", "owners", "domctls", "moves"];
    for part in parts {
        let found = refusals(&lacking("1", &[part]), "format = 1");
        assert_eq!(found, [Refusal::LostPart(part)]);
        let allowed = format!("format = 1\n[run]\nmay-lack = ['{part}']\nleaks = 'reviewed'");
        assert_eq!(refusals(&lacking("1", &[part]), &allowed), []);
    }
    // What no rule of the policy asks for is named, and refuses nothing.
    let run = lacking("1", &["calls", "totals", "security", "vmalloc", "pools-hap", "what-is-new"]);
    assert_eq!(refusals(&run, "format = 1"), []);
    let gate = check(&[("one", &run)], &VerdictFile::default(), &Policy::default());
    let named: Vec<&str> = gate.untold.iter().map(|untold| untold.part.as_str()).collect();
    assert_eq!(named, ["totals", "calls", "vmalloc", "security", "what-is-new"]);
}

#[test]
fn why_the_machine_does_not_accept_is_said() {
    let mut run = lacking("1", &["calls"]);
    run.profile.iter_mut().for_each(|row| row.counters.bracketed = None);
    let gate = check(&[("one", &run)], &VerdictFile::default(), &Policy::default());
    let (_, first) = gate.refusals().next().expect("a refusal");
    assert_eq!(*first, Refusal::Unreviewed { lifetime: Lifetime::Returned, unmarked: true });
}

#[test]
fn no_statement_is_supported_without_a_part_that_it_rests_on() {
    let small = small();
    let supported = |parts: &[&str]| {
        let runs = [("one", lacking("1", parts)), ("two", lacking("2", parts))];
        let found = assess(&small.graph, &runs, ACCEPTED);
        // With and without verdicts, the coverage names what is not told.
        let untold = coverage(&small.graph, &runs).untold;
        assert_eq!(found.coverage.untold, untold);
        assert_eq!(found.coverage.runs[0].lacks, parts);
        (found.result(), untold.len())
    };
    assert_eq!(supported(&[]), ("SUPPORTED".to_owned(), 0));
    assert_eq!(supported(&["totals", "vmalloc", "security", "new"]), ("SUPPORTED".to_owned(), 4));
    assert_eq!(supported(&["pools-hap"]), ("SUPPORTED".to_owned(), 0));
    for part in ["owners", "domctls", "moves", "calls"] {
        assert_eq!(supported(&[part]), ("NOT SUPPORTED: 1 blocker (1 lost-part)".to_owned(), 1));
    }
    for part in ["given", "taken"] {
        let (result, _) = supported(&[part]);
        assert_eq!(result, "NOT SUPPORTED: 3 blockers (2 doubt, 1 lost-part)");
    }
    let runs = [("one", lacking("1", &["owners"])), ("two", lacking("2", &["owners"]))];
    let blocker = &assess(&small.graph, &runs, ACCEPTED).blockers[0];
    assert_eq!(blocker.runs.iter().collect::<Vec<_>>(), ["one", "two"]);
}
