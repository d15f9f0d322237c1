//! `xenheap verdict retire`: an entry is taken out.

use std::path::PathBuf;

use crate::{
    failure::{Exit, Failure},
    store::Store,
};

/// Which entry.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    pub id: String,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let mut store = Store::open(&config.file)?;
    store.file.retire(&config.id).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
    store.save()?;
    Ok(Exit::Done)
}
