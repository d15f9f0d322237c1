//! A sweep for people and for programs.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use xenheap_model::{
    Amount, Domain, DomainId, How, Kind, OnPurpose, Subject, Target,
    sweep::{Crash, Found, Identity, Leak, Stack, Sweep, Trial, TrialOutcome, TrialResult},
};
use xenheap_report::{
    Render,
    sweep::{SweepJson, SweepText},
};

fn identity() -> Identity {
    Identity {
        schema: 1,
        xen: "4.17.5".into(),
        arch: "x86_64".into(),
        build: "b".into(),
        workload: "guests".into(),
        workload_sha256: "w".into(),
        parameters: BTreeMap::new(),
        xen_args: Vec::new(),
        nth: 1,
    }
}

fn stack(hash: u64) -> Stack {
    Stack { hash, kinds: vec![Kind::Xmalloc], allocs: 3, frames: vec!["do_domctl".into(), "f".into()] }
}

fn result(outcome: TrialOutcome) -> TrialResult {
    TrialResult {
        outcome,
        failed: None,
        leaks: Vec::new(),
        doubt: None,
        crashes: Vec::new(),
        ended: "powered-off".into(),
        message: None,
        said: Vec::new(),
        seconds: 60,
    }
}

fn sweep() -> Sweep {
    let failed = |hash| OnPurpose {
        target: Target { hash, nth: 1 },
        seq: 9,
        kind: Kind::Xmalloc,
        bytes: 64,
        current: Domain::Id(0),
        cpu: 1,
        subject: Some(Subject { how: How::Create, id: DomainId { domain: Domain::Id(2), generation: 3 } }),
    };
    let mut error = result(TrialOutcome::Error);
    error.failed = Some(failed(1));
    error.ended = "workload-failed".into();
    error.message = Some("the workload failed with status 1".into());
    error.said = vec!["libxl: error: No memory".into(), "dom0: FAILED: xl create \u{1b}".into()];
    let more = Amount { count: 1, bytes: 40 };
    let frames = ["do_domctl", "g", "h"].map(str::to_owned).to_vec();
    error.leaks = vec![Leak { found: Found::OfCall, hash: 7, kind: Kind::Xenheap, more, frames }];
    let mut crashed = result(TrialOutcome::GuestCrashed);
    crashed.failed = Some(failed(2));
    crashed.crashes = vec![Crash { domain: Domain::Id(2), at: Some("p2m.c:12".into()) }];
    crashed.doubt = Some("ended: the log stops".into());
    let mut long = stack(3);
    long.frames = (0..9).map(|n| format!("f{n}")).collect();
    Sweep {
        identity: identity(),
        trials: vec![
            Trial { stack: stack(1), result: Some(error) },
            Trial { stack: stack(2), result: Some(crashed) },
            Trial { stack: long, result: Some(result(TrialOutcome::NotReached)) },
            Trial { stack: stack(4), result: None },
        ],
    }
}

#[test]
fn for_people() {
    let mut text = Vec::new();
    SweepText.render(&sweep(), &mut text).expect("written");
    assert_snapshot!(String::from_utf8(text).expect("ASCII"));
}

#[test]
fn for_programs() {
    let mut text = Vec::new();
    SweepJson.render(&sweep(), &mut text).expect("written");
    let text = String::from_utf8(text).expect("ASCII");
    assert!(text.is_ascii());
    assert_eq!(serde_json::from_str::<Sweep>(&text).expect("JSON"), sweep());
    assert_snapshot!(text);
}
