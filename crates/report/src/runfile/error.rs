use std::{io, path::PathBuf};

use thiserror::Error;

use super::VERSION;

/// A run file that cannot be read or written.
#[derive(Debug, Error)]
pub enum RunFileError {
    /// It cannot be written.
    #[error("cannot write the run file {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The bytes cannot be read.
    #[error("cannot read the run file {name}: {source}")]
    Read {
        /// The file.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "{name} is not a run file: its first line is not the head of one (write one with `xenheap report --save`)"
    )]
    NotARunFile {
        /// The file.
        name: String,
    },
    /// It is of a version that is not known here.
    #[error(
        "{name} is a run file of version {found}, this xenheap reads up to version {VERSION}: use the xenheap that wrote it ({tool}) or a newer one"
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
    #[error("{name} ends after {found} of its {expected} {what}: it was cut off, copy it or save it again")]
    CutOff {
        /// The file.
        name: String,
        /// Stacks or events.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many the head announces.
        expected: u64,
    },
    /// There is more than the head says.
    #[error("{name} goes on after its last event, in line {line}: it is damaged")]
    Surplus {
        /// The file.
        name: String,
        /// Counted after decompression, from 1.
        line: u64,
    },
}
