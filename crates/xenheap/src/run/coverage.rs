//! `xenheap coverage`: what exists against what was seen.

use xenheap_judge::coverage::Join;
use xenheap_report::{
    Render,
    coverage::{CoverageJson, CoverageText},
};

use super::joined::Joined;
use crate::{
    failure::{Exit, Failure},
    format::Format,
    output,
};

/// What is compared, and how much of it is shown.
#[derive(Debug)]
pub struct Config {
    pub joined: Joined,
    /// Show all of each list.
    pub all: bool,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let verdicts = config.joined.verdicts()?;
    let graph = config.joined.graph.load()?;
    let ground = config.joined.ground(&graph)?;
    let coverage = config.joined.lay(Join::new(&ground, &verdicts), &graph)?.finish();
    output::stdout(|out| match config.format {
        Format::Text => CoverageText { all: config.all }.render(&coverage, out),
        Format::Json => CoverageJson.render(&coverage, out),
    })?;
    Ok(Exit::Done)
}
