//! `xenheap graph build`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::concat_help,
    failure::{Exit, Failure},
};

#[derive(Debug, Args)]
#[command(after_help = concat_help("\
Examples:
  xenheap graph build debian:4.17 -o graph                 build what `xenheap lab run` builds, or take the kept one
  xenheap graph build --build ../xen.git/xen -o graph      take a build that has its .ci files and dumps"))]
pub struct Arguments {
    /// debian:4.17, debian:4.20, or the path of a source tree (which is copied, never changed)
    #[arg(value_name = "TREE", required_unless_present = "build")]
    pub tree: Option<String>,
    /// A folder in which Xen was built with `-fcallgraph-info=su -fdump-tree-gimple-lineno`
    #[arg(long, value_name = "DIR", conflicts_with = "tree")]
    pub build: Option<PathBuf>,
    /// The folder for the graph; it is made
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let _ = arguments;
    Err(Failure::usage("not written yet"))
}
