//! The last line of the files that the recorder adds to a tree.
//!
//! It holds a hash of the lines above it. So a later release, or the one that wrote the file, can
//! tell a file that is as some release wrote it from one that a person has worked on since and
//! whose changes must not be lost. It stands last because a line further up would give every line
//! of the file another number than it has in this repository.

use sha2::{Digest, Sha256};

use crate::hex;

const BEGIN: &str = "/* xenheap recorder; sha256 of the above: ";
const END: &str = " */\n";
/// Half of a SHA-256: it guards against accidents, and the line stays under 80 columns.
const BYTES: usize = 16;

/// What a file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// There is no stamp: somebody else's file.
    None,
    /// The file is as a release of the recorder wrote it.
    Intact,
    /// It was changed afterwards.
    Changed,
}

/// `source` with its stamp.
pub(crate) fn stamped(source: &str) -> Vec<u8> {
    let mut out = source.as_bytes().to_vec();
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    let line = line_for(&out);
    out.extend_from_slice(line.as_bytes());
    out
}

/// Reads the stamp of a file.
pub(crate) fn read(content: &[u8]) -> Stamp {
    let stamp = content.split_inclusive(|&b| b == b'\n').rfind(|line| line.starts_with(BEGIN.as_bytes()));
    let Some(stamp) = stamp else { return Stamp::None };
    match content.strip_suffix(stamp) {
        Some(above) if line_for(above).as_bytes() == stamp => Stamp::Intact,
        _ => Stamp::Changed,
    }
}

fn line_for(above: &[u8]) -> String {
    let digest = Sha256::digest(above);
    format!("{BEGIN}{}{END}", hex(digest.iter().take(BYTES)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_tells_whether_a_file_was_changed() {
        let file = stamped("int a;\n");
        assert!(file.starts_with(b"int a;\n/* xenheap recorder; "));
        assert_eq!(file.iter().filter(|&&b| b == b'\n').count(), 2);
        assert!(file.len() - 7 <= 80, "at most 79 columns and the line end");
        assert_eq!(read(&file), Stamp::Intact);
        assert_eq!(read(&stamped("int b;\n")), Stamp::Intact, "any release's");
        assert_eq!(read(b"int a;\n"), Stamp::None);
        assert_eq!(read(b""), Stamp::None);

        let mut changed = file.clone();
        changed[4] = b'b';
        assert_eq!(read(&changed), Stamp::Changed);
        let mut longer = file;
        longer.extend_from_slice(b"int c;\n");
        assert_eq!(read(&longer), Stamp::Changed);
    }
}
