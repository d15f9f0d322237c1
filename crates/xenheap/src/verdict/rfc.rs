//! The RFC's comments database.

use std::path::PathBuf;

use clap::Args;
use xenheap_output::without_controls;
use xenheap_verdicts::rfc;

use super::{harvest::read, store::Store};
use crate::{
    failure::{Exit, Failure, say, warn},
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap verdict import verdicts.toml comments.txt")]
pub struct Import {
    /// The verdict file; made if it is not there
    pub file: PathBuf,
    /// The database: comments, the allocator's name, a stack
    pub comments: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap verdict export verdicts.toml > comments.txt")]
pub struct Export {
    /// The verdict file
    pub file: PathBuf,
}

pub fn import(arguments: &Import) -> Result<Exit, Failure> {
    let mut store = Store::open_or_new(&arguments.file)?;
    let imported = rfc::import(&read(&arguments.comments)?, &mut store.file);
    for skipped in &imported.skipped {
        let place = arguments.comments.display();
        let why =
            skipped.refused.as_ref().map_or("belongs to no entry".to_owned(), |error| error.to_string());
        warn(format_args!("{place}:{}: {why}: {}", skipped.line, skipped.text));
    }
    for id in &imported.contradicting {
        warn(format_args!("{id} is for a stack that another entry is for in other words"));
    }
    store.save()?;
    say(format_args!(
        "{} added, {} were there, {} lines skipped",
        imported.added.len(),
        imported.known.len(),
        imported.skipped.len()
    ));
    Ok(if imported.skipped.is_empty() { Exit::Done } else { Exit::Input })
}

pub fn export(arguments: &Export) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.file)?;
    let (text, left_out) = rfc::export(&store.file);
    if !left_out.is_empty() {
        let ids = left_out.join(", ");
        warn(format_args!("left out, because the RFC's tools know neither gaps nor globs: {ids}"));
    }
    output::print(without_controls(&text).as_bytes())?;
    Ok(Exit::Done)
}
