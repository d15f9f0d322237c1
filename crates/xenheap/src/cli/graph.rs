//! `xenheap graph`: the arguments, a subcommand a file.

mod allocations;
mod build;
mod cut;
mod export;
mod funnels;
mod paths;
mod reach;
mod recall;
mod selecting;
mod sites;
mod stats;
mod why;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{failure::Failure, graph_file::GraphFile, run::graph};

/// What can be done with a call graph, each in a file of its own.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  xenheap graph build debian:4.17 --out-dir graph && xenheap graph stats graph"
)]
pub enum Command {
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

impl Command {
    pub fn lower(self) -> Result<graph::Command, Failure> {
        Ok(match self {
            Command::Build(arguments) => graph::Command::Build(Box::new(arguments.lower()?)),
            Command::Stats(arguments) => graph::Command::Stats(arguments.lower()),
            Command::Paths(arguments) => arguments.lower()?,
            Command::Reach(arguments) => graph::Command::Reach(arguments.lower()?),
            Command::Funnels(arguments) => graph::Command::Funnels(arguments.lower()?),
            Command::Cut(arguments) => graph::Command::Cut(arguments.lower()?),
            Command::Why(arguments) => graph::Command::Why(arguments.lower()),
            Command::Sites(arguments) => graph::Command::Sites(arguments.lower()),
            Command::Allocations(arguments) => graph::Command::Allocations(arguments.lower()),
            Command::Recall(arguments) => graph::Command::Recall(arguments.lower()),
            Command::Export(arguments) => graph::Command::Export(arguments.lower()?),
        })
    }
}

/// The graph that is asked.
#[derive(Debug, Args)]
pub struct Given {
    /// A graph file, or the folder that contains it
    #[arg(value_name = "GRAPH")]
    graph: PathBuf,
    #[command(flatten)]
    seen: Seen,
}

impl Given {
    fn lower(self) -> GraphFile {
        self.seen.of(self.graph)
    }
}

/// From which functions to which.
#[derive(Debug, Args)]
pub struct Between {
    /// The function that paths start from. Default: the entries of a preset, else the functions
    /// that nobody calls; repeatable
    #[arg(long, value_name = "FUNCTION")]
    pub from: Vec<String>,
    /// The function that paths lead to; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    pub to: Vec<String>,
}

/// How a graph of a Xen with the recorder in it is seen.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Seen {
    /// Show the recorder's functions, too: the wrapper `f` and the original `heap_audited_f`
    /// separately
    #[arg(long)]
    audited: bool,
}

impl Seen {
    fn of(self, path: PathBuf) -> GraphFile {
        GraphFile { path, audited: self.audited }
    }
}
