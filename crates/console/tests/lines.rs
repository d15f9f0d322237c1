//! Lines of our recorder in company.
#![allow(missing_docs, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use support::*;
use xenheap_console::{Record, Refusal, Tag, format};
use xenheap_model::{Arch, StackId, View};

const TAG: Tag = Tag(0x00c0_ffee);

fn golden(name: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/golden/");
    let text =
        std::fs::read_to_string(format!("{path}{name}")).expect("the golden lines are in the repository");
    text.lines().map(str::to_owned).collect()
}

/// The lines which the recorder's C code prints are read, and written back byte for byte; and so
/// are those of the first format.
#[test]
fn golden_lines() {
    for name in ["record-lines.txt", "record-lines-1.txt"] {
        are_read_and_written(&golden(name));
    }
}

fn are_read_and_written(lines: &[String]) {
    let mut log = String::new();
    for line in lines {
        log += &format!("(XEN) [   12.345678] {line}\n");
    }
    let kept = read(log.as_bytes());
    let expected: Vec<&String> = lines.iter().filter(|line| line.starts_with("HA1 ")).collect();
    assert!(expected.len() > 40, "{} golden lines", expected.len());
    let read_back: Vec<String> =
        kept.ours.iter().map(|ours| format::record(ours.tag, ours.seq, &ours.record)).collect();
    assert_eq!(read_back.iter().collect::<Vec<_>>(), expected);
    assert!(kept.ours.iter().all(|ours| ours.tag == TAG));
    assert_eq!(kept.refused, []);
    let frames: BTreeSet<&String> = lines.iter().filter(|line| line.starts_with("   [<")).collect();
    let written: BTreeSet<String> = kept.symbols.iter().map(format::frame).collect();
    assert_eq!(written.iter().collect::<BTreeSet<_>>(), frames);
    assert_eq!(kept.rfc, []);
    for op in [
        "A ", "X ", "F ", "G ", "B ", "T ", "V ", "S ", "P ", "K ", "Y ", "Z begin ", "Z end ", "wA ", "I ",
        "D ",
    ] {
        assert!(
            expected.iter().any(|line| line
                .split_once(' ')
                .and_then(|(_, rest)| rest.splitn(3, ' ').nth(2))
                .is_some_and(|rest| rest.starts_with(op))),
            "no golden line of type {op}"
        );
    }
}

fn stack(seq: u64) -> String {
    let line = xenheap_console::StackLine { id: StackId(12), hash: seq, pcs: Vec::new(), truncated: false };
    format::record(TAG, seq, &Record::Stack(line))
}

/// The numbers of the records, and the reasons.
fn told(log: &[u8]) -> (Vec<u64>, Vec<Refusal>) {
    let kept = read(log);
    assert_honest(&kept);
    (kept.ours.iter().map(|ours| ours.seq).collect(), kept.reasons())
}

#[test]
fn several_records_on_a_line() {
    let (a, b, c) = (stack(1), stack(2), stack(3));
    let damaged = Refusal::Damaged(Some(TAG));
    let half = &a[..a.len() / 2];
    for (line, seqs, reasons) in [
        (format!("(XEN) {a}(XEN) {b}(XEN) [   12.000000] {c}"), vec![1, 2, 3], vec![]),
        (format!("(XEN) {a} {b}"), vec![1, 2], vec![]),
        (format!("{a}{b}"), vec![1, 2], vec![]),
        (format!("(XEN) {half}(XEN) {b}"), vec![2], vec![damaged]),
        (format!("(XEN) [   12.000000] {half}(XEN) [   12.000000] {b}"), vec![2], vec![damaged]),
        (format!("{half}{b}"), vec![2], vec![damaged]),
        (format!("(XEN) HA(XEN) {b}"), vec![2], vec![]),
        (format!("(XEN) HA1 (XEN) {b}"), vec![2], vec![Refusal::Damaged(None)]),
        (format!("(XEN) HA1 00c0(XEN) {b}"), vec![2], vec![Refusal::Damaged(None)]),
        (format!("(XEN) {a}, says dom0"), vec![1], vec![]),
        (format!("(XEN) {a}f"), vec![], vec![damaged]),
        (format!("(XEN) {a}(d1) {b}"), vec![1], vec![Refusal::Guest]),
        (format!("(XEN) {half}(d1) {b}"), vec![], vec![damaged, Refusal::Guest]),
        (format!("(d1) {a} (XEN) {b}"), vec![], vec![Refusal::Guest, Refusal::Guest]),
        (format!("(XEN) DOM3: {a}(XEN) {b}"), vec![], vec![Refusal::Guest, Refusal::Guest]),
        (format!("(XEN) DOM3: ] {a}"), vec![], vec![Refusal::Guest]),
        (format!("(XEN) [   12.000000] DOM3: ] {a}"), vec![], vec![Refusal::Guest]),
        (format!("(XEN) {a}(XEN) DOM3: {b}"), vec![1], vec![Refusal::Guest]),
        (format!("DOM3: {a}"), vec![1], vec![]),
        (format!("\x1b[(d1) {a}"), vec![], vec![Refusal::Guest]),
        (format!("\x1b((d1) {a}"), vec![], vec![Refusal::Guest]),
        (format!("(d\x1b[0m1) {a}"), vec![], vec![Refusal::Guest]),
        (format!("S{a}"), vec![1], vec![]),
        ("SHA1 of it".to_owned(), vec![], vec![]),
        ("the HA1 format".to_owned(), vec![], vec![Refusal::Damaged(None)]),
    ] {
        for end in ["", "\n", "\r\n"] {
            assert_eq!(told(format!("{line}{end}").as_bytes()), (seqs.clone(), reasons.clone()), "{line:?}");
        }
    }
}

/// The check fits, and yet it makes no sense.
#[test]
fn contents_that_cannot_be() {
    let malformed = [
        "HA1 00c0ffee 0 V fmt=3 xen=4.17.5",
        "HA1 00c0ffee 0 V xen=4.17.5",
        "HA1 00c0ffee 1 V fmt=1 xen=4.17.5",
        "HA1 00c0ffee 0 V fmt=1 xen=a\u{e9}b",
        "HA1 00c0ffee 1 Q x",
        "HA1 00c0ffee 1",
        "HA1 00c0ffee 1 A",
        "HA1 00c0ffee 0 A x ffff83007c4d2010 392 s1 d0",
        "HA1 00c0ffee 1 A y ffff83007c4d2010 392 s1 d0",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 - s1 d0",
        "HA1 00c0ffee 1 F h ffff83007c4d2000 - s1 d0",
        "HA1 00c0ffee 1 X x ffff83007c4d2010 392 s1 d0",
        "HA1 00c0ffee 1 A x 1ffff83007c4d2010 392 s1 d0",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 d0",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d65536",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s4294967296 d0",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392  s1 d0",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 nx",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 q",
        "HA1 00c0ffee 1 A h ffff83007c4d2000 4096 s1 d0 u4096",
        "HA1 00c0ffee 18446744073709551616 A x ffff83007c4d2010 392 s1 d0",
        "HA1 00c0ffee 1 S 0 9be1c0ffee123456 ffff82d040230090",
        "HA1 00c0ffee 1 S 1 9be1c0ffee12345 ffff82d040230090",
        "HA1 00c0ffee 1 S 1 9be1c0ffee123456 + ffff82d040230090",
        "HA1 00c0ffee 1 S 1 9be1c0ffee123456 ffff82d040230090x",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 b",
        "HA1 00c0ffee 1 F x ffff83007c4d2010 392 s1 d0 b b",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 zf",
        "HA1 00c0ffee 1 X x 0 392 s1 d0 zq",
        "HA1 00c0ffee 0 I 9be1c0ffee123456 2 x 8 d0 c1",
        "HA1 00c0ffee 1 I 9be1c0ffee123456 0 x 8 d0 c1",
        "HA1 00c0ffee 1 I 9be1c0ffee123456 2 g 8 d0 c1",
        "HA1 00c0ffee 1 D 5 allocs=1",
        "HA1 00c0ffee 1 D - allocs=1",
        "HA1 00c0ffee 0 V fmt=1 fail=9be1c0ffee123456",
        "HA1 00c0ffee 0 V fmt=1 charge=everybody",
        "HA1 00c0ffee 1 F x ffff83007c4d2010 392 s1 d0 e",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 e18446744073709551616",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 w5.7",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 wy5.7",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 wx5",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 wx5.7.9",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 wx65536.7",
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 wx5.4294967296",
        // What is charged is counted, not traced.
        "HA1 00c0ffee 1 A g ffff83007c4d2000 4096 s1 d0",
        "HA1 00c0ffee 1 A r ffff83007c4d2000 4096 s1 d0",
        "HA1 00c0ffee 0 C 5.7 f3 d0 c1 t1",
        "HA1 00c0ffee 1 C 5.0 f3 d0 c1 t1",
        "HA1 00c0ffee 1 C 5 f3 d0 c1 t1",
        "HA1 00c0ffee 1 C 5.7 d0 c1 t1",
        "HA1 00c0ffee 1 C 5.7 f3 d0 c1",
        "HA1 00c0ffee 1 C 5.7 f3 d0 d0 c1 t1",
        "HA1 00c0ffee 1 C 5.7 f3 d0 c1 t1 5",
        "HA1 00c0ffee 1 E 5.7 d0 c0 t1 pool=1 low=1 takes=1 backs=1 failed=0",
        "HA1 00c0ffee 1 E 5.7 x x d0 c0 t1 pool=1 low=1 takes=1 backs=1 failed=0 extra=6",
        "HA1 00c0ffee 1 E 5.7 d0 c0 t1 pool=1 pool=1 low=1 takes=1 backs=1 failed=0 extra=6",
        "HA1 00c0ffee 1 U 5.0 pool=1 low=1 takes=1 backs=1 failed=0 extra=6",
        "HA1 00c0ffee 1 U 5.7 pool=1 low=1 takes=1 backs=1 failed=0",
        "HA1 00c0ffee 1 U 5.7 pool=1 low=1 takes=1 backs=1 failed=0 extra=x",
        "HA1 00c0ffee 1 wU 5.7 pool=1 low=1 takes=1 backs=1 failed=0 extra=6",
        "HA1 00c0ffee 1 P s1 g d0 o5 allocs=1 bytes=1 failed=0 taken=0 taken_bytes=0 freed=0 freed_bytes=0 given=0 \
         given_bytes=0 live=1 live_bytes=1 peak=1 min=1 max=1 bracketed=0",
        "HA1 00c0ffee 1 K x allocs=1",
        "HA1 00c0ffee 1 P s1 x d0 allocs=1",
        "HA1 00c0ffee 1 Y free=1",
        "HA1 00c0ffee 1 Z begin 1",
        "HA1 00c0ffee 1 Z end 1 stacks=1",
        "HA1 00c0ffee 1 Z middle 1",
    ];
    for content in malformed {
        let line = format::checked(content.to_owned());
        assert_eq!(told(line.as_bytes()), (vec![], vec![Refusal::Malformed(Some(TAG))]), "{content}");
    }
    // What a later recorder may add.
    for content in [
        "HA1 00c0ffee 1 A x ffff83007c4d2010 392 s1 d0 c1 t2cb417800 u416 y99 Wx",
        "HA1 00c0ffee 1 Z end 1 stacks=1 rows=2 more=3",
        "HA1 00c0ffee 1 C 5.7 f3 d0 c1 t1 z9",
        "HA1 00c0ffee 1 E 5.7 x d0 c0 t1 pool=1 low=1 takes=1 backs=1 failed=0 extra=6 more=7",
        "HA1 00c0ffee 1 U 5.7 pool=1 low=1 takes=1 backs=1 failed=0 extra=6 more=7",
    ] {
        assert_eq!(told(format::checked(content.to_owned()).as_bytes()), (vec![1], vec![]), "{content}");
    }
}

#[test]
fn lines_longer_than_any_buffer() {
    let a = stack(1);
    for length in [60_000, 61_400, 61_441, 65_000, 65_535, 65_536, 65_537, 200_000, 1_000_000] {
        let filler = "x".repeat(length);
        let line = format!("{filler}(XEN) {a}(XEN) {a} {filler}{a} {filler}\n(XEN) {}\n", stack(2));
        // The third has a letter before it and a space behind it; its tag is read all the same.
        assert_eq!(told(line.as_bytes()), (vec![1, 1, 1, 2], vec![]), "{length}");
        let line = format!("{filler}(d1) {filler}(XEN) {a}\n");
        assert_eq!(told(line.as_bytes()), (vec![], vec![Refusal::Guest]), "{length}");
        let line = format!("(XEN) DOM1: {filler}(XEN) {a}\n");
        assert_eq!(told(line.as_bytes()), (vec![], vec![Refusal::Guest]), "{length}");
        let line = format!("(XEN) {filler}DEBUG: d0: xfree - p=ffff83013a500001\n");
        assert_eq!(read(line.as_bytes()).rfc.len(), 1, "{length}");
        let line = format!("{filler}DEBUG: d0: xfree - p=ffff83013a500001\n");
        assert_eq!(read(line.as_bytes()).rfc.len(), 0, "{length}");
    }
}

#[test]
fn what_xen_says() {
    let log = "\
Xen 4.17.5
(XEN) Xen version 4.17.5 (Debian 4.17.5+72-g01140da4e8-1) (x@y) (gcc (Debian 12.2.0-14) 12.2.0) debug=n
(XEN) Latest ChangeSet: 
(XEN) build-id: 1a491e61130a456c140e65cde2d165af
(XEN) Xen-e820 RAM map:
(d1) (XEN) Xen version 6.6.6 (x)
(XEN) DOM1: Xen version 6.6.7 (x)
Xen version 6.6.8 (x)
";
    let kept = read(log.as_bytes());
    assert_eq!(
        kept.says,
        [
            "Version(\"4.17.5\")",
            "BuildId(\"1a491e61130a456c140e65cde2d165af\")",
            &format!("Arch({:?})", Arch::X86_64)
        ]
    );
}

#[test]
fn nothing() {
    let kept = read(b"");
    assert_eq!((kept.stats.lines, kept.stats.bytes, kept.stats.unfinished), (0, 0, false));
    assert_eq!(read(b"\n").stats.lines, 1);
    assert_eq!(read(b"x").stats.lines, 1);
}

/// The examples of the specification.
#[test]
fn what_a_recorder_says_of_domains() {
    use xenheap_model::{Domain, DomainEvent, DomainId, DomainState, How, Life, Pool, Subject};
    let id = DomainId { domain: Domain::Id(5), generation: 7 };
    let one = |content: &str| {
        let kept = read(format::checked(format!("HA1 00c0ffee {content}")).as_bytes());
        assert_eq!(kept.refused, [], "{content}");
        kept.ours.into_iter().next().map(|ours| ours.record)
    };
    let event = |seq, life, cpu, time| DomainEvent { seq, life, id, current: Domain::Id(0), cpu, time };
    let pool = Pool { size: 1024, low: 980, takes: 44, backs: 44, failed: 0, extra: 6 };
    let created = event(120, Life::Created { flags: 3 }, 1, 0x2_cb41_7800);
    let ended = |failed| event(980, Life::Ended { failed, pool }, 0, 0x3_cb41_7800);
    let trace = |event| Some(Record::Domain { view: View::Trace, event });
    let pages = "pool=1024 low=980 takes=44 backs=44 failed=0 extra=6";
    assert_eq!(one("120 C 5.7 f3 d0 c1 t2cb417800"), trace(created.clone()));
    assert_eq!(
        one("120 wC 5.7 f3 d0 c1 t2cb417800"),
        Some(Record::Domain { view: View::Warn, event: created })
    );
    assert_eq!(one(&format!("980 E 5.7 d0 c0 t3cb417800 {pages}")), trace(ended(false)));
    assert_eq!(one(&format!("980 E 5.7 x d0 c0 t3cb417800 {pages}")), trace(ended(true)));
    assert_eq!(one(&format!("981 U 5.7 {pages}")), Some(Record::State(DomainState { id, pool })));
    for (letter, how) in [('c', How::Create), ('k', How::Destroy), ('x', How::Domctl), ('m', How::Move)] {
        let record = one(&format!("9 F x ffff83007c4d2010 392 s12 d0 c1 t1 u416 e77 b w{letter}5.7"));
        let Some(Record::Event { event, .. }) = record else { panic!("{record:?}") };
        assert_eq!((event.epoch, event.bracketed, event.subject), (77, true, Some(Subject { how, id })));
    }
}

#[test]
fn views_are_told_apart() {
    let lines = golden("record-lines.txt");
    let views: Vec<View> = read(lines.join("\n").as_bytes())
        .ours
        .iter()
        .filter_map(|ours| match &ours.record {
            Record::Event { view, .. } | Record::Domain { view, .. } => Some(*view),
            _ => None,
        })
        .collect();
    assert_eq!(views.iter().filter(|view| **view == View::Warn).count() * 2, views.len());
}
