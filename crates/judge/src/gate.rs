//! The gate: whether runs pass a policy, and if not, exactly what does not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xenheap_model::{
    Charge, CheckId, CheckOutcome, Counters, Kind, NormalStack, Question, Run, StackId, Uncertain, Untold,
    Verdict,
};
use xenheap_verdicts::VerdictFile;

use crate::{
    Decision, Judgement, Key, Leaks, Lifetime, Policy, Remark, Unused, decide, judgements,
    policy::is_function,
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// Memory is left or growing.
    Leak {
        /// Which of the two.
        lifetime: Lifetime,
        /// Allocations of which a part is live.
        live: u64,
        /// Bytes that are live.
        live_bytes: u64,
    },
    /// Something is wrong with what people decided.
    Remark(Remark),
    /// The entry that matches does not accept.
    NotAccepted {
        /// The entry.
        entry: String,
        /// What it says.
        verdict: Verdict,
    },
    /// No entry matches, and the policy does not accept what the machine says.
    Unreviewed {
        /// What the machine says.
        lifetime: Lifetime,
        /// Whether the policy accepts what is freed within its call, of which this run cannot tell:
        /// it lacks the part `calls` of the recorder.
        unmarked: bool,
    },
    /// A self-check of a run failed.
    SelfCheck {
        /// Which.
        check: CheckId,
        /// What it found.
        detail: String,
    },
    /// A run lacks this part of the recorder, without which a leak can be missed.
    LostPart(&'static str),
    /// The recorder of a run is too old to tell for whom memory is.
    OldRecorder,
    /// A run has no record.
    Empty,
    /// Fewer stacks were seen than the policy asks for.
    FewStacks {
        /// Different ones that were seen.
        seen: usize,
        /// How many the policy asks for.
        wanted: usize,
    },
    /// Nothing came by way of an entry that the policy asks for: its pattern.
    NoEntry(String),
    /// Nothing came through a function that the policy asks for: its pattern.
    NoFunction(String),
}

impl Refusal {
    /// What kind of reason.
    pub fn code(&self) -> Code {
        match self {
            Refusal::Leak { .. } => Code::Leak,
            Refusal::Remark(Remark::Ambiguous(_)) => Code::Ambiguous,
            Refusal::Remark(Remark::Unjustified(_)) => Code::Unjustified,
            Refusal::Remark(Remark::Exceeded { .. }) => Code::Bound,
            Refusal::NotAccepted { .. } => Code::NotAccepted,
            Refusal::Unreviewed { .. } => Code::Unreviewed,
            Refusal::SelfCheck { .. } => Code::SelfCheck,
            Refusal::LostPart(_) | Refusal::OldRecorder => Code::LostPart,
            Refusal::Empty => Code::Empty,
            Refusal::FewStacks { .. } | Refusal::NoEntry(_) | Refusal::NoFunction(_) => Code::Coverage,
        }
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
                    verdict: Verdict::Undecided,
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
            let Counters { live, live_bytes, .. } = counters;
            refusals.push(Refusal::Leak { lifetime: judgement.lifetime, live, live_bytes });
        }
    }
    refusals.extend(decision.remarks.iter().cloned().map(Refusal::Remark));
    let by_verdict = accept.verdicts.contains(&decision.verdict) && decision.entry.is_some();
    let by_machine = decision.entry.is_none()
        && decision.remarks.is_empty()
        && accept.lifetimes.contains(&judgement.lifetime);
    if refusals.is_empty() && !by_verdict && !by_machine && !accept.kinds.contains(&key.kind) {
        refusals.push(match &decision.entry {
            Some(entry) => Refusal::NotAccepted { entry: entry.id.clone(), verdict: entry.verdict },
            None => Refusal::Unreviewed {
                lifetime: judgement.lifetime,
                unmarked: accept.lifetimes.contains(&Lifetime::Bracketed) && run.facts.lacks("calls"),
            },
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

/// Parts without which a leak is missed: only memory whose owner is known can be left, and nothing
/// is called a leak where pages change hands unseen.
pub(crate) const TELL_LEAKS: [&str; 5] = ["given", "taken", "owners", "domctls", "moves"];

fn of_run(run: &Run, policy: &Policy) -> Vec<Refusal> {
    let mut refusals: Vec<Refusal> = run
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Failed && !policy.run.may_fail.contains(&check.id))
        .map(|check| Refusal::SelfCheck { check: check.id, detail: check.detail.clone() })
        .collect();
    // Whatever a policy says of leaks, it asks for them.
    let lost = |part: &&str| run.facts.lacks(part) && !policy.run.may_lack.contains(*part);
    refusals.extend(TELL_LEAKS.into_iter().filter(lost).map(Refusal::LostPart));
    // A run that was saved long ago, or the log of an old build.
    if run.is_before_domains() && !policy.run.may_lack.contains("owners") {
        refusals.push(Refusal::OldRecorder);
    }
    if run.facts.events == 0 && run.profile.is_empty() && !policy.run.may_be_empty {
        refusals.push(Refusal::Empty);
    }
    refusals
}

pub(crate) fn coverage(runs: &[Judged], policy: &Policy) -> Vec<Refusal> {
    let wanted = &policy.coverage;
    let cases = || runs.iter().flat_map(|run| &run.cases);
    let stacks: BTreeSet<_> = cases().map(|case| (&case.frames, case.kind)).collect();
    let mut refusals = Vec::new();
    if stacks.len() < wanted.stacks {
        refusals.push(Refusal::FewStacks { seen: stacks.len(), wanted: wanted.stacks });
    }
    for pattern in &wanted.entries {
        if !cases().any(|case| is_function(pattern, &case.judgement.point.function)) {
            refusals.push(Refusal::NoEntry(pattern.clone()));
        }
    }
    for pattern in &wanted.functions {
        let has = |case: &Case| case.frames.0.iter().any(|frame| is_function(pattern, &frame.function));
        if !cases().any(has) {
            refusals.push(Refusal::NoFunction(pattern.clone()));
        }
    }
    refusals
}
