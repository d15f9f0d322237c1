//! The gate: whether runs pass a policy, and if not, exactly what does not and how to go on.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xenheap_model::{
    Charge, CheckId, Counters, Kind, NormalStack, Outcome, Question, Run, StackId, Uncertain, Untold,
    in_doubt, nothing_for, untold,
};
use xenheap_verdicts::VerdictFile;

use crate::{
    Decision, Judgement, Key, Leaks, Lifetime, Policy, Unused, decide, judgements,
    policy::{Accept, is_function},
    tally::{by_key, sum},
};

/// The outcome for all runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    /// By run, in the order given.
    pub runs: Vec<Judged>,
    /// What the runs together lack.
    pub together: Vec<Refusal>,
    /// Entries that decided nothing in any run. They refuse nothing: another test may need them.
    pub unused: Vec<Unused>,
    /// Parts of the recorder that runs lack, and what therefore could not be held against the
    /// policy.
    pub untold: Vec<Untold>,
}

impl Gate {
    /// Whether everything passes.
    pub fn passes(&self) -> bool {
        self.refusals().next().is_none()
    }

    /// All refusals, with the name of the run they are of.
    pub fn refusals(&self) -> impl Iterator<Item = (Option<&str>, &Refusal)> {
        let runs = self.runs.iter().flat_map(|run| {
            let own = run.refusals.iter().chain(run.cases.iter().flat_map(|case| &case.refusals));
            own.map(|refusal| (Some(run.name.as_str()), refusal))
        });
        runs.chain(self.together.iter().map(|refusal| (None, refusal)))
    }

    /// Findings whose stack may not be what happened, with the name of the run they are of. What is
    /// decided of such a stack can be decided of another one.
    pub fn uncertain(&self) -> impl Iterator<Item = (&str, &Case, Uncertain)> {
        self.runs.iter().flat_map(|run| {
            run.cases.iter().filter_map(|case| Some((run.name.as_str(), case, case.uncertain?)))
        })
    }
}

/// One run, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What people call it.
    pub name: String,
    /// What is wrong with the run itself.
    pub refusals: Vec<Refusal>,
    /// Every finding of it, in the order of concern: refused ones first, then by bytes.
    pub cases: Vec<Case>,
}

/// One finding of a run, judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The stack's name within the run.
    pub stack: StackId,
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// The stack, root first.
    pub frames: NormalStack,
    /// Why the stack may not be what happened, if that is so.
    pub uncertain: Option<Uncertain>,
    /// Where in the source the allocation stands, if that is known: file and line.
    pub place: Option<(String, u32)>,
    /// How much.
    pub counters: Counters,
    /// What the machine concludes.
    pub judgement: Judgement,
    /// What people decided.
    pub decision: Decision,
    /// Why it does not pass; nothing if it does.
    pub refusals: Vec<Refusal>,
}

/// Why something does not pass.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// What kind of reason.
    pub code: Code,
    /// Exactly what.
    pub what: String,
    /// How to go on.
    pub next: String,
    /// The self-check that failed, if it is one.
    #[serde(skip)]
    pub check: Option<CheckId>,
    /// The part of the recorder that is missing, if that is it.
    #[serde(skip)]
    pub part: Option<&'static str>,
}

impl Refusal {
    fn new(code: Code, what: String, next: impl Into<String>) -> Self {
        Refusal { code, what, next: next.into(), check: None, part: None }
    }
}

/// Kinds of reasons. The words are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// Memory is left or growing.
    Leak,
    /// No entry of the verdict file speaks of a stack.
    Unreviewed,
    /// An entry does not accept a stack.
    NotAccepted,
    /// An acceptance says no reason.
    Unjustified,
    /// Entries contradict each other.
    Ambiguous,
    /// A claim is exceeded.
    Bound,
    /// A self-check of a run failed: its numbers or its stacks may be wrong.
    SelfCheck,
    /// A run lacks a part of the recorder that tells what the policy asks for.
    LostPart,
    /// A run shows nothing.
    Empty,
    /// Something that must be seen was not.
    Coverage,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 10] = [
        Code::Leak,
        Code::Unreviewed,
        Code::NotAccepted,
        Code::Unjustified,
        Code::Ambiguous,
        Code::Bound,
        Code::SelfCheck,
        Code::LostPart,
        Code::Empty,
        Code::Coverage,
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Leak => "leak",
            Code::Unreviewed => "unreviewed",
            Code::NotAccepted => "not-accepted",
            Code::Unjustified => "unjustified",
            Code::Ambiguous => "ambiguous",
            Code::Bound => "bound",
            Code::SelfCheck => "self-check",
            Code::LostPart => "lost-part",
            Code::Empty => "empty",
            Code::Coverage => "coverage",
        }
    }

    /// What it means, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Code::Leak => "memory is left or growing",
            Code::Unreviewed => "a stack that no entry of the verdict file matches",
            Code::NotAccepted => "a stack that its entry does not accept",
            Code::Unjustified => "an acceptance that does not say why",
            Code::Ambiguous => "entries that contradict each other",
            Code::Bound => "a run shows more than an entry claims",
            Code::SelfCheck => "a self-check failed, so the numbers or the stacks may be wrong",
            Code::LostPart => "what the policy asks for cannot be told without a part of the recorder",
            Code::Empty => "a run without a record",
            Code::Coverage => "something that must be seen was not",
        }
    }

    /// The same of some refusals of this kind: which self-checks failed says what may be wrong.
    pub fn describe_all<'a>(self, refusals: impl IntoIterator<Item = &'a Refusal>) -> String {
        match self {
            Code::SelfCheck => {
                let what = in_doubt(refusals.into_iter().filter_map(|refusal| refusal.check));
                format!("a self-check failed, so the {what} may be wrong")
            }
            code => code.describe().to_owned(),
        }
    }
}

/// Judges runs, each with its name, by a policy.
pub fn check(runs: &[(&str, &Run)], verdicts: &VerdictFile, policy: &Policy) -> Gate {
    let mut gate = Gate::default();
    let mut unused: Option<BTreeMap<String, Unused>> = None;
    for (name, run) in runs {
        let decisions = decide(run, verdicts);
        let here: BTreeMap<String, Unused> =
            decisions.unused.into_iter().map(|unused| (unused.id.clone(), unused)).collect();
        unused = Some(match unused.take() {
            None => here,
            Some(all) => all.into_iter().filter(|(id, _)| here.contains_key(id)).collect(),
        });
        let judgements = judgements(run);
        let rows = by_key(run);
        let mut cases: Vec<Case> = judgements
            .into_iter()
            .map(|(key, judgement)| {
                let decision = decisions.by_key.get(&key).cloned().unwrap_or(Decision {
                    verdict: xenheap_model::Verdict::Undecided,
                    entry: None,
                    remarks: Vec::new(),
                });
                let counters = sum(rows.get(&key).into_iter().flatten().copied());
                case(key, run, counters, judgement, decision, policy)
            })
            .collect();
        cases.sort_by_cached_key(|case| {
            let bytes = case.counters.peak.max(case.counters.bytes);
            (
                case.refusals.is_empty(),
                std::cmp::Reverse(bytes),
                case.frames.clone(),
                case.kind,
                case.charge,
                case.stack,
            )
        });
        gate.runs.push(Judged { name: (*name).to_owned(), refusals: of_run(run, policy), cases });
    }
    gate.together = coverage(&gate.runs, policy);
    let lacks = runs.iter().map(|(name, run)| (*name, run.facts.lacks.as_slice()));
    gate.untold = Untold::of(Question::Findings, lacks);
    gate.unused = unused.unwrap_or_default().into_values().collect();
    gate
}

fn case(
    key: Key,
    run: &Run,
    counters: Counters,
    judgement: Judgement,
    decision: Decision,
    policy: &Policy,
) -> Case {
    let stack = run.stacks.get(&key.stack);
    let mut refusals = Vec::new();
    let accept = policy.accept(&judgement.point);
    if judgement.lifetime.is_leak() {
        // A reviewer who accepts a leak says how much it is at most: what was once held and leaks
        // now has no such claim.
        let bound = decision.entry.as_ref().and_then(|entry| entry.bound).and_then(|bound| bound.live);
        let reviewed = policy.run.leaks == Leaks::Reviewed && decision.is_accepted() && bound.is_some();
        if !reviewed {
            let how = match judgement.lifetime {
                Lifetime::Growing => "rises from cycle to cycle",
                _ => "is live although its domain is gone",
            };
            let what = format!("{} B in {} allocations: {how}", counters.live_bytes, counters.live);
            let next = "free it where its owner is destroyed, or show with `xenheap report` why it is none";
            refusals.push(Refusal::new(Code::Leak, what, next));
        }
    }
    for remark in &decision.remarks {
        use crate::Remark::*;
        let (code, next) = match remark {
            Ambiguous(_) => (Code::Ambiguous, "make one of them more exact, or take one out".to_owned()),
            Unjustified(id) => {
                (Code::Unjustified, format!("write into the comment of {id} why it is acceptable"))
            }
            Exceeded { id, .. } => (Code::Bound, format!("review {id} again: what it claims does not hold")),
        };
        refusals.push(Refusal::new(code, remark.to_string(), next));
    }
    let by_verdict = accept.verdicts.contains(&decision.verdict) && decision.entry.is_some();
    let by_machine = decision.entry.is_none()
        && decision.remarks.is_empty()
        && accept.lifetimes.contains(&judgement.lifetime);
    if refusals.is_empty() && !by_verdict && !by_machine && !accept.kinds.contains(&key.kind) {
        refusals.push(match &decision.entry {
            Some(entry) => Refusal::new(
                Code::NotAccepted,
                format!("{} says {}", entry.id, entry.verdict),
                "change Xen, or decide again",
            ),
            None => Refusal::new(
                Code::Unreviewed,
                format!(
                    "no entry matches this stack; the machine says {}{}",
                    judgement.lifetime,
                    unmarked(run, &accept)
                ),
                "add an entry with `xenheap verdict add`, and decide",
            ),
        });
    }
    let place = stack.and_then(|stack| stack.frames.iter().rev().find_map(|frame| frame.source.as_ref()));
    Case {
        stack: key.stack,
        kind: key.kind,
        charge: key.charge,
        frames: stack.map(NormalStack::from).unwrap_or_default(),
        uncertain: stack.and_then(|stack| stack.uncertain),
        place: place.map(|source| (source.file.clone(), source.line)),
        counters,
        judgement,
        decision,
        refusals,
    }
}

/// Why the machine cannot say what would have been accepted, if that is so.
fn unmarked(run: &Run, accept: &Accept) -> String {
    match accept.lifetimes.contains(&Lifetime::Bracketed) && run.facts.lacks("calls") {
        true => format!(", and cannot say {}: {}", Lifetime::Bracketed, nothing_for("calls")),
        false => String::new(),
    }
}

/// Parts without which a leak is missed: only memory whose owner is known can be left, and nothing
/// is called a leak where pages change hands unseen.
pub(crate) const TELL_LEAKS: [&str; 5] = ["given", "taken", "owners", "domctls", "moves"];

/// How to go on where a part is not there.
const HOOK: &str =
    "look with `xenheap instrument --check` for what this Xen lacks, and record one that has it";

fn of_run(run: &Run, policy: &Policy) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = run
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Failed && !policy.run.may_fail.contains(&check.id))
        .map(|check| {
            let what = format!("{}: {}", check.id.as_str(), check.detail);
            let next = "run the test again with a console that loses nothing (docs/trust.md)";
            Refusal { check: Some(check.id), ..Refusal::new(Code::SelfCheck, what, next) }
        })
        .collect();
    // Whatever a policy says of leaks, it asks for them.
    for part in TELL_LEAKS {
        if run.facts.lacks(part) && !policy.run.may_lack.contains(part) {
            let refusal = Refusal::new(
                Code::LostPart,
                format!(
                    "{part}: a leak can be missed, as {}, which tells {}",
                    nothing_for(part),
                    untold(part).unwrap_or_default()
                ),
                format!("{HOOK}; or allow it with may-lack in the policy (docs/policy.md)"),
            );
            refusals.push(Refusal { part: Some(part), ..refusal });
        }
    }
    // A run that was saved long ago, or the log of an old build.
    if run.is_before_domains() && !policy.run.may_lack.contains("owners") {
        refusals.push(Refusal::new(
            Code::LostPart,
            "owners: a leak can be missed, as the recorder of this run is too old to tell for whom memory is"
                .to_owned(),
            "record it again with the recorder of this xenheap; or allow it with `owners` in may-lack (docs/policy.md)",
        ));
    }
    if run.facts.events == 0 && run.profile.is_empty() && !policy.run.may_be_empty {
        refusals.push(Refusal::new(
            Code::Empty,
            "the run has no record of the recorder".to_owned(),
            "boot a Xen with the recorder in it (`xenheap instrument`), with heap-audit=trace",
        ));
    }
    refusals
}

pub(crate) fn coverage(runs: &[Judged], policy: &Policy) -> Vec<Refusal> {
    let wanted = &policy.coverage;
    let next = "add a test that takes it, or change what the policy asks for";
    let refusal = |what: String| Refusal::new(Code::Coverage, what, next);
    let cases = || runs.iter().flat_map(|run| &run.cases);
    let stacks: BTreeSet<_> = cases().map(|case| (&case.frames, case.kind)).collect();
    let mut refusals = Vec::new();
    if stacks.len() < wanted.stacks {
        refusals.push(refusal(format!(
            "{} different stacks were seen, {} are asked for",
            stacks.len(),
            wanted.stacks
        )));
    }
    for pattern in &wanted.entries {
        if !cases().any(|case| is_function(pattern, &case.judgement.point.function)) {
            refusals.push(refusal(format!("no allocation by way of the entry {pattern} was seen")));
        }
    }
    for pattern in &wanted.functions {
        let has = |case: &Case| case.frames.0.iter().any(|frame| is_function(pattern, &frame.function));
        if !cases().any(has) {
            refusals.push(refusal(format!("no allocation through the function {pattern} was seen")));
        }
    }
    refusals
}
