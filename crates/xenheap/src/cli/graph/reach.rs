//! `xenheap graph reach`: its arguments.

use clap::Args;

use super::{Given, selecting::Selecting};
use crate::{failure::Failure, format::Format, run::graph::reach::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph reach graph --to alloc_xenheap_pages --preset boot --preset cuts
  xenheap graph reach graph --to panic --functions")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    /// The function that is reached; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    to: Vec<String>,
    /// List all functions that lead to it, too
    #[arg(long)]
    functions: bool,
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
            to: self.to,
            functions: self.functions,
            selecting: self.selecting.lower_without_include()?,
            format: self.format,
        })
    }
}
