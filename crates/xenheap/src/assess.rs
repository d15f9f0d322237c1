//! `xenheap assess`: one statement for a configuration.

use std::path::PathBuf;

use clap::Args;
use xenheap_judge::{Assessment, coverage::Join};
use xenheap_report::{
    Render,
    assess::{AssessmentJson, AssessmentMarkdown, AssessmentText},
};

use crate::{
    check,
    coverage::Joined,
    failure::{Exit, Failure},
    format::DocumentFormat,
    graph, output,
};

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
    pub joined: Joined,
    /// The policy, as for `xenheap check`
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: DocumentFormat,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let policy = check::policy(arguments.policy.as_deref())?;
    let verdicts = arguments.joined.verdicts()?;
    let graph = graph::load(&arguments.joined.graph, graph::Seen::default())?;
    let ground = arguments.joined.ground(&graph)?;
    let join = arguments.joined.lay(Join::with_policy(&ground, &verdicts, &policy), &graph)?;
    let assessment = join.assess();
    let renderer: &dyn Render<Assessment> = match arguments.format {
        DocumentFormat::Text => &AssessmentText,
        DocumentFormat::Markdown => &AssessmentMarkdown,
        DocumentFormat::Json => &AssessmentJson,
    };
    output::stdout(|out| renderer.render(&assessment, out))?;
    Ok(if assessment.supported { Exit::Done } else { Exit::Refused })
}
