//! Entries that need a look.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::Args;
use xenheap_judge::decide;
use xenheap_report::{
    Render,
    verdict::{Stale as StaleEntry, StaleText, Why},
};
use xenheap_verdicts::{Entry, VerdictFile};

use super::store::Store;
use crate::{
    failure::{Exit, Failure},
    output, runs,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap verdict stale verdicts.toml runs/*                          what decided nothing in any of these runs
  xenheap verdict stale verdicts.toml --tree xen.git                  whose functions changed since the revision it names
  xenheap verdict stale verdicts.toml --tree xen.git --since RELEASE-4.17.0")]
pub struct Stale {
    /// The verdict file
    pub file: PathBuf,
    /// Lab folders, console logs or saved runs
    #[arg(value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// A git tree of Xen's source, in which to look for changes of the functions that entries name
    #[arg(long, value_name = "DIR")]
    pub tree: Option<PathBuf>,
    /// The revision from which to look, for entries that name none
    #[arg(long, value_name = "REV", requires = "tree")]
    pub since: Option<String>,
}

pub fn run(arguments: &Stale) -> Result<Exit, Failure> {
    if arguments.runs.is_empty() && arguments.tree.is_none() {
        return Err(Failure::usage("nothing to compare with: give runs, or a source tree with --tree"));
    }
    let store = Store::open(&arguments.file)?;
    let mut stale = Vec::new();
    if !arguments.runs.is_empty() {
        stale.extend(unused(&store.file, &arguments.runs)?);
    }
    if let Some(tree) = &arguments.tree {
        stale.extend(changed(&store.file, tree, arguments.since.as_deref())?);
    }
    output::stdout(|out| StaleText.render(&stale, out))?;
    Ok(Exit::Done)
}

/// What decided nothing in any of the runs.
fn unused(file: &VerdictFile, runs: &[PathBuf]) -> Result<Vec<StaleEntry>, Failure> {
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
    Ok(unused.into_iter().map(|(id, against)| StaleEntry { id, why: why(against) }).collect())
}

/// Entries whose functions changed since the revision that they name, or since this one.
fn changed(file: &VerdictFile, tree: &Path, since: Option<&str>) -> Result<Vec<StaleEntry>, Failure> {
    let mut stale = Vec::new();
    let mut by_revision: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in file.entries() {
        match entry.revision.as_deref().or(since) {
            Some(revision) => by_revision.entry(revision).or_default().push(entry),
            None => stale.push(StaleEntry { id: entry.id.clone(), why: Why::NoRevision }),
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
                stale.push(StaleEntry { id: entry.id.clone(), why });
            }
        }
    }
    Ok(stale)
}
