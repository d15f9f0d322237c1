//! The call graph that a command asks.

use std::path::PathBuf;

use xenheap_callgraph::{Graph, NAME, is_normalized};

use crate::{
    busy,
    failure::{Exit, Failure, warn},
};

/// A graph of a build, and how it is seen.
#[derive(Debug)]
pub struct GraphFile {
    /// A graph file, the folder that contains it, or a folder in the normalized form (CSV).
    pub path: PathBuf,
    /// With the recorder's functions.
    pub audited: bool,
}

impl GraphFile {
    /// Loads it. All commands get a graph from here.
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
