//! `xenheap verdict fmt`: the usual form.

use std::path::PathBuf;

use crate::{
    failure::{Exit, Failure, say},
    store::Store,
};

/// What is formatted.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    /// Only tell whether it is.
    pub check: bool,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let mut store = Store::open(&config.file)?;
    let before = store.file.to_string();
    store.file.format();
    if !config.check {
        store.save()?;
        return Ok(Exit::Done);
    }
    if store.file.to_string() == before {
        return Ok(Exit::Done);
    }
    say(format_args!(
        "{} does not have the usual form; `xenheap verdict fmt` gives it",
        config.file.display()
    ));
    Ok(Exit::Refused)
}
