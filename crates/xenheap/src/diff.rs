//! `xenheap diff`.

use std::path::PathBuf;

use clap::Args;
use xenheap_report::{
    Render,
    diff::{Compared, DiffJson, DiffMarkdown, DiffText},
};

use crate::{
    failure::{Exit, Failure, warn},
    format::DocumentFormat,
    output, runs,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Paths are compared by the names of their functions, inlined or not: another compiler or another version of Xen makes no difference.

Examples:
  xenheap diff run-before run-after
  xenheap diff old.xhr new.xhr --format markdown > comment.md")]
pub struct Diff {
    /// Lab folder, console log or saved run
    pub old: PathBuf,
    /// The one to compare it with
    pub new: PathBuf,
    /// How the difference is written
    #[arg(long, value_enum, default_value_t)]
    pub format: DocumentFormat,
    /// Compare runs of different architectures all the same
    #[arg(long)]
    pub allow_mismatch: bool,
}

pub fn run(arguments: &Diff) -> Result<Exit, Failure> {
    let (old, new) = (runs::report(&arguments.old)?, runs::report(&arguments.new)?);
    let archs = (old.run().facts.arch, new.run().facts.arch);
    if archs.0 != archs.1 && !arguments.allow_mismatch {
        let text =
            format!("{} is of {}, {} of {}", old.name(), archs.0.as_str(), new.name(), archs.1.as_str());
        return Err(Failure::new(Exit::Input, text)
            .help("architectures are not mixed; --allow-mismatch compares them all the same"));
    }
    for report in [&old, &new] {
        if let Some(doubt) = report.run().doubt() {
            warn(format_args!("{}: lifetimes are not known: {doubt}", report.name()));
        }
    }
    let renderer: &dyn Render<Compared<'_>> = match arguments.format {
        DocumentFormat::Text => &DiffText,
        DocumentFormat::Json => &DiffJson,
        DocumentFormat::Markdown => &DiffMarkdown,
    };
    let diff = xenheap_judge::diff(old.run(), new.run());
    let compared = Compared { names: [old.name(), new.name()], diff: &diff };
    output::stdout(|out| renderer.render(&compared, out))?;
    Ok(Exit::Done)
}
