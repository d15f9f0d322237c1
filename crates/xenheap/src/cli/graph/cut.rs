//! `xenheap graph cut`: its arguments.

use clap::Args;

use super::{Between, Given, selecting::Selecting};
use crate::{failure::Failure, format::Format, run::graph::cut::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph cut graph --from pv_hypercall --to alloc_domheap_pages --preset cuts
  xenheap graph cut graph --preset guest --to _xmalloc --keep _xzalloc")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    #[command(flatten)]
    between: Between,
    /// A function that must not be in the set, such as a wrapper; repeatable
    #[arg(long, value_name = "FUNCTION")]
    keep: Vec<String>,
    #[command(flatten)]
    selecting: Selecting,
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
            keep: self.keep,
            selecting: self.selecting.lower_without_include()?,
            format: self.format,
        })
    }
}
