//! What became of an allocation that failed.

use xenheap_lab::{Exit, is_good_end};
use xenheap_model::{
    Amount, Domain, Kind, OnPurpose,
    sweep::{Found, Leak, TrialOutcome, TrialResult},
};

use crate::read::{Amounts, BootLog};

/// Whether a result tells something of the allocation: a boot that failed before that came up does
/// not.
pub(crate) fn tells(result: &TrialResult) -> bool {
    result.outcome != TrialOutcome::NotReached || is_good_end(&result.ended)
}

/// Judges a boot by what it and those without a failure left. Leaks have no names yet.
pub(crate) fn result_of(exit: &Exit, seconds: f64, seen: &BootLog, bases: &[BootLog]) -> TrialResult {
    let failed = seen.failed().copied();
    let outcome = match &failed {
        None => TrialOutcome::NotReached,
        Some(failed) => outcome(exit, failed, seen),
    };
    let doubt = seen.doubt.clone().filter(|_| outcome != TrialOutcome::NotReached);
    let conclusive = outcome != TrialOutcome::NotReached && doubt.is_none();
    TrialResult {
        outcome,
        failed,
        leaks: if conclusive { leaks(outcome, seen, bases) } else { Vec::new() },
        doubt,
        crashes: seen.crashes.clone(),
        ended: exit.reason.clone(),
        message: exit.message.clone(),
        said: seen.said.clone(),
        seconds: seconds.round() as u64,
    }
}

fn outcome(exit: &Exit, failed: &OnPurpose, seen: &BootLog) -> TrialOutcome {
    let concerned = |domain: Domain| {
        domain == failed.current || failed.subject.is_some_and(|subject| subject.id.domain == domain)
    };
    match exit.reason.as_str() {
        "xen-panic" => return TrialOutcome::XenCrashed,
        "dom0-panic" => return TrialOutcome::Dom0Crashed,
        _ => {}
    }
    if !seen.crashes.is_empty() {
        let harmed = seen.crashes.iter().any(|crash| !concerned(crash.domain));
        return if harmed { TrialOutcome::OtherGuestHarmed } else { TrialOutcome::GuestCrashed };
    }
    match exit.reason.as_str() {
        end if is_good_end(end) => TrialOutcome::Unnoticed,
        // The console is silent after a triple fault, and the machine is reset.
        "ended-early" => TrialOutcome::XenCrashed,
        "timeout" => TrialOutcome::Hung,
        _ if seen.said.iter().any(|line| line.contains("waited in vain")) => TrialOutcome::Stalled,
        _ => TrialOutcome::Error,
    }
}

/// What has more than the most of any base.
fn more_than(
    bases: &[BootLog],
    of: impl Fn(&BootLog) -> &Amounts,
    key: &(u64, Kind),
    live: Amount,
) -> Amount {
    let in_bases = || bases.iter().filter_map(|base| of(base).get(key));
    let most = |what: fn(&Amount) -> u64| in_bases().map(what).max().unwrap_or(0);
    Amount {
        count: live.count.saturating_sub(most(|amount| amount.count)),
        bytes: live.bytes.saturating_sub(most(|amount| amount.bytes)),
    }
}

fn leaks(outcome: TrialOutcome, seen: &BootLog, bases: &[BootLog]) -> Vec<Leak> {
    let mut leaks: Vec<Leak> = Vec::new();
    let mut add = |found: Found, key: &(u64, Kind), more: Amount| {
        let known = leaks.iter().any(|leak| (leak.hash, leak.kind) == *key);
        if more.bytes > 0 && !known {
            leaks.push(Leak { found, hash: key.0, kind: key.1, more, frames: Vec::new() });
        }
    };
    for (key, live) in &seen.left {
        add(Found::Left, key, more_than(bases, |base| &base.left, key, *live));
    }
    for (key, live) in &seen.of_call {
        // What a workload has live at its end is live at the end of a base too.
        let more = more_than(bases, |base| &base.live, key, *live);
        add(Found::OfCall, key, more);
    }
    if outcome == TrialOutcome::Unnoticed {
        for (key, live) in &seen.live {
            add(Found::More, key, more_than(bases, |base| &base.live, key, *live));
        }
    }
    leaks
}

#[cfg(test)]
mod tests {
    use xenheap_model::{DomainId, Experiment, How, Subject, Target, sweep::Crash};

    use super::*;

    fn exit(reason: &str) -> Exit {
        Exit { reason: reason.into(), ..Exit::default() }
    }

    fn seen(crashed: &[u16], said: &str) -> BootLog {
        let subject = Subject { how: How::Create, id: DomainId { domain: Domain::Id(2), generation: 3 } };
        let failed = OnPurpose {
            target: Target { hash: 7, nth: 1 },
            seq: 9,
            kind: Kind::Xmalloc,
            bytes: 8,
            current: Domain::Id(1),
            cpu: 0,
            subject: Some(subject),
        };
        let mut seen = BootLog::default();
        seen.facts.experiment = Experiment { failed: Some(failed), ..Experiment::default() };
        seen.crashes = crashed.iter().map(|id| Crash { domain: Domain::Id(*id), at: None }).collect();
        seen.said = vec![said.into()];
        seen
    }

    #[test]
    fn each_end_has_its_name() {
        for (reason, crashed, said, expected) in [
            ("powered-off", &[][..], "", TrialOutcome::Unnoticed),
            ("ended-by-key", &[][..], "", TrialOutcome::Unnoticed),
            ("workload-failed", &[], "dom0: FAILED: xl create ended with status 3", TrialOutcome::Error),
            ("workload-failed", &[], "dom0: FAILED: waited in vain for: grep x", TrialOutcome::Stalled),
            ("workload-failed", &[1], "dom0: FAILED: waited in vain for: grep x", TrialOutcome::GuestCrashed),
            ("workload-failed", &[2], "", TrialOutcome::GuestCrashed),
            ("workload-failed", &[1, 3], "", TrialOutcome::OtherGuestHarmed),
            ("powered-off", &[3], "", TrialOutcome::OtherGuestHarmed),
            ("timeout", &[], "", TrialOutcome::Hung),
            ("timeout", &[2], "", TrialOutcome::GuestCrashed),
            ("xen-panic", &[3], "", TrialOutcome::XenCrashed),
            ("ended-early", &[], "", TrialOutcome::XenCrashed),
            ("dom0-panic", &[], "", TrialOutcome::Dom0Crashed),
        ] {
            let result = result_of(&exit(reason), 1.6, &seen(crashed, said), &[]);
            assert_eq!((result.outcome, result.seconds), (expected, 2), "{reason} {crashed:?} {said}");
        }
        let not_reached = result_of(&exit("xen-panic"), 1.0, &BootLog::default(), &[]);
        assert!(!tells(&not_reached));
        assert_eq!((not_reached.outcome, not_reached.doubt), (TrialOutcome::NotReached, None));
        assert!(tells(&result_of(&exit("powered-off"), 1.0, &BootLog::default(), &[])));
        assert!(tells(&result_of(&exit("xen-panic"), 1.0, &seen(&[], ""), &[])));
    }

    fn amounts(of: &[(u64, u64)]) -> Amounts {
        of.iter().map(|(hash, bytes)| ((*hash, Kind::Xmalloc), Amount { count: 1, bytes: *bytes })).collect()
    }

    fn found(reason: &str, seen: &BootLog, bases: &[BootLog]) -> Vec<(u64, Found, u64)> {
        let leaks = result_of(&exit(reason), 1.0, seen, bases).leaks;
        leaks.iter().map(|leak| (leak.hash, leak.found, leak.more.bytes)).collect()
    }

    #[test]
    fn a_leak_is_what_no_base_has() {
        let mut failed = seen(&[], "");
        failed.live = amounts(&[(1, 8), (2, 8), (3, 8), (4, 8)]);
        failed.left = amounts(&[(1, 8), (2, 8)]);
        failed.of_call = amounts(&[(3, 8), (1, 8)]);
        let base = BootLog { live: amounts(&[(2, 8)]), left: amounts(&[(2, 8)]), ..BootLog::default() };
        let bases = [BootLog::default(), base];
        let of_call = [(1, Found::Left, 8), (3, Found::OfCall, 8)];
        assert_eq!(found("workload-failed", &failed, &bases), of_call);
        assert_eq!(found("powered-off", &failed, &bases), [&of_call[..], &[(4, Found::More, 8)]].concat());
        failed.doubt = Some("a record is missing".into());
        assert_eq!(found("powered-off", &failed, &bases), []);
    }
}
