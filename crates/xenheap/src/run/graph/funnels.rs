//! `xenheap graph funnels`: the functions that others cannot get around on their way.

use xenheap_paths::{Shape, funnels};
use xenheap_report::{
    Render,
    graph::{FunnelRow, Funnels, FunnelsText, JsonLine},
};

use super::query::{GraphQuery, Selecting};
use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output,
};

/// On the way to which functions.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub selecting: Selecting,
    /// How many are shown; 0: all.
    pub limit: usize,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let mut query = GraphQuery::new(&graph, &config.selecting, false)?;
    let targets = query.functions(&config.to)?;
    let sources = query.sources(&config.from)?;
    let paths = query.paths(&sources, &targets, Shape::default())?;
    let mut found = funnels(&paths);
    if config.limit > 0 {
        found.truncate(config.limit);
    }
    let funnels = found.iter().map(|funnel| FunnelRow {
        function: query.name(funnel.node),
        sources: funnel.sources,
        functions: funnel.nodes,
    });
    let found = Funnels {
        to: &config.to,
        sources: paths.sources().count(),
        funnels: funnels.collect(),
        left_out: query.left_out(),
    };
    let renderer: &dyn Render<Funnels<'_>> = match config.format {
        Format::Text => &FunnelsText,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}
