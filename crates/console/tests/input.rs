//! Compressed logs, whole and not.
#![allow(missing_docs, reason = "a test")]

mod support;

use std::io::{Read, Write};

use support::*;
use xenheap_console::{Compression, Damage, Error, Input, Record, StackLine, Tag, format, open, scan};
use xenheap_model::StackId;

fn log() -> Vec<u8> {
    let mut log = Vec::new();
    for seq in 1..4000u64 {
        let line = StackLine {
            id: StackId(1),
            hash: seq.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            pcs: Vec::new(),
            truncated: false,
        };
        writeln!(log, "(XEN) {}", format::record(Tag(7), seq, &Record::Stack(line))).expect("memory");
    }
    log
}

fn pack(how: Compression, data: &[u8]) -> Vec<u8> {
    match how {
        Compression::None => data.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(data).expect("memory");
            encoder.finish().expect("memory")
        }
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(data).expect("memory");
            encoder.finish().expect("memory")
        }
        // With a checksum, as the command writes it.
        Compression::Zstd => {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
            encoder.include_checksum(true).expect("memory");
            encoder.write_all(data).expect("memory");
            encoder.finish().expect("memory")
        }
    }
}

const PACKED: [Compression; 3] = [Compression::Gzip, Compression::Xz, Compression::Zstd];

fn input(bytes: &[u8]) -> Input {
    Input::new("test", Box::new(std::io::Cursor::new(bytes.to_vec())), Some(bytes.len() as u64))
        .expect("it can be read")
}

#[test]
fn every_compression_whole_and_in_two_members() {
    let log = log();
    let plain = read(&log);
    assert_eq!(plain.ours.len(), 3999);
    let (first, second) = log.split_at(log.len() / 3);
    for how in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
        for packed in [pack(how, &log), [pack(how, first), pack(how, second)].concat()] {
            let input = input(&packed);
            assert_eq!(input.compression(), how);
            let position = input.position();
            let kept = read_from(input);
            assert!(kept == plain, "{how}");
            assert_eq!(position.read(), packed.len() as u64);
            assert_eq!(position.total(), Some(packed.len() as u64));
        }
    }
}

#[test]
fn truncated_data_gives_what_there_is() {
    let log = log();
    let plain = read(&log);
    for how in PACKED {
        let packed = pack(how, &log);
        for tenths in 1..10 {
            let end = packed.len() * tenths / 10;
            let kept = read_from(input(&packed[..end]));
            let damage = kept.stats.damage.clone().expect("it is noticed");
            assert_eq!((damage.compression, damage.truncated), (how, true), "{damage}");
            assert_eq!(damage.packed, end as u64, "{damage}");
            assert_eq!(damage.unpacked, kept.stats.bytes);
            assert!(plain.ours.starts_with(&kept.ours));
            assert!(
                tenths < 9 || kept.ours.len() > 1000,
                "{how}: {} records of {tenths}/10",
                kept.ours.len()
            );
            assert!(damage.to_string().contains("ends too early"), "{damage}");
        }
        // Also between two members: the second is there only in part.
        let two = [packed.clone(), packed[..packed.len() / 2].to_vec()].concat();
        let kept = read_from(input(&two));
        assert!(kept.ours.len() >= plain.ours.len());
        assert!(kept.stats.damage.is_some_and(|damage| damage.truncated));
    }
}

#[test]
fn damaged_data_gives_what_came_before() {
    let log = log();
    let plain = read(&log);
    for how in PACKED {
        let mut packed = pack(how, &log);
        let middle = packed.len() * 3 / 4;
        for byte in &mut packed[middle..middle + 64] {
            *byte ^= 0x5a;
        }
        let kept = read_from(input(&packed));
        let damage = kept.stats.damage.clone().expect("it is noticed");
        assert_eq!(damage.compression, how);
        assert!(damage.packed <= packed.len() as u64);
        // What a decoder gives before it notices is checked by the records themselves.
        assert!(kept.ours.len() < plain.ours.len());
        assert_honest(&kept);
    }
}

#[test]
fn files_are_known_by_their_first_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = log();
    for how in PACKED {
        let path = folder.path().join("console.log");
        std::fs::write(&path, pack(how, &log)).expect("a file");
        let input = open(&path).expect("it is there");
        assert_eq!(input.compression(), how);
        assert_eq!(read_from(input).ours.len(), 3999);
    }
    for (bytes, is_log) in [
        (&b""[..], true),
        (b"\x1f", true),
        (b"(XEN", true),
        (b"PK\x03\x04zip", false),
        (b"BZh91AY&SY", false),
    ] {
        let path = folder.path().join("console.log.gz");
        std::fs::write(&path, bytes).expect("a file");
        match open(&path) {
            Ok(input) => {
                assert!(is_log);
                assert_eq!(read_from(input).stats.bytes, bytes.len() as u64);
            }
            Err(Error::Packed { .. }) => assert!(!is_log),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(matches!(open(&folder.path().join("none")), Err(Error::Open { .. })));
    assert!(matches!(open(folder.path()), Err(Error::Open { .. })));
}

/// An error of the file system is one, and what came before it was handed over.
#[test]
fn reading_can_fail() {
    struct Fails(std::io::Cursor<Vec<u8>>);
    impl Read for Fails {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buf)? {
                0 => Err(std::io::Error::from_raw_os_error(5)),
                count => Ok(count),
            }
        }
    }
    let log = log();
    let mut kept = Kept::default();
    let mut steps = Vec::new();
    let result = scan(Fails(std::io::Cursor::new(log.clone())), &mut kept, |bytes| steps.push(bytes));
    assert!(matches!(result, Err(Error::Read { offset, .. }) if offset == log.len() as u64));
    assert_eq!(kept.ours.len(), 3999);
    assert_eq!(steps.last(), Some(&(log.len() as u64)));
    let result = Input::new("test", Box::new(Fails(std::io::Cursor::new(Vec::new()))), None);
    assert!(matches!(result, Err(Error::Read { offset: 0, .. })));
}

#[test]
fn damage_is_told_once() {
    let packed = pack(Compression::Gzip, &log());
    let mut input = input(&packed[..packed.len() / 2]);
    let mut bytes = Vec::new();
    let error = input.read_to_end(&mut bytes).expect_err("it is cut");
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>());
    assert!(inner.is_some_and(|damage| damage.unpacked == bytes.len() as u64));
    assert_eq!(input.read(&mut [0; 9]).expect("no second time"), 0);
}
