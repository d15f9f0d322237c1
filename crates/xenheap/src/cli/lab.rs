//! `xenheap lab`: the arguments, a subcommand a file.

mod fetch;
mod run;

use clap::Subcommand;

use crate::{failure::Failure, run::lab};

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  xenheap lab run debian:4.20 --out-dir run && xenheap report run")]
pub enum Command {
    /// Fetch, instrument and build Xen, boot it with a Linux dom0 under QEMU, and keep the log
    Run(Box<run::Arguments>),
    /// Download a Xen source tree and print its path
    Fetch(fetch::Arguments),
}

impl Command {
    pub fn lower(self) -> Result<lab::Command, Failure> {
        Ok(match self {
            Command::Run(arguments) => lab::Command::Run(Box::new(arguments.lower()?)),
            Command::Fetch(arguments) => lab::Command::Fetch(arguments.lower()?),
        })
    }
}
