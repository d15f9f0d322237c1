//! `xenheap verdict list`: its arguments.

use std::path::PathBuf;

use clap::Args;
use xenheap_model::Verdict;

use crate::{format::Format, run::verdict::list::Config};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  xenheap verdict list verdicts.toml\n  xenheap verdict list verdicts.toml --verdict UNDECIDED"
)]
pub struct Arguments {
    /// The verdict file
    file: PathBuf,
    /// Only entries with this verdict; repeatable
    #[arg(long, value_name = "VERDICT", ignore_case = true)]
    verdict: Vec<Verdict>,
    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file, verdict, format } = self;
        Config { file, verdict, format }
    }
}
