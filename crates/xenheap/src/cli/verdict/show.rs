//! `xenheap verdict show`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::run::verdict::show::Config;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap verdict show verdicts.toml xh-3f9a1c2b")]
pub struct Arguments {
    /// The verdict file
    file: PathBuf,
    /// Which entry
    id: String,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file, id } = self;
        Config { file, id }
    }
}
