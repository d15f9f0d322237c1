//! Cases of JUnit, which others tell apart by class and name alone.

mod common;

use std::collections::BTreeSet;

use common::run;
use proptest::prelude::*;
use xenheap_judge::{Policy, check};
use xenheap_model::Run;
use xenheap_report::{Render, gate::Junit};
use xenheap_verdicts::VerdictFile;

/// Names of runs that look like those of others, like cases of others, and like themselves when
/// they are escaped.
const NAMES: [&str; 14] = [
    "a",
    "a (2)",
    "a#2",
    "b/a",
    "a: the run itself",
    "a: part given of the recorder",
    "a: xmalloc by hypercall",
    "a: ",
    "",
    "all runs",
    "\u{1b}a",
    "\\x1ba",
    "a\nb",
    "<a b=\"c\">&amp;",
];

/// Class and name of each case, as they stand in the file.
fn cases(junit: &str) -> Vec<(String, String)> {
    let attribute = |line: &str, name: &str| {
        let from = line.split_once(&format!(" {name}=\"")).expect("an attribute").1;
        from.split_once('"').expect("its end").0.to_owned()
    };
    let cases = junit.lines().filter(|line| line.trim_start().starts_with("<testcase "));
    cases.map(|line| (attribute(line, "classname"), attribute(line, "name"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_case_hides_another(names in prop::sample::subsequence(NAMES.to_vec(), 1..NAMES.len()).prop_shuffle()) {
        let mut run = run();
        run.facts.lacks = vec!["given".to_owned(), "moves".to_owned()];
        let runs: Vec<(&str, &Run)> = names.iter().map(|name| (*name, &run)).collect();
        let policy = Policy::parse("format = 1\n[coverage]\nstacks = 1000\n").expect("a policy");
        let gate = check(&runs, &VerdictFile::default(), &policy);
        let mut junit = Vec::new();
        Junit.render(&gate, &mut junit).expect("written");
        let cases = cases(std::str::from_utf8(&junit).expect("UTF-8"));
        let findings: usize = gate.runs.iter().map(|run| run.cases.len()).sum();
        // For each run itself and two parts; for all runs together one.
        prop_assert_eq!(cases.len(), findings + 3 * names.len() + 1);
        let distinct: BTreeSet<_> = cases.iter().collect();
        prop_assert_eq!(distinct.len(), cases.len(), "{:?}", cases);
    }
}
