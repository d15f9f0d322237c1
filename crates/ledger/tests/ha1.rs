//! Logs of our recorder with known truth: every number must be the truth, clean and with every
//! noise.

mod support;

use proptest::prelude::*;
use support::simulate::{Line, Noise, Plan, Story, Truth, log_of, story};
use xenheap_console::{Counted, Record, scan};
use xenheap_ledger::{Account, Config, Intake};
use xenheap_model::{CheckId, CheckOutcome, Kind, RefusalReason, Totals, View};

const ALL: [View; 3] = [View::Trace, View::Warn, View::Summary];

fn read_as(log: &[u8], config: Config) -> Account {
    let mut intake = Intake::new(config);
    scan(log, &mut intake, |_| {}).expect("reading from memory");
    intake.finish().expect("what was asked for is there")
}

fn read(log: &[u8]) -> Account {
    read_as(log, Config::default())
}

fn failed(account: &Account) -> Vec<CheckId> {
    account
        .checks
        .iter()
        .filter(|check| check.outcome == CheckOutcome::Failed)
        .map(|check| check.id)
        .collect()
}

#[track_caller]
fn assert_truth(account: &Account, truth: &Truth) {
    assert_eq!(account.totals, truth.totals);
    let profile = match account.facts.view {
        Some(View::Summary) => &truth.whole,
        _ => &truth.profile,
    };
    for (row, true_row) in account.profile.iter().zip(profile) {
        assert_eq!(row, true_row);
    }
    assert_eq!(account.profile.len(), profile.len());
    if account.facts.view != Some(View::Summary) {
        let live: Vec<_> = account.live.iter().map(|live| (live.seq, live.addr, live.bytes)).collect();
        assert_eq!(live, truth.live);
        assert_eq!(account.facts.events, truth.events);
        assert_eq!(account.domains, truth.domains);
        assert_eq!(account.left, truth.left);
        assert_eq!(account.services, truth.services);
    }
}

#[track_caller]
fn assert_clean(account: &Account, applicable: &[CheckId]) {
    assert_eq!(account.checks.iter().map(|check| check.id).collect::<Vec<_>>(), CheckId::ALL);
    for check in &account.checks {
        let expected =
            if applicable.contains(&check.id) { CheckOutcome::Ok } else { CheckOutcome::NotApplicable };
        assert_eq!(check.outcome, expected, "{check:?}");
        assert!(check.detail.is_ascii() && !check.detail.is_empty(), "{check:?}");
    }
}

fn without(ids: &[CheckId]) -> Vec<CheckId> {
    CheckId::ALL.into_iter().filter(|id| !ids.contains(id)).collect()
}

#[test]
fn a_clean_log_of_all_modes_passes_every_check() {
    for seed in 0..20 {
        let story = story(&Plan::new(seed, 1500, &ALL));
        let account = read(&log_of(&story, &Noise::default()));
        assert_truth(&account, &story.truth);
        assert_clean(&account, &CheckId::ALL);
        assert!(account.refused.is_empty(), "{:?}", account.refused);
        assert_eq!(account.views, ALL);
        assert_eq!(account.facts.tag, Some(story.tag.to_string()));
        assert!(account.profile.iter().all(|row| account.stacks.contains_key(&row.key.stack)));
    }
}

#[test]
fn the_earlier_recorder_is_still_read() {
    let story = story(&Plan { domains: false, ..Plan::new(9, 1000, &ALL) });
    let log = log_of(&story, &Noise::default());
    let text = String::from_utf8_lossy(&log);
    assert!(!text.contains("bracketed") && !text.contains(" U ") && !text.contains("domains="));
    let account = read(&log);
    assert_truth(&account, &story.truth);
    assert_clean(&account, &without(&[CheckId::Domains]));
    assert_eq!((account.domains.len(), account.services.len()), (0, 0));
    assert!(account.dump.is_some_and(|dump| dump.charged.is_none()));
}

#[test]
fn what_the_recorder_lacks_is_not_checked() {
    let mut story = story(&Plan::new(9, 1000, &ALL));
    let Some(Record::Header(header)) = story.lines.first_mut().map(|line| &mut line.record) else {
        panic!("the header comes first")
    };
    header.lacks = ["owners", "totals"].map(str::to_owned).to_vec();
    let account = read(&log_of(&story, &Noise::default()));
    assert_eq!(account.facts.lacks, ["owners", "totals"]);
    assert_clean(&account, &without(&[CheckId::Domains, CheckId::BalanceFree, CheckId::BalanceDomains]));
    let said = account.checks.iter().filter(|check| check.outcome == CheckOutcome::NotApplicable);
    assert!(said.map(|check| &check.detail).all(|detail| detail.contains("nothing to hook into for")));
}

/// Domains come and go there, so that a recorder of ours with all of its parts would mark calls.
#[test]
fn without_marks_nothing_is_said_of_calls() {
    let mut story = story(&Plan::new(9, 300, &[View::Trace]));
    let marked = |account: &Account| account.totals.xmalloc.counters.bracketed;
    assert!(marked(&read(&log_of(&story, &Noise::default()))).is_some());
    let Some(Record::Header(header)) = story.lines.first_mut().map(|line| &mut line.record) else {
        panic!("the header comes first")
    };
    header.lacks = vec!["calls".to_owned()];
    let account = read(&log_of(&story, &Noise::default()));
    assert_eq!(marked(&account), None);
    assert!(account.profile.iter().all(|row| row.counters.bracketed.is_none()));
}

#[test]
fn each_combination_of_modes_tells_the_truth() {
    use CheckId::{Domains, Frees, Overlap, Sequence, Totals, Views};
    let combinations: [(&[View], Vec<CheckId>); 5] = [
        (&[View::Trace], without(&[Views])),
        (&[View::Warn], without(&[Views])),
        (&[View::Summary], without(&[Views, Overlap, Frees, Sequence, Domains])),
        (&[View::Trace, View::Warn], without(&[])),
        (&[View::Warn, View::Summary], without(&[])),
    ];
    for (modes, applicable) in combinations {
        let story = story(&Plan::new(7, 1200, modes));
        let account = read(&log_of(&story, &Noise::default()));
        assert_truth(&account, &story.truth);
        assert_eq!(account.facts.view, modes.first().copied());
        assert_clean(&account, &applicable);
        let totals =
            account.checks.iter().find(|check| check.id == Totals).map(|check| check.detail.as_str());
        assert!(totals.is_some_and(|detail| detail.contains("2 dumps")), "{totals:?}");
    }
}

#[test]
fn every_view_that_is_asked_for_tells_the_same() {
    let story = story(&Plan::new(3, 1000, &ALL));
    let log = log_of(&story, &Noise::default());
    for view in ALL {
        let account = read_as(&log, Config { view: Some(view), ..Config::default() });
        assert_eq!(account.facts.view, Some(view));
        assert_truth(&account, &story.truth);
        assert_eq!(failed(&account), []);
    }
}

/// The truth, with noise.
fn noisy(story: &Story, noise: &Noise) -> Account {
    let account = read(&log_of(story, noise));
    assert_truth(&account, &story.truth);
    account
}

#[test]
fn each_noise_alone_changes_nothing() {
    let story = story(&Plan::new(11, 1000, &ALL));
    let all = Noise::all(5);
    let none = Noise { seed: 5, ..Noise::default() };
    let one_each = [
        Noise { stamps: true, ..none.clone() },
        Noise { ci: true, ..none.clone() },
        Noise { raw: true, ..none.clone() },
        Noise { loader: true, ..none.clone() },
        Noise { reorder: 100, ..none.clone() },
    ];
    for noise in one_each {
        let account = noisy(&story, &noise);
        assert_clean(&account, &CheckId::ALL);
        assert!(account.refused.is_empty(), "{noise:?}: {:?}", account.refused);
    }
    let guests = noisy(&story, &Noise { guests: true, ..none.clone() });
    assert_clean(&guests, &CheckId::ALL);
    assert_eq!(guests.refused.keys().collect::<Vec<_>>(), [&RefusalReason::Guest]);
    let forgeries = noisy(&story, &Noise { forgeries: true, ..none.clone() });
    assert_clean(&forgeries, &CheckId::ALL);
    assert_eq!(forgeries.facts.boot, 1);
    assert!(forgeries.facts.boots > 1);
    let replays = noisy(&story, &Noise { replays: 4, ..none });
    assert_clean(&replays, &CheckId::ALL);
    assert!(replays.refused.contains_key(&RefusalReason::Replayed));
    assert_clean(&noisy(&story, &all), &CheckId::ALL);
}

#[test]
fn a_log_that_is_cut_tells_of_what_it_has() {
    let story = story(&Plan { keys: 0, ..Plan::new(21, 1500, &[View::Trace]) });
    for cut in [30, 60, 90] {
        let account = read(&log_of(&story, &Noise { cut, ..Noise::default() }));
        let failed = failed(&account);
        assert!(failed.contains(&CheckId::Ended), "{failed:?}");
        let allowed = [CheckId::Ended, CheckId::Sequence, CheckId::Stacks, CheckId::Intact];
        assert!(failed.iter().all(|id| allowed.contains(id)), "{failed:?}");
        assert!(account.facts.events < story.truth.events);
    }
}

/// The recorder had no time for the last dump: it says so, and what it left out is missed.
#[test]
fn a_dump_that_was_cut_is_no_end() {
    let mut story = story(&Plan { keys: 0, ..Plan::new(41, 800, &[View::Trace, View::Summary]) });
    let end = story.lines.iter_mut().rev().find_map(|line| match &mut line.record {
        Record::DumpEnd(end) => Some(end),
        _ => None,
    });
    let end = end.expect("the story has a last dump");
    end.cut = true;
    let account = read(&log_of(&story, &Noise::default()));
    assert!(failed(&account).contains(&CheckId::Ended));
    let ended = account.checks.iter().find(|check| check.id == CheckId::Ended).expect("every check is there");
    assert!(ended.detail.contains("the recorder had no time to print all of it"), "{}", ended.detail);
}

#[test]
fn a_log_that_begins_late_has_no_header_and_gaps() {
    let story = story(&Plan::new(31, 2000, &[View::Trace]));
    let log =
        log_of(&Story { lines: story.lines.split_at(900).1.to_vec(), ..story.clone() }, &Noise::default());
    let account = read(&log);
    let failed = failed(&account);
    for id in [CheckId::Header, CheckId::Sequence] {
        assert!(failed.contains(&id), "{failed:?}");
    }
    assert!(!failed.contains(&CheckId::Frees), "frees after a gap are no contradiction: {failed:?}");
    assert_eq!(account.facts.tag, Some(story.tag.to_string()));
    assert_eq!((account.facts.boot, account.facts.boots), (1, 1));
}

fn outcome(account: &Account, id: CheckId) -> (CheckOutcome, &str) {
    let check = account.checks.iter().find(|check| check.id == id).expect("every check is there");
    (check.outcome, &check.detail)
}

/// A report that counts nothing does not agree with a hypervisor that counted something.
#[test]
fn totals_of_which_all_events_are_lost_are_not_those_of_the_report() {
    let story = story(&Plan { keys: 0, ..Plan::new(51, 800, &[View::Trace]) });
    let begin = story.lines.iter().rposition(|line| matches!(line.record, Record::DumpBegin(_)));
    let lines = story.lines.split_at(begin.expect("the story has a last dump")).1.to_vec();
    let account = read(&log_of(&Story { lines, ..story }, &Noise::default()));
    assert_eq!((account.facts.view, account.totals), (None, Totals::default()));
    let (ended, detail) = outcome(&account, CheckId::Ended);
    assert_eq!(ended, CheckOutcome::Ok, "{detail}");
    let (totals, detail) = outcome(&account, CheckId::Totals);
    assert_eq!(totals, CheckOutcome::Failed, "{detail}");
    assert!(detail.contains("the report counts nothing"), "{detail}");
}

/// A log that was cut behind them and one that ends there are the same bytes.
#[test]
fn totals_by_the_debug_key_do_not_tell_where_the_log_ends() {
    let whole = story(&Plan { keys: 1, ..Plan::new(61, 800, &[View::Trace, View::Summary]) });
    assert_eq!(outcome(&read(&log_of(&whole, &Noise::default())), CheckId::Ended).0, CheckOutcome::Ok);
    let end = whole.lines.iter().position(|line| matches!(line.record, Record::DumpEnd(_)));
    let lines = whole.lines[..=end.expect("the key was pressed")].to_vec();
    let account = read(&log_of(&Story { lines, ..whole }, &Noise::default()));
    assert_eq!(failed(&account), []);
    let (ended, detail) = outcome(&account, CheckId::Ended);
    assert_eq!(ended, CheckOutcome::NotApplicable, "{detail}");
    assert!(detail.ends_with("by the debug key: the log can have been cut after it"), "{detail}");
}

/// A cycle of the workload ends with a dump: where one is lost, another number of cycles is seen.
#[test]
fn the_first_dumps_can_be_lost() {
    let whole = story(&Plan { keys: 3, ..Plan::new(71, 800, &[View::Summary]) });
    let number = |line: &Line| match &line.record {
        Record::DumpBegin(begin) => Some(begin.number),
        _ => None,
    };
    let starts: Vec<usize> =
        (0..whole.lines.len()).filter(|at| number(&whole.lines[*at]).is_some()).collect();
    assert_eq!(number(&whole.lines[starts[0]]), Some(1));
    let read_lines = |lines: Vec<Line>| read(&log_of(&Story { lines, ..whole.clone() }, &Noise::default()));
    let failed_with = |account: &Account, words: &str| {
        let (ended, detail) = outcome(account, CheckId::Ended);
        assert_eq!((ended, detail.contains(words)), (CheckOutcome::Failed, true), "{detail}");
    };
    for (lost, words) in [(1, "dump 1 is incomplete: none"), (2, "nor of those up to 2")] {
        let mut lines = whole.lines.clone();
        lines.drain(starts[0]..starts[lost]);
        failed_with(&read_lines(lines), words);
    }
    // The begin of the second comes before the first, as if that had been told before.
    let mut lines = whole.lines.clone();
    lines.insert(starts[0], lines[starts[1]].clone());
    failed_with(&read_lines(lines), "dump 1 is incomplete: none");
    // A log that begins late says so by its header, and nobody knows which dumps it should have.
    let account = read_lines(whole.lines.split_at(starts[1]).1.to_vec());
    assert_eq!(outcome(&account, CheckId::Header).0, CheckOutcome::Failed);
    assert_eq!(outcome(&account, CheckId::Ended).0, CheckOutcome::Ok);
}

/// Format 1 has no totals of vmallocs, and only the header says which format it is.
#[test]
fn totals_that_only_a_format_has_are_missed_without_a_header() {
    let whole = story(&Plan { keys: 0, ..Plan::new(81, 800, &[View::Trace]) });
    let of_vmalloc = Counted::Anonymous(Kind::Vmalloc);
    for (header, vmalloc) in [(true, false), (false, true), (false, false)] {
        let mut lines = whole.lines.clone();
        lines.retain(|line| match &line.record {
            Record::Header(_) => header,
            Record::Kind(kind) if kind.of == of_vmalloc => vmalloc,
            _ => true,
        });
        let account = read(&log_of(&Story { lines, ..whole.clone() }, &Noise::default()));
        let (ended, detail) = outcome(&account, CheckId::Ended);
        let expected = if vmalloc { CheckOutcome::Ok } else { CheckOutcome::Failed };
        assert_eq!(ended, expected, "{detail}");
        assert_eq!(detail.contains("its totals of vmalloc are missing"), !vmalloc, "{detail}");
    }
}

#[test]
fn boots_are_kept_apart() {
    let (first, second) = (story(&Plan::new(1, 800, &ALL)), story(&Plan::new(2, 700, &[View::Trace])));
    let mut log = log_of(&first, &Noise::default());
    log.extend(log_of(&second, &Noise::default()));
    for (boot, story) in [(None, &first), (Some(1), &first), (Some(2), &second)] {
        let account = read_as(&log, Config { boot, ..Config::default() });
        assert_truth(&account, &story.truth);
        assert_eq!(failed(&account), []);
        assert_eq!((account.facts.boot, account.facts.boots), (boot.unwrap_or(1), 2));
        assert_eq!(account.refused.keys().collect::<Vec<_>>(), [&RefusalReason::OtherBoot]);
    }
    let mut intake = Intake::new(Config { boot: Some(3), ..Config::default() });
    scan(&log[..], &mut intake, |_| {}).expect("reading from memory");
    let error = intake.finish().expect_err("there are two");
    assert!(error.to_string().contains("boot 3"), "{error}");
}

/// `modes`: one bit each.
#[track_caller]
fn survives(seed: u64, steps: usize, modes: usize) {
    let modes: Vec<View> =
        ALL.into_iter().enumerate().filter(|(i, _)| modes >> i & 1 == 1).map(|(_, mode)| mode).collect();
    let story = story(&Plan::new(seed, steps, &modes));
    let account = noisy(&story, &Noise::all(seed ^ 1));
    // In the shortest logs the noise can tell a single record again, which is no replay.
    assert!(failed(&account).iter().all(|id| *id == CheckId::Unique), "{:?}", account.checks);
}

#[test]
fn the_truth_survives_in_the_shortest_logs() {
    for seed in [5899524335893658627, 11905999668177152400].into_iter().chain(0..200) {
        for modes in 1..8 {
            survives(seed, 1, modes);
        }
    }
}

/// A page that one call gave comes back in another, and is freed in the first.
#[test]
fn what_a_call_leaves_behind_is_told_the_same_way() {
    survives(8719454185632688285, 497, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_truth_survives_every_noise(seed in any::<u64>(), steps in 1usize..1500, modes in 1usize..8) {
        survives(seed, steps, modes);
    }
}
