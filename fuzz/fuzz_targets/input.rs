//! Any bytes as a file, compressed or not. What comes out is what flate2 and zstd make of the same
//! bytes by themselves, or the bytes as they are; in pieces it is the same; and where it ends
//! early, damage within the file is told of.
#![no_main]

use std::io::{self, Cursor, Read};

use libfuzzer_sys::fuzz_target;
use xenheap_console::{Compression, Damage, Input};
use xenheap_fuzz::Pieces;

/// More is not unpacked: a few bytes can hold a gigabyte of the same.
const MOST: u64 = 1 << 20;

/// What was read before an error, and the error.
fn all(reader: impl Read) -> (Vec<u8>, Option<io::Error>) {
    let mut bytes = Vec::new();
    let error = reader.take(MOST).read_to_end(&mut bytes).err();
    (bytes, error)
}

/// Gives what a slice of its own has in pieces.
struct Own(Vec<u8>, usize);

impl Read for Own {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = Pieces(self.0.get(self.1..).unwrap_or_default()).read(buf)?;
        self.1 += count;
        Ok(count)
    }
}

fuzz_target!(|data: &[u8]| {
    let open = |reader: Box<dyn Read + Send>| Input::new("fuzz", reader, None);
    let (whole, pieces) =
        match (open(Box::new(Cursor::new(data.to_vec()))), open(Box::new(Own(data.to_vec(), 0)))) {
            (Ok(whole), Ok(pieces)) => (whole, pieces),
            (Err(whole), Err(pieces)) => return assert_eq!(whole.to_string(), pieces.to_string()),
            _ => panic!("whole and in pieces are two things"),
        };
    let (compression, position) = (whole.compression(), whole.position());
    let (bytes, error) = all(whole);
    let (same, other) = all(pieces);
    assert!(position.read() <= data.len() as u64);
    let damage = |error: &io::Error| {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>()).expect("memory can be read").clone()
    };
    match (error.as_ref().map(damage), other.as_ref().map(damage)) {
        (None, None) => assert_eq!(bytes, same),
        (Some(damage), Some(other)) => {
            // How much a decoder gives before it stops depends on what it has been given.
            let common = bytes.len().min(same.len());
            assert_eq!(bytes[..common], same[..common]);
            assert_eq!(damage.compression, other.compression);
            assert_eq!(damage.unpacked, bytes.len() as u64);
            assert!(damage.packed <= data.len() as u64);
        }
        _ => panic!("damage depends on the pieces"),
    }
    let whole = error.is_none() && (bytes.len() as u64) < MOST;
    match compression {
        Compression::None => assert_eq!(bytes, data[..bytes.len()]),
        Compression::Gzip => {
            let (plain, failed) = all(flate2::read::MultiGzDecoder::new(data));
            assert_eq!(bytes[..bytes.len().min(plain.len())], plain[..bytes.len().min(plain.len())]);
            assert!(!whole || (failed.is_none() && bytes == plain));
        }
        Compression::Zstd if whole => {
            let (plain, failed) = all(zstd::Decoder::new(data).expect("it was one before"));
            assert!(failed.is_none() && bytes == plain);
        }
        Compression::Zstd | Compression::Xz => {}
    }
});
