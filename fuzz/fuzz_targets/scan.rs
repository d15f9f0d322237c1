//! Any bytes as a log: reading does not fail, what is believed has a fitting check, and how the
//! bytes arrive is no matter.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use xenheap_console::{Place, Record, RecordSink, Refusal, RfcRecord, Tag, format, scan};
use xenheap_fuzz::{Pieces, lines};

#[derive(Default, PartialEq, Debug)]
struct Kept {
    ours: Vec<(Place, Tag, u64, Vec<u8>, Record)>,
    rfc: Vec<(Place, RfcRecord)>,
    refused: Vec<(Place, Refusal)>,
}

impl RecordSink for Kept {
    fn record(&mut self, at: Place, tag: Tag, seq: u64, bytes: &[u8], record: Record) {
        self.ours.push((at, tag, seq, bytes.to_vec(), record));
    }

    fn rfc(&mut self, at: Place, record: RfcRecord) {
        self.rfc.push((at, record));
    }

    fn refused(&mut self, at: Place, why: Refusal) {
        self.refused.push((at, why));
    }
}

fn read(reader: impl Read) -> (Kept, u64) {
    let mut kept = Kept::default();
    let stats = scan(reader, &mut kept, |_| {}).expect("memory can be read");
    (kept, stats.lines)
}

fuzz_target!(|data: &[u8]| {
    let (whole, count) = read(data);
    for (_, _, _, bytes, _) in &whole.ours {
        let content = std::str::from_utf8(&bytes[..bytes.len() - 5]);
        if let Ok(content) = content {
            assert_eq!(format::checked(content.to_owned()).as_bytes(), bytes);
        }
    }
    assert!(count <= lines(data) as u64);
    assert_eq!((whole, count), read(Pieces(data)));
});
