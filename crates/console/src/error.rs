use std::{fmt, io, path::PathBuf};

/// A log cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened.
    #[error("cannot open {}: {source}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is packed in a way that is not read here.
    #[error("{name} is a {format} archive, which is not read as it is: unpack it first")]
    Packed {
        /// Which input.
        name: String,
        /// What it is.
        format: &'static str,
    },
    /// Reading failed.
    #[error("reading failed after {offset} bytes: {source}")]
    Read {
        /// How far it came, in bytes of the log (after decompression).
        offset: u64,
        /// Why.
        source: io::Error,
    },
}

/// How a log is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip.
    Gzip,
    /// xz.
    Xz,
    /// Zstandard.
    Zstd,
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "plain",
            Compression::Gzip => "gzip",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
        })
    }
}

/// A compressed log ends too early or is not intact. What came before was read: a report can be
/// made, and has to say so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {compression} data {} at byte {packed}: only the first {unpacked} bytes of the log were read ({reason})",
    if *.truncated { "ends too early," } else { "is damaged" }
)]
pub struct Damage {
    /// Of what kind.
    pub compression: Compression,
    /// It just ends; else its content is wrong.
    pub truncated: bool,
    /// How much of the file was used.
    pub packed: u64,
    /// How much of the log that gave.
    pub unpacked: u64,
    /// What the decoder said.
    pub reason: String,
}
