//! `xenheap sweep`: the arguments, a subcommand a file.

mod merge;
mod run;

use clap::Subcommand;

use crate::{failure::Failure, run::sweep};

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  xenheap sweep run --workload guests --out-dir sweep")]
pub enum Command {
    /// Make the allocation of each stack fail once, in a boot of its own, and report what happens
    Run(Box<run::Arguments>),
    /// Put together the results of sweeps of the same build
    Merge(merge::Arguments),
}

impl Command {
    pub fn lower(self) -> Result<sweep::Command, Failure> {
        Ok(match self {
            Command::Run(arguments) => sweep::Command::Run(Box::new(arguments.lower()?)),
            Command::Merge(arguments) => sweep::Command::Merge(arguments.lower()),
        })
    }
}
