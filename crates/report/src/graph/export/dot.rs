//! For Graphviz.

use std::io::{self, Write};

use xenheap_callgraph::{Certainty, Excerpt};

use super::escaped;
use crate::Render;

/// The language of Graphviz. Calls that are not certain are dashed, steps into inlined functions
/// dotted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dot;

impl Render<Excerpt<'_>> for Dot {
    fn render(&self, part: &Excerpt<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "digraph calls {{\n  rankdir=LR;\n  node [shape=box];")?;
        for node in part.functions.iter() {
            writeln!(out, "  {node} [label=\"{}\"];", quoted(part.name(node)))?;
        }
        for edge in part.edges() {
            let (from, to) = (part.view.compact().tail(edge), part.view.compact().head(edge));
            let style = match part.surest(edge) {
                None => " [style=dotted]",
                Some((edge, _)) if edge.certainty == Certainty::Certain => "",
                Some(_) => " [style=dashed]",
            };
            writeln!(out, "  {from} -> {to}{style};")?;
        }
        writeln!(out, "}}")
    }
}

fn quoted(text: &str) -> String {
    escaped(text, |c| match c {
        '"' | '\\' => Some(format!("\\{c}")),
        ' '..='~' => None,
        c => Some(format!("&#{};", c as u32)),
    })
}
