//! Edits that say nothing new.

use std::path::PathBuf;

use clap::Args;

use super::store::Store;
use crate::failure::{Exit, Failure, say};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  xenheap verdict fmt verdicts.toml\n  xenheap verdict fmt verdicts.toml --check"
)]
pub struct Fmt {
    /// The verdict file
    pub file: PathBuf,
    /// Only report whether the file is formatted: exit with 1 if not
    #[arg(long)]
    pub check: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap verdict retire verdicts.toml xh-3f9a1c2b")]
pub struct Retire {
    /// The verdict file
    pub file: PathBuf,
    /// Which entry
    pub id: String,
}

pub fn fmt(arguments: &Fmt) -> Result<Exit, Failure> {
    let mut store = Store::open(&arguments.file)?;
    let before = store.file.to_string();
    store.file.format();
    if !arguments.check {
        store.save()?;
        return Ok(Exit::Done);
    }
    if store.file.to_string() == before {
        return Ok(Exit::Done);
    }
    say(format_args!(
        "{} does not have the usual form; `xenheap verdict fmt` gives it",
        arguments.file.display()
    ));
    Ok(Exit::Refused)
}

pub fn retire(arguments: &Retire) -> Result<Exit, Failure> {
    let mut store = Store::open(&arguments.file)?;
    store.file.retire(&arguments.id).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
    store.save()?;
    Ok(Exit::Done)
}
