//! `xenheap graph`: the calls that a build of Xen can make. A subcommand a file.

pub mod allocations;
pub mod asking;
pub mod build;
pub mod cut;
pub mod export;
pub mod funnels;
pub mod paths;
pub mod reach;
pub mod recall;
pub mod sites;
pub mod stats;
pub mod why;

use std::path::PathBuf;

use xenheap_callgraph::{Graph, NAME, is_normalized};

use crate::{
    busy,
    failure::{Exit, Failure, warn},
};

/// Who writes graph files, for messages.
const TOOL: &str = concat!("xenheap ", env!("CARGO_PKG_VERSION"));

/// What can be done with a call graph.
#[derive(Debug)]
pub enum Command {
    Build(Box<build::Config>),
    Stats(stats::Config),
    /// The presets and what each does.
    Presets,
    Paths(paths::Config),
    Reach(reach::Config),
    Funnels(funnels::Config),
    Cut(cut::Config),
    Why(why::Config),
    Sites(sites::Config),
    Allocations(allocations::Config),
    Recall(recall::Config),
    Export(export::Config),
}

/// Does it.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Build(config) => build::run(config),
        Command::Stats(config) => stats::run(config),
        Command::Presets => paths::presets(),
        Command::Paths(config) => paths::run(config),
        Command::Reach(config) => reach::run(config),
        Command::Funnels(config) => funnels::run(config),
        Command::Cut(config) => cut::run(config),
        Command::Why(config) => why::run(config),
        Command::Sites(config) => sites::run(config),
        Command::Allocations(config) => allocations::run(config),
        Command::Recall(config) => recall::run(config),
        Command::Export(config) => export::run(config),
    }
}

/// The graph that is asked, and how it is seen.
#[derive(Debug)]
pub struct Given {
    /// A graph file, the folder that contains it, or a folder in the normalized form (CSV).
    pub path: PathBuf,
    /// With the recorder's functions.
    pub audited: bool,
}

impl Given {
    /// Loads it. All commands that ask a graph get it from here.
    pub fn load(&self) -> Result<Graph, Failure> {
        let path = &self.path;
        busy::now(format_args!("loading {}", path.display()));
        let graph = if is_normalized(path) && !path.join(NAME).exists() {
            Graph::read_csv(path).map_err(|error| Failure::from_error(Exit::Input, &error))?
        } else {
            Graph::load(path).map_err(|error| Failure::from_error(Exit::Input, &error))?
        };
        if let Some(part) = xenheap_report::graph::part_of(&graph) {
            warn(format_args!("{}: {part}; it cannot show that something is unreachable", path.display()));
        }
        Ok(if self.audited { graph } else { graph.without_recorder() })
    }
}
