//! `xenheap graph paths`: the ways that calls can take, counted and listed.

use xenheap_callgraph::presets;
use xenheap_paths::{Direction, Shape};
use xenheap_report::{
    Render,
    graph::{Listing, PathsJson, PathsText},
};

use super::query::{GraphQuery, Selecting};
use crate::{
    failure::{Exit, Failure},
    format::PathsFormat,
    graph_file::GraphFile,
    output,
};

/// Which paths, and how they are shown.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub selecting: Selecting,
    pub shape: Shape,
    /// Calls at different places are different paths.
    pub locations: bool,
    /// Show how much of the stack is used.
    pub stack: bool,
    /// How many are shown; 0: all.
    pub limit: u64,
    pub format: PathsFormat,
}

/// Prints the presets.
pub fn presets() -> Result<Exit, Failure> {
    output::print(presets::TABLE.as_bytes())?;
    Ok(Exit::Done)
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let mut query = GraphQuery::new(&graph, &config.selecting, config.locations)?;
    let targets = match config.to.is_empty() {
        true => query.view.leaves(),
        false => query.functions(&config.to)?,
    };
    let sources = query.sources(&config.from)?;
    let paths = query.paths(&sources, &targets, config.shape)?;
    let count = paths.count();
    let unrooted = if config.from.is_empty() && !config.to.is_empty() {
        let mut lead = query.reach(&targets, Direction::Backward);
        lead.drop_all(&query.reach(&sources, Direction::Forward));
        lead.len()
    } else {
        0
    };
    let (from, to) = (query.shown(&config.from)?, query.shown(&config.to)?);
    let listing = Listing {
        paths: &paths,
        view: &query.view,
        names: &query.names,
        from: &from,
        to: &to,
        count: &count,
        unrooted,
        left_out: query.left_out(),
        limit: config.limit,
    };
    let (locations, stack) = (config.locations, config.stack);
    let renderer: &dyn Render<Listing<'_>> = match config.format {
        PathsFormat::Text => &PathsText { locations, stack },
        PathsFormat::Json => &PathsJson { locations, stack },
    };
    output::stdout(|out| renderer.render(&listing, out))?;
    Ok(Exit::Done)
}
