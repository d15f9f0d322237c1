//! `xenheap verdict stale`: entries that need a look.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use xenheap_judge::decide;
use xenheap_report::{
    Render,
    verdict::{Stale, StaleText, Why},
};
use xenheap_verdicts::{Entry, VerdictFile};

use crate::{
    failure::{Exit, Failure},
    output, runs,
    store::Store,
};

/// What entries are compared with.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    pub runs: Vec<PathBuf>,
    /// A git tree of the source.
    pub tree: Option<PathBuf>,
    /// The revision for entries that name none.
    pub since: Option<String>,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let store = Store::open(&config.file)?;
    let mut stale = Vec::new();
    if !config.runs.is_empty() {
        stale.extend(unused(&store.file, &config.runs)?);
    }
    if let Some(tree) = &config.tree {
        stale.extend(changed(&store.file, tree, config.since.as_deref())?);
    }
    output::stdout(|out| StaleText.render(&stale, out))?;
    Ok(Exit::Done)
}

/// What decided nothing in any of the runs.
fn unused(file: &VerdictFile, runs: &[PathBuf]) -> Result<Vec<Stale>, Failure> {
    let mut unused: BTreeMap<String, BTreeSet<String>> =
        file.entries().iter().map(|entry| (entry.id.clone(), BTreeSet::new())).collect();
    for path in runs {
        let decisions = decide(runs::report(path)?.run(), file);
        let here: BTreeMap<String, Vec<String>> =
            decisions.unused.into_iter().map(|unused| (unused.id, unused.against)).collect();
        unused.retain(|id, _| here.contains_key(id));
        for (id, against) in &mut unused {
            against.extend(here.get(id).into_iter().flatten().cloned());
        }
    }
    let why = |against: BTreeSet<String>| match against.is_empty() {
        true => Why::Unmatched,
        false => Why::Contradicted(against),
    };
    Ok(unused.into_iter().map(|(id, against)| Stale { id, why: why(against) }).collect())
}

/// Entries whose functions changed since the revision that they name, or since this one.
fn changed(file: &VerdictFile, tree: &Path, since: Option<&str>) -> Result<Vec<Stale>, Failure> {
    let mut stale = Vec::new();
    let mut by_revision: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in file.entries() {
        match entry.revision.as_deref().or(since) {
            Some(revision) => by_revision.entry(revision).or_default().push(entry),
            None => stale.push(Stale { id: entry.id.clone(), why: Why::NoRevision }),
        }
    }
    for (revision, entries) in by_revision {
        let changed = xenheap_verdicts::changed_functions(tree, revision)
            .map_err(|error| Failure::from_error(Exit::Input, &error))?;
        for entry in entries {
            let functions: BTreeSet<String> = entry
                .pattern
                .frames()
                .map(|frame| &frame.function)
                .filter(|function| changed.contains(*function))
                .cloned()
                .collect();
            if !functions.is_empty() {
                let why = Why::Changed { since: revision.to_owned(), functions };
                stale.push(Stale { id: entry.id.clone(), why });
            }
        }
    }
    Ok(stale)
}
