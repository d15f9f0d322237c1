//! `xenheap graph funnels`: its arguments.

use clap::Args;

use super::{Between, Given, selecting::Selecting};
use crate::{failure::Failure, format::Format, run::graph::funnels::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph funnels graph --to alloc_domheap_pages --preset boot --preset cuts
  xenheap graph funnels graph --to _xmalloc --preset guest")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    #[command(flatten)]
    between: Between,
    #[command(flatten)]
    selecting: Selecting,
    /// Show at most so many; 0: all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        Ok(Config {
            graph: self.graph.lower(),
            from: self.between.from,
            to: self.between.to,
            selecting: self.selecting.lower_without_include()?,
            limit: self.limit,
            format: self.format,
        })
    }
}
