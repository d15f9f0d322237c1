//! `xenheap graph funnels`: the functions that others cannot get around on their way.

use std::io::{self, Write};

use clap::Args;
use serde_json::json;
use xenheap_callgraph::FunctionId;
use xenheap_output::Escaped;
use xenheap_paths::{Funnel, Shape, funnels};

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
  xenheap graph funnels graph --to alloc_domheap_pages --preset boot --preset cuts
  xenheap graph funnels graph --to _xmalloc --preset guest")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// The function that paths start from; without it those that nobody calls, or the entries of a preset; repeatable
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
    let starts = paths.sources().count();
    output::stdout(|out| match arguments.format {
        Format::Text => text(&asked, &arguments.to, starts, &found, out),
        Format::Json => {
            let name = |funnel: &Funnel| asked.names.show(FunctionId(funnel.node)).to_owned();
            let list = found.iter().map(|funnel| {
                json!({ "function": name(funnel), "sources": funnel.sources, "functions": funnel.nodes })
            });
            let value = json!({
                "to": arguments.to,
                "sources": starts,
                "funnels": list.collect::<Vec<_>>(),
                "left_out": asked.left_out_json(),
                "part": asked.view.graph().part_of(),
            });
            super::paths::json::write_line(&value, out)
        }
    })?;
    Ok(Exit::Done)
}

fn text(
    asked: &Asked,
    to: &[String],
    starts: usize,
    found: &[Funnel],
    out: &mut dyn Write,
) -> io::Result<()> {
    let to = Escaped(to.join(", "));
    writeln!(
        out,
        "// {starts} functions where paths to {to} start; all paths of so many of them, and of so many functions, go through"
    )?;
    for line in asked.left_out() {
        writeln!(out, "// {}", Escaped(line))?;
    }
    writeln!(out, "{:>8} {:>9}  through", "starts", "functions")?;
    for funnel in found {
        let name = Escaped(asked.names.show(FunctionId(funnel.node)));
        writeln!(out, "{:>8} {:>9}  {name}", funnel.sources, funnel.nodes)?;
    }
    Ok(())
}
