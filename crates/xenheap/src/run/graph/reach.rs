//! `xenheap graph reach`: what leads to a function, and which entries do.

use xenheap_paths::{Direction, NodeSet, Shape};
use xenheap_report::{
    Render,
    graph::{JsonLine, Reached, ReachedFrom, ReachedText},
};

use super::asking::{Asked, Selecting};
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
    let mut asked = Asked::new(&graph, &config.selecting, false)?;
    let targets = asked.functions(&config.to)?;
    let to = asked.shown(&config.to)?;
    let lead = match &asked.selection.sources {
        None => asked.reach(&targets, Direction::Backward),
        Some(sources) => {
            let paths = asked.paths(sources, &targets, Shape::default())?;
            NodeSet::of(asked.view.nodes().count(), paths.nodes().iter().copied())
        }
    };
    // A function leads there if it does with one of the tables that it is handed.
    let nodes = asked.view.nodes();
    let lead = NodeSet::of(nodes.count(), lead.iter().map(|node| nodes.function(node).0));
    let targets = NodeSet::of(nodes.count(), targets.iter().map(|node| nodes.function(node).0));
    let others = lead.iter().filter(|node| !targets.has(*node)).count();
    let entries = graph.entries.iter().filter(|entry| lead.has(entry.function.0));
    let entries = entries.map(|entry| ReachedFrom {
        class: entry.class,
        who: entry.who,
        operation: &entry.operation,
        function: asked.names.show(entry.function),
        source: &entry.source,
    });
    let found = Reached {
        to: &to,
        functions: lead.iter().map(|node| asked.name(node)).collect(),
        others,
        entries: entries.collect(),
        left_out: asked.left_out(),
    };
    let text = ReachedText { functions: config.functions };
    let renderer: &dyn Render<Reached<'_>> = match config.format {
        Format::Text => &text,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}
