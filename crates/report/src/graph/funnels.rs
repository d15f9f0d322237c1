//! The functions that others cannot get around on their way.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_output::Escaped;

use super::LeftOut;
use crate::Render;

/// The functions that all paths of some others pass through.
#[derive(Clone, Debug, Serialize)]
pub struct Funnels<'a> {
    /// Where the paths lead.
    pub to: &'a [String],
    /// How many functions paths start at.
    pub sources: usize,
    /// The functions that paths pass through.
    pub funnels: Vec<FunnelRow<'a>>,
    /// What this does not cover.
    #[serde(flatten)]
    pub left_out: LeftOut<'a>,
}

/// A function that paths pass through.
#[derive(Clone, Debug, Serialize)]
pub struct FunnelRow<'a> {
    /// Its name.
    pub function: &'a str,
    /// Of how many functions where paths start all paths pass through it.
    pub sources: usize,
    /// The same of all functions on the paths.
    pub functions: usize,
}

/// As a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct FunnelsText;

impl Render<Funnels<'_>> for FunnelsText {
    fn render(&self, found: &Funnels<'_>, out: &mut dyn Write) -> io::Result<()> {
        let to = Escaped(found.to.join(", "));
        writeln!(
            out,
            "// paths to {to} start at {sources} functions. \"starts\" and \"functions\": how many starts, and functions, \
             have all their paths through the function of the row",
            sources = found.sources
        )?;
        found.left_out.write(out)?;
        writeln!(out, "{:>8} {:>9}  through", "starts", "functions")?;
        for funnel in &found.funnels {
            let FunnelRow { function, sources, functions } = funnel;
            writeln!(out, "{sources:>8} {functions:>9}  {}", Escaped(function))?;
        }
        Ok(())
    }
}
