//! The statement for a configuration, a format a module.

mod blocker;
mod json;
mod markdown;
mod text;

use xenheap_judge::{Assessment, Standing, coverage::Site};

pub use json::AssessmentJson;
pub use markdown::AssessmentMarkdown;
pub use text::AssessmentText;

/// What the statement is, and what it is not.
const SCOPE: &str = "Of every call of an allocator in this build that can charge nobody: what is known of it, and whether that is accepted. \
It says nothing of other builds and configurations, of memory that is charged to a domain, or of ways that neither the graph nor a run shows.";

/// Sites with how they stand: what is open first.
fn standings(assessment: &Assessment) -> Vec<(Standing, &Site)> {
    let mut all: Vec<(Standing, &Site)> =
        assessment.standings.iter().copied().zip(&assessment.coverage.sites).collect();
    all.sort_by_key(|(standing, _)| *standing);
    all
}

/// What was not covered, in sentences.
fn not_covered(assessment: &Assessment) -> Vec<String> {
    let coverage = &assessment.coverage;
    let counts = &coverage.counts;
    let mut said = Vec::new();
    for (state, count) in &counts.by_state {
        if state.is_unseen() {
            said.push(format!("{count} of {} calls: {}", counts.sites, state.describe()));
        }
    }
    let entries = coverage.entries.iter().filter(|entry| entry.runs.is_empty()).count();
    if entries > 0 {
        said.push(format!(
            "{entries} of {} entries that lead to such calls were not seen to allocate",
            coverage.entries.len()
        ));
    }
    let calls = coverage.calls.all - coverage.calls.seen;
    if calls > 0 {
        said.push(format!("{calls} of {} calls on ways to them were not seen", coverage.calls.all));
    }
    said.push(format!("{} calls that always charge a domain are not part of this", counts.charged));
    said.extend(coverage.untold.iter().map(|untold| format!("the recorder lacks {}", untold.line())));
    if !assessment.unused.is_empty() {
        said.push(format!(
            "entries of the verdict file that decided nothing: {}",
            assessment.unused.join(", ")
        ));
    }
    said
}
