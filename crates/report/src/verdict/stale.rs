//! Entries that need a look.

use std::{
    collections::BTreeSet,
    fmt,
    io::{self, Write},
};

use super::write_for_people;
use crate::Render;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The entry's id.
    pub id: String,
    /// Why somebody should look at it.
    pub why: Why,
}

/// Why somebody should look at an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It decided nothing in any run.
    Unmatched,
    /// It decided nothing, because these entries contradict it.
    Contradicted(BTreeSet<String>),
    /// Nobody knows since when functions could have changed.
    NoRevision,
    /// The source changed.
    Changed {
        /// Since this revision.
        since: String,
        /// These functions of its stack.
        functions: BTreeSet<String>,
    },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<String>| Vec::from_iter(names.iter().map(String::as_str)).join(", ");
        match self {
            Why::Unmatched => f.write_str("matched nothing"),
            Why::Contradicted(ids) => write!(f, "contradicted by {}", list(ids)),
            Why::NoRevision => f.write_str("names no revision; give one with --since"),
            Why::Changed { since, functions } => write!(f, "changed since {since}: {}", list(functions)),
        }
    }
}

/// A line for each reason to look at an entry.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaleText;

impl Render<[Stale]> for StaleText {
    fn render(&self, all: &[Stale], out: &mut dyn Write) -> io::Result<()> {
        all.iter().try_for_each(|Stale { id, why }| write_for_people(&format!("{id}: {why}\n"), out))
    }
}
