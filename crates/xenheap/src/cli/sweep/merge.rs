//! `xenheap sweep merge`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::{format::Format, run::sweep::merge::Config};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap sweep merge sweep-1 sweep-2 sweep-3 > sweep.txt")]
pub struct Arguments {
    /// Folders of sweeps of the same build and workload
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config { dirs: self.dirs, format: self.format }
    }
}
