//! `xenheap man`: its arguments.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap man /usr/local/share/man/man1")]
pub struct Arguments {
    /// The folder for them
    dir: PathBuf,
}

impl Arguments {
    pub fn lower(self) -> PathBuf {
        self.dir
    }
}
