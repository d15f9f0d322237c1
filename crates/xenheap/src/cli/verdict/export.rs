//! `xenheap verdict export`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::run::verdict::export::Config;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap verdict export verdicts.toml > comments.txt")]
pub struct Arguments {
    /// The verdict file
    file: PathBuf,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file } = self;
        Config { file }
    }
}
