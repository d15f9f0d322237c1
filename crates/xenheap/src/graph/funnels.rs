//! `xenheap graph funnels`: the functions that others cannot get around on their way.

use clap::Args;
use xenheap_paths::{Shape, funnels};
use xenheap_report::{
    Render,
    graph::{FunnelRow, Funnels, FunnelsText, JsonLine},
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
  xenheap graph funnels graph --to alloc_domheap_pages --preset boot --preset cuts
  xenheap graph funnels graph --to _xmalloc --preset guest")]
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
    #[command(flatten)]
    pub selecting: Selecting,
    /// Show at most so many; 0: all
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: usize,
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
    let paths = asked.paths(&sources, &targets, Shape::default())?;
    let mut found = funnels(&paths);
    if arguments.limit > 0 {
        found.truncate(arguments.limit);
    }
    let funnels = found.iter().map(|funnel| FunnelRow {
        function: asked.name(funnel.node),
        sources: funnel.sources,
        functions: funnel.nodes,
    });
    let found = Funnels {
        to: &arguments.to,
        sources: paths.sources().count(),
        funnels: funnels.collect(),
        left_out: asked.left_out(),
    };
    let renderer: &dyn Render<Funnels<'_>> = match arguments.format {
        Format::Text => &FunnelsText,
        Format::Json => &JsonLine,
    };
    output::stdout(|out| renderer.render(&found, out))?;
    Ok(Exit::Done)
}
