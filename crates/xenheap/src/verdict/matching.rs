//! Which entry speaks of which stack.

use std::path::PathBuf;

use clap::Args;
use xenheap_report::{
    Render,
    verdict::{Matched, MatchedText},
};

use super::store::Store;
use crate::{
    failure::{Exit, Failure},
    output, runs,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  xenheap verdict match verdicts.toml run\n  xenheap verdict match verdicts.toml run --missing   only stacks without an entry, with near misses"
)]
pub struct Match {
    /// The verdict file
    pub file: PathBuf,
    /// Lab folders, console logs or saved runs
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// Only stacks without an entry, or with entries that contradict each other
    #[arg(long)]
    pub missing: bool,
}

pub fn run(arguments: &Match) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.file)?;
    let mut all = Vec::with_capacity(arguments.runs.len());
    for path in &arguments.runs {
        all.push(Matched::new(&runs::report(path)?, &store.file, arguments.missing));
    }
    output::stdout(|out| MatchedText.render(&all, out))?;
    Ok(Exit::Done)
}
