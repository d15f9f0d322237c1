//! What two runs have differently, a format a module.

mod json;
mod markdown;
mod text;

use xenheap_judge::{Changed, Diff, NEW, OLD, Side};
use xenheap_output::size::Several;

pub use json::DiffJson;
pub use markdown::DiffMarkdown;
pub use text::DiffText;

/// A difference, with what it is called.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// The names of the old and the new run.
    pub names: [&'a str; 2],
    /// What is different.
    pub diff: &'a Diff,
}

/// What the runs cannot tell, in sentences.
fn untold(diff: &Diff) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    for untold in &diff.untold {
        said.push(match (untold.runs.contains(OLD), untold.runs.contains(NEW)) {
            (true, true) => untold.of_runs("both runs"),
            (is_old, _) => {
                let which = if is_old { "only the old run" } else { "only the new run" };
                // What an unknown part would tell, any difference can be.
                let but = match untold.what {
                    Some(_) => "; this is not shown as a difference",
                    None => ", or which differences it causes",
                };
                format!("{}{but}", untold.of_runs(which))
            }
        });
    }
    if diff.apart > 0 {
        let paths = Several(diff.apart as u64, "path");
        said.push(format!("{paths} not compared: only one of the runs can record them"));
    }
    said
}

/// How many paths may not be what happened, in sentences.
fn doubtful(diff: &Diff) -> Vec<String> {
    let sides = ["old", "new"].into_iter().zip(diff.uncertain).filter(|(_, count)| *count > 0);
    sides
        .map(|(side, count)| {
            let paths = Several(count as u64, "path");
            let are = if count == 1 { "is" } else { "are" };
            format!("{paths} of the {side} run {are} uncertain, which can cause differences")
        })
        .collect()
}

/// Why the path may not be what happened in one of the runs.
fn doubts(changed: &Changed) -> Vec<String> {
    let doubt = |(name, side): (&str, Option<Side>)| {
        let uncertain = side?.uncertain?;
        Some(format!("uncertain in the {name} run: stack, {uncertain}"))
    };
    [("old", changed.old), ("new", changed.new)].into_iter().filter_map(doubt).collect()
}

/// What is different, in words.
fn words(changed: &Changed) -> String {
    changed.changes.iter().map(|change| change.as_str()).collect::<Vec<_>>().join(", ")
}

/// A number in both runs.
fn pair(changed: &Changed, of: impl Fn(&xenheap_judge::Side) -> u64) -> String {
    match (changed.old.as_ref().map(&of), changed.new.as_ref().map(&of)) {
        (Some(old), Some(new)) if old == new => format!("{old}"),
        (Some(old), Some(new)) => format!("{old} -> {new}"),
        (None, Some(one)) | (Some(one), None) => format!("{one}"),
        (None, None) => String::new(),
    }
}

/// A lifetime in both runs.
fn lifetimes(changed: &Changed) -> String {
    match (changed.old.map(|side| side.lifetime), changed.new.map(|side| side.lifetime)) {
        (Some(old), Some(new)) if old != new => format!("{old} -> {new}"),
        (Some(one), _) | (None, Some(one)) => one.to_string(),
        (None, None) => String::new(),
    }
}
