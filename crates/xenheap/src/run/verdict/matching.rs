//! `xenheap verdict match`: which entry speaks of which stack.

use std::path::PathBuf;

use xenheap_report::{
    Render,
    verdict::{Matched, MatchedText},
};

use crate::{
    failure::{Exit, Failure},
    output, runs,
    store::Store,
};

/// What is looked up where.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    pub runs: Vec<PathBuf>,
    /// Only stacks on which no entry decides.
    pub missing: bool,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let store = Store::open(&config.file)?;
    let mut all = Vec::with_capacity(config.runs.len());
    for path in &config.runs {
        all.push(Matched::new(&runs::report(path)?, &store.file, config.missing));
    }
    output::stdout(|out| MatchedText.render(&all, out))?;
    Ok(Exit::Done)
}
