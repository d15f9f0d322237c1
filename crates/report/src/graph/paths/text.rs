//! Paths as the RFC writes stacks.

use std::io::{self, Write};

use xenheap_callgraph::FunctionId;
use xenheap_output::Escaped;
use xenheap_paths::{Count, Step};

use super::{Listing, Used};
use crate::Render;

/// A number of more digits than this is shown by its size.
const DIGITS: usize = 40;

/// Root first, two spaces a level.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathsText {
    /// Show where each function calls the next.
    pub locations: bool,
    /// Show how much of the stack is used up to each function.
    pub stack: bool,
}

impl Render<Listing<'_>> for PathsText {
    fn render(&self, listing: &Listing<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut lines = Lines::new(listing, *self);
        lines.head(out)?;
        let mut stream = listing.paths.stream();
        let mut shown = 0;
        while let Some(path) = stream.advance() {
            if listing.limit > 0 && shown == listing.limit {
                return writeln!(out, "\n// {shown} shown; --limit 0 shows all");
            }
            lines.path(path, out)?;
            shown += 1;
        }
        Ok(())
    }
}

/// What is written once for each name and place, and then often.
struct Lines<'a> {
    listing: &'a Listing<'a>,
    names: Vec<String>,
    /// For each edge where its caller calls.
    places: Option<Vec<String>>,
    stack: bool,
    line: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(listing: &'a Listing<'a>, PathsText { locations, stack }: PathsText) -> Self {
        let compact = listing.view.compact();
        let name = |node| Escaped(listing.names.show(FunctionId(node))).to_string();
        let place = |edge| match listing.view.location(edge) {
            Some(place) => format!("{}:{}", Escaped(&place.file), place.line),
            None => "?".to_owned(),
        };
        Lines {
            listing,
            names: (0..compact.nodes() as u32).map(name).collect(),
            places: locations.then(|| (0..compact.edges() as u32).map(place).collect()),
            stack,
            line: Vec::new(),
        }
    }

    fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        let Listing { count, unrooted, left_out, .. } = self.listing;
        let from = named(" from ", self.listing.from);
        let to = named(" to ", self.listing.to);
        writeln!(out, "// {}{from}{to}{}", number(count), left_out.in_this_part())?;
        for cycle in &count.collapsed {
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
        if *unrooted > 0 {
            writeln!(out, "// {unrooted} functions lead there though no path starts before them")?;
        }
        left_out.write(out)
    }

    fn path(&mut self, path: &[Step], out: &mut dyn Write) -> io::Result<()> {
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
                used.add(self.listing.view, step.node);
                write!(self.line, "  {}{} B", if used.open { ">=" } else { "" }, used.bytes)?;
            }
            self.line.push(b'\n');
        }
        out.write_all(&self.line)
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
