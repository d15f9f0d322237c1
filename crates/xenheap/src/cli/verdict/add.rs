//! `xenheap verdict add`: its arguments.

use std::path::PathBuf;

use clap::Args;
use xenheap_model::Glob;

use crate::run::verdict::add::Config;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap verdict add verdicts.toml run --finding 3          the third finding of `xenheap report run`
  xenheap verdict add verdicts.toml run --function evtchn_*  findings with such a function
  xenheap verdict add verdicts.toml run --all                all findings without an entry")]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Arguments {
    /// The verdict file; made if it is not there
    file: PathBuf,
    /// Lab folder, console log or saved run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The number of a finding in the report of the run; repeatable
    #[arg(long, value_name = "N", group = "which")]
    finding: Vec<usize>,
    /// Findings whose stack contains this function (`*` and `?` as in a shell)
    #[arg(long, value_name = "FUNCTION", group = "which")]
    function: Option<Glob>,
    /// All findings
    #[arg(long, group = "which")]
    all: bool,
    /// The revision of Xen that is reviewed, for `verdict stale --tree`
    #[arg(long, value_name = "REV")]
    revision: Option<String>,
}

impl Arguments {
    pub fn lower(self) -> Config {
        let Arguments { file, run, finding, function, all, revision } = self;
        Config { file, run, finding, function, all, revision }
    }
}
