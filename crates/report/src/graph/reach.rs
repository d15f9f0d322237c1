//! What leads to functions, and which entries do.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use xenheap_callgraph::{EntryClass, Who};
use xenheap_output::{Escaped, word};

use super::LeftOut;
use crate::Render;

/// What leads to functions.
#[derive(Clone, Debug, Serialize)]
pub struct Reached<'a> {
    /// The functions.
    pub to: &'a [String],
    /// All functions that lead there, these among them.
    pub functions: Vec<&'a str>,
    /// How many of them are not these.
    #[serde(skip)]
    pub others: usize,
    /// The entries that do.
    pub entries: Vec<ReachedFrom<'a>>,
    /// What this does not cover.
    #[serde(flatten)]
    pub left_out: LeftOut<'a>,
}

/// An entry that leads to functions.
#[derive(Clone, Debug, Serialize)]
pub struct ReachedFrom<'a> {
    /// Of which class it is.
    pub class: EntryClass,
    /// Who can take it.
    pub who: Who,
    /// What is asked for there.
    pub operation: &'a str,
    /// The function that it enters.
    pub function: &'a str,
    /// What says so.
    pub source: &'a str,
}

/// Entries by class and by who can take them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReachedText {
    /// List all functions, too.
    pub functions: bool,
}

impl Render<Reached<'_>> for ReachedText {
    fn render(&self, found: &Reached<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "// {} functions lead to {}", found.others, Escaped(found.to.join(", ")))?;
        found.left_out.write(out)?;
        let mut by_class: BTreeMap<(EntryClass, Who), BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for entry in &found.entries {
            let operations = by_class.entry((entry.class, entry.who)).or_default();
            operations.entry(entry.operation).or_default().push(entry.function);
        }
        for ((class, who), operations) in by_class {
            writeln!(out, "\n{}, {}", word(&class), word(&who))?;
            for (operation, functions) in operations {
                writeln!(out, "  {}  {}", Escaped(operation), Escaped(functions.join(", ")))?;
            }
        }
        if self.functions {
            writeln!(out, "\nfunctions")?;
            for function in &found.functions {
                writeln!(out, "  {}", Escaped(function))?;
            }
        }
        Ok(())
    }
}
