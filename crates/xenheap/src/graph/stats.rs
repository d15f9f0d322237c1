//! `xenheap graph stats`.

use clap::{Args, ValueEnum};
use xenheap_output::Escaped;

use super::Given;
use crate::{
    failure::{Exit, Failure},
    output,
};

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap graph stats graph")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let stats = arguments.graph.load()?.stats();
    match arguments.format {
        Format::Text => {
            let lines = stats.to_string();
            let lines = lines.lines().map(|line| format!("{}\n", Escaped(line))).collect::<String>();
            output::print(lines.as_bytes())?;
        }
        Format::Json => output::json(&stats)?,
    }
    Ok(Exit::Done)
}
