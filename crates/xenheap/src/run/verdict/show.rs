//! `xenheap verdict show`: one entry.

use std::path::PathBuf;

use xenheap_report::{Render, verdict::EntryText};

use crate::{
    failure::{Exit, Failure},
    output,
    store::Store,
};

/// Which entry.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    pub id: String,
}

/// All of one entry.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let store = Store::open(&config.file)?;
    let Some(entry) = store.file.get(&config.id) else {
        return Err(Failure::usage(format!("there is no entry {} in {}", config.id, config.file.display()))
            .help("`xenheap verdict list` lists them"));
    };
    output::stdout(|out| EntryText.render(entry, out))?;
    Ok(Exit::Done)
}
