//! `xenheap graph export`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::{Given, selecting::Selecting};
use crate::{failure::Failure, format::ExportFormat, run::graph::export::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph export graph --to alloc_xenheap_pages --preset boot --preset cuts --format dot | dot -Tsvg > paths.svg
  xenheap graph export graph --format graphml -o xen.graphml")]
pub struct Arguments {
    #[command(flatten)]
    graph: Given,
    /// Only what lies on paths from this function; repeatable
    #[arg(long, value_name = "FUNCTION")]
    from: Vec<String>,
    /// Only what lies on paths to this function; repeatable
    #[arg(long, value_name = "FUNCTION")]
    to: Vec<String>,
    #[command(flatten)]
    selecting: Selecting,
    /// The form
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The folder for the files of the csv form
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    out_dir: Option<PathBuf>,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        Ok(Config {
            graph: self.graph.lower(),
            from: self.from,
            to: self.to,
            selecting: self.selecting.lower_without_include()?,
            format: self.format,
            output: self.output,
            out_dir: self.out_dir,
        })
    }
}
