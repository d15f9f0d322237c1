//! Runs on the graph of their build, for `xenheap coverage` and `xenheap assess`.

use std::path::{Path, PathBuf};

use xenheap_callgraph::Graph;
use xenheap_judge::coverage::{Belongs, Differs, Ground, GroundError, Join, belongs};
use xenheap_runs::Options;
use xenheap_verdicts::VerdictFile;

use crate::{
    failure::{Exit, Failure, warn},
    graph_file::GraphFile,
    runs,
    store::Store,
};

/// Runs and the graph of their build.
#[derive(Debug)]
pub struct Joined {
    pub graph: GraphFile,
    pub runs: Vec<PathBuf>,
    pub verdicts: Option<PathBuf>,
    /// Also runs of another build than the graph's.
    pub allow_mismatch: bool,
}

impl Joined {
    /// The verdict file; without one nothing is decided.
    pub fn verdicts(&self) -> Result<VerdictFile, Failure> {
        self.verdicts.as_ref().map_or_else(|| Ok(VerdictFile::default()), |path| Ok(Store::open(path)?.file))
    }

    /// The graph, prepared.
    pub fn ground<'a>(&self, graph: &'a Graph) -> Result<Ground<'a>, Failure> {
        Ground::new(graph).map_err(|error| {
            let exit = if matches!(error, GroundError::Graph(_)) { Exit::Input } else { Exit::Failed };
            Failure::from_error(exit, &error)
        })
    }

    /// Lays one run after the other, so that no two are in memory.
    pub fn lay<'a>(&self, mut join: Join<'a>, graph: &Graph) -> Result<Join<'a>, Failure> {
        for (path, name) in self.runs.iter().zip(runs::names(&self.runs)?) {
            let loaded = runs::load(path, &Options::default())?;
            let config = config_sha256(path)?;
            let belongs = belongs(&graph.facts, &loaded.run.facts, config.as_deref());
            self.check(path, &belongs)?;
            join.add(&name, &loaded.run, &belongs);
        }
        Ok(join)
    }

    fn check(&self, run: &Path, belongs: &Belongs) -> Result<(), Failure> {
        let Some(differs) = belongs.differs.first() else { return Ok(()) };
        if !self.allow_mismatch {
            return Err(not_together(run, &self.graph.path, differs));
        }
        let (run, graph) = (run.display(), self.graph.path.display());
        warn(format_args!("{run} and {graph} are not of one build: {differs}"));
        Ok(())
    }
}

/// Why a run and a graph are refused.
pub fn not_together(run: &Path, graph: &Path, differs: &Differs) -> Failure {
    let (run, graph) = (run.display(), graph.display());
    Failure::new(Exit::Input, format!("{run} and {graph} do not belong together: {differs}")).help(
        "make the graph of the build that ran with `xenheap graph build`, or take what names alone tell with --allow-mismatch",
    )
}

/// That of the `.config` in a RUN that is a folder of the lab.
fn config_sha256(run: &Path) -> Result<Option<String>, Failure> {
    let path = run.join(xenheap_lab::CONFIG);
    if !path.is_file() {
        return Ok(None);
    }
    xenheap_lab::file_sha256(&path).map(Some).map_err(|error| Failure::from_error(Exit::Input, &error))
}
