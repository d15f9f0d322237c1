//! Archives of artifacts, which anybody who can push to the project can make.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read, Seek, Write},
    path::{Path, PathBuf},
};

use zip::{ZipArchive, read::ZipFile, result::ZipError};

use crate::{Content, Error, name::safe_name, store};

/// How large things may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// What a job printed.
    pub trace: u64,
    /// An archive.
    pub archive: u64,
    /// One file of an archive that is kept.
    pub file: u64,
    /// All files of an archive that are kept.
    pub kept: u64,
    /// How many files an archive may have.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { trace: 1 << 30, archive: 8 << 30, file: 2 << 30, kept: 4 << 30, entries: 200_000 }
    }
}

/// How many folders deep a file may lie.
const DEPTH: usize = 24;

/// Why nothing was unpacked.
#[derive(Debug)]
pub enum Stop {
    /// It is not what it should be; of the network's making.
    Refused(String),
    /// A file of ours.
    Ours(Error),
}

impl From<ZipError> for Stop {
    fn from(error: ZipError) -> Self {
        Stop::Refused(error.to_string())
    }
}

/// Unpacks what is worth keeping into a new folder. All of it, or the archive is refused; then the
/// folder is not to be used.
pub fn unpack(archive: &Path, into: &Path, limits: &Limits) -> Result<(), Stop> {
    let ours = |path: &Path, source| Stop::Ours(store::at(path)(source));
    let file = File::open(archive).map_err(|error| ours(archive, error))?;
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    if archive.len() > limits.entries {
        return Err(Stop::Refused(format!("it has {} files, more than {}", archive.len(), limits.entries)));
    }
    let mut left = limits.kept;
    for index in 0..archive.len() {
        let name = match archive.name_for_index(index) {
            Some(name) => name?.into_owned(),
            None => continue,
        };
        let path = inside(&name).ok_or_else(|| Stop::Refused(format!("it would write to `{name}`")))?;
        if Content::of(&name).is_none() {
            continue;
        }
        let mut entry = archive.by_index(index)?;
        if !entry.is_file() {
            continue;
        }
        let target = into.join(path);
        let folder = target.parent().unwrap_or(into);
        // What lies there is of this archive: a file where it says that a folder is.
        let none = |error: io::Error| match error.kind() {
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                Stop::Refused(format!("it has `{name}`, and a file where that needs a folder"))
            }
            io::ErrorKind::InvalidFilename => Stop::Refused(format!("the path `{name}` is too long")),
            _ => ours(folder, error),
        };
        fs::create_dir_all(folder).map_err(none)?;
        let mut out = match File::create_new(&target) {
            Ok(out) => out,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Stop::Refused(format!("it has `{name}` twice")));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                return Err(Stop::Refused(format!("the path `{name}` is too long")));
            }
            Err(error) => return Err(ours(&target, error)),
        };
        let most = left.min(limits.file);
        left -= write(&mut entry, &mut out, &name, most).map_err(|stop| match stop {
            Copy::Refused(reason) => Stop::Refused(reason),
            Copy::Ours(error) => ours(&target, error),
        })?;
    }
    Ok(())
}

enum Copy {
    Refused(String),
    Ours(io::Error),
}

/// Believes what comes out, not what the archive says of its size.
fn write<R: Read + Seek>(
    entry: &mut ZipFile<'_, R>,
    out: &mut File,
    name: &str,
    most: u64,
) -> Result<u64, Copy> {
    let mut buffer = vec![0; 64 << 10];
    let mut total = 0;
    loop {
        let count = match entry.read(&mut buffer) {
            Ok(0) => return Ok(total),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Copy::Refused(format!("`{name}` cannot be unpacked: {error}"))),
        };
        total += count as u64;
        if total > most {
            return Err(Copy::Refused(format!("`{name}` unpacks to more than {most} bytes")));
        }
        out.write_all(buffer.get(..count).unwrap_or_default()).map_err(Copy::Ours)?;
    }
}

/// A path of an archive as one below a folder of ours, each part made safe; `None` if it leads
/// elsewhere.
fn inside(name: &str) -> Option<PathBuf> {
    if name.starts_with('/') || name.contains(['\\', '\0']) {
        return None;
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let is_bad = parts.contains(&"..") || parts.len() > DEPTH || parts.iter().any(|part| part.len() > 255);
    (!is_bad && !parts.is_empty()).then(|| parts.into_iter().map(hidden_too).collect())
}

/// A safe name, but `.config` stays `.config`.
fn hidden_too(part: &str) -> String {
    match part.strip_prefix('.').filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric())) {
        Some(rest) => format!(".{}", safe_name(rest)),
        None => safe_name(part),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        for (name, content) in files {
            zip.start_file(*name, options).expect("started");
            zip.write_all(content).expect("written");
        }
        zip.finish().expect("finished").into_inner()
    }

    fn unpacked(bytes: &[u8], limits: &Limits) -> (Result<(), String>, Vec<String>) {
        let dir = tempfile::tempdir().expect("a folder");
        let (archive, into) = (dir.path().join("a.zip"), dir.path().join("in/side"));
        fs::write(&archive, bytes).expect("written");
        let result = match unpack(&archive, &into, limits) {
            Ok(()) => Ok(()),
            Err(Stop::Refused(reason)) => Err(reason),
            Err(Stop::Ours(error)) => panic!("{error}"),
        };
        let mut found = Vec::new();
        let mut folders = vec![dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(dir.path()).expect("below").display().to_string()),
                }
            }
        }
        found.sort();
        (result, found)
    }

    #[test]
    fn only_what_is_worth_keeping_is_kept() {
        let zip = pack(&[
            ("smoke.serial", b"(XEN) x"),
            ("binaries/xen", b"large"),
            ("binaries/xen-syms", b"ELF"),
            ("./xen/.config", b"CONFIG_X86=y"),
            ("logs/a b\n.log", b"x"),
        ]);
        let (result, found) = unpacked(&zip, &Limits::default());
        assert_eq!(result, Ok(()));
        assert_eq!(
            found,
            [
                "a.zip",
                "in/side/binaries/xen-syms",
                "in/side/logs/a%20b%0A.log",
                "in/side/smoke.serial",
                "in/side/xen/.config"
            ]
        );
    }

    #[test]
    fn an_archive_that_would_write_elsewhere_is_refused() {
        for name in ["../x.log", "a/../../x.log", "/x.log", "..\\x.log", "a/..", "../not-even-wanted"] {
            let (result, found) = unpacked(&pack(&[(name, b"x")]), &Limits::default());
            assert_eq!(result, Err(format!("it would write to `{name}`")));
            assert_eq!(found, ["a.zip"], "{name}");
        }
    }

    #[test]
    fn what_unpacks_without_end_is_refused() {
        let zeros = vec![0; 1 << 20];
        let bomb = pack(&[("a.log", &zeros), ("b.log", &zeros)]);
        assert!(bomb.len() < 10_000, "{}", bomb.len());
        let small = |file, kept| Limits { file, kept, ..Limits::default() };
        for (limits, expected) in [
            (small(1 << 20, 2 << 20), Ok(())),
            (small((1 << 20) - 1, 2 << 20), Err("`a.log` unpacks to more than 1048575 bytes".to_owned())),
            (small(1 << 20, (2 << 20) - 1), Err("`b.log` unpacks to more than 1048575 bytes".to_owned())),
        ] {
            assert_eq!(unpacked(&bomb, &limits).0, expected);
        }
        let limits = Limits { entries: 1, ..Limits::default() };
        assert_eq!(unpacked(&bomb, &limits).0, Err("it has 2 files, more than 1".to_owned()));
    }

    /// Found when the fuzz target `archive` was written: these counted as faults of our own files,
    /// and ended the whole pull.
    #[test]
    fn names_for_which_there_is_no_place_are_refused() {
        let both = [("a.log", b"x" as &[u8]), ("a.log/b.log", b"x"), ("a.log/c/b.log", b"x")];
        for files in [&both[..2], &[both[0], both[2]], &[both[2], both[0]]] {
            let error = unpacked(&pack(files), &Limits::default()).0.expect_err("no folder is a file");
            assert!(error.contains("a file where that needs a folder") || error.contains("twice"), "{error}");
        }
        // Each name is cut to what a file system takes; all of them can be more than a path may
        // have.
        let dir = tempfile::tempdir().expect("a folder");
        let archive = dir.path().join("a.zip");
        let name = format!("{}x.log", format!("{}/", "d".repeat(160)).repeat(DEPTH - 1));
        fs::write(&archive, pack(&[(&name, b"x")])).expect("written");
        let into = dir.path().join("i".repeat(200)).join("i".repeat(200));
        match unpack(&archive, &into, &Limits::default()) {
            Err(Stop::Refused(reason)) => assert!(reason.ends_with("is too long"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    /// The size that stands in the archive is only what it says.
    #[test]
    fn a_size_that_is_not_true_helps_nothing() {
        let zeros = vec![0; 1 << 20];
        let mut zip = pack(&[("a.log", &zeros)]);
        let size = (1u32 << 20).to_le_bytes();
        let mut replaced = 0;
        for at in 0..zip.len() - 4 {
            if zip[at..at + 4] == size {
                zip[at..at + 4].copy_from_slice(&16u32.to_le_bytes());
                replaced += 1;
            }
        }
        assert!(replaced > 0);
        let limits = Limits { file: 1 << 16, ..Limits::default() };
        assert!(unpacked(&zip, &limits).0.is_err());
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let good = pack(&[("a.log", &b"(XEN) one line\n".repeat(100))]);
        assert!(unpacked(&good[..good.len() - 30], &Limits::default()).0.is_err());
        assert!(unpacked(b"<html>no zip</html>", &Limits::default()).0.is_err());
        let mut flipped = good.clone();
        flipped[45] ^= 0xff;
        assert!(unpacked(&flipped, &Limits::default()).0.is_err());
    }
}
