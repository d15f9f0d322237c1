//! Entries that need a look.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use clap::Args;
use xenheap_judge::decide;
use xenheap_verdicts::Entry;

use super::store::{self, Store};
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
    let mut text = String::new();
    let mut say = |id: &str, why: &str| text.push_str(&format!("{id}: {why}\n"));
    if !arguments.runs.is_empty() {
        let mut unused: BTreeMap<String, BTreeSet<String>> =
            store.file.entries().iter().map(|entry| (entry.id.clone(), BTreeSet::new())).collect();
        for path in &arguments.runs {
            let decisions = decide(runs::report(path)?.run(), &store.file);
            let here: BTreeMap<String, Vec<String>> =
                decisions.unused.into_iter().map(|unused| (unused.id, unused.against)).collect();
            unused.retain(|id, _| here.contains_key(id));
            for (id, against) in &mut unused {
                against.extend(here.get(id).into_iter().flatten().cloned());
            }
        }
        for (id, against) in unused {
            match against.is_empty() {
                true => say(&id, "matched nothing"),
                false => say(&id, &format!("contradicted by {}", Vec::from_iter(against).join(", "))),
            }
        }
    }
    if let Some(tree) = &arguments.tree {
        let mut since: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in store.file.entries() {
            match entry.revision.as_deref().or(arguments.since.as_deref()) {
                Some(revision) => since.entry(revision).or_default().push(entry),
                None => say(&entry.id, "names no revision; give one with --since"),
            }
        }
        for (revision, entries) in since {
            let changed = xenheap_verdicts::changed_functions(tree, revision)
                .map_err(|error| Failure::from_error(Exit::Input, &error))?;
            for entry in entries {
                let names: BTreeSet<&str> = entry
                    .pattern
                    .frames()
                    .map(|frame| frame.function.as_str())
                    .filter(|function| changed.contains(*function))
                    .collect();
                if !names.is_empty() {
                    let names = Vec::from_iter(names).join(", ");
                    say(&entry.id, &format!("changed since {revision}: {names}"));
                }
            }
        }
    }
    output::stdout(|out| store::print(out, &text))?;
    Ok(Exit::Done)
}
