//! What the targets share.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// A line of this target's input that stands between two files, where a target reads several.
pub const BETWEEN: &str = "\n=====\n";

/// So many files, in the input one behind the other; those that are not there are empty.
pub fn files<const N: usize>(text: &str) -> [&str; N] {
    let mut parts = text.splitn(N, BETWEEN);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// Gives as many bytes at a time as the bytes themselves say.
pub struct Pieces<'a>(pub &'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.0.first().map_or(0, |&first| usize::from(first % 61) + 1);
        (&mut self.0).take(count as u64).read(buf)
    }
}

/// How many lines a text has, the last one counted even if nothing ends it, and even if it is
/// empty.
pub fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// An error names a place that exists: its line is one of the text's, and its column one of that
/// line's, or the one behind it.
pub fn assert_place(text: &[u8], line: usize, column: usize) {
    let found = line.checked_sub(1).and_then(|line| text.split(|byte| *byte == b'\n').nth(line));
    let found = found.unwrap_or_else(|| panic!("there is no line {line}"));
    let most = String::from_utf8_lossy(found).chars().count() + 1;
    assert!((1..=most).contains(&column), "line {line} has no column {column}");
}

/// An empty folder. There is one a process, made new at each call: in memory, if `TMPDIR` is.
pub fn folder() -> PathBuf {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let root = ROOT.get_or_init(|| tempfile::tempdir().expect("a temporary folder").keep());
    let folder = root.join("it");
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("our own folder");
    }
    fs::create_dir(&folder).expect("our own folder");
    folder
}

/// All below a folder that is no folder, with the path from there; a link is no file, and is told
/// of as it is.
pub fn below(folder: &Path) -> Vec<(PathBuf, fs::Metadata)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("our own folder") {
            let path = entry.expect("an entry").path();
            let data = fs::symlink_metadata(&path).expect("it is there");
            match data.is_dir() {
                true => folders.push(path),
                false => found.push((path.strip_prefix(folder).expect("it lies below").to_owned(), data)),
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    found
}
