//! `xenheap assess`: one statement for a configuration.

use std::path::PathBuf;

use xenheap_judge::{Assessment, coverage::Join};
use xenheap_report::{
    Render,
    assess::{AssessmentJson, AssessmentMarkdown, AssessmentText},
};

use super::{check, joined::Joined};
use crate::{
    failure::{Exit, Failure},
    format::DocumentFormat,
    output,
};

/// What is stated, by which policy.
#[derive(Debug)]
pub struct Config {
    pub joined: Joined,
    pub policy: Option<PathBuf>,
    pub format: DocumentFormat,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let policy = check::policy(config.policy.as_deref())?;
    let verdicts = config.joined.verdicts()?;
    let graph = config.joined.graph.load()?;
    let ground = config.joined.ground(&graph)?;
    let join = config.joined.lay(Join::with_policy(&ground, &verdicts, &policy), &graph)?;
    let assessment = join.assess();
    let renderer: &dyn Render<Assessment> = match config.format {
        DocumentFormat::Text => &AssessmentText,
        DocumentFormat::Markdown => &AssessmentMarkdown,
        DocumentFormat::Json => &AssessmentJson,
    };
    output::stdout(|out| renderer.render(&assessment, out))?;
    Ok(if assessment.supported { Exit::Done } else { Exit::Refused })
}
