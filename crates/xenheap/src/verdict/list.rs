//! Reading a verdict file.

use std::path::PathBuf;

use clap::Args;
use xenheap_model::Verdict;
use xenheap_report::{
    Render,
    verdict::{EntriesJson, EntriesText, EntryText},
};
use xenheap_verdicts::Entry;

use super::store::Store;
use crate::{
    failure::{Exit, Failure},
    format::Format,
    output,
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  xenheap verdict list verdicts.toml\n  xenheap verdict list verdicts.toml --verdict UNDECIDED"
)]
pub struct List {
    /// The verdict file
    pub file: PathBuf,
    /// Only entries with this verdict; repeatable
    #[arg(long, value_name = "VERDICT", ignore_case = true)]
    pub verdict: Vec<Verdict>,
    /// How the list is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap verdict show verdicts.toml xh-3f9a1c2b")]
pub struct Show {
    /// The verdict file
    pub file: PathBuf,
    /// Which entry
    pub id: String,
}

/// The entries, or those with certain verdicts.
pub fn list(arguments: &List) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.file)?;
    let wanted = |entry: &&Entry| arguments.verdict.is_empty() || arguments.verdict.contains(&entry.verdict);
    let entries: Vec<&Entry> = store.file.entries().iter().filter(wanted).collect();
    let renderer: &dyn Render<[&Entry]> = match arguments.format {
        Format::Text => &EntriesText,
        Format::Json => &EntriesJson,
    };
    output::stdout(|out| renderer.render(&entries, out))?;
    Ok(Exit::Done)
}

/// All of one entry.
pub fn show(arguments: &Show) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.file)?;
    let Some(entry) = store.file.get(&arguments.id) else {
        return Err(Failure::usage(format!(
            "there is no entry {} in {}",
            arguments.id,
            arguments.file.display()
        ))
        .help("`xenheap verdict list` lists them"));
    };
    output::stdout(|out| EntryText.render(entry, out))?;
    Ok(Exit::Done)
}
