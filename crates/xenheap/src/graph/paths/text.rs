//! Paths as the RFC writes stacks.

use std::io::{self, Write};

use xenheap_output::Escaped;
use xenheap_paths::{Count, Step};

use super::{Head, Used, Writer};
use crate::graph::asking::Asked;

/// A number of more digits than this is shown by its size.
const DIGITS: usize = 40;

pub struct Text {
    names: Vec<String>,
    /// For each edge where its caller calls.
    places: Option<Vec<String>>,
    stack: bool,
    line: Vec<u8>,
}

impl Text {
    pub fn new(asked: &Asked, locations: bool, stack: bool) -> Self {
        let compact = asked.view.compact();
        let name = |node| Escaped(asked.names.show(xenheap_callgraph::FunctionId(node))).to_string();
        let place = |edge| match asked.view.location(edge) {
            Some(place) => format!("{}:{}", Escaped(&place.file), place.line),
            None => "?".to_owned(),
        };
        Text {
            names: (0..compact.nodes() as u32).map(name).collect(),
            places: locations.then(|| (0..compact.edges() as u32).map(place).collect()),
            stack,
            line: Vec::new(),
        }
    }
}

impl Writer for Text {
    fn head(&mut self, asked: &Asked, head: &Head, out: &mut dyn Write) -> io::Result<()> {
        let from = named(" from ", head.from);
        let to = named(" to ", head.to);
        writeln!(out, "// {}{from}{to}{}", number(head.count), asked.limits())?;
        for cycle in &head.count.collapsed {
            let names: Vec<&str> = cycle
                .nodes
                .iter()
                .take(8)
                .filter_map(|node| self.names.get(*node as usize))
                .map(String::as_str)
                .collect();
            let more = if cycle.nodes.len() > names.len() { ", ..." } else { "" };
            writeln!(
                out,
                "// too large to enumerate: a cycle of {} functions ({}{more})",
                cycle.nodes.len(),
                names.join(", ")
            )?;
        }
        if head.unrooted > 0 {
            writeln!(out, "// {} functions lead there though no path starts before them", head.unrooted)?;
        }
        for line in asked.left_out() {
            writeln!(out, "// {}", Escaped(line))?;
        }
        Ok(())
    }

    fn path(&mut self, asked: &Asked, path: &[Step], out: &mut dyn Write) -> io::Result<()> {
        self.line.clear();
        self.line.push(b'\n');
        let mut used = Used::default();
        for (depth, step) in path.iter().enumerate() {
            self.line.resize(self.line.len() + 2 * depth, b' ');
            let name = self.names.get(step.node as usize).map_or("?", String::as_str);
            self.line.extend_from_slice(name.as_bytes());
            if let (Some(places), Some(next)) = (&self.places, path.get(depth + 1)) {
                let place = next.edge.and_then(|edge| places.get(edge as usize)).map_or("?", String::as_str);
                write!(self.line, "  {place}")?;
            }
            if self.stack {
                used.add(asked, step.node);
                write!(self.line, "  {}{} B", if used.open { ">=" } else { "" }, used.bytes)?;
            }
            self.line.push(b'\n');
        }
        out.write_all(&self.line)
    }

    fn end(&mut self, shown: u64, more: bool, out: &mut dyn Write) -> io::Result<()> {
        match more {
            true => writeln!(out, "\n// {shown} shown; --limit 0 shows all"),
            false => Ok(()),
        }
    }
}

/// ` from a, b`; nothing without a name.
fn named(word: &str, names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("{word}{}", Escaped(names.join(", "))) }
}

/// A count for people.
fn number(count: &Count) -> String {
    match count.exact() {
        Some(number) if *number == 1u8.into() => "1 path".to_owned(),
        Some(number) => format!("{} paths", digits(number.to_string())),
        None => format!(
            "at least {} and at most {} paths",
            digits(count.lower.to_string()),
            digits(count.upper.to_string())
        ),
    }
}

fn digits(number: String) -> String {
    match number.get(..4).filter(|_| number.len() > DIGITS) {
        Some(first) => format!("{}.{}e{}", &first[..1], &first[1..], number.len() - 1),
        None => number,
    }
}
