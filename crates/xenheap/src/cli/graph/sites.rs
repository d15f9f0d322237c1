//! `xenheap graph sites`: its arguments.

use clap::Args;

use super::Given;
use crate::{format::Format, run::graph::sites::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph sites graph                      all indirect calls, with their targets
  xenheap graph sites graph --open               only those whose targets are not all known, with the reason
  xenheap graph sites graph --through timer      only those through a place whose name contains `timer`")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    /// Only sites whose targets are not all known
    #[arg(long)]
    open: bool,
    /// Only sites that call through a place whose name contains this (`hvm_function_table`)
    #[arg(long, value_name = "TEXT")]
    through: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config { graph: self.graph.lower(), open: self.open, through: self.through, format: self.format }
    }
}
