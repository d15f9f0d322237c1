//! `xenheap verdict harvest`: comments from a report go back into the file.

use std::path::PathBuf;

use crate::{
    failure::{Exit, Failure, say, warn},
    input::read,
    store::Store,
};

/// From where to where.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    /// A report, in which people typed.
    pub report: PathBuf,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let mut store = Store::open_or_new(&config.file)?;
    let report = read(&config.report)?;
    let harvest = xenheap_verdicts::harvest(&report, &mut store.file);
    for (line, why) in &harvest.refused {
        warn(format_args!("{}:{line}: {why}", config.report.display()));
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
