//! `xenheap graph stats`.

use xenheap_callgraph::Stats;
use xenheap_report::{
    Render,
    graph::{Json, StatsText},
};

use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output,
};

/// Whose numbers.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let stats = config.graph.load()?.stats();
    let renderer: &dyn Render<Stats> = match config.format {
        Format::Text => &StatsText,
        Format::Json => &Json,
    };
    output::stdout(|out| renderer.render(&stats, out))?;
    Ok(Exit::Done)
}
