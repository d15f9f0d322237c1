//! What exists against what was seen, a format a module.

mod json;
mod note;
mod text;

use std::collections::BTreeMap;

use xenheap_output::Escaped;

use xenheap_judge::coverage::Step;

pub use json::CoverageJson;
pub(crate) use json::CoverageView;
pub(crate) use note::{NoteText, note_texts};
pub use text::CoverageText;
pub(crate) use text::{decision, head, shown};

/// A way in one line, root first.
pub(crate) fn way(steps: &[Step]) -> String {
    let shown: Vec<String> = steps.iter().map(|step| Escaped(step.shown()).to_string()).collect();
    shown.join(" > ")
}

/// Runs with their numbers in one line.
pub(crate) fn runs(runs: &BTreeMap<String, u64>) -> String {
    let shown: Vec<String> = runs.iter().map(|(run, times)| format!("{} {times}", Escaped(run))).collect();
    shown.join(", ")
}
