//! `xenheap verdict import`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::run::verdict::import::Config;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap verdict import verdicts.toml comments.txt")]
pub struct Arguments {
    /// The verdict file; made if it is not there
    file: PathBuf,
    /// The database: comments, the allocator's name, a stack
    comments: PathBuf,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file, comments } = self;
        Config { file, comments }
    }
}
