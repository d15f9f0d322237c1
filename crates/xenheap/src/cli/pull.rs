//! `xenheap pull`: the arguments, a subcommand a file.

mod gitlab;

use clap::Subcommand;

use crate::{failure::Failure, run::pull};

#[derive(Debug, Subcommand)]
#[command(
    after_help = "Example:\n  xenheap pull gitlab xen-project/people/me/xen 1719843201 --out-dir results"
)]
pub enum Command {
    /// Download the logs of a GitLab pipeline, pair them with their images, and report them all
    Gitlab(gitlab::Arguments),
}

impl Command {
    pub fn lower(self) -> Result<pull::Command, Failure> {
        match self {
            Command::Gitlab(arguments) => Ok(pull::Command::Gitlab(arguments.lower()?)),
        }
    }
}
