//! Parts of the recorder, and what is not told without one.

use std::collections::BTreeSet;

use serde::Serialize;

/// Something that is answered from what a run recorded, and that a part can be needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What two runs have differently.
    Differences,
    /// Whether a run passes, and what a graph and its runs say together: both rest on lifetimes, on
    /// bounds, and on numbers that are whole.
    Findings,
    /// Who would pay, and which settings follow.
    Payers,
}

/// All questions but those that pools of page tables are for.
const RECORDED: &[Question] = &[Question::Differences, Question::Findings, Question::Payers];
/// What makes a run whole.
const WHOLE: &[Question] = &[Question::Findings];
/// Pools of page tables: what is charged to a domain anyhow is in no finding.
const POOLS: &[Question] = &[Question::Payers];

/// A part that a tree of Xen can have nothing to hook into.
struct Part {
    name: &'static str,
    /// What cannot be told without it.
    untold: &'static str,
    /// The questions that it matters to.
    matters: &'static [Question],
}

const fn part(name: &'static str, untold: &'static str, matters: &'static [Question]) -> Part {
    Part { name, untold, matters }
}

const PARTS: &[Part] = &[
    part("given", "pages that Xen allocates for itself and gives to a domain later, and so leaks", RECORDED),
    part("taken", "pages that Xen takes from a domain, and so leaks", RECORDED),
    part(
        "totals",
        "whether the totals balance: pages come to the heaps, leave them and change hands at run time",
        WHOLE,
    ),
    part("shutdown", "totals where the hardware domain ends", WHOLE),
    part("sleep", "totals where the hardware domain turns the machine off with ACPI", WHOLE),
    part("owners", "which domain memory is for, when domains begin and end, and so leaks", RECORDED),
    part("domctls", "which domain memory is for that a domctl allocates", RECORDED),
    part("moves", "which domain memory is for that is allocated as it moves to another cpupool", RECORDED),
    part(
        "calls",
        "whether memory was freed before the call that allocated it was over, and what calls leave behind",
        RECORDED,
    ),
    part("vmalloc", "vmalloc and xvmalloc as one thing: their pages show one by one", RECORDED),
    part("security", "which memory is for checks of permissions (Flask), and so for no domain", RECORDED),
    part("pools-hap", "what is taken from the pools of guests with hardware-assisted paging", POOLS),
    part("pools-shadow", "what is taken from the pools of guests with shadow paging", POOLS),
    part("pools-p2m", "what is taken from the pools of guests", POOLS),
];

/// What cannot be told without the part of this name; `None`: no part is called so.
pub const fn untold(part: &str) -> Option<&'static str> {
    let mut at = 0;
    while at < PARTS.len() {
        if same(PARTS[at].name.as_bytes(), part.as_bytes()) {
            return Some(PARTS[at].untold);
        }
        at += 1;
    }
    None
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Why something is not known, or not checked: the beginning of a sentence.
pub fn nothing_for(part: &str) -> String {
    format!("the recorder had nothing to hook into for {part}")
}

/// A part that one run lacks, and what is therefore not told of it. The name must be escaped.
pub fn not_told(part: &str) -> String {
    format!("{part}{}", without(untold(part)))
}

/// A part that runs lack, and what is therefore not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Untold {
    /// The part, by name. It came from a log: whoever shows it must escape it.
    pub part: String,
    /// What cannot be told without it; `None`: this version of xenheap does not know the part.
    pub what: Option<&'static str>,
    /// The runs that lack it.
    pub runs: BTreeSet<String>,
}

impl Untold {
    /// What is not told where a question is answered from runs, each with its name and the parts
    /// that it lacks. In the order of the table; what nobody knows comes last.
    pub fn of<'a>(
        question: Question,
        runs: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Vec<Untold> {
        let mut lost: Vec<(usize, Untold)> = Vec::new();
        for (run, lacks) in runs {
            for name in lacks {
                let at = PARTS.iter().position(|part| part.name == name);
                let known = at.and_then(|at| PARTS.get(at));
                // What an unknown part would tell nobody knows, so it matters to everything.
                if known.is_some_and(|part| !part.matters.contains(&question)) {
                    continue;
                }
                let found = match lost.iter().position(|(_, untold)| untold.part == *name) {
                    Some(at) => lost.get_mut(at),
                    None => {
                        let what = known.map(|part| part.untold);
                        let untold = Untold { part: name.clone(), what, runs: BTreeSet::new() };
                        lost.push((at.unwrap_or(usize::MAX), untold));
                        lost.last_mut()
                    }
                };
                if let Some((_, untold)) = found {
                    untold.runs.insert(run.to_owned());
                }
            }
        }
        lost.sort_by(|(a, one), (b, other)| (a, &one.part).cmp(&(b, &other.part)));
        lost.into_iter().map(|(_, untold)| untold).collect()
    }

    /// One line, with the runs that lack the part.
    pub fn line(&self) -> String {
        let runs: Vec<&str> = self.runs.iter().map(String::as_str).collect();
        self.of_runs(&runs.join(", "))
    }

    /// The same, with other words for the runs.
    pub fn of_runs(&self, runs: &str) -> String {
        format!("{} ({runs}){}", self.part, without(self.what))
    }
}

/// What stands behind the name of a part that a run lacks.
fn without(what: Option<&str>) -> String {
    match what {
        Some(what) => format!(". Hence unknown: {what}"),
        None => ", which this version of xenheap does not know".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_one_sentence() {
        let names: BTreeSet<&str> = PARTS.iter().map(|part| part.name).collect();
        assert_eq!(names.len(), PARTS.len());
        assert!(PARTS.iter().all(|part| !part.matters.is_empty()));
    }

    #[test]
    fn what_matters_is_named_once_with_the_runs_that_lack_it() {
        let lacks = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (a, b) = (lacks(&["new", "pools-hap", "calls"]), lacks(&["calls", "given", "calls"]));
        let runs = [("b", &b[..]), ("a", &a[..])];
        let lines = |question| Untold::of(question, runs).iter().map(Untold::line).collect::<Vec<_>>();
        let gate = [
            "given (b). Hence unknown: pages that Xen allocates for itself and gives to a domain later, \
             and so leaks",
            "calls (a, b). Hence unknown: whether memory was freed before the call that allocated it was \
             over, and what calls leave behind",
            "new (a), which this version of xenheap does not know",
        ];
        assert_eq!(lines(Question::Findings), gate);
        assert!(lines(Question::Payers).iter().any(|line| line.starts_with("pools-hap (a). Hence unknown")));
        assert_eq!(Untold::of(Question::Findings, [("a", &[][..])]), []);
    }
}
