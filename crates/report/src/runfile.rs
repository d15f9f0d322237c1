//! The run file, `NAME.xhr`: everything known of one boot, events included; `docs/run-file.md` is
//! its specification.
//!
//! A file is zstd over lines of JSON: a head, the stacks with their names, the events. What is in
//! the head is known only when all events were seen, so a [`Writer`] puts the events aside,
//! compressed, and a file consists of two zstd frames. Sums are not stored: a reader makes the
//! profile from the events again, unless the run had none.

mod error;
mod head;
mod reader;
mod writer;

pub use error::RunFileError;
pub use head::{MAGIC, VERSION};
pub use reader::{RunFile, is_run_file};
pub use writer::Writer;
