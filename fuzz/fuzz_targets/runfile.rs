//! Any bytes as the content of a run file: an error with a line that exists, or a run whose head,
//! stacks and events are the same when they are written and read again. The sums that are made of
//! the events are made without a fault, and are the same both times.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use xenheap_fuzz::{folder, lines};
use xenheap_ledger::{EventSink, Matched, Retelling};
use xenheap_model::{AnyEvent, Event, Run};
use xenheap_report::runfile::{RunFile, RunFileError, Writer};

fn read(plain: &[u8]) -> Result<(Run, Vec<AnyEvent>), RunFileError> {
    let mut file = RunFile::open("fuzz", plain)?;
    let mut events = Vec::new();
    while let Some(event) = file.next_event()? {
        events.push(event);
    }
    assert_eq!(events.len() as u64, file.events());
    Ok((file.into_run(), events))
}

struct Nobody;

impl EventSink for Nobody {
    fn event(&mut self, _: &Event, _: Option<&Matched>) {}
}

/// The run with its sums, which it has from its events if it has any.
fn retold(mut run: Run, events: &[AnyEvent]) -> Run {
    let mut retelling = Retelling::new(&run);
    for event in events {
        retelling.event(event, &mut Nobody);
    }
    retelling.finish(&mut run);
    run
}

fuzz_target!(|data: &[u8]| {
    let (run, events) = match read(data) {
        Ok(read) => read,
        Err(RunFileError::Line { line, .. } | RunFileError::Surplus { line, .. }) => {
            return assert!((1..=lines(data) as u64).contains(&line));
        }
        Err(RunFileError::CutOff { found, expected, .. }) => {
            // All of them were there if the last line has no end.
            return assert!(found <= expected && found < lines(data) as u64);
        }
        Err(_) => return,
    };
    let path = folder().join("fuzz.xhr");
    let mut writer = Writer::create(&path).expect("our own folder");
    for event in &events {
        match event {
            AnyEvent::Memory(event) => writer.event(event),
            AnyEvent::Domain(event) => writer.domain(event),
        }
    }
    writer.finish(&run, "fuzz").expect("our own folder");
    let packed = fs::read(&path).expect("it was written");
    let (back, same) = read(&zstd::decode_all(packed.as_slice()).expect("it is whole")).expect("it is whole");
    assert_eq!(same, events);
    let (run, back) = (retold(run, &events), retold(back, &events));
    assert_eq!(back, run);
});
