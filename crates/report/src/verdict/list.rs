//! Entries as a list.

use std::io::{self, Write};

use serde_json::{Value, json};
use xenheap_output::write_json;
use xenheap_verdicts::Entry;

use super::write_for_people;
use crate::Render;

/// The version of the schema. It rises when something is renamed, removed or means something else;
/// additions leave it.
const SCHEMA: u32 = 1;

/// A line an entry: id, verdict, the last frames, the first line of the comment.
#[derive(Clone, Copy, Debug, Default)]
pub struct EntriesText;

impl Render<[&Entry]> for EntriesText {
    fn render(&self, entries: &[&Entry], out: &mut dyn Write) -> io::Result<()> {
        for entry in entries {
            write_for_people(&line(entry), out)?;
            writeln!(out)?;
        }
        Ok(())
    }
}

fn line(entry: &Entry) -> String {
    let frames: Vec<&str> = entry.pattern.frames().map(|frame| frame.function.as_str()).collect();
    let last: Vec<&str> = frames.iter().skip(frames.len().saturating_sub(2)).copied().collect();
    let last = last.join(" > ");
    let comment = entry.comment.lines().find(|line| !line.is_empty()).unwrap_or("");
    let kind =
        entry.kind.map_or_else(|| entry.allocator.clone().unwrap_or_default(), |kind| kind.to_string());
    let mark = if entry.uncertain.is_some() { " (uncertain)" } else { "" };
    let line = format!("{:<12} {:<9} {kind:<11} {last}{mark}  {comment}", entry.id, entry.verdict);
    line.trim_end().to_owned()
}

/// All of each entry, as one object. The keys are those of the verdict file.
#[derive(Clone, Copy, Debug, Default)]
pub struct EntriesJson;

impl Render<[&Entry]> for EntriesJson {
    fn render(&self, entries: &[&Entry], out: &mut dyn Write) -> io::Result<()> {
        let entries: Vec<Value> = entries.iter().map(|entry| object(entry)).collect();
        write_json(&json!({ "schema": SCHEMA, "entries": entries }), out)
    }
}

fn object(entry: &Entry) -> Value {
    json!({
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
