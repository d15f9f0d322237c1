//! `xenheap lab fetch`: its arguments.

use clap::Args;
use xenheap_lab::XenSource;

use crate::{cli::values::source, failure::Failure};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap lab fetch debian:4.20
  xenheap lab fetch ../xen.git@RELEASE-4.20.0")]
pub struct Arguments {
    /// debian:4.17, debian:4.20, the path of a source tree, or GIT@REVISION (a commit of a
    /// repository, bare or not)
    #[arg(value_name = "TREE", default_value = "debian:4.17")]
    xen: String,
}

impl Arguments {
    pub fn lower(self) -> Result<XenSource, Failure> {
        source(&self.xen)
    }
}
