//! `xenheap assess`: its arguments.

use std::path::PathBuf;

use clap::Args;

use super::joined::Joined;
use crate::{format::DocumentFormat, run::assess::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Combines the call graph, the runs, the conclusions of xenheap and the verdicts, for every allocator call that can be anonymous. \
SUPPORTED: every call was seen or accepted, `xenheap check` refuses nothing, and neither runs nor graph are in doubt. \
Otherwise NOT SUPPORTED, with every blocker, and exit code 1 (docs/coverage.md).

Examples:
  xenheap assess graph runs/* --verdicts verdicts.toml
  xenheap assess graph runs/* --verdicts verdicts.toml --policy policy.toml --format markdown > statement.md")]
pub struct Arguments {
    #[command(flatten)]
    joined: Joined,
    /// The policy, as for `xenheap check`
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: DocumentFormat,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config { joined: self.joined.lower(), policy: self.policy, format: self.format }
    }
}
