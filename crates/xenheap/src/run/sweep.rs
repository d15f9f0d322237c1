//! `xenheap sweep`, a subcommand a file.

pub mod merge;
pub mod run;

use xenheap_model::sweep::Sweep;
use xenheap_report::{
    Render,
    sweep::{SweepJson, SweepText},
};
use xenheap_sweep::SweepError;

use super::lab;
use crate::{
    failure::{Exit, Failure},
    format::Format,
    output,
};

/// What can be done with sweeps.
#[derive(Debug)]
pub enum Command {
    Run(Box<run::Config>),
    Merge(merge::Config),
}

/// Does it.
pub fn run(command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(config) => run::run(config),
        Command::Merge(config) => merge::run(config),
    }
}

fn print(sweep: &Sweep, format: Format) -> Result<(), Failure> {
    let renderer: &dyn Render<Sweep> = match format {
        Format::Text => &SweepText,
        Format::Json => &SweepJson,
    };
    output::stdout(|out| renderer.render(sweep, out))
}

fn failure(error: SweepError) -> Failure {
    match error {
        SweepError::Lab(error) => lab::failure(error),
        SweepError::NoStack(_) => Failure::from_error(Exit::Usage, &error)
            .help("`xenheap report --format json` shows the hashes of a run's stacks"),
        error => Failure::from_error(Exit::Input, &error),
    }
}
