//! What reviewers decided of stacks.
//!
//! A [`VerdictFile`] is a text that people write by hand and keep beside the code;
//! `docs/verdicts.md` is its specification. An [`Entry`] speaks of stacks by its [`Pattern`];
//! nothing is ever matched that only looks alike.

mod entry;
mod error;
mod file;
mod harvest;
mod id;
pub mod lines;
mod matching;
pub mod note;
mod pattern;
pub mod rfc;
mod source;

pub use entry::{Bound, ChargeTo, Entry, Exceeded, Per, Subject};
pub use error::{EditError, VerdictError};
pub use file::{Change, VerdictFile, indent};
pub use harvest::{Harvest, harvest};
pub use matching::{Difference, Match, Near};
pub use pattern::{GAP, Pattern};
pub use source::{SourceError, changed_functions};
