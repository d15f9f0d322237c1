use std::{error::Error, io, path::PathBuf};

use thiserror::Error;
use xenheap_ledger::LedgerError;
use xenheap_report::runfile::RunFileError;
use xenheap_symbols::{ImageError, Mismatch};

/// A run that cannot be read, or not be saved.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The log cannot be read at all.
    #[error(transparent)]
    Log(#[from] xenheap_console::Error),
    /// The log has not what was asked for.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A folder without a log.
    #[error("the folder {} is not a RUN: it contains no {log}", .folder.display())]
    NoLog {
        /// The folder.
        folder: PathBuf,
        /// What it should contain.
        log: &'static str,
    },
    /// Standard input has to be read twice, and cannot be kept.
    #[error("cannot keep standard input in a temporary file: {0}")]
    Spool(#[source] io::Error),
    /// The image cannot be used.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The image cannot be unpacked.
    #[error("cannot unpack the image {}", .path.display())]
    Unpack {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The image is not the one which ran.
    #[error("{} is not the image of this log: {mismatch}", .image.display())]
    Mismatch {
        /// The image.
        image: PathBuf,
        /// What differs.
        mismatch: Mismatch,
    },
    /// The run file cannot be read.
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    /// The run cannot be saved.
    #[error(transparent)]
    Save(RunFileError),
    /// Another boot or view of a run file was asked for.
    #[error("{name} holds one boot and one view only")]
    OneBoot {
        /// The run file.
        name: String,
    },
}
