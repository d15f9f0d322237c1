//! Whether a run and a graph are of the same build.

use std::fmt;

use xenheap_callgraph as callgraph;
use xenheap_model::{Arch, Facts};

/// How a run's build compares with the graph's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belongs {
    /// What differs, or is not known to be the same.
    pub differs: Vec<Differs>,
}

impl Belongs {
    /// Whether it is the same image, so that addresses can be compared.
    pub fn is_same_build(&self) -> bool {
        self.differs.is_empty()
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Differs {
    /// The run's, and the graph's.
    Architecture(String, String),
    /// The run's, and the graph's.
    Build(String, String),
    /// The run's, and the graph's.
    Config(String, String),
    /// One of them does not say its build.
    Unsaid(&'static str),
}

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Differs::Architecture(run, graph) if graph.is_empty() => {
                write!(f, "the run is of {run}, the graph does not say of which architecture it is")
            }
            Differs::Architecture(run, graph) => write!(f, "the run is of {run}, the graph of {graph}"),
            Differs::Build(run, graph) => {
                write!(f, "the run is of the build {run}, the graph of the build {graph}")
            }
            Differs::Config(run, graph) => {
                write!(f, "the run's .config has the SHA-256 {run}, the graph's has {graph}")
            }
            Differs::Unsaid(which) => write!(f, "the {which} does not say of which build it is"),
        }
    }
}

/// Compares what a run and a graph say of their builds; `config_sha256` is of the run's `.config`,
/// if it is there. A run without a single record says nothing of its build, and has nothing that
/// could be laid on another one.
pub fn belongs(graph: &callgraph::Facts, run: &Facts, config_sha256: Option<&str>) -> Belongs {
    let mut differs = Vec::new();
    let arch = run.arch.as_str();
    if run.arch != Arch::Unknown && arch != graph.architecture {
        differs.push(Differs::Architecture(arch.to_owned(), graph.architecture.clone()));
    }
    match (run.build_id.as_deref(), graph.build_id.as_deref()) {
        (Some(run), Some(graph)) if run == graph => {}
        (Some(run), Some(graph)) => differs.push(Differs::Build(run.to_owned(), graph.to_owned())),
        (None, _) if run.events == 0 => {}
        (None, _) => differs.push(Differs::Unsaid("run")),
        (_, None) => differs.push(Differs::Unsaid("graph")),
    }
    if let (Some(run), Some(graph)) = (config_sha256, graph.config_sha256.as_deref())
        && run != graph
    {
        differs.push(Differs::Config(run.to_owned(), graph.to_owned()));
    }
    Belongs { differs }
}
