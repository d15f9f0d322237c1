//! `xenheap graph`: the calls that a build of Xen can make. A subcommand a file.

pub mod allocations;
pub mod build;
pub mod cut;
pub mod export;
pub mod funnels;
pub mod paths;
pub mod query;
pub mod reach;
pub mod recall;
pub mod sites;
pub mod stats;
pub mod why;

use crate::failure::{Exit, Failure};

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
