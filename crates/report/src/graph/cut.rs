//! A smallest set of functions through which all paths go.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_output::Escaped;

use super::LeftOut;
use crate::Render;

/// A smallest set of functions through which all paths go, or why there is none.
#[derive(Clone, Debug, Serialize)]
pub struct Cutting<'a> {
    /// Where paths start, as it was asked.
    pub from: &'a [String],
    /// Where they lead, as it was asked.
    pub to: &'a [String],
    /// What must not be in the set, as it was asked.
    pub keep: &'a [String],
    /// The set; none if there is no such set.
    pub cut: Option<Vec<&'a str>>,
    /// A path of which nothing may be in the set, if there is one.
    pub cannot_be_cut: Option<Vec<&'a str>>,
    /// What this does not cover.
    #[serde(flatten)]
    pub left_out: LeftOut<'a>,
}

/// A function a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct CutText;

impl Render<Cutting<'_>> for CutText {
    fn render(&self, found: &Cutting<'_>, out: &mut dyn Write) -> io::Result<()> {
        let to = Escaped(found.to.join(", "));
        let cut = found.cut.as_deref();
        match cut.map(<[_]>::len) {
            Some(0) => writeln!(out, "// no path leads to {to}{}", found.left_out.in_this_part())?,
            Some(1) => writeln!(out, "// all paths to {to} go through this function")?,
            Some(many) => {
                writeln!(out, "// all paths to {to} go through these {many}; no fewer will do")?;
            }
            None => writeln!(out, "// cannot be cut: nothing on this path may be in the set")?,
        }
        for (depth, function) in found.cannot_be_cut.iter().flatten().enumerate() {
            writeln!(out, "{:indent$}{}", "", Escaped(function), indent = 2 * depth)?;
        }
        found.left_out.write(out)?;
        for function in cut.unwrap_or_default() {
            writeln!(out, "{}", Escaped(function))?;
        }
        Ok(())
    }
}
