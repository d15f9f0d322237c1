//! Any bytes as a log: reading does not fail, what is believed has a fitting check, and how the bytes arrive is no matter.
#![no_main]

use std::io::Read;

use libfuzzer_sys::fuzz_target;
use xenheap_console::{Place, Record, RecordSink, Refusal, RfcRecord, Tag, format, scan};

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

/// Gives as many bytes at a time as the bytes themselves say.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.first().map_or(0, |&first| usize::from(first % 61) + 1);
        (&mut self.0).take(count as u64).read(buf)
    }
}

fn read(reader: impl Read) -> Kept {
    let mut kept = Kept::default();
    scan(reader, &mut kept, |_| {}).expect("memory can be read");
    kept
}

fuzz_target!(|data: &[u8]| {
    let whole = read(data);
    for (_, _, _, bytes, _) in &whole.ours {
        let content = std::str::from_utf8(&bytes[..bytes.len() - 5]);
        if let Ok(content) = content {
            assert_eq!(format::checked(content.to_owned()).as_bytes(), bytes);
        }
    }
    assert_eq!(whole, read(Pieces(data)));
});
