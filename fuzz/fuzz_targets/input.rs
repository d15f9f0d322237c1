//! Any bytes as a file, compressed or not: an error, a note of damage, or a log; nothing else.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use xenheap_console::{Input, Place, Record, RecordSink, Refusal, RfcRecord, Tag, scan};

struct Nothing;

impl RecordSink for Nothing {
    fn record(&mut self, _: Place, _: Tag, _: u64, _: &[u8], _: Record) {}
    fn rfc(&mut self, _: Place, _: RfcRecord) {}
    fn refused(&mut self, _: Place, _: Refusal) {}
}

fuzz_target!(|data: &[u8]| {
    if let Ok(input) = Input::new("fuzz", Box::new(Cursor::new(data.to_vec())), None) {
        let position = input.position();
        if let Ok(stats) = scan(input, &mut Nothing, |_| {}) {
            assert!(stats.damage.is_none_or(|damage| damage.unpacked == stats.bytes));
            assert!(position.read() <= data.len() as u64);
        }
    }
});
