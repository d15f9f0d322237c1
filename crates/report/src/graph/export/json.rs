//! One JSON object.

use std::io::{self, Write};

use serde_json::json;

use xenheap_callgraph::Excerpt;
use xenheap_output::write_json_line;

use crate::Render;

/// One object with functions and calls; calls name functions by their position in the list.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl Render<Excerpt<'_>> for Json {
    fn render(&self, part: &Excerpt<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{{\n\"functions\": [")?;
        let mut position = std::collections::BTreeMap::new();
        for node in part.functions.iter() {
            let comma = if position.is_empty() { "" } else { ",\n" };
            position.insert(node, position.len());
            let function = part.view.function(node);
            let line = json!({
                "name": part.name(node),
                "unit": function.and_then(|function| function.unit.as_deref()),
                "line": function.and_then(|function| function.location.as_ref()).map(|place| place.line),
                "static": function.map(|function| function.is_static),
                "boot_only": function.map(|function| function.boot_only()),
                "stack": function.and_then(|function| function.stack),
            });
            write!(out, "{comma}")?;
            write_json_line(&line, out)?;
        }
        writeln!(out, "\n],\n\"calls\": [")?;
        for (index, edge) in part.edges().enumerate() {
            let comma = if index == 0 { "" } else { ",\n" };
            let compact = part.view.compact();
            let surest = part.surest(edge);
            let line = json!({
                "from": position.get(&compact.tail(edge)),
                "to": position.get(&compact.head(edge)),
                "kind": surest.map(|(_, site)| site.kind),
                "certainty": surest.map(|(edge, _)| edge.certainty),
                "evidence": part.view.evidence(edge),
                "at": part.view.location(edge),
            });
            write!(out, "{comma}")?;
            write_json_line(&line, out)?;
        }
        writeln!(out, "\n]\n}}")
    }
}
