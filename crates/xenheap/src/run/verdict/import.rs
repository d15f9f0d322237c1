//! `xenheap verdict import`: from a comments database of the RFC's.

use std::path::PathBuf;

use xenheap_verdicts::rfc;

use crate::{
    failure::{Exit, Failure, say, warn},
    input::read,
    store::Store,
};

/// From where to where.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    /// The database.
    pub comments: PathBuf,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let mut store = Store::open_or_new(&config.file)?;
    let imported = rfc::import(&read(&config.comments)?, &mut store.file);
    for skipped in &imported.skipped {
        let place = config.comments.display();
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
