//! How the outside enters Xen: a table, kept as data, and what of it a build has.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Entry, EntryClass, Function, Names, Who};

/// The table, as it is kept.
pub const TABLE: &str = include_str!("../data/entries.toml");

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the table {table} cannot be read")]
pub struct TableError {
    /// Which one.
    pub table: &'static str,
    /// Where and why.
    pub source: toml::de::Error,
}

#[derive(Debug, Deserialize)]
struct Table {
    group: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    class: EntryClass,
    who: Who,
    /// None: every architecture.
    arch: Option<String>,
    source: String,
    entries: BTreeMap<String, Vec<String>>,
}

/// The entries that a build of an architecture has, sorted; where that is not known (empty), of any.
pub fn entries(functions: &[Function], architecture: &str) -> Result<Vec<Entry>, TableError> {
    let names = Names::new(functions);
    let mut found = Vec::new();
    for group in table()?.group {
        if group.arch.is_some_and(|arch| !architecture.is_empty() && arch != architecture) {
            continue;
        }
        for (operation, targets) in &group.entries {
            for function in targets.iter().flat_map(|name| names.all(name)) {
                found.push(Entry {
                    function,
                    class: group.class,
                    operation: operation.clone(),
                    who: group.who,
                    source: group.source.clone(),
                });
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Every function that the table names, as it names it; sorted.
pub fn table_names() -> Result<Vec<String>, TableError> {
    let mut names: Vec<String> =
        table()?.group.into_iter().flat_map(|group| group.entries.into_values().flatten()).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn table() -> Result<Table, TableError> {
    toml::from_str(TABLE).map_err(|source| TableError { table: "entries", source })
}
