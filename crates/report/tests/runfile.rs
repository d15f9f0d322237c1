//! The run file: what goes in comes out, and what is damaged is refused with a reason.

mod common;

use std::{fs, io::Read, path::PathBuf};

use common::{events, run};
use xenheap_model::{
    AnyEvent, Beside, Charge, Charged, CheckId, Counters, Domain, DomainEvent, DomainId, DomainState, Event,
    How, Kind, KindTotals, Life, Op, Owner, Pool, Row, RowKey, Run, StackId, Subject,
};
use xenheap_report::runfile::{RunFile, RunFileError, VERSION, Writer, is_run_file};

fn written(run: &Run, events: &[Event]) -> Vec<u8> {
    written_any(run, &told_of(events.to_vec()))
}

fn written_any(run: &Run, events: &[AnyEvent]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("run.xhr");
    let mut writer = Writer::create(&path).expect("created");
    for event in events {
        match event {
            AnyEvent::Memory(event) => writer.event(event),
            AnyEvent::Domain(event) => writer.domain(event),
        }
    }
    writer.finish(run, "a test").expect("written");
    let names: Vec<_> =
        fs::read_dir(dir.path()).expect("listed").map(|entry| entry.expect("entry").file_name()).collect();
    assert_eq!(names, ["run.xhr"], "nothing else is left");
    fs::read(&path).expect("read")
}

fn plain(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).expect("zstd")
}

fn read(plain: &[u8]) -> Result<(Run, Vec<AnyEvent>), RunFileError> {
    let mut file = RunFile::open("run.xhr", plain)?;
    let mut events = Vec::new();
    while let Some(event) = file.next_event()? {
        events.push(event);
    }
    Ok((file.into_run(), events))
}

fn told_of(events: Vec<Event>) -> Vec<AnyEvent> {
    events.into_iter().map(AnyEvent::from).collect()
}

#[test]
fn what_goes_in_comes_out() {
    let bytes = written(&run(), &events());
    let plain = plain(&bytes);
    assert!(is_run_file(&plain));
    let (back, told) = read(&plain).expect("readable");
    assert_eq!(told, told_of(events()));
    // Sums are made from the events again.
    let expected = Run { profile: Vec::new(), totals: Default::default(), ..run() };
    assert_eq!(back, expected);
}

/// What version 2 added: domains and their events, subjects, calls, charged memory, cycles.
fn version_2() -> (Run, Vec<AnyEvent>) {
    let id = DomainId { domain: Domain::Id(5), generation: 7 };
    let pool = Pool { size: 1024, low: 980, takes: 44, backs: 44, failed: 1, extra: 6 };
    let life = |seq, life| DomainEvent { seq, life, id, current: Domain::Id(0), cpu: 1, time: 1000 * seq };
    let mut events = vec![AnyEvent::from(life(1, Life::Created { flags: 3 }))];
    for (n, mut event) in common::events().into_iter().enumerate() {
        event.seq += 1;
        event.epoch = 70 + n as u64;
        event.bracketed = event.op == Op::Free;
        let how = [How::Create, How::Destroy, How::Domctl][n % 3];
        event.subject = (n % 4 > 0).then_some(Subject { how, id });
        events.push(event.into());
    }
    events.push(life(events.len() as u64 + 1, Life::Ended { failed: false, pool }).into());
    events.push(life(events.len() as u64 + 1, Life::Ended { failed: true, pool: Pool::default() }).into());
    let mut run = Run { profile: Vec::new(), totals: Default::default(), ..run() };
    run.facts.tables.as_mut().expect("tables").domains = Some(512);
    run.cycles.completed = 9;
    run.cycles.missed = 1;
    run.cycle_ends = vec![4, 8, 12];
    let dump = run.dump.as_mut().expect("a dump");
    dump.machine.lost_domains = Some(0);
    dump.domains = vec![DomainState { id, pool }];
    let counters = Counters { allocs: 44, failed: 1, bracketed: Some(0), ..Counters::default() };
    let key = RowKey {
        stack: StackId(1),
        kind: Kind::DomainPool,
        charge: Charge::Domain,
        current: Domain::Id(5),
        owner: Owner::Unknown,
    };
    let totals = KindTotals { counters, ..KindTotals::default() };
    dump.charged =
        Some(Charged { rows: vec![Row { key, counters }], domain_pool: totals, no_refcount: totals });
    (run, events)
}

#[test]
fn domains_and_cycles_come_out_as_well() {
    let (run, events) = version_2();
    let (back, told) = read(&plain(&written_any(&run, &events))).expect("readable");
    assert_eq!(told, events);
    assert_eq!(back, run);
}

#[test]
fn every_owner_survives() {
    let id = DomainId { domain: Domain::Id(5), generation: 7 };
    let old = DomainId::unknown(Domain::Id(1));
    for (owner, json) in [
        (Owner::Unknown, r#"{"known-by":"unknown"}"#),
        (Owner::Passed(old), r#"{"known-by":"passed","domain":"d1"}"#),
        (Owner::Passed(id), r#"{"known-by":"passed","domain":"d5","generation":7}"#),
        (Owner::Created(id), r#"{"known-by":"created","domain":"d5","generation":7}"#),
        (Owner::Domctl(id), r#"{"known-by":"domctl","domain":"d5","generation":7}"#),
        (Owner::Moved(id), r#"{"known-by":"moved","domain":"d5","generation":7}"#),
        (Owner::Destroyed(id), r#"{"known-by":"destroyed","domain":"d5","generation":7}"#),
    ] {
        assert_eq!(serde_json::to_string(&owner).expect("JSON"), json);
        assert_eq!(serde_json::from_str::<Owner>(json).expect("an owner"), owner);
    }
}

#[test]
fn a_run_without_events_keeps_its_sums() {
    let (back, told) = read(&plain(&written(&run(), &[]))).expect("readable");
    assert_eq!(told, []);
    assert_eq!(back, run());
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    assert_eq!(written(&run(), &events()), written(&run(), &events()));
}

/// This file was written by the first version and is never written again: whoever changes the
/// format keeps it readable.
#[test]
fn version_1_is_readable() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/version-1.xhr");
    let (back, told) = read(&plain(&fs::read(path).expect("the committed file"))).expect("readable");
    assert_eq!(told, told_of(events()));
    // It knew no such check.
    let mut expected = Run { profile: Vec::new(), totals: Default::default(), ..run() };
    expected.checks.retain(|check| check.id != CheckId::Domains);
    assert_eq!(back, expected);
}

/// The same of the second version.
#[test]
fn version_2_is_readable() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/version-2.xhr");
    let read = read(&plain(&fs::read(path).expect("the committed file"))).expect("readable");
    assert_eq!(read, version_2());
}

/// What version 3 added: the kind `vmalloc`; and what moves the hypervisor's own numbers beside
/// what is recorded.
fn version_3() -> (Run, Vec<AnyEvent>) {
    let (mut run, mut events) = version_2();
    let mut vmalloc = common::events().swap_remove(1);
    vmalloc.seq = events.len() as u64 + 1;
    vmalloc.kind = Kind::Vmalloc;
    vmalloc.addr = 0xffff_82c0_0020_1000;
    vmalloc.size = Some(5000);
    vmalloc.used = Some(8192);
    events.push(vmalloc.into());
    let counters =
        Counters { allocs: 1, bytes: 5000, live: 1, live_bytes: 5000, peak: 5000, ..Counters::default() };
    let dump = run.dump.as_mut().expect("a dump");
    dump.machine.beside = Some(Beside { adjusted_up: 3, onlined: 2, ..Beside::default() });
    dump.totals.vmalloc = KindTotals { counters, pages: 2, ..KindTotals::default() };
    (run, events)
}

/// The same of the third version.
#[test]
fn version_3_is_readable() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/version-3.xhr");
    let read = read(&plain(&fs::read(path).expect("the committed file"))).expect("readable");
    assert_eq!(read, version_3());
}

#[test]
fn every_cut_is_noticed() {
    let plain = plain(&written(&run(), &events()));
    for cut in 0..plain.len() {
        assert!(read(&plain[..cut]).is_err(), "cut at {cut}");
    }
    let lines = plain.iter().filter(|byte| **byte == b'\n').count();
    let last = plain[..plain.len() - 1].iter().rposition(|byte| *byte == b'\n').expect("lines");
    let error = read(&plain[..=last]).expect_err("an event is missing");
    assert_eq!(
        error.to_string(),
        "run.xhr ends after 11 of its 12 events: it was cut off, copy it or save it again"
    );
    let mut longer = plain.clone();
    longer.extend_from_slice(b"{}\n");
    let error = read(&longer).expect_err("a line too much");
    assert!(matches!(error, RunFileError::Surplus { line, .. } if line as usize == lines + 1));
}

#[test]
fn a_cut_of_the_compressed_file_is_noticed() {
    let bytes = written(&run(), &events());
    for cut in (0..bytes.len()).step_by(7) {
        let mut decoder = zstd::Decoder::new(&bytes[..cut]).expect("a decoder");
        let read = RunFile::open("run.xhr", decoder.by_ref()).and_then(|mut file| {
            while file.next_event()?.is_some() {}
            Ok(())
        });
        assert!(read.is_err(), "cut at {cut}");
    }
}

#[test]
fn other_files_and_newer_versions_are_told_apart() {
    let message = |text: &str| read(text.as_bytes()).expect_err("not readable").to_string();
    for other in [
        "",
        "(XEN) Xen version 4.17\n",
        "{}\n",
        "{\"magic\":\"else\",\"version\":1}\n",
        "{\"magic\":\"xenheap-run\"}\n",
    ] {
        assert!(matches!(read(other.as_bytes()), Err(RunFileError::NotARunFile { .. })), "{other}");
        assert!(!is_run_file(other.as_bytes()) || other.contains("xenheap-run"));
    }
    assert_eq!(
        message(&format!(
            "{{\"magic\":\"xenheap-run\",\"version\":{},\"tool\":\"xenheap 9\",\"new\":[]}}\n",
            VERSION + 1
        )),
        "run.xhr is a run file of version 4, this xenheap reads up to version 3: use the xenheap that wrote it (xenheap 9) or a newer one"
    );
    assert!(
        message("{\"magic\":\"xenheap-run\",\"version\":1}\n").starts_with("run.xhr is damaged in line 1: ")
    );
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let nowhere = dir.path().join("none/run.xhr");
    assert!(matches!(Writer::create(&nowhere), Err(RunFileError::Write { .. })));
    // A folder of that name cannot be replaced by a file.
    let taken = dir.path().join("taken.xhr");
    fs::create_dir(&taken).expect("a folder");
    let writer = Writer::create(&taken).expect("created");
    assert!(matches!(writer.finish(&run(), "a test"), Err(RunFileError::Write { .. })));
}
