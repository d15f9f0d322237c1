//! `xenheap graph stats`.

use clap::Args;
use xenheap_callgraph::Stats;
use xenheap_report::{
    Render,
    graph::{Json, StatsText},
};

use super::Given;
use crate::{
    failure::{Exit, Failure},
    format::Format,
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap graph stats graph")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let stats = arguments.graph.load()?.stats();
    let renderer: &dyn Render<Stats> = match arguments.format {
        Format::Text => &StatsText,
        Format::Json => &Json,
    };
    output::stdout(|out| renderer.render(&stats, out))?;
    Ok(Exit::Done)
}
