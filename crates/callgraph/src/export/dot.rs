use std::io::{self, Write};

use super::{Exporter, Part, escaped};
use crate::Certainty;

/// The language of Graphviz. Calls that are not certain are dashed, steps into inlined functions dotted.
#[derive(Debug, Clone, Copy)]
pub struct Dot;

impl Exporter for Dot {
    fn export(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
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
