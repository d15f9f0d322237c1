//! An entry for a stack that has none.

use xenheap_model::{NormalStack, Run, Verdict};
use xenheap_verdicts::{Entry, Match, Pattern, Subject, VerdictFile};

use crate::Key;

/// What can be added for a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// The file speaks of it already.
    Known,
    /// The recorder did not see the whole stack.
    Cut,
    /// This, to be decided.
    New(Box<Entry>),
}

/// Proposes an entry.
pub fn propose(run: &Run, key: Key, file: &VerdictFile) -> Proposal {
    let Some(stack) = run.stacks.get(&key.stack).filter(|stack| !stack.truncated && !stack.frames.is_empty())
    else {
        return Proposal::Cut;
    };
    let normal = NormalStack::from(stack);
    let subject = Subject { kind: key.kind, arch: run.facts.arch, stack: &normal, truncated: false };
    if file.find(&subject) != Match::None {
        return Proposal::Known;
    }
    // What happened for certain somewhere else in the run is no matter of doubt.
    let is_certain = || {
        let others = run.stacks.values().filter(|other| other.uncertain.is_none());
        others.map(NormalStack::from).any(|other| other == normal)
    };
    let uncertain = stack.uncertain.filter(|_| !is_certain());
    let pattern = Pattern::from(normal);
    Proposal::New(Box::new(Entry {
        id: file.fresh_id(Some(key.kind), &pattern),
        verdict: Verdict::Undecided,
        by: None,
        assumption: None,
        comment: String::new(),
        kind: Some(key.kind),
        allocator: None,
        arch: None,
        bound: None,
        charge: None,
        revision: None,
        uncertain: uncertain.map(|uncertain| uncertain.to_string()),
        stack: pattern.to_string(),
        pattern,
    }))
}
