//! How the outside enters Xen: a table, kept as data, and what of it a build has.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::LazyLock,
};

use serde::Deserialize;

use crate::{Entry, EntryClass, Function, Names, Who};

/// The table, as it is kept.
const TABLE: &str = include_str!("../data/entries.toml");

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
    /// Functions that only decide who does the work, by the word for how the outside came in.
    dispatchers: BTreeMap<String, Vec<String>>,
}

/// It is read once: a report asks it for takers and for dispatchers.
static READ: LazyLock<Result<Table, toml::de::Error>> = LazyLock::new(|| toml::from_str(TABLE));

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

/// The entries that a build of an architecture has, sorted; where that is not known (empty), of
/// any.
pub fn entries(functions: &[Function], architecture: &str) -> Result<Vec<Entry>, TableError> {
    let names = Names::new(functions);
    let mut found = Vec::new();
    for group in &table()?.group {
        if group.arch.as_deref().is_some_and(|arch| !architecture.is_empty() && arch != architecture) {
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
        table()?.group.iter().flat_map(|group| group.entries.values().flatten()).cloned().collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// Functions that only decide who does the work, by the word for how the outside came in.
pub fn dispatchers() -> Result<&'static BTreeMap<String, Vec<String>>, TableError> {
    Ok(&table()?.dispatchers)
}

/// The table by function, for stacks of builds of which there is no graph.
#[derive(Debug, Default)]
pub struct Takers(HashMap<String, Vec<Taker>>);

/// What the table says of a function in one place.
#[derive(Debug)]
struct Taker {
    who: Who,
    /// The hypercall that it serves, of those whose operations are told apart.
    hypercall: Option<String>,
    /// It serves one operation of that.
    is_operation: bool,
}

impl Takers {
    /// Reads the table.
    pub fn new() -> Result<Self, TableError> {
        let groups = &table()?.group;
        let calls = groups.iter().filter(|group| group.class == EntryClass::Hypercall);
        let operations = calls.flat_map(|group| group.entries.keys());
        let hypercalls: HashSet<String> =
            operations.filter_map(|operation| Some(operation.split_once('.')?.0.to_owned())).collect();
        let mut by_name: HashMap<String, Vec<Taker>> = HashMap::new();
        for group in groups {
            for (operation, names) in &group.entries {
                let (call, is_operation) =
                    operation.split_once('.').map_or((operation.as_str(), false), |(call, _)| (call, true));
                let hypercall = hypercalls.get(call).filter(|_| group.class == EntryClass::Hypercall);
                for name in names {
                    // Where there is no image, a log names only the file of a static function, not
                    // its folder.
                    let short = name.rsplit_once('/').map(|(_, short)| short);
                    for name in short.into_iter().chain([name.as_str()]) {
                        let taker = Taker { who: group.who, hypercall: hypercall.cloned(), is_operation };
                        by_name.entry(name.to_owned()).or_default().push(taker);
                    }
                }
            }
        }
        Ok(Takers(by_name))
    }

    /// The least trusted one that can make control arrive at the innermost function of a stack that
    /// the table knows. A stack is files and functions, root first. A function that serves an
    /// operation says nothing where another hypercall called it.
    pub fn of_stack(&self, frames: &[(Option<&str>, &str)]) -> Option<Who> {
        let known: Vec<&[Taker]> = frames.iter().map(|(file, function)| self.of(*file, function)).collect();
        let mut outer = known.as_slice();
        while let Some((takers, rest)) = outer.split_last() {
            let called = rest
                .iter()
                .rev()
                .find_map(|takers| takers.iter().find(|taker| !taker.is_operation)?.hypercall.as_ref());
            let serves = |taker: &&Taker| {
                !taker.is_operation
                    || called.is_none()
                    || taker.hypercall.is_none()
                    || taker.hypercall.as_ref() == called
            };
            if let Some(who) = takers.iter().filter(serves).map(|taker| taker.who).min() {
                return Some(who);
            }
            outer = rest;
        }
        None
    }

    fn of(&self, file: Option<&str>, function: &str) -> &[Taker] {
        let of_file = || self.0.get(&format!("{}#{function}", file?));
        self.0.get(function).or_else(of_file).map_or(&[], Vec::as_slice)
    }
}

fn table() -> Result<&'static Table, TableError> {
    READ.as_ref().map_err(|source| TableError { table: "entries", source: source.clone() })
}
