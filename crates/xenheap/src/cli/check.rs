//! `xenheap check`: its arguments.

use std::path::PathBuf;

use clap::Args;

use crate::{
    format::DocumentFormat,
    run::check::{Config, Files},
};

#[derive(Debug, Args)]
#[command(after_help = "\
A finding passes if an entry with a reason accepts it and its bounds hold, or if the policy accepts the lifetime that xenheap found. \
The command refuses leaks, failed self-checks, and runs that do not show what the policy requires (docs/policy.md).

Examples:
  xenheap check run --verdicts verdicts.toml
  xenheap check runs/* --verdicts verdicts.toml --policy policy.toml --junit check.xml --details check.txt")]
pub struct Arguments {
    /// Lab folders, console logs or saved runs
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,
    /// The verdict file; without one nothing is reviewed
    #[arg(long, value_name = "FILE")]
    verdicts: Option<PathBuf>,
    /// The policy; without one SAFE and PROB_SAFE pass, and what is always freed before its call
    /// returned
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: DocumentFormat,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write every finding with its decision
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    details: Option<PathBuf>,
    /// Write JUnit's XML
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    junit: Option<PathBuf>,
    /// Write SARIF 2.1.0
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    sarif: Option<PathBuf>,
    /// Write GitLab's Code Quality report
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    code_quality: Option<PathBuf>,
    /// Write a summary in Markdown
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    markdown: Option<PathBuf>,
}

impl Arguments {
    pub fn lower(self) -> Config {
        Config {
            runs: self.runs,
            verdicts: self.verdicts,
            policy: self.policy,
            format: self.format,
            output: self.output,
            files: Files {
                details: self.details,
                junit: self.junit,
                sarif: self.sarif,
                code_quality: self.code_quality,
                markdown: self.markdown,
            },
        }
    }
}
