//! Comments from a report back into the file.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::Args;
use xenheap_verdicts::lines;

use super::store::Store;
use crate::failure::{Exit, Failure, say, warn};

#[derive(Debug, Args)]
#[command(after_help = "\
Type comments above the stacks of a report that was made with --verdicts (as text with --all, or in the RFC's format), then run this \
command. Without --all, only leaks and live allocations have stacks.

Example:
  xenheap report run --all --verdicts verdicts.toml > review.txt && $EDITOR review.txt && xenheap verdict harvest verdicts.toml review.txt")]
pub struct Harvest {
    /// The verdict file
    pub file: PathBuf,
    /// A report, in which people typed; plain, .gz, .xz or .zst, `-` is standard input
    pub report: PathBuf,
}

pub fn run(arguments: &Harvest) -> Result<Exit, Failure> {
    let mut store = Store::open_or_new(&arguments.file)?;
    let report = read(&arguments.report)?;
    let harvest = xenheap_verdicts::harvest(&report, &mut store.file);
    for (line, why) in &harvest.refused {
        warn(format_args!("{}:{line}: {why}", arguments.report.display()));
    }
    store.save()?;
    for (id, why) in &harvest.uncertain {
        warn(format_args!("{id} accepts an uncertain stack, {why}"));
    }
    say(format_args!(
        "{} changed, {} added, {} as they were, {} refused",
        harvest.changed.len(),
        harvest.added.len(),
        harvest.same,
        harvest.refused.len()
    ));
    Ok(if harvest.refused.is_empty() { Exit::Done } else { Exit::Input })
}

/// A text, whatever it is packed in.
pub fn read(path: &Path) -> Result<String, Failure> {
    let bytes = read_bytes(path)?;
    let text = lines::decode(&path.display().to_string(), &bytes);
    text.map(str::to_owned).map_err(|error| Failure::from_error(Exit::Input, &error))
}

/// What a file holds, whatever it is packed in.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |error: &dyn std::error::Error| Failure::from_error(Exit::Input, error);
    let mut input = xenheap_console::open(path).map_err(|error| failure(&error))?;
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes).map_err(|error| failure(&error))?;
    Ok(bytes)
}
