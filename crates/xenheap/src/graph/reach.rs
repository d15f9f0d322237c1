//! `xenheap graph reach`: what leads to a function, and which entries do.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use clap::Args;
use serde_json::json;
use xenheap_callgraph::{Entry, EntryClass, FunctionId, Graph, Who};
use xenheap_output::Escaped;
use xenheap_paths::{Direction, NodeSet, Shape};

use super::{
    Given,
    asking::{Asked, Selecting, word},
    stats::Format,
};
use crate::{
    failure::{Exit, Failure},
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
    output::stdout(|out| match arguments.format {
        Format::Text => text(&graph, &asked, (others, &to), &lead, arguments.functions, out),
        Format::Json => {
            let functions: Vec<&str> = lead.iter().map(|node| asked.names.show(FunctionId(node))).collect();
            let entries = graph.entries.iter().filter(|entry| lead.has(entry.function.0)).map(|entry| {
                json!({
                    "class": entry.class, "who": entry.who, "operation": entry.operation,
                    "function": asked.names.show(entry.function), "source": entry.source,
                })
            });
            let value = json!({
                "to": to,
                "functions": functions,
                "entries": entries.collect::<Vec<_>>(),
                "left_out": asked.left_out_json(),
                "part": asked.view.graph().part_of(),
            });
            super::paths::json::write_line(&value, out)
        }
    })?;
    Ok(Exit::Done)
}

fn text(
    graph: &Graph,
    asked: &Asked,
    (others, to): (usize, &[String]),
    lead: &NodeSet,
    list: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "// {others} functions lead to {}", Escaped(to.join(", ")))?;
    for line in asked.left_out() {
        writeln!(out, "// {}", Escaped(line))?;
    }
    let mut by_class: BTreeMap<(EntryClass, Who), BTreeMap<&str, Vec<&Entry>>> = BTreeMap::new();
    for entry in graph.entries.iter().filter(|entry| lead.has(entry.function.0)) {
        by_class
            .entry((entry.class, entry.who))
            .or_default()
            .entry(&entry.operation)
            .or_default()
            .push(entry);
    }
    for ((class, who), operations) in by_class {
        writeln!(out, "\n{}, {}", word(&class), word(&who))?;
        for (operation, entries) in operations {
            let functions: Vec<&str> = entries.iter().map(|entry| asked.names.show(entry.function)).collect();
            writeln!(out, "  {}  {}", Escaped(operation), Escaped(functions.join(", ")))?;
        }
    }
    if list {
        writeln!(out, "\nfunctions")?;
        for node in lead.iter() {
            writeln!(out, "  {}", Escaped(asked.names.show(FunctionId(node))))?;
        }
    }
    Ok(())
}
