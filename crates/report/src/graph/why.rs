//! The shortest paths between functions, with what says that each step exists.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_output::Escaped;

use super::LeftOut;
use crate::Render;

/// The shortest paths between functions.
#[derive(Clone, Debug, Serialize)]
pub struct Shortest<'a> {
    /// Where they start, as it was asked.
    pub from: &'a [String],
    /// Where they lead, as it was asked.
    pub to: &'a [String],
    /// The paths, each root first.
    pub paths: Vec<Vec<Step<'a>>>,
    /// What this does not cover.
    #[serde(flatten)]
    pub left_out: LeftOut<'a>,
}

/// A function on a path.
#[derive(Clone, Debug, Serialize)]
pub struct Step<'a> {
    /// Its name.
    pub function: &'a str,
    /// What says that the function before it calls it: an item for each place.
    pub evidence: Vec<StepEvidence>,
}

/// What says that a step exists.
#[derive(Clone, Debug, Serialize)]
pub struct StepEvidence {
    /// `flow (resolved)`, or `inlined`.
    pub says: String,
    /// Where the caller calls.
    #[serde(rename = "at")]
    pub place: Option<String>,
    /// For a call through a pointer what is called.
    #[serde(rename = "through")]
    pub target: Option<String>,
}

/// A function a line, each deeper than its caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShortestText;

impl Render<Shortest<'_>> for ShortestText {
    fn render(&self, found: &Shortest<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (from, to) = (Escaped(found.from.join(", ")), Escaped(found.to.join(", ")));
        match found.paths.len() {
            0 => writeln!(out, "// no path from {from} to {to}{}", found.left_out.in_this_part())?,
            1 => {
                writeln!(
                    out,
                    "// the shortest path from {from} to {to}, and what says that each step exists"
                )?;
            }
            number => {
                writeln!(
                    out,
                    "// the {number} shortest paths from {from} to {to}, \
                     and what says that each step exists"
                )?;
            }
        }
        found.left_out.write(out)?;
        for path in &found.paths {
            writeln!(out)?;
            for (depth, step) in path.iter().enumerate() {
                write!(out, "{:indent$}{}", "", Escaped(step.function), indent = 2 * depth)?;
                evidence(&step.evidence, out)?;
            }
        }
        Ok(())
    }
}

/// The first place, and how many more there are.
fn evidence(evidence: &[StepEvidence], out: &mut dyn Write) -> io::Result<()> {
    if let Some(one) = evidence.first() {
        let place = one.place.as_deref().unwrap_or("?");
        let through = one.target.as_ref().map_or(String::new(), |target| format!(" through {target}"));
        write!(out, "  {}", Escaped(format!("{place}{through}  {}", one.says)))?;
    }
    match evidence.len() {
        0 | 1 => writeln!(out),
        more => writeln!(out, ", and {} more places", more - 1),
    }
}
