//! What `xenheap coverage` and `xenheap assess` are about.

use std::path::PathBuf;

use clap::Args;

use crate::{graph_file::GraphFile, run::joined};

/// Runs and the graph of their build.
#[derive(Debug, Args)]
pub struct Joined {
    /// The graph of the build that ran (`xenheap graph build`): its file, or the folder that
    /// contains it
    #[arg(value_name = "GRAPH")]
    graph: PathBuf,
    /// Recorded runs, as for `xenheap report`
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The verdict file
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
    /// Also use runs of another build than the graph's. Such a run is marked, and shows less
    #[arg(long)]
    allow_mismatch: bool,
}

impl Joined {
    pub fn lower(self) -> joined::Joined {
        joined::Joined {
            graph: GraphFile { path: self.graph, audited: false },
            runs: self.runs,
            verdicts: self.verdicts,
            allow_mismatch: self.allow_mismatch,
        }
    }
}
