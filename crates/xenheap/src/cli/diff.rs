//! `xenheap diff`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::{format::DocumentFormat, run::diff::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Paths are compared by the names of their functions, inlined or not: another compiler or another version of Xen makes no difference.

Examples:
  xenheap diff run-before run-after
  xenheap diff old.xhr new.xhr --format markdown > comment.md")]
pub struct Arguments {
    /// Lab folder, console log or saved run
    old: PathBuf,
    /// The one to compare it with
    new: PathBuf,
    /// How the difference is written
    #[arg(long, value_enum, default_value_t)]
    format: DocumentFormat,
    /// Compare runs of different architectures all the same
    #[arg(long)]
    allow_mismatch: bool,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { old, new, format, allow_mismatch } = self;
        Config { old, new, format, allow_mismatch }
    }
}
