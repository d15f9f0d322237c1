//! `xenheap verdict list`: the entries.

use std::path::PathBuf;

use xenheap_model::Verdict;
use xenheap_report::{
    Render,
    verdict::{EntriesJson, EntriesText},
};
use xenheap_verdicts::Entry;

use crate::{
    failure::{Exit, Failure},
    format::Format,
    output,
    store::Store,
};

/// Which entries, and how they are written.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    /// Only entries with these verdicts; all if there are none.
    pub verdict: Vec<Verdict>,
    pub format: Format,
}

/// The entries, or those with certain verdicts.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let store = Store::open(&config.file)?;
    let wanted = |entry: &&Entry| config.verdict.is_empty() || config.verdict.contains(&entry.verdict);
    let entries: Vec<&Entry> = store.file.entries().iter().filter(wanted).collect();
    let renderer: &dyn Render<[&Entry]> = match config.format {
        Format::Text => &EntriesText,
        Format::Json => &EntriesJson,
    };
    output::stdout(|out| renderer.render(&entries, out))?;
    Ok(Exit::Done)
}
