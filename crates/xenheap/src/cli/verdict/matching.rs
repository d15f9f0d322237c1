//! `xenheap verdict match`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::run::verdict::matching::Config;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  xenheap verdict match verdicts.toml run\n  xenheap verdict match verdicts.toml run --missing   only stacks without an entry, with near misses"
)]
pub struct Arguments {
    /// The verdict file
    file: PathBuf,
    /// Lab folders, console logs or saved runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// Only stacks without an entry, or with entries that contradict each other
    #[arg(long)]
    missing: bool,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file, runs, missing } = self;
        Config { file, runs, missing }
    }
}
