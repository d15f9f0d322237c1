//! `xenheap graph allocations`: its arguments.

use clap::{Args, ValueEnum};
use xenheap_callgraph::Anonymity;

use super::Given;
use crate::{format::Format, run::graph::allocations::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph allocations graph                    every call of an allocator that can run after boot
  xenheap graph allocations graph --anonymity may    only those whose charge depends on a value, with the condition
  xenheap graph allocations graph --boot             also those of code that is gone after boot")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    /// Only these; repeatable
    #[arg(long, value_enum, value_name = "HOW")]
    anonymity: Vec<Anonymous>,
    /// Also calls in functions that exist only until Xen has booted
    #[arg(long)]
    boot: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config {
            graph: self.graph.lower(),
            anonymity: self.anonymity.into_iter().map(Anonymity::from).collect(),
            boot: self.boot,
            format: self.format,
        }
    }
}

/// Whether what a call allocates is charged to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Anonymous {
    /// Each time
    Always,
    /// Depends on a value
    May,
    /// Never
    Never,
}

impl From<Anonymous> for Anonymity {
    fn from(wanted: Anonymous) -> Self {
        match wanted {
            Anonymous::Always => Anonymity::Always,
            Anonymous::May => Anonymity::May,
            Anonymous::Never => Anonymity::Never,
        }
    }
}
