//! `xenheap graph cut`: a smallest set of functions through which all paths go.

use xenheap_paths::{Cut, Shape, cut};
use xenheap_report::{
    Render,
    graph::{CutText, Cutting, JsonLine},
};

use super::query::{GraphQuery, Selecting};
use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output,
};

/// Between which functions, and what must stay.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub from: Vec<String>,
    pub to: Vec<String>,
    /// Functions that must not be in the set.
    pub keep: Vec<String>,
    pub selecting: Selecting,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let mut query = GraphQuery::new(&graph, &config.selecting, false)?;
    let targets = query.functions(&config.to)?;
    let sources = query.sources(&config.from)?;
    let keep = query.functions(&config.keep)?;
    let paths = query.paths(&sources, &targets, Shape::default())?;
    let (cut, cannot_be_cut) = match cut(&paths, &keep) {
        Cut::Nodes(nodes) => (Some(nodes.iter().map(|node| query.name(*node)).collect()), None),
        Cut::Impossible(path) => (None, Some(path.iter().map(|step| query.name(step.node)).collect())),
    };
    let (from, to, keep) = (&config.from, &config.to, &config.keep);
    let found = Cutting { from, to, keep, cut, cannot_be_cut, left_out: query.left_out() };
    let renderer: &dyn Render<Cutting<'_>> = match config.format {
        Format::Text => &CutText,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}
