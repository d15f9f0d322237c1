//! `xenheap graph why`: its arguments.

use clap::Args;

use super::{Given, selecting::Selecting};
use crate::{format::Format, run::graph::why::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  xenheap graph why graph --from do_memory_op --to alloc_domheap_pages --limit 3")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    /// The function that paths start from; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    from: Vec<String>,
    /// The function that paths lead to; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    to: Vec<String>,
    /// Show at most N paths
    #[arg(long, value_name = "N", default_value_t = 3)]
    limit: usize,
    #[command(flatten)]
    selecting: Selecting,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config {
            graph: self.graph.lower(),
            from: self.from,
            to: self.to,
            limit: self.limit,
            selecting: self.selecting.lower(),
            format: self.format,
        }
    }
}
