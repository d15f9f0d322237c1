//! `xenheap graph cut`: a smallest set of functions through which all paths go.

use clap::Args;
use xenheap_paths::{Cut, Shape, cut};
use xenheap_report::{
    Render,
    graph::{CutText, Cutting, JsonLine},
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
  xenheap graph cut graph --from pv_hypercall --to alloc_domheap_pages --preset cuts
  xenheap graph cut graph --preset guest --to _xmalloc --keep _xzalloc")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// The function that paths start from; without it those that nobody calls, or the entries of a
    /// preset; repeatable
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
    let (cut, cannot_be_cut) = match cut(&paths, &keep) {
        Cut::Nodes(nodes) => (Some(nodes.iter().map(|node| asked.name(*node)).collect()), None),
        Cut::Impossible(path) => (None, Some(path.iter().map(|step| asked.name(step.node)).collect())),
    };
    let (from, to, keep) = (&arguments.from, &arguments.to, &arguments.keep);
    let found = Cutting { from, to, keep, cut, cannot_be_cut, left_out: asked.left_out() };
    let renderer: &dyn Render<Cutting<'_>> = match arguments.format {
        Format::Text => &CutText,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}
