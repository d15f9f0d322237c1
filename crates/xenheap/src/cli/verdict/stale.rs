//! `xenheap verdict stale`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::{failure::Failure, run::verdict::stale::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap verdict stale verdicts.toml runs/*                          what decided nothing in any of these runs
  xenheap verdict stale verdicts.toml --tree xen.git                  whose functions changed since the revision it names
  xenheap verdict stale verdicts.toml --tree xen.git --since RELEASE-4.17.0")]
pub struct Arguments {
    /// The verdict file
    file: PathBuf,
    /// Lab folders, console logs or saved runs
    #[arg(value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// A git tree of Xen's source, in which to look for changes of the functions that entries name
    #[arg(long, value_name = "DIR")]
    tree: Option<PathBuf>,
    /// The revision from which to look, for entries that name none
    #[arg(long, value_name = "REV", requires = "tree")]
    since: Option<String>,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        if self.runs.is_empty() && self.tree.is_none() {
            return Err(Failure::usage("nothing to compare with: give runs, or a source tree with --tree"));
        }
        let Arguments { file, runs, tree, since } = self;
        Ok(Config { file, runs, tree, since })
    }
}
