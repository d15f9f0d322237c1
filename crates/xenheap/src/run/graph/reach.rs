//! `xenheap graph reach`: what leads to a function, and which entries do.

use xenheap_paths::{Direction, NodeSet, Shape};
use xenheap_report::{
    Render,
    graph::{JsonLine, Reached, ReachedFrom, ReachedText},
};

use super::query::{GraphQuery, Selecting};
use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output,
};

/// What is reached.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub to: Vec<String>,
    /// List all functions that lead there.
    pub functions: bool,
    pub selecting: Selecting,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let mut query = GraphQuery::new(&graph, &config.selecting, false)?;
    let targets = query.functions(&config.to)?;
    let to = query.shown(&config.to)?;
    let lead = match &query.selection.sources {
        None => query.reach(&targets, Direction::Backward),
        Some(sources) => {
            let paths = query.paths(sources, &targets, Shape::default())?;
            NodeSet::of(query.view.nodes().count(), paths.nodes().iter().copied())
        }
    };
    // A function leads there if it does with one of the tables that it is handed.
    let nodes = query.view.nodes();
    let lead = NodeSet::of(nodes.count(), lead.iter().map(|node| nodes.function(node).0));
    let targets = NodeSet::of(nodes.count(), targets.iter().map(|node| nodes.function(node).0));
    let others = lead.iter().filter(|node| !targets.has(*node)).count();
    let entries = graph.entries.iter().filter(|entry| lead.has(entry.function.0));
    let entries = entries.map(|entry| ReachedFrom {
        class: entry.class,
        who: entry.who,
        operation: &entry.operation,
        function: query.names.show(entry.function),
        source: &entry.source,
    });
    let found = Reached {
        to: &to,
        functions: lead.iter().map(|node| query.name(node)).collect(),
        others,
        entries: entries.collect(),
        left_out: query.left_out(),
    };
    let text = ReachedText { functions: config.functions };
    let renderer: &dyn Render<Reached<'_>> = match config.format {
        Format::Text => &text,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}
