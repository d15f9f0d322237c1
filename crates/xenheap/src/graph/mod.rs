//! `xenheap graph`: the calls that a build of Xen can make.

mod allocations;
pub mod asking;
mod build;
mod cut;
mod export;
mod funnels;
mod paths;
mod reach;
mod recall;
mod sites;
mod stats;
mod why;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::failure::{Exit, Failure, warn};

/// Who writes graph files, for messages.
const TOOL: &str = concat!("xenheap ", env!("CARGO_PKG_VERSION"));

/// What can be done with a call graph, each in a file of its own.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  xenheap graph build debian:4.17 --out-dir graph && xenheap graph stats graph"
)]
pub enum Graph {
    /// Make one call graph of a build of Xen
    Build(Box<build::Arguments>),
    /// Show what a graph contains and what it does not know
    Stats(stats::Arguments),
    /// Count and list the paths to or from functions
    Paths(Box<paths::Arguments>),
    /// List the entries and functions that lead to functions
    Reach(reach::Arguments),
    /// List the functions that all paths to a function pass through
    Funnels(funnels::Arguments),
    /// Find a smallest set of functions that all paths pass through
    Cut(cut::Arguments),
    /// Show the shortest paths between functions, with the evidence for each step
    Why(why::Arguments),
    /// List the indirect calls, what each can call, and why some are open
    Sites(sites::Arguments),
    /// List the allocator calls: whether they are anonymous, why, and how far away the owner is
    Allocations(allocations::Arguments),
    /// Measure how complete a graph is: against the image, and against recorded stacks
    Recall(recall::Arguments),
    /// Write a graph for other programs
    Export(export::Arguments),
}

/// Does it.
pub fn run(command: Graph) -> Result<Exit, Failure> {
    match command {
        Graph::Build(arguments) => build::run(*arguments),
        Graph::Stats(arguments) => stats::run(&arguments),
        Graph::Paths(arguments) => paths::run(*arguments),
        Graph::Reach(arguments) => reach::run(&arguments),
        Graph::Funnels(arguments) => funnels::run(&arguments),
        Graph::Cut(arguments) => cut::run(&arguments),
        Graph::Why(arguments) => why::run(&arguments),
        Graph::Sites(arguments) => sites::run(&arguments),
        Graph::Allocations(arguments) => allocations::run(&arguments),
        Graph::Recall(arguments) => recall::run(&arguments),
        Graph::Export(arguments) => export::run(&arguments),
    }
}

/// The graph that is asked.
#[derive(Debug, Args)]
pub struct Given {
    /// A graph file, or the folder that contains it
    #[arg(value_name = "GRAPH")]
    pub graph: PathBuf,
    #[command(flatten)]
    pub seen: Seen,
}

impl Given {
    pub fn load(&self) -> Result<xenheap_callgraph::Graph, Failure> {
        load(&self.graph, self.seen)
    }
}

/// How a graph of a Xen with the recorder in it is seen.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Seen {
    /// Show the recorder's functions, too: the wrapper `f` and the original `heap_audited_f`
    /// separately
    #[arg(long)]
    pub audited: bool,
}

/// Loads a graph file, that of a folder, or a folder in the normalized form (CSV). All commands
/// that ask a graph get it from here.
pub fn load(path: &Path, seen: Seen) -> Result<xenheap_callgraph::Graph, Failure> {
    use xenheap_callgraph::{Graph, NAME, is_normalized};
    let graph = if is_normalized(path) && !path.join(NAME).exists() {
        Graph::read_csv(path).map_err(|error| Failure::from_error(Exit::Input, &error))?
    } else {
        Graph::load(path).map_err(|error| Failure::from_error(Exit::Input, &error))?
    };
    if let Some(part) = graph.part_of() {
        warn(format_args!("{}: {part}; nothing is unreachable by it", path.display()));
    }
    Ok(if seen.audited { graph } else { graph.without_recorder() })
}
