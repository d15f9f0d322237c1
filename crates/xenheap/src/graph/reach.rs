//! `xenheap graph reach`: what leads to a function, and which entries do.

use clap::Args;
use xenheap_paths::{Direction, NodeSet, Shape};
use xenheap_report::{
    Render,
    graph::{JsonLine, Reached, ReachedFrom, ReachedText},
};

use super::{
    Given,
    asking::{Asked, Selecting},
};
use crate::{
    failure::{Exit, Failure},
    format::Format,
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph reach graph --to alloc_xenheap_pages --preset boot --preset cuts
  xenheap graph reach graph --to panic --functions")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// The function that is reached; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    pub to: Vec<String>,
    /// List all functions that lead to it, too
    #[arg(long)]
    pub functions: bool,
    #[command(flatten)]
    pub selecting: Selecting,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.selecting.no_include()?;
    let graph = arguments.graph.load()?;
    let mut asked = Asked::new(&graph, &arguments.selecting, false)?;
    let targets = asked.functions(&arguments.to)?;
    let to = asked.shown(&arguments.to)?;
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
    let text = ReachedText { functions: arguments.functions };
    let renderer: &dyn Render<Reached<'_>> = match arguments.format {
        Format::Text => &text,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}
