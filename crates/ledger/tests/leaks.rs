//! What is left of domains that are gone, and what grows from cycle to cycle: known truth, found to
//! the byte or not at all.

mod support;

use support::simulate::{Churn, LEAKING, Noise, Story, churn, log_of};
use xenheap_console::scan;
use xenheap_ledger::{Account, Config, EventSink, Intake, Matched, Retelling};
use xenheap_model::{
    Amount, AnyEvent, Domain, DomainEvent, Event, Growing, Kind, Left, RefusalReason, Rise, Run, StackId,
    View,
};

const ALL: [View; 3] = [View::Trace, View::Warn, View::Summary];

fn told(leak: Option<u64>, cycles: usize, modes: &[View]) -> Story {
    churn(&Churn { seed: 5, cycles, modes: modes.to_vec(), leak })
}

fn read_as(log: &[u8], view: Option<View>) -> Account {
    let mut intake = Intake::new(Config { view, ..Config::default() });
    scan(log, &mut intake, |_| {}).expect("reading from memory");
    intake.finish().expect("what was asked for is there")
}

fn run(account: &Account) -> Run {
    account.clone().into_run(Default::default())
}

fn clean(story: &Story) -> Vec<u8> {
    log_of(story, &Noise::default())
}

#[test]
fn a_leak_is_found_with_its_stack_and_its_bytes() {
    let cycles = 6;
    let log = clean(&told(Some(2008), cycles, &ALL));
    for view in ALL {
        let account = read_as(&log, Some(view));
        let rises = cycles as u64 - 1;
        let each = |by: i64| Rise { min: by, max: by, last: by, total: by * rises as i64 };
        let live = Amount { count: cycles as u64, bytes: 2008 * cycles as u64 };
        let expected = Growing {
            stack: LEAKING,
            kind: Kind::Xmalloc,
            charge: xenheap_model::Charge::Nobody,
            rises,
            bytes: each(2008),
            allocs: each(1),
            live,
        };
        assert_eq!(account.cycles.growing, [expected], "{view}");
        assert_eq!((account.cycles.completed, account.cycles.missed), (cycles as u64, 0), "{view}");
        assert_eq!(run(&account).doubt(), None, "{view}");
    }
    let account = read_as(&log, None);
    let left = |of: &Left| (of.stack == LEAKING).then_some(of.live);
    let left: Vec<Amount> = account.left.iter().filter_map(left).collect();
    // One for each domain that is gone.
    assert_eq!(left, vec![Amount { count: 1, bytes: 2008 }; cycles]);
    let of_domains: u64 = account.domains.iter().map(|domain| domain.left().bytes).sum();
    assert_eq!(of_domains, account.left.iter().map(|left| left.live.bytes).sum::<u64>());
}

#[test]
fn what_is_freed_late_is_none() {
    for view in ALL {
        let account = read_as(&clean(&told(None, 6, &ALL)), Some(view));
        assert_eq!(account.cycles.growing, [], "{view}");
        assert_eq!(account.cycles.completed, 6);
        assert!(account.left.iter().all(|left| left.stack != LEAKING));
        // The background before the first cycle does what it likes, with domains that are gone as
        // well.
        let of_cycles = |domain: &&xenheap_model::DomainAccount| {
            domain.id.domain.to_string().len() == "d10".len() && domain.ended.is_some()
        };
        assert!(account.domains.iter().filter(of_cycles).all(|domain| domain.left().is_zero()));
    }
}

#[test]
fn too_few_cycles_show_nothing() {
    // The first has no beginning that is known: three rises need four.
    assert_eq!(read_as(&clean(&told(Some(64), 3, &ALL)), None).cycles.growing, []);
    assert_eq!(read_as(&clean(&told(Some(64), 4, &ALL)), None).cycles.growing.len(), 1);
}

/// Whatever is cut out of a log: if that is not a copy, nothing may be called a leak.
#[test]
fn a_gap_never_gives_a_leak() {
    for modes in [&[View::Trace][..], &[View::Warn, View::Summary]] {
        let log = clean(&told(Some(2008), 6, modes));
        assert_eq!(run(&read_as(&log, None)).doubt(), None);
        let text = String::from_utf8(log).expect("ASCII");
        let lines: Vec<&str> = text.lines().collect();
        let ours = lines.iter().enumerate().filter(|(_, line)| line.contains("HA1 ")).map(|(i, _)| i);
        for gone in ours.step_by(7) {
            let without: Vec<&str> =
                lines.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, line)| *line).collect();
            let account = read_as(without.join("\n").as_bytes(), None);
            assert!(run(&account).doubt().is_some(), "without {:?}", lines[gone]);
        }
    }
}

#[test]
fn a_log_that_stops_early_never_gives_a_leak() {
    for modes in [&[View::Trace][..], &[View::Summary]] {
        let log = clean(&told(Some(2008), 6, modes));
        let text = String::from_utf8(log).expect("ASCII");
        assert_eq!(run(&read_as(text.as_bytes(), None)).doubt(), None);
        let ends = text.match_indices('\n').map(|(end, _)| end + 1).filter(|end| *end < text.len());
        // Whole dumps, after which nothing seems to be missing, among them.
        for end in ends.step_by(5).chain(text.match_indices("HA1").map(|(at, _)| at).step_by(3)) {
            let account = read_as(&text.as_bytes()[..end], None);
            assert!(run(&account).doubt().is_some(), "{end}: {:#?}", account.checks);
        }
        let key = text.rfind("why=key").expect("the last cycle ended");
        let end = key + text[key..].find("Z end").expect("with a whole dump");
        let end = end + text[end..].find('\n').expect("a line") + 1;
        let account = read_as(&text.as_bytes()[..end], None);
        assert_eq!(account.cycles.growing.len(), 1);
        let doubt = run(&account).doubt().expect("it may go on");
        assert!(doubt.contains("debug key"), "{doubt}");
        // Where there is no dom0, there is no other end.
        let dom0 = Domain::Id(0);
        let mut run = run(&account);
        run.domains.retain(|domain| domain.id.domain != dom0);
        assert!(run.doubt().is_some() && !run.domains.is_empty());
        run.profile.retain(|row| row.key.current != dom0);
        assert_eq!(run.doubt(), None);
        run.domains.clear();
        assert!(run.doubt().is_some());
    }
}

#[test]
fn a_replay_is_no_gap() {
    let story = told(Some(2008), 6, &ALL);
    let account = read_as(&log_of(&story, &Noise { replays: 5, ..Noise::default() }), None);
    assert!(account.refused.contains_key(&RefusalReason::Replayed), "{:?}", account.refused);
    assert_eq!(run(&account).doubt(), None);
    assert_eq!(
        account.cycles.growing.iter().map(|growing| growing.stack).collect::<Vec<StackId>>(),
        [LEAKING]
    );
}

#[derive(Default)]
struct Events(Vec<AnyEvent>);

impl EventSink for Events {
    fn event(&mut self, event: &Event, _: Option<&Matched>) {
        self.0.push(event.clone().into());
    }

    fn domain(&mut self, event: &DomainEvent) {
        self.0.push(event.clone().into());
    }
}

#[test]
fn a_saved_run_says_the_same() {
    let log = clean(&told(Some(2008), 6, &ALL));
    let mut events = Events::default();
    let mut intake = Intake::with_sink(Config::default(), &mut events);
    scan(&log[..], &mut intake, |_| {}).expect("reading from memory");
    let whole = run(&intake.finish().expect("nothing was asked for"));
    // What a run file stores.
    let mut again = Run {
        profile: Vec::new(),
        totals: Default::default(),
        domains: Vec::new(),
        left: Vec::new(),
        services: Vec::new(),
        ..whole.clone()
    };
    again.cycles.growing.clear();
    let mut retelling = Retelling::new(&again);
    let mut sink = Events::default();
    for event in &events.0 {
        retelling.event(event, &mut sink);
    }
    retelling.finish(&mut again);
    assert_eq!(again, whole);
    assert_eq!(sink.0, events.0);
}
