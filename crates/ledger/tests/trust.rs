//! What a log may contain besides one boot's genuine records, and what it must not do.

use xenheap_console::{Header, Place, Record, RecordSink, Refusal, RfcRecord, Tag};
use xenheap_ledger::{Account, Config, EventSink, Intake, LedgerError, Matched, Stream};
use xenheap_model::{
    Charge, CheckId, CheckOutcome, Domain, Event, Kind, LogFormat, Op, RefusalReason, RfcOp, StackId, View,
};

const OURS: u32 = 0x3f9a_2c41;
const FORGED: u32 = 0xdead_beef;

fn event(seq: u64, op: Op, addr: u64) -> Event {
    Event {
        seq,
        op,
        kind: Kind::Xmalloc,
        addr,
        size: Some(64),
        used: Some(80),
        stack: StackId::UNKNOWN,
        current: Domain::Id(0),
        passed: None,
        charge: Charge::Nobody,
        memflags: 0,
        layer: 0,
        cpu: 0,
        time: seq * 10,
        unknown: false,
        epoch: 0,
        bracketed: false,
        subject: None,
        untried: None,
    }
}

/// Writes records as a log would have them.
struct Log<'s> {
    intake: Intake<'s>,
    line: u64,
}

impl<'s> Log<'s> {
    fn new(config: Config) -> Self {
        Log { intake: Intake::new(config), line: 0 }
    }

    fn record(&mut self, tag: u32, seq: u64, record: Record) {
        self.line += 1;
        let bytes = format!("{tag} {seq} {record:?}");
        let at = Place { line: self.line, offset: self.line * 100 };
        self.intake.record(at, Tag(tag), seq, bytes.as_bytes(), record);
    }

    fn header(&mut self, tag: u32, modes: &[View]) {
        let header = Header { xen: "4.17.5".to_owned(), modes: modes.to_vec(), ..Header::default() };
        self.record(tag, 0, Record::Header(header));
    }

    fn event(&mut self, tag: u32, view: View, seq: u64, op: Op, addr: u64) {
        self.record(tag, seq, Record::Event { view, event: event(seq, op, addr) });
    }

    fn alloc(&mut self, tag: u32, seq: u64) {
        self.event(tag, View::Trace, seq, Op::Alloc, 0x1008 + seq * 256);
    }

    fn finish(self) -> Account {
        self.intake.finish().expect("what was asked for is there")
    }
}

fn outcome(account: &Account, id: CheckId) -> (CheckOutcome, &str) {
    let check = account.checks.iter().find(|check| check.id == id).expect("all checks are there");
    (check.outcome, &check.detail)
}

fn allocs(account: &Account) -> u64 {
    account.totals.xmalloc.counters.allocs
}

#[test]
fn forged_records_before_and_after_the_header_change_nothing() {
    let mut log = Log::new(Config::default());
    for seq in 1..20 {
        log.alloc(FORGED, seq);
    }
    log.header(OURS, &[View::Trace]);
    for seq in 1..=10 {
        log.alloc(OURS, seq);
        log.alloc(FORGED, seq + 1);
    }
    log.header(FORGED, &[View::Trace]);
    log.alloc(FORGED, 1);
    log.alloc(OURS, 11);
    let account = log.finish();
    assert_eq!(allocs(&account), 11);
    assert_eq!(account.facts.tag.as_deref(), Some("3f9a2c41"));
    assert_eq!((account.facts.boot, account.facts.boots), (1, 2));
    assert_eq!(account.refused.get(&RefusalReason::WrongTag), Some(&29));
    assert_eq!(account.refused.get(&RefusalReason::OtherBoot), Some(&2));
    assert_eq!(outcome(&account, CheckId::Sequence).0, CheckOutcome::Ok);
    assert_eq!(outcome(&account, CheckId::Intact).0, CheckOutcome::Ok);
}

#[test]
fn a_late_log_keeps_its_boot_when_a_header_is_forged() {
    let mut log = Log::new(Config::default());
    for seq in 501..=1000 {
        log.alloc(OURS, seq);
    }
    log.header(FORGED, &[View::Trace]);
    log.alloc(FORGED, 1);
    log.alloc(OURS, 1001);
    let account = log.finish();
    assert_eq!(allocs(&account), 501);
    assert_eq!(outcome(&account, CheckId::Header).0, CheckOutcome::Failed);
    let (outcome, detail) = outcome(&account, CheckId::Sequence);
    assert_eq!(
        (outcome, detail.contains("lacks 500 of 1001: 1-500")),
        (CheckOutcome::Failed, true),
        "{detail}"
    );
}

#[test]
fn damage_counts_only_with_our_tag() {
    let mut log = Log::new(Config::default());
    let at = |line| Place { line, offset: 0 };
    // Before the header it is not known whose it is.
    log.intake.refused(at(1), Refusal::Damaged(Some(Tag(OURS))));
    log.intake.refused(at(2), Refusal::Damaged(Some(Tag(FORGED))));
    log.header(OURS, &[View::Trace]);
    log.intake.refused(at(3), Refusal::Damaged(None));
    log.intake.refused(at(4), Refusal::Malformed(Some(Tag(FORGED))));
    log.intake.refused(at(5), Refusal::Malformed(Some(Tag(OURS))));
    log.intake.refused(at(6), Refusal::Guest);
    let account = log.finish();
    let counts: Vec<(&str, u64)> =
        account.refused.iter().map(|(why, count)| (why.as_str(), *count)).collect();
    assert_eq!(
        counts,
        [("damaged", 1), ("damaged-other", 2), ("guest", 1), ("malformed", 1), ("malformed-other", 1)]
    );
    let (outcome, detail) = outcome(&account, CheckId::Intact);
    assert_eq!(outcome, CheckOutcome::Failed);
    assert!(detail.starts_with("2 records of this boot are damaged, the first in line 1"), "{detail}");
}

#[test]
fn a_replay_with_other_bytes_is_refused() {
    let mut log = Log::new(Config::default());
    log.header(OURS, &[View::Trace]);
    log.alloc(OURS, 1);
    log.event(OURS, View::Trace, 1, Op::Alloc, 0x9008);
    log.alloc(OURS, 1);
    log.header(OURS, &[View::Trace]);
    log.header(OURS, &[View::Trace, View::Warn]);
    let account = log.finish();
    assert_eq!(allocs(&account), 1);
    assert_eq!(account.live.first().map(|live| live.addr), Some(0x1108));
    assert_eq!(account.facts.modes, [View::Trace]);
    assert_eq!(account.refused.get(&RefusalReason::Conflict), Some(&2));
    assert_eq!(account.refused.get(&RefusalReason::Replayed), Some(&2));
    assert_eq!(outcome(&account, CheckId::Unique).0, CheckOutcome::Failed);
    assert_eq!(outcome(&account, CheckId::Sequence).0, CheckOutcome::Ok);
}

/// A log of ten records, of which `lost` never comes, that `xl dmesg` tells again with one damaged
/// copy.
fn replayed_with_damage(lost: Option<u64>) -> Account {
    let mut log = Log::new(Config::default());
    for again in [false, true] {
        log.header(OURS, &[View::Trace]);
        for seq in (1..=10).filter(|&seq| Some(seq) != lost) {
            if again && seq == 5 {
                log.intake.refused(Place { line: 105, offset: 0 }, Refusal::Damaged(Some(Tag(OURS))));
            } else {
                log.alloc(OURS, seq);
            }
        }
    }
    log.finish()
}

#[test]
fn a_damaged_copy_is_no_damage_unless_something_is_missing() {
    let account = replayed_with_damage(None);
    assert_eq!(allocs(&account), 10);
    assert_eq!(account.refused.get(&RefusalReason::DamagedReplay), Some(&1));
    let (intact, detail) = outcome(&account, CheckId::Intact);
    assert_eq!((intact, detail.contains("except one copy")), (CheckOutcome::Ok, true), "{detail}");
    let (unique, detail) = outcome(&account, CheckId::Unique);
    assert_eq!(unique, CheckOutcome::Ok);
    assert!(detail.starts_with("10 records came again and counted once"), "{detail}");

    let account = replayed_with_damage(Some(7));
    let (intact, detail) = outcome(&account, CheckId::Intact);
    assert_eq!(intact, CheckOutcome::Failed);
    assert!(detail.starts_with("1 record of this boot is damaged, the first in line 105"), "{detail}");
}

#[test]
fn a_record_that_comes_again_alone_is_no_replay() {
    let mut log = Log::new(Config::default());
    log.header(OURS, &[View::Trace]);
    for seq in [1, 2, 2, 3] {
        log.alloc(OURS, seq);
    }
    let account = log.finish();
    assert_eq!(allocs(&account), 3);
    let (unique, detail) = outcome(&account, CheckId::Unique);
    assert_eq!(unique, CheckOutcome::Failed);
    assert!(detail.contains("the one in line 4 came again alone"), "{detail}");
}

#[test]
fn the_whole_view_is_reported() {
    let mut log = Log::new(Config::default());
    log.header(OURS, &[View::Trace, View::Warn]);
    for seq in 1..=9 {
        if seq != 4 {
            log.alloc(OURS, seq);
        }
        log.event(OURS, View::Warn, seq, Op::Alloc, 0x1008 + seq * 256);
    }
    let account = log.finish();
    assert_eq!((account.facts.view, allocs(&account)), (Some(View::Warn), 9));
    assert_eq!(outcome(&account, CheckId::Views).0, CheckOutcome::Failed);
    let (outcome, detail) = outcome(&account, CheckId::Sequence);
    assert_eq!(
        (outcome, detail.contains("trace lacks 1 of 9: 4;")),
        (CheckOutcome::Failed, true),
        "{detail}"
    );
}

#[test]
fn a_view_that_is_not_there_is_an_error() {
    let mut log = Log::new(Config { view: Some(View::Summary), ..Config::default() });
    log.header(OURS, &[View::Trace]);
    let error = log.intake.finish().expect_err("there is no summary");
    assert_eq!(error, LedgerError::NoView { asked: View::Summary, have: vec![View::Trace] });
    assert_eq!(
        error.to_string(),
        "the log has no summary view (it has trace): choose another with --view, or none for the most complete"
    );
}

#[derive(Default)]
struct Seen(Vec<(u64, Option<u64>)>);

impl EventSink for Seen {
    fn event(&mut self, event: &Event, matched: Option<&Matched>) {
        self.0.push((event.seq, matched.map(|m| m.seq)));
    }
}

#[test]
fn the_sink_gets_one_view_in_order_and_is_told_which() {
    let mut seen = Seen::default();
    let mut log = Log { intake: Intake::with_sink(Config::default(), &mut seen), line: 0 };
    log.header(OURS, &[View::Trace, View::Warn]);
    for (seq, op) in [(2, Op::Free), (1, Op::Alloc), (3, Op::Fail)] {
        log.event(OURS, View::Trace, seq, op, 0x1008);
        log.event(OURS, View::Warn, seq, op, 0x1008);
    }
    let account = log.finish();
    assert_eq!(account.streamed, Some(Stream { format: LogFormat::Ha1, view: Some(View::Trace) }));
    assert!(account.streamed_the_chosen());
    assert_eq!(seen.0, [(1, Some(1)), (2, Some(1)), (3, None)]);
}

#[test]
fn the_sink_is_told_when_the_view_was_the_wrong_one() {
    let mut seen = Seen::default();
    let mut log = Log { intake: Intake::with_sink(Config::default(), &mut seen), line: 0 };
    log.header(OURS, &[View::Trace, View::Warn]);
    for seq in 1..=2 {
        log.event(OURS, View::Warn, seq, Op::Fail, 0);
    }
    log.event(OURS, View::Trace, 2, Op::Fail, 0);
    let account = log.finish();
    assert_eq!(account.facts.view, Some(View::Warn));
    assert!(!account.streamed_the_chosen());
    assert_eq!(seen.0, [(2, None)]);
}

fn rfc(ptr: u64) -> RfcRecord {
    RfcRecord {
        op: RfcOp::XmemPoolAlloc,
        domain: Domain::Id(0),
        size: Some(8),
        ptr: Some(ptr),
        trace: Vec::new(),
        time: None,
        uncertain: None,
    }
}

#[test]
fn two_recorders_are_never_summed() {
    for rfc_first in [true, false] {
        for (format, expected) in [(None, 1), (Some(LogFormat::Ha1), 1), (Some(LogFormat::Rfc), 2)] {
            let mut log = Log::new(Config { format, ..Config::default() });
            if rfc_first {
                log.intake.rfc(Place::default(), rfc(0x18));
            }
            log.header(OURS, &[View::Trace]);
            log.alloc(OURS, 1);
            if !rfc_first {
                log.intake.rfc(Place::default(), rfc(0x18));
            }
            log.intake.rfc(Place::default(), rfc(0x38));
            let account = log.finish();
            assert_eq!(allocs(&account), expected);
            assert_eq!(account.facts.format, format.unwrap_or(LogFormat::Ha1));
            // Of each recorder there are two records.
            assert_eq!(account.refused.get(&RefusalReason::OtherFormat), Some(&2));
        }
    }
}

#[test]
fn memory_does_not_grow_with_forged_tags() {
    let mut log = Log::new(Config::default());
    log.header(OURS, &[View::Trace]);
    for tag in 1..5000 {
        log.header(tag, &[View::Trace]);
        log.alloc(tag, 1);
        log.intake.refused(Place::default(), Refusal::Damaged(Some(Tag(tag))));
    }
    log.alloc(OURS, 1);
    let account = log.finish();
    assert_eq!((allocs(&account), account.facts.boots), (1, 64));
    assert_eq!(account.refused.get(&RefusalReason::TooManyBoots), Some(&(4999 - 63)));
    assert_eq!(account.refused.get(&RefusalReason::DamagedOther), Some(&4999));
}
