use std::{io, path::PathBuf};

use thiserror::Error;

use super::VERSION;

/// A graph file that cannot be read or written.
#[derive(Debug, Error)]
pub enum GraphFileError {
    /// It cannot be written.
    #[error("cannot write the graph file {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes cannot be read.
    #[error("cannot read the graph file {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("{name} is not a graph file (make one with `xenheap graph build`)")]
    NotAGraphFile {
        /// The file.
        name: String,
    },
    /// It is of a version that is not known here.
    #[error(
        "{name} is a graph file of version {found}, this xenheap reads up to version {VERSION}: use the xenheap that wrote it ({tool}) or a newer one, or build the graph again"
    )]
    Newer {
        /// The file.
        name: String,
        /// Its version.
        found: u32,
        /// What wrote it.
        tool: String,
    },
    /// A line is damaged.
    #[error("{name} is damaged in line {line}: {source}")]
    Line {
        /// The file.
        name: String,
        /// Counted after decompression, from 1.
        line: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It ends early.
    #[error("{name} ends before its {what}: it was cut off, copy it or build the graph again")]
    CutOff {
        /// The file.
        name: String,
        /// The table that is not whole.
        what: &'static str,
    },
    /// There is more than there should be.
    #[error("{name} goes on after its last table, in line {line}: it is damaged")]
    Surplus {
        /// The file.
        name: String,
        /// Counted after decompression, from 1.
        line: u64,
    },
    /// A table has not as many rows as the head says.
    #[error("{name} has {found} {what}, and its head says {expected}: it is damaged")]
    Count {
        /// The file.
        name: String,
        /// The table.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many the head announces.
        expected: u64,
    },
    /// A row refers to something that is not there.
    #[error("{name} is damaged: row {row} of its {what} refers to something that is not there")]
    Dangling {
        /// The file.
        name: String,
        /// The table.
        what: &'static str,
        /// From 0.
        row: u64,
    },
    /// A table is not in its order.
    #[error("{name} is damaged: its {what} are not in order")]
    Unsorted {
        /// The file.
        name: String,
        /// The table.
        what: &'static str,
    },
}
