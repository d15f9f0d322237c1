//! Coverage and assessment of a small Xen, in every format.

#[path = "../../judge/tests/support/mod.rs"]
mod support;

use std::io::{self, Write};

use insta::assert_snapshot;
use support::{Small, assess, coverage, frame, run, small};
use xenheap_judge::{Assessment, coverage::Coverage};
use xenheap_model::Run;
use xenheap_report::{
    Render,
    assess::{AssessmentJson, AssessmentMarkdown, AssessmentText},
    coverage::{CoverageJson, CoverageText},
};

const VERDICTS: &str = r#"
format = 1

[[verdict]]
id = "v-f"
verdict = "SAFE"
comment = "Freed before the call returns."
assumption = "no more than 8 CPUs"
bound = { size = 64, per = "domain" }
stack = """
...
  f
"""

[[verdict]]
id = "v-q"
verdict = "PROB_SAFE"
comment = "Only when Xen crashes."
stack = """
...
  q
"""

[[verdict]]
id = "v-timer"
verdict = "PROBLEM"
comment = "Grows, | and <b>never</b> shrinks."
stack = """
...
  timer
"""
"#;

/// Two runs; of one of them a stack cannot be laid.
fn runs(small: &Small) -> [(&'static str, Run); 2] {
    let mut unknown = small.by_g();
    unknown.frames[1] = frame("not_in_xen", None);
    [("boot", run("1", [small.by_timer()])), ("guests", run("2", [small.by_a(), small.by_jumps(), unknown]))]
}

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).expect("written to memory");
    String::from_utf8(out).expect("UTF-8")
}

fn covered() -> Coverage {
    let small = small();
    coverage(&small.graph, &runs(&small))
}

fn assessed() -> Assessment {
    let small = small();
    assess(&small.graph, &runs(&small), VERDICTS)
}

#[test]
fn coverage_for_people() {
    assert_snapshot!("coverage", text(|out| CoverageText::default().render(&covered(), out)));
    assert_snapshot!("coverage_all", text(|out| CoverageText { all: true }.render(&covered(), out)));
}

#[test]
fn coverage_for_programs() {
    assert_snapshot!("coverage_json", text(|out| CoverageJson.render(&covered(), out)));
}

#[test]
fn the_statement() {
    assert_snapshot!("assess", text(|out| AssessmentText.render(&assessed(), out)));
    assert_snapshot!("assess_markdown", text(|out| AssessmentMarkdown.render(&assessed(), out)));
    assert_snapshot!("assess_json", text(|out| AssessmentJson.render(&assessed(), out)));
}

/// Runs of a Xen that lacks something that a statement rests on, and something that it does not.
#[test]
fn what_runs_cannot_tell_is_a_limit() {
    let small = small();
    let mut runs = runs(&small);
    let lacks = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect();
    runs[0].1.facts.lacks = lacks(&["calls", "pools-hap", "new\u{1b}[2J"]);
    runs[1].1.facts.lacks = lacks(&["owners", "calls", "vmalloc"]);
    let found = coverage(&small.graph, &runs);
    let part = |text: &str, from: &str, to: &str| {
        let (_, rest) = text.split_once(from).expect("a beginning");
        rest.split_once(to).map_or(rest, |(part, _)| part).to_owned()
    };
    let covered = text(|out| CoverageText::default().render(&found, out));
    assert_snapshot!("lost_coverage", part(&covered, "To know first\n", "Calls of allocators"));
    let json = text(|out| CoverageJson.render(&found, out));
    assert_snapshot!("lost_coverage_json", part(&json, "\"runs\": ", "\"pairs\""));
    let statement = assess(&small.graph, &runs, VERDICTS);
    let people = text(|out| AssessmentText.render(&statement, out));
    assert_snapshot!("lost_assess", part(&people, "Open: lost-part", "\nOpen: not-accepted"));
    assert_snapshot!("lost_assess_limits", part(&people, "\nNot covered\n", "\nTaken"));
    let markdown = text(|out| AssessmentMarkdown.render(&statement, out));
    assert_snapshot!("lost_assess_markdown", part(&markdown, "## Not covered\n", "\n## "));
    assert!(markdown.contains("| lost-part | evidence | owners: that nothing is left"), "{markdown}");
    let json = text(|out| AssessmentJson.render(&statement, out));
    assert!(json.contains("\"untold\""), "{json}");
}

/// Everything was seen, or is accepted for every stack that can end there: the statement is
/// supported.
#[test]
fn a_statement_that_is_supported() {
    let small = small();
    let runs = [("all", run("1", [small.by_a(), small.by_g(), small.by_jumps(), small.by_timer()]))];
    let accept = r#"
format = 1
[[verdict]]
id = "v-q"
verdict = "SAFE"
comment = "Only when Xen crashes."
stack = """
...
  q
"""
"#;
    let found = assess(&small.graph, &runs, accept);
    assert!(found.supported, "{:#?}", found.blockers);
    assert_eq!(found.result(), "SUPPORTED");
    assert_snapshot!("assess_supported", text(|out| AssessmentMarkdown.render(&found, out)));
    // Without the entry, or if it speaks of one way there only, it is not.
    for entry in ["format = 1\n".to_owned(), accept.replace("...\n", "do_a\n")] {
        let found = assess(&small.graph, &runs, &entry);
        assert_eq!(found.result(), "NOT SUPPORTED: 1 blocker (1 unseen)");
    }
}
