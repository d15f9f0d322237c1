//! What the gate refuses, in sentences.

use xenheap_judge::{Code, Lifetime, Refusal, Remark};
use xenheap_model::{in_doubt, nothing_for, untold};

/// How to go on where a part of the recorder is not there.
pub(crate) const HOOK: &str =
    "look with `xenheap instrument --check` for what this Xen lacks, and record one that has it";

/// What a kind of reason means.
pub(super) fn describe(code: Code) -> &'static str {
    match code {
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
pub(super) fn describe_all<'a>(code: Code, refusals: impl IntoIterator<Item = &'a Refusal>) -> String {
    match code {
        Code::SelfCheck => {
            let failed = refusals.into_iter().filter_map(|refusal| match refusal {
                Refusal::SelfCheck { check, .. } => Some(*check),
                _ => None,
            });
            format!("a self-check failed, so the {} may be wrong", in_doubt(failed))
        }
        code => describe(code).to_owned(),
    }
}

/// Exactly what does not pass.
pub(crate) fn what(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Leak { lifetime, live, live_bytes } => {
            let how = match lifetime {
                Lifetime::Growing => "rises from cycle to cycle",
                _ => "is live although its domain is gone",
            };
            format!("{live_bytes} B in {live} allocations: {how}")
        }
        Refusal::Remark(remark) => remark.to_string(),
        Refusal::NotAccepted { entry, verdict } => format!("{entry} says {verdict}"),
        Refusal::Unreviewed { lifetime, unmarked } => {
            let but = match unmarked {
                true => format!(", and cannot say {}: {}", Lifetime::Bracketed, nothing_for("calls")),
                false => String::new(),
            };
            format!("no entry matches this stack; the machine says {lifetime}{but}")
        }
        Refusal::SelfCheck { check, detail } => format!("{}: {detail}", check.as_str()),
        Refusal::LostPart(part) => format!(
            "{part}: a leak can be missed, as {}, which tells {}",
            nothing_for(part),
            untold(part).unwrap_or_default()
        ),
        Refusal::OldRecorder => {
            "owners: a leak can be missed, as the recorder of this run is too old to tell for whom memory is"
                .to_owned()
        }
        Refusal::Empty => "the run has no record of the recorder".to_owned(),
        Refusal::FewStacks { seen, wanted } => {
            format!("{seen} different stacks were seen, {wanted} are asked for")
        }
        Refusal::NoEntry(pattern) => format!("no allocation by way of the entry {pattern} was seen"),
        Refusal::NoFunction(pattern) => format!("no allocation through the function {pattern} was seen"),
    }
}

/// How to go on.
pub(crate) fn next(refusal: &Refusal) -> String {
    let next = match refusal {
        Refusal::Leak { .. } => {
            "free it where its owner is destroyed, or show with `xenheap report` why it is none"
        }
        Refusal::Remark(Remark::Ambiguous(_)) => "make one of them more exact, or take one out",
        Refusal::Remark(Remark::Unjustified(id)) => {
            return format!("write into the comment of {id} why it is acceptable");
        }
        Refusal::Remark(Remark::Exceeded { id, .. }) => {
            return format!("review {id} again: what it claims does not hold");
        }
        Refusal::NotAccepted { .. } => "change Xen, or decide again",
        Refusal::Unreviewed { .. } => "add an entry with `xenheap verdict add`, and decide",
        Refusal::SelfCheck { .. } => "run the test again with a console that loses nothing (docs/trust.md)",
        Refusal::LostPart(_) => {
            return format!("{HOOK}; or allow it with may-lack in the policy (docs/policy.md)");
        }
        Refusal::OldRecorder => {
            "record it again with the recorder of this xenheap; or allow it with `owners` in may-lack (docs/policy.md)"
        }
        Refusal::Empty => "boot a Xen with the recorder in it (`xenheap instrument`), with heap-audit=trace",
        Refusal::FewStacks { .. } | Refusal::NoEntry(_) | Refusal::NoFunction(_) => {
            "add a test that takes it, or change what the policy asks for"
        }
    };
    next.to_owned()
}

#[cfg(test)]
mod tests {
    use xenheap_model::{CheckId, Domain, Verdict};
    use xenheap_verdicts::Exceeded;

    use super::*;

    #[test]
    fn each_refusal_has_its_sentences() {
        let id = || "v".to_owned();
        let exceeded = |domain| {
            let exceeded = Exceeded { what: "allocations", claimed: 1, seen: 2 };
            Refusal::Remark(Remark::Exceeded { id: id(), domain, exceeded })
        };
        let leak = |lifetime| Refusal::Leak { lifetime, live: 2, live_bytes: 64 };
        let free = "free it where its owner is destroyed, or show with `xenheap report` why it is none";
        let add = "add an entry with `xenheap verdict add`, and decide";
        let test = "add a test that takes it, or change what the policy asks for";
        let again = "review v again: what it claims does not hold";
        for (refusal, said, then) in [
            (leak(Lifetime::Growing), "64 B in 2 allocations: rises from cycle to cycle", free),
            (leak(Lifetime::Left), "64 B in 2 allocations: is live although its domain is gone", free),
            (
                Refusal::Remark(Remark::Ambiguous(vec!["a".to_owned(), "b".to_owned()])),
                "entries that contradict each other: a, b",
                "make one of them more exact, or take one out",
            ),
            (
                Refusal::Remark(Remark::Unjustified(id())),
                "v accepts without saying why, which counts for nothing",
                "write into the comment of v why it is acceptable",
            ),
            (exceeded(None), "v is exceeded: allocations: at most 1 are claimed, 2 were seen", again),
            (
                exceeded(Some(Domain::Id(3))),
                "v is exceeded for d3: allocations: at most 1 are claimed, 2 were seen",
                again,
            ),
            (
                Refusal::NotAccepted { entry: id(), verdict: Verdict::Problem },
                "v says PROBLEM",
                "change Xen, or decide again",
            ),
            (
                Refusal::Unreviewed { lifetime: Lifetime::Held, unmarked: false },
                "no entry matches this stack; the machine says held",
                add,
            ),
            (
                Refusal::Unreviewed { lifetime: Lifetime::Returned, unmarked: true },
                "no entry matches this stack; the machine says returned, and cannot say bracketed: \
                 the recorder had nothing to hook into for calls",
                add,
            ),
            (
                Refusal::SelfCheck { check: CheckId::BalanceFree, detail: "1 page".to_owned() },
                "balance-free: 1 page",
                "run the test again with a console that loses nothing (docs/trust.md)",
            ),
            (
                Refusal::LostPart("taken"),
                "taken: a leak can be missed, as the recorder had nothing to hook into for taken, \
                 which tells pages that Xen takes from a domain, and so leaks",
                "look with `xenheap instrument --check` for what this Xen lacks, and record one that has it; \
                 or allow it with may-lack in the policy (docs/policy.md)",
            ),
            (
                Refusal::OldRecorder,
                "owners: a leak can be missed, as the recorder of this run is too old to tell for whom memory is",
                "record it again with the recorder of this xenheap; or allow it with `owners` in may-lack (docs/policy.md)",
            ),
            (
                Refusal::Empty,
                "the run has no record of the recorder",
                "boot a Xen with the recorder in it (`xenheap instrument`), with heap-audit=trace",
            ),
            (
                Refusal::FewStacks { seen: 1, wanted: 2 },
                "1 different stacks were seen, 2 are asked for",
                test,
            ),
            (Refusal::NoEntry("do_*".to_owned()), "no allocation by way of the entry do_* was seen", test),
            (Refusal::NoFunction("f".to_owned()), "no allocation through the function f was seen", test),
        ] {
            assert_eq!((what(&refusal).as_str(), next(&refusal).as_str()), (said, then));
        }
    }
}
