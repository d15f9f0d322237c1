//! `xenheap coverage`: its arguments.

use clap::Args;

use super::joined::Joined;
use crate::{failure::Failure, format::Format, run::coverage::Config};

#[derive(Debug, Args)]
#[command(after_help = "\
Matches each recorded stack with the call graph of its build, call by call. Counts the allocator calls that can be anonymous and can \
run after boot. Each is seen, or unseen: then the output names who can reach it and a shortest path (docs/coverage.md).

Examples:
  xenheap graph build debian:4.17 --out-dir graph && xenheap coverage graph run-boot run-guests
  xenheap coverage graph runs/* --verdicts verdicts.toml --all
  xenheap coverage graph run --format json | jq '.next[:5]'")]
pub struct Arguments {
    #[command(flatten)]
    joined: Joined,
    /// Show all of each list (text)
    #[arg(long)]
    all: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        if self.all && self.format != Format::Text {
            return Err(Failure::usage("--all belongs to --format text; JSON always has all of it"));
        }
        Ok(Config { joined: self.joined.lower(), all: self.all, format: self.format })
    }
}
