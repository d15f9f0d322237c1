//! `xenheap check`: the gate.

use std::path::{Path, PathBuf};

use clap::Args;
use xenheap_judge::{Gate, Policy, PolicyError};
use xenheap_model::Run;
use xenheap_report::{
    Render,
    gate::{CodeQuality, Details, GateJson, Junit, Markdown, Sarif, Short},
};
use xenheap_verdicts::VerdictFile;

use crate::{
    failure::{Exit, Failure},
    format::DocumentFormat,
    output, runs,
    verdict::{Store, read_bytes},
};

#[derive(Debug, Args)]
#[command(after_help = "\
A finding passes if an entry with a reason accepts it and its bounds hold, or if the policy accepts the lifetime that xenheap found. \
Refused are leaks, failed self-checks, and whatever the policy requires and no run shows (docs/policy.md).

Examples:
  xenheap check run --verdicts verdicts.toml
  xenheap check runs/* --verdicts verdicts.toml --policy policy.toml --junit check.xml --details check.txt")]
pub struct Check {
    /// Lab folders, console logs or saved runs
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,
    /// The verdict file; without one nothing is reviewed
    #[arg(long, value_name = "FILE")]
    pub verdicts: Option<PathBuf>,
    /// The policy; without one SAFE and PROB_SAFE pass, and what is always freed before its call
    /// returned
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    pub format: DocumentFormat,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write every finding with its decision
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub details: Option<PathBuf>,
    /// Write JUnit's XML
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub junit: Option<PathBuf>,
    /// Write SARIF 2.1.0
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub sarif: Option<PathBuf>,
    /// Write GitLab's Code Quality report
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub code_quality: Option<PathBuf>,
    /// Write a summary in Markdown
    #[arg(long, value_name = "FILE", help_heading = "Files")]
    pub markdown: Option<PathBuf>,
}

pub fn run(arguments: &Check) -> Result<Exit, Failure> {
    let policy = policy(arguments.policy.as_deref())?;
    let verdicts = match &arguments.verdicts {
        None => VerdictFile::default(),
        Some(path) => Store::open(path)?.file,
    };
    let reports = arguments.runs.iter().map(|path| runs::report(path)).collect::<Result<Vec<_>, _>>()?;
    let names = runs::names(&arguments.runs)?;
    let runs: Vec<(&str, &Run)> =
        names.iter().zip(&reports).map(|(name, report)| (name.as_str(), report.run())).collect();
    let gate = xenheap_judge::check(&runs, &verdicts, &policy);
    files(arguments, &gate)?;
    let renderer: &dyn Render<Gate> = match arguments.format {
        DocumentFormat::Text => &Short,
        DocumentFormat::Json => &GateJson,
        DocumentFormat::Markdown => &Markdown,
    };
    output::to(arguments.output.as_deref(), |out| renderer.render(&gate, out))?;
    Ok(if gate.passes() { Exit::Done } else { Exit::Refused })
}

/// Reads a policy; without one there is the built-in.
pub fn policy(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else { return Ok(Policy::default()) };
    let name = path.display().to_string();
    Policy::read(&name, &read_bytes(path)?).map_err(|error| match error {
        // It says where.
        PolicyError::Lines(error) => Failure::from_error(Exit::Input, &error),
        error => Failure::new(Exit::Input, format!("{name}: {error}")),
    })
}

fn files(arguments: &Check, gate: &Gate) -> Result<(), Failure> {
    let files: [(&Option<PathBuf>, &dyn Render<Gate>); 5] = [
        (&arguments.details, &Details),
        (&arguments.junit, &Junit),
        (&arguments.sarif, &Sarif),
        (&arguments.code_quality, &CodeQuality),
        (&arguments.markdown, &Markdown),
    ];
    for (path, renderer) in files {
        if let Some(path) = path {
            output::file(path, |out| renderer.render(gate, out))?;
        }
    }
    Ok(())
}
