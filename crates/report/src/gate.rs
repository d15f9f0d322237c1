//! The gate's answer, a format a module.

mod code_quality;
mod json;
mod junit;
mod markdown;
pub(crate) mod refusal;
mod sarif;
mod text;

use sha2::{Digest, Sha256};
use xenheap_judge::{Case, Code, Gate, Refusal};
use xenheap_model::{Charge, NormalStack, StackId, Uncertain};

pub use code_quality::CodeQuality;
pub use json::GateJson;
pub use junit::Junit;
pub use markdown::Markdown;
pub(crate) use markdown::cell;
pub use sarif::Sarif;
pub use text::{Details, Short};

use refusal::describe_all;
use xenheap_output::size::Several;

/// Names a problem the same when lines move, when the compiler inlines differently, and in the next
/// pipeline.
fn fingerprint(code: &str, kind: &str, frames: &NormalStack, what: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(code);
    hash.update([0]);
    hash.update(kind);
    for frame in &frames.0 {
        hash.update([0]);
        hash.update(&frame.function);
    }
    hash.update([0]);
    // What has no stack is named by its words.
    hash.update(if frames.0.is_empty() { what } else { "" });
    hex(hash)
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// For each of some findings of a run, of which `alike` names those that cannot be told apart and
/// `place` is where it stands: its number among these, from 1. Places keep their order when lines
/// move.
fn twins<P: Ord>(all: &[(String, P)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| all.get(*at));
    let mut numbers = vec![1; all.len()];
    let mut before: Option<(&str, usize)> = None;
    for at in order {
        let Some((alike, _)) = all.get(at) else { continue };
        let number = match before {
            Some((other, number)) if other == alike => number + 1,
            _ => 1,
        };
        before = Some((alike, number));
        if let Some(place) = numbers.get_mut(at) {
            *place = number;
        }
    }
    numbers
}

/// A refusal with all that belongs to it.
struct Problem<'a> {
    run: Option<&'a str>,
    case: Option<&'a Case>,
    refusal: &'a Refusal,
    /// Exactly what does not pass.
    what: String,
    /// How to go on.
    next: String,
    /// Which one of those in its run that differ in places of the source only, from 1, in the order
    /// of these places.
    twin: usize,
}

impl<'a> Problem<'a> {
    fn new(run: Option<&'a str>, case: Option<&'a Case>, refusal: &'a Refusal) -> Self {
        Problem { run, case, refusal, what: refusal::what(refusal), next: refusal::next(refusal), twin: 1 }
    }

    /// What kind of reason it is.
    fn code(&self) -> Code {
        self.refusal.code()
    }

    /// Names it, and no other of its run, with 64 hex digits.
    fn fingerprint(&self) -> String {
        let alike = self.alike();
        if self.twin == 1 {
            alike
        } else {
            hex(Sha256::new().chain_update(alike).chain_update(self.twin.to_string()))
        }
    }

    /// Names it and its twins.
    fn alike(&self) -> String {
        match self.case {
            Some(case) => fingerprint(self.code().as_str(), case.kind.as_str(), &case.frames, ""),
            // Numbers differ from run to run: the check's name, before its colon, does not.
            None => {
                let what = self.what.split(':').next().unwrap_or_default();
                let words: String = what.chars().filter(|c| !c.is_ascii_digit()).collect();
                fingerprint(
                    self.code().as_str(),
                    self.run.unwrap_or_default(),
                    &NormalStack::default(),
                    &words,
                )
            }
        }
    }

    /// One sentence.
    fn describe(&self) -> String {
        let of = match (self.case, self.run) {
            (Some(case), _) => format!(" ({} by {})", case.kind, case.judgement.point.function),
            (None, Some(run)) => format!(" (run {run})"),
            (None, None) => String::new(),
        };
        let what = describe_all(self.code(), [self.refusal]);
        let doubt = self.case.and_then(|case| case.uncertain).map(doubt);
        let doubt = doubt.map(|doubt| format!("; {doubt}")).unwrap_or_default();
        format!("{what}: {}{of}{doubt}", self.what)
    }

    /// See [`place`].
    fn place(&self) -> (String, u32) {
        self.case.map_or_else(|| ("xen".to_owned(), 1), place)
    }
}

/// Where in the repository, for tools that want a place for everything. Images name files from the
/// folder `xen` on.
fn place(case: &Case) -> (String, u32) {
    match &case.place {
        Some((file, line)) => (format!("xen/{file}"), (*line).max(1)),
        None => ("xen".to_owned(), 1),
    }
}

/// All refusals, in the order of the gate. The same problem in several runs stands once for each.
fn problems(gate: &Gate) -> Vec<Problem<'_>> {
    let mut all = Vec::new();
    for run in &gate.runs {
        let name = Some(run.name.as_str());
        let mut here: Vec<Problem<'_>> =
            run.refusals.iter().map(|refusal| Problem::new(name, None, refusal)).collect();
        for case in &run.cases {
            let refusals = case.refusals.iter();
            here.extend(refusals.map(|refusal| Problem::new(name, Some(case), refusal)));
        }
        number(&mut here);
        all.extend(here);
    }
    let mut together: Vec<Problem<'_>> =
        gate.together.iter().map(|refusal| Problem::new(None, None, refusal)).collect();
    number(&mut together);
    all.extend(together);
    all
}

fn number(problems: &mut [Problem<'_>]) {
    let keys: Vec<_> = problems.iter().map(|problem| (problem.alike(), order(problem.case))).collect();
    for (problem, twin) in problems.iter_mut().zip(twins(&keys)) {
        problem.twin = twin;
    }
}

/// See [`order`].
type Order<'a> = (&'a Option<(String, u32)>, StackId, Charge);

/// Where a finding stands; the stack's number only where the source is not known.
fn order(case: Option<&Case>) -> Option<Order<'_>> {
    case.map(|case| (&case.place, case.stack, case.charge))
}

/// That a stack may not be what happened.
fn doubt(uncertain: Uncertain) -> String {
    format!("uncertain stack, {uncertain}")
}

/// Above the findings whose stacks are not certain.
pub(crate) const UNCERTAIN: &str = "Stacks that may not be what happened";

/// A finding whose stack may not be what happened.
struct Doubtful<'a> {
    run: &'a str,
    case: &'a Case,
    uncertain: Uncertain,
}

impl Doubtful<'_> {
    /// Whether it passes all the same.
    fn passes(&self) -> bool {
        self.case.refusals.is_empty()
    }

    /// In one line.
    fn line(&self) -> String {
        let how = if self.passes() { "passes" } else { "refused" };
        format!("{}: {} by {}: {} ({how})", self.run, self.case.kind, path(self.case), self.uncertain)
    }
}

/// Findings whose stacks may not be what happened: those that pass first, because nothing else
/// tells of them.
fn doubtful(gate: &Gate) -> Vec<Doubtful<'_>> {
    let all = gate.uncertain().map(|(run, case, uncertain)| Doubtful { run, case, uncertain });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|one| !one.passes());
    all
}

/// How many of all findings these are, and what that means.
fn say_doubtful(gate: &Gate, doubtful: &[Doubtful<'_>]) -> String {
    let findings: usize = gate.runs.iter().map(|run| run.cases.len()).sum();
    let passing = doubtful.iter().filter(|one| one.passes()).count();
    format!(
        "{} of {}, {passing} of which pass; an entry may accept a stack that did not occur",
        doubtful.len(),
        Several(findings as u64, "finding")
    )
}

/// The same as [`path`], with a mark if the stack may not be what happened.
fn marked(case: &Case) -> String {
    let mark = if case.uncertain.is_some() { " (uncertain)" } else { "" };
    format!("{}{mark}", path(case))
}

/// A stack in one line, from the function that does what was asked for.
fn path(case: &Case) -> String {
    let frames = &case.frames.0;
    let from =
        frames.iter().position(|frame| case.judgement.point.function.ends_with(&frame.function)).unwrap_or(0);
    let names: Vec<&str> = frames
        .iter()
        .skip(from)
        .filter(|frame| !frame.inlined)
        .map(|frame| frame.function.as_str())
        .collect();
    format!("{}: {}", case.judgement.point.entry, names.join(" > "))
}
