//! `xenheap verdict harvest`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::run::verdict::harvest::Config;

#[derive(Debug, Args)]
#[command(after_help = "\
Type comments above the stacks of a report that was made with --verdicts (as text with --all, or in the RFC's format), then run this \
command. Without --all, only leaks and live allocations have stacks.

Example:
  xenheap report run --all --verdicts verdicts.toml > review.txt && $EDITOR review.txt && xenheap verdict harvest verdicts.toml review.txt")]
pub struct Arguments {
    /// The verdict file
    file: PathBuf,
    /// A report, in which people typed; plain, .gz, .xz or .zst, `-` is standard input
    report: PathBuf,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file, report } = self;
        Config { file, report }
    }
}
