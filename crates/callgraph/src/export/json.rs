use std::io::{self, Write};

use serde_json::json;

use super::{Exporter, Part, escaped};

/// One object with functions and calls; calls name functions by their position in the list.
#[derive(Debug, Clone, Copy)]
pub struct Json;

impl Exporter for Json {
    fn export(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
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
            write!(out, "{comma}{}", ascii(&line))?;
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
            write!(out, "{comma}{}", ascii(&line))?;
        }
        writeln!(out, "\n]\n}}")
    }
}

fn ascii(value: &serde_json::Value) -> String {
    escaped(&value.to_string(), |c| match c {
        ' '..='~' => None,
        c => Some(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()),
    })
}
