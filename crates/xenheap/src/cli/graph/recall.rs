//! `xenheap graph recall`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::Given;
use crate::{format::Format, run::graph::recall::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph recall graph                     landing pads, sites and targets of the graph's own image
  xenheap graph recall graph runs/guests         also each (caller, callee) pair of each stack that was recorded")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    /// Recorded runs, as for `xenheap report`
    #[arg(value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Also runs of another build than the graph's: names are compared, which versions and options
    /// can change
    #[arg(long)]
    allow_mismatch: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config {
            graph: self.graph.lower(),
            runs: self.runs,
            allow_mismatch: self.allow_mismatch,
            format: self.format,
        }
    }
}
