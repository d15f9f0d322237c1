//! Reading a verdict file.

use std::path::PathBuf;

use clap::Args;
use xenheap_model::Verdict;
use xenheap_verdicts::Entry;

use super::store::{self, Store};
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

/// A line an entry: id, verdict, the last frames, the first line of the comment.
pub fn list(arguments: &List) -> Result<Exit, Failure> {
    let store = Store::open(&arguments.file)?;
    let wanted = |entry: &&Entry| arguments.verdict.is_empty() || arguments.verdict.contains(&entry.verdict);
    if arguments.format == Format::Json {
        let entries: Vec<_> = store.file.entries().iter().filter(wanted).map(json).collect();
        return output::json(&serde_json::json!({ "schema": 1, "entries": entries })).map(|()| Exit::Done);
    }
    let mut text = String::new();
    for entry in store.file.entries().iter().filter(wanted) {
        let frames: Vec<String> = entry.pattern.frames().map(|frame| frame.function.clone()).collect();
        let last =
            frames.iter().skip(frames.len().saturating_sub(2)).cloned().collect::<Vec<_>>().join(" > ");
        let comment = entry.comment.lines().find(|line| !line.is_empty()).unwrap_or("");
        let kind =
            entry.kind.map_or_else(|| entry.allocator.clone().unwrap_or_default(), |kind| kind.to_string());
        let mark = if entry.uncertain.is_some() { " (uncertain)" } else { "" };
        text.push_str(
            format!("{:<12} {:<9} {kind:<11} {last}{mark}  {comment}", entry.id, entry.verdict).trim_end(),
        );
        text.push('\n');
    }
    output::stdout(|out| store::print(out, &text))?;
    Ok(Exit::Done)
}

/// The keys are those of the verdict file.
fn json(entry: &Entry) -> serde_json::Value {
    serde_json::json!({
        "id": entry.id,
        "verdict": entry.verdict.to_string(),
        "by": entry.by,
        "assumption": entry.assumption,
        "comment": entry.comment,
        "kind": entry.kind.map(|kind| kind.to_string()),
        "allocator": entry.allocator,
        "arch": entry.arch.map(|arch| arch.as_str()),
        "revision": entry.revision,
        "uncertain": entry.uncertain,
        "stack": entry.pattern.frames().map(|frame| frame.function.clone()).collect::<Vec<_>>(),
    })
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
    let mut text = entry.note(Some(&entry.id)).to_string();
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            text.push_str(&format!("{name:<10} {value}\n"));
        }
    };
    fact("by", entry.by.clone());
    fact("kind", entry.kind.map(|kind| kind.to_string()));
    fact("allocator", entry.allocator.clone());
    fact("arch", entry.arch.map(|arch| arch.as_str().to_owned()));
    fact("charge", entry.charge.map(|charge| charge.as_str().to_owned()));
    fact("revision", entry.revision.clone());
    fact("uncertain", entry.uncertain.clone());
    fact("bound", entry.bound.map(|bound| bound.to_string()));
    text.push_str(&entry.stack);
    output::stdout(|out| store::print(out, &text))?;
    Ok(Exit::Done)
}
