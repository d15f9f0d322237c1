//! `xenheap graph cut`: a smallest set of functions through which all paths go.

use std::io::{self, Write};

use clap::Args;
use serde_json::json;
use xenheap_callgraph::FunctionId;
use xenheap_output::Escaped;
use xenheap_paths::{Cut, Path, Shape, cut};

use super::{
    Given,
    asking::{Asked, Selecting},
    stats::Format,
};
use crate::{
    failure::{Exit, Failure},
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph cut graph --from pv_hypercall --to alloc_domheap_pages --preset cuts
  xenheap graph cut graph --preset guest --to _xmalloc --keep _xzalloc")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// The function that paths start from; without it those that nobody calls, or the entries of a preset; repeatable
    #[arg(long, value_name = "FUNCTION")]
    pub from: Vec<String>,
    /// The function that paths lead to; repeatable
    #[arg(long, value_name = "FUNCTION", required = true)]
    pub to: Vec<String>,
    /// A function that must not be in the set, such as a wrapper; repeatable
    #[arg(long, value_name = "FUNCTION")]
    pub keep: Vec<String>,
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
    let sources = asked.sources(&arguments.from)?;
    let keep = asked.functions(&arguments.keep)?;
    let paths = asked.paths(&sources, &targets, Shape::default())?;
    let found = cut(&paths, &keep);
    output::stdout(|out| match arguments.format {
        Format::Text => text(&asked, arguments, &found, out),
        Format::Json => {
            let name = |node: u32| asked.names.show(FunctionId(node)).to_owned();
            let (nodes, path): (Option<Vec<String>>, Option<Vec<String>>) = match &found {
                Cut::Nodes(nodes) => (Some(nodes.iter().map(|node| name(*node)).collect()), None),
                Cut::Impossible(path) => (None, Some(path.iter().map(|step| name(step.node)).collect())),
            };
            let value = json!({
                "from": arguments.from, "to": arguments.to, "keep": arguments.keep,
                "cut": nodes, "cannot_be_cut": path, "left_out": asked.left_out_json(),
                "part": asked.view.graph().part_of(),
            });
            super::paths::json::write_line(&value, out)
        }
    })?;
    Ok(Exit::Done)
}

fn text(asked: &Asked, arguments: &Arguments, found: &Cut, out: &mut dyn Write) -> io::Result<()> {
    let name = |node: u32| Escaped(asked.names.show(FunctionId(node)));
    let to = Escaped(arguments.to.join(", "));
    match found {
        Cut::Nodes(nodes) if nodes.is_empty() => writeln!(out, "// no path leads to {to}{}", asked.limits())?,
        Cut::Nodes(nodes) if nodes.len() == 1 => {
            writeln!(out, "// all paths to {to} go through this function")?
        }
        Cut::Nodes(nodes) => {
            writeln!(out, "// all paths to {to} go through these {}; no fewer will do", nodes.len())?
        }
        Cut::Impossible(path) => {
            let path: Path = path.clone();
            writeln!(out, "// cannot be cut: nothing on this path may be in the set")?;
            for (depth, step) in path.iter().enumerate() {
                writeln!(out, "{:indent$}{}", "", name(step.node), indent = 2 * depth)?;
            }
        }
    }
    for line in asked.left_out() {
        writeln!(out, "// {}", Escaped(line))?;
    }
    if let Cut::Nodes(nodes) = found {
        for node in nodes {
            writeln!(out, "{}", name(*node))?;
        }
    }
    Ok(())
}
