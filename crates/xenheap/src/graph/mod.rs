//! `xenheap graph`: the calls that a build of Xen can make.

mod build;
mod stats;

use std::path::Path;

use clap::Subcommand;

use crate::{
    cli::concat_help,
    failure::{Exit, Failure},
};

/// What can be done with a call graph, each in a file of its own.
#[derive(Debug, Subcommand)]
#[command(after_help = concat_help("Example:\n  xenheap graph build debian:4.17 -o graph && xenheap graph stats graph"))]
pub enum Graph {
    /// Make one call graph of a build of Xen
    Build(Box<build::Arguments>),
    /// Tell what a graph contains, and what it does not know
    Stats(stats::Arguments),
}

/// Does it.
pub fn run(command: Graph) -> Result<Exit, Failure> {
    match command {
        Graph::Build(arguments) => build::run(*arguments),
        Graph::Stats(arguments) => stats::run(&arguments),
    }
}

/// Loads a graph file, or that of a folder.
pub fn load(path: &Path) -> Result<xenheap_callgraph::Graph, Failure> {
    xenheap_callgraph::Graph::load(path).map_err(|error| Failure::from_error(Exit::Input, &error))
}
