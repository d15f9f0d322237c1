//! For Gephi, yEd and networkx.

use std::io::{self, Write};

use xenheap_callgraph::Excerpt;
use xenheap_output::word;

use super::escaped;
use crate::Render;

/// The XML form that Gephi, yEd and networkx read.
#[derive(Clone, Copy, Debug, Default)]
pub struct GraphMl;

impl Render<Excerpt<'_>> for GraphMl {
    fn render(&self, part: &Excerpt<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
        writeln!(out, "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">")?;
        for (id, of, name) in [
            ("n", "node", "name"),
            ("u", "node", "unit"),
            ("k", "edge", "kind"),
            ("c", "edge", "certainty"),
            ("e", "edge", "evidence"),
        ] {
            writeln!(out, "  <key id=\"{id}\" for=\"{of}\" attr.name=\"{name}\" attr.type=\"string\"/>")?;
        }
        writeln!(out, "  <graph id=\"calls\" edgedefault=\"directed\">")?;
        for node in part.functions.iter() {
            write!(out, "    <node id=\"f{node}\"><data key=\"n\">{}</data>", text(part.name(node)))?;
            if let Some(unit) = part.view.function(node).and_then(|function| function.unit.as_deref()) {
                write!(out, "<data key=\"u\">{}</data>", text(unit))?;
            }
            writeln!(out, "</node>")?;
        }
        for edge in part.edges() {
            let (from, to) = (part.view.compact().tail(edge), part.view.compact().head(edge));
            write!(out, "    <edge source=\"f{from}\" target=\"f{to}\">")?;
            if let Some((edge, site)) = part.surest(edge) {
                write!(out, "<data key=\"k\">{}</data>", word(&site.kind))?;
                write!(out, "<data key=\"c\">{}</data>", word(&edge.certainty))?;
            }
            let evidence: Vec<String> = part.view.evidence(edge).iter().map(word).collect();
            writeln!(out, "<data key=\"e\">{}</data></edge>", evidence.join(" "))?;
        }
        writeln!(out, "  </graph>\n</graphml>")
    }
}

/// Characters that XML 1.0 cannot hold become a question mark.
fn text(text: &str) -> String {
    escaped(text, |c| match c {
        '&' => Some("&amp;".to_owned()),
        '<' => Some("&lt;".to_owned()),
        '>' => Some("&gt;".to_owned()),
        '"' => Some("&quot;".to_owned()),
        ' '..='~' => None,
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => Some("?".to_owned()),
        c => Some(format!("&#{};", c as u32)),
    })
}
