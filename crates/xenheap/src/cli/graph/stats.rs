//! `xenheap graph stats`: its arguments.

use clap::Args;

use super::Given;
use crate::{format::Format, run::graph::stats::Config};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap graph stats graph")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config { graph: self.graph.lower(), format: self.format }
    }
}
