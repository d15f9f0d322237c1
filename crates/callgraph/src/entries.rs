//! How the outside enters Xen: a table, kept as data, and what of it a build has.

use std::collections::{BTreeMap, HashMap};

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

/// The table by function, for stacks of builds of which there is no graph.
#[derive(Debug, Default)]
pub struct Takers(HashMap<String, Who>);

impl Takers {
    /// Reads the table. Of a function with several operations or architectures the least trusted taker counts.
    pub fn new() -> Result<Self, TableError> {
        let mut by_name: HashMap<String, Who> = HashMap::new();
        for group in table()?.group {
            for name in group.entries.into_values().flatten() {
                // Where there is no image, a log names only the file of a static function, not its folder.
                let short = name.rsplit_once('/').map(|(_, short)| short.to_owned());
                for name in short.into_iter().chain([name]) {
                    by_name.entry(name).and_modify(|who| *who = group.who.min(*who)).or_insert(group.who);
                }
            }
        }
        Ok(Takers(by_name))
    }

    /// The least trusted one that can make control arrive at a function, which may be a static one of a file.
    pub fn of(&self, file: Option<&str>, function: &str) -> Option<Who> {
        let of_file = || self.0.get(&format!("{}#{function}", file?)).copied();
        self.0.get(function).copied().or_else(of_file)
    }
}

fn table() -> Result<Table, TableError> {
    toml::from_str(TABLE).map_err(|source| TableError { table: "entries", source })
}
