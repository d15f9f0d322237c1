//! An initramfs: a cpio archive in the "newc" format, gzipped.
//!
//! Written here because it is small and must come out the same every time: entries in the order
//! given, all owned by root, dated 1970, and numbered from 1.

use std::collections::BTreeSet;
use std::io::Write as _;

/// What stands in an archive. Paths have no leading `/`; folders come before what lies in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveMember {
    /// A folder.
    Folder(String),
    /// A file that everybody may read and run.
    Program(String, Vec<u8>),
    /// A symbolic link and where it points.
    Link(String, String),
    /// A character device and its numbers.
    Device(String, u32, u32),
}

impl ArchiveMember {
    fn path(&self) -> &str {
        match self {
            Self::Folder(path) | Self::Program(path, _) | Self::Link(path, _) | Self::Device(path, ..) => {
                path
            }
        }
    }
}

/// The same entries, each with the folders that it lies in before it.
pub fn with_folders(entries: Vec<ArchiveMember>) -> Vec<ArchiveMember> {
    let mut made = BTreeSet::new();
    let mut all = Vec::new();
    for entry in entries {
        let path = entry.path().to_owned();
        for (at, _) in path.match_indices('/') {
            let folder = path.get(..at).unwrap_or_default();
            if made.insert(folder.to_owned()) {
                all.push(ArchiveMember::Folder(folder.to_owned()));
            }
        }
        if !matches!(entry, ArchiveMember::Folder(_)) || made.insert(path) {
            all.push(entry);
        }
    }
    all
}

/// The archive's bytes, not compressed.
pub fn archive(entries: &[ArchiveMember]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, entry) in (1u32..).zip(entries) {
        match entry {
            ArchiveMember::Folder(path) => append(&mut out, index, 0o040_755, path, (0, 0), &[]),
            ArchiveMember::Program(path, body) => append(&mut out, index, 0o100_755, path, (0, 0), body),
            ArchiveMember::Link(path, target) => {
                append(&mut out, index, 0o120_777, path, (0, 0), target.as_bytes());
            }
            ArchiveMember::Device(path, major, minor) => {
                append(&mut out, index, 0o020_600, path, (*major, *minor), &[]);
            }
        }
    }
    append(&mut out, 0, 0, "TRAILER!!!", (0, 0), &[]);
    out
}

fn append(out: &mut Vec<u8>, ino: u32, mode: u32, path: &str, device: (u32, u32), body: &[u8]) {
    let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
    let fields = [
        ino as usize,
        mode as usize,
        0, // uid
        0, // gid
        links,
        0, // mtime
        body.len(),
        0, // major and minor number of the disk it lay on
        0,
        device.0 as usize,
        device.1 as usize,
        path.len() + 1,
        0, // checksum: not in this format
    ];
    out.extend_from_slice(b"070701");
    for field in fields {
        out.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    out.extend_from_slice(path.as_bytes());
    out.push(0);
    pad(out);
    out.extend_from_slice(body);
    pad(out);
}

/// The format aligns names and bodies to four bytes, counted from the archive's start.
fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(4), 0);
}

/// The same bytes gzipped, with nothing in the header that could differ between two runs.
pub fn compress(archive: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(archive)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn sample() -> Vec<ArchiveMember> {
        vec![
            ArchiveMember::Folder("bin".into()),
            ArchiveMember::Program("bin/a".into(), b"hello".to_vec()),
            ArchiveMember::Link("bin/sh".into(), "a".into()),
            ArchiveMember::Device("console".into(), 5, 1),
        ]
    }

    #[test]
    fn bytes_are_those_of_the_format() {
        let expected = concat!(
            // Eight digits each: ino, mode, uid, gid, nlink, mtime, size, dev, dev, rdev, rdev,
            // name, check.
            "070701",
            "00000001000041ed000000000000000000000002000000000000000000000000000000000000000000000000",
            "0000000400000000bin\0\0\0",
            "070701",
            "00000002000081ed000000000000000000000001000000000000000500000000000000000000000000000000",
            "0000000600000000bin/a\0hello\0\0\0",
            "070701",
            "000000030000a1ff000000000000000000000001000000000000000100000000000000000000000000000000",
            "0000000700000000bin/sh\0\0\0\0a\0\0\0",
            "070701",
            "0000000400002180000000000000000000000001000000000000000000000000000000000000000500000001",
            "0000000800000000console\0\0\0",
            "070701",
            "0000000000000000000000000000000000000001000000000000000000000000000000000000000000000000",
            "0000000b00000000TRAILER!!!\0\0\0\0",
        );
        assert_eq!(
            String::from_utf8_lossy(&archive(&sample())).replace('\0', "."),
            expected.replace('\0', ".")
        );
    }

    #[test]
    fn folders_come_before_what_lies_in_them() {
        let file = |path: &str| ArchiveMember::Program(path.into(), Vec::new());
        let folder = |path: &str| ArchiveMember::Folder(path.into());
        assert_eq!(
            with_folders(vec![file("a/b/c"), folder("a"), file("a/b/d"), folder("e/f"), file("g")]),
            [folder("a"), folder("a/b"), file("a/b/c"), file("a/b/d"), folder("e"), folder("e/f"), file("g")]
        );
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() -> std::io::Result<()> {
        let once = compress(&archive(&sample()))?;
        assert_eq!(once, compress(&archive(&sample()))?);
        // No time of making and no file name in the gzip header.
        assert_eq!(once.get(3..8), Some([0u8; 5].as_slice()));
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(once.as_slice()).read_to_end(&mut back)?;
        assert_eq!(back, archive(&sample()));
        Ok(())
    }
}
