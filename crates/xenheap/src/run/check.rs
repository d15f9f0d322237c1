//! `xenheap check`: the gate.

use std::path::{Path, PathBuf};

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
    input::read_bytes,
    output, runs,
    store::Store,
};

/// What is judged by what, and where the answer goes.
#[derive(Debug)]
pub struct Config {
    pub runs: Vec<PathBuf>,
    pub verdicts: Option<PathBuf>,
    pub policy: Option<PathBuf>,
    pub format: DocumentFormat,
    pub output: Option<PathBuf>,
    pub files: Files,
}

/// Files that are written beside the answer.
#[derive(Debug)]
pub struct Files {
    pub details: Option<PathBuf>,
    pub junit: Option<PathBuf>,
    pub sarif: Option<PathBuf>,
    pub code_quality: Option<PathBuf>,
    pub markdown: Option<PathBuf>,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let policy = policy(config.policy.as_deref())?;
    let verdicts = match &config.verdicts {
        None => VerdictFile::default(),
        Some(path) => Store::open(path)?.file,
    };
    let reports = config.runs.iter().map(|path| runs::report(path)).collect::<Result<Vec<_>, _>>()?;
    let names = runs::names(&config.runs)?;
    let runs: Vec<(&str, &Run)> =
        names.iter().zip(&reports).map(|(name, report)| (name.as_str(), report.run())).collect();
    let gate = xenheap_judge::check(&runs, &verdicts, &policy);
    config.files.write(&gate)?;
    let renderer: &dyn Render<Gate> = match config.format {
        DocumentFormat::Text => &Short,
        DocumentFormat::Json => &GateJson,
        DocumentFormat::Markdown => &Markdown,
    };
    output::to(config.output.as_deref(), |out| renderer.render(&gate, out))?;
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

impl Files {
    fn write(&self, gate: &Gate) -> Result<(), Failure> {
        let files: [(&Option<PathBuf>, &dyn Render<Gate>); 5] = [
            (&self.details, &Details),
            (&self.junit, &Junit),
            (&self.sarif, &Sarif),
            (&self.code_quality, &CodeQuality),
            (&self.markdown, &Markdown),
        ];
        for (path, renderer) in files {
            if let Some(path) = path {
                output::file(path, |out| renderer.render(gate, out))?;
            }
        }
        Ok(())
    }
}
