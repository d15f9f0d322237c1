//! `xenheap verdict fmt`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::run::verdict::fmt::Config;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  xenheap verdict fmt verdicts.toml\n  xenheap verdict fmt verdicts.toml --check"
)]
pub struct Arguments {
    /// The verdict file
    file: PathBuf,
    /// Only report whether the file is formatted: exit with 1 if not
    #[arg(long)]
    check: bool,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file, check } = self;
        Config { file, check }
    }
}
