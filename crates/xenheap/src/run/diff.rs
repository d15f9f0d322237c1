//! `xenheap diff`.

use std::path::PathBuf;

use xenheap_report::{
    Render,
    diff::{Compared, DiffJson, DiffMarkdown, DiffText},
};

use crate::{
    failure::{Exit, Failure, warn},
    format::DocumentFormat,
    output, runs,
};

/// Two runs to compare.
#[derive(Debug)]
pub struct Config {
    pub old: PathBuf,
    pub new: PathBuf,
    pub format: DocumentFormat,
    /// Also runs of different architectures.
    pub allow_mismatch: bool,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let (old, new) = (runs::report(&config.old)?, runs::report(&config.new)?);
    let archs = (old.run().facts.arch, new.run().facts.arch);
    if archs.0 != archs.1 && !config.allow_mismatch {
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
    let renderer: &dyn Render<Compared<'_>> = match config.format {
        DocumentFormat::Text => &DiffText,
        DocumentFormat::Json => &DiffJson,
        DocumentFormat::Markdown => &DiffMarkdown,
    };
    let diff = xenheap_judge::diff(old.run(), new.run());
    let compared = Compared { names: [old.name(), new.name()], diff: &diff };
    output::stdout(|out| renderer.render(&compared, out))?;
    Ok(Exit::Done)
}
