//! The run file: what goes in comes out, and what is damaged is refused with a reason.

mod common;

use std::{fs, io::Read, path::PathBuf};

use common::{events, run};
use xenheap_model::{AnyEvent, CheckId, Event, Run};
use xenheap_report::runfile::{RunFile, RunFileError, VERSION, Writer, is_run_file};

fn written(run: &Run, events: &[Event]) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("run.xhr");
    let mut writer = Writer::create(&path).expect("created");
    events.iter().for_each(|event| writer.event(event));
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

/// This file was written by the first version and is never written again: whoever changes the format keeps it readable.
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
        "run.xhr is a run file of version 3, this xenheap reads up to version 2: use the xenheap that wrote it (xenheap 9) or a newer one"
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
