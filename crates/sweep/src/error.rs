use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// Why there is no sweep.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The lab, before the first boot.
    #[error(transparent)]
    Lab(#[from] xenheap_lab::Error),
    /// A file or folder.
    #[error("cannot {what} {}: {source}", .path.display())]
    Io {
        /// What was to be done with it.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// A file of a sweep that is not as this version writes it.
    #[error("{} is no part of a sweep that this version can read: {source}", .path.display())]
    Form {
        /// Which.
        path: PathBuf,
        /// The reason.
        source: serde_json::Error,
    },
    /// A log.
    #[error("cannot read the log {}: {source}", .path.display())]
    Log {
        /// Which.
        path: PathBuf,
        /// The reason.
        source: xenheap_runs::RunError,
    },
    /// The image with the names.
    #[error(transparent)]
    Image(#[from] xenheap_symbols::ImageError),
    /// Results of different things.
    #[error("{} has results of another sweep: its {what} differs. Use another folder", .path.display())]
    Mixed {
        /// Where.
        path: PathBuf,
        /// What is not the same.
        what: &'static str,
    },
    /// The run to compare with.
    #[error("{} cannot be what the boots are compared with: {reason}", .path.display())]
    Base {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A boot that ended before the allocation could come up, by a fault of its own.
    #[error(
        "the boot failed before the allocation occurred: {0}. If the host is busy, use a smaller --machines"
    )]
    Early(String),
    /// A stack that was asked for.
    #[error("no anonymous allocation of the base has a stack with the hash {0:016x}")]
    NoStack(u64),
    /// Nothing to merge.
    #[error("{} has no results of a sweep: name folders that `xenheap sweep run --out-dir` made", .0.display())]
    NoSweep(PathBuf),
}

impl SweepError {
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| SweepError::Io { what, path, source }
    }
}
