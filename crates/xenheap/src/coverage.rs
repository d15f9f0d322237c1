//! `xenheap coverage`: what exists against what was seen.

use std::path::{Path, PathBuf};

use clap::Args;
use xenheap_callgraph::Graph;
use xenheap_judge::coverage::{Belongs, Differs, Ground, GroundError, Join, belongs};
use xenheap_report::{
    Render,
    coverage::{CoverageJson, CoverageText},
};
use xenheap_runs::Options;
use xenheap_verdicts::VerdictFile;

use crate::{
    failure::{Exit, Failure, warn},
    format::Format,
    graph, output, runs,
    verdict::Store,
};

/// Runs and the graph of their build.
#[derive(Debug, Args)]
pub struct Joined {
    /// The graph of the build that ran (`xenheap graph build`): its file, or the folder that
    /// contains it
    #[arg(value_name = "GRAPH")]
    pub graph: PathBuf,
    /// Recorded runs, as for `xenheap report`
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The verdict file
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// Also use runs of another build than the graph's. Such a run is marked, and shows less
    #[arg(long)]
    pub allow_mismatch: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Matches each recorded stack with the call graph of its build, call by call. Counts the allocator calls that can be anonymous and can \
run after boot. Each is seen, or unseen: then the output names who can reach it and a shortest path (docs/coverage.md).

Examples:
  xenheap graph build debian:4.17 --out-dir graph && xenheap coverage graph run-boot run-guests
  xenheap coverage graph runs/* --verdicts verdicts.toml --all
  xenheap coverage graph run --format json | jq '.next[:5]'")]
pub struct Arguments {
    #[command(flatten)]
    pub joined: Joined,
    /// Show all of each list (text)
    #[arg(long)]
    pub all: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    if arguments.all && arguments.format != Format::Text {
        return Err(Failure::usage("--all belongs to --format text; JSON always has all of it"));
    }
    let verdicts = arguments.joined.verdicts()?;
    let graph = graph::load(&arguments.joined.graph, graph::Seen::default())?;
    let ground = arguments.joined.ground(&graph)?;
    let coverage = arguments.joined.lay(Join::new(&ground, &verdicts), &graph)?.finish();
    output::stdout(|out| match arguments.format {
        Format::Text => CoverageText { all: arguments.all }.render(&coverage, out),
        Format::Json => CoverageJson.render(&coverage, out),
    })?;
    Ok(Exit::Done)
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
            return Err(not_together(run, &self.graph, differs));
        }
        let (run, graph) = (run.display(), self.graph.display());
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
