//! A graph for other programs: one form a file, behind one trait.

mod dot;
mod graphml;
mod json;

use std::io::{self, Write};

use xenheap_paths::NodeSet;

use crate::{Edge, FunctionId, Names, Site, View};

pub use dot::Dot;
pub use graphml::GraphMl;
pub use json::Json;

/// What is exported: some functions of a view, and the calls between them.
#[derive(Debug, Clone, Copy)]
pub struct Part<'a> {
    /// The view.
    pub view: &'a View<'a>,
    /// How functions are called.
    pub names: &'a Names<'a>,
    /// Which of them.
    pub functions: &'a NodeSet,
}

/// A form.
pub trait Exporter {
    /// Writes a part of a graph.
    fn export(&self, part: &Part, out: &mut dyn Write) -> io::Result<()>;
}

impl<'a> Part<'a> {
    /// The compact edges between its functions.
    fn edges(&self) -> impl Iterator<Item = u32> + '_ {
        let compact = self.view.compact();
        let inside =
            |edge: &u32| self.functions.has(compact.tail(*edge)) && self.functions.has(compact.head(*edge));
        (0..compact.edges() as u32).filter(inside)
    }

    fn name(&self, node: u32) -> &'a str {
        self.names.show(FunctionId(node))
    }

    /// The surest call that an edge stands for; none where all of it was inlined.
    fn surest(&self, edge: u32) -> Option<(&'a Edge, &'a Site)> {
        let reasons = self.view.reasons(edge);
        let calls = reasons.iter().filter_map(|reason| reason.edge.map(|edge| (edge, reason.site)));
        calls.min_by_key(|(edge, _)| (edge.certainty, edge.evidence))
    }
}

/// Text between quotes or tags: printable ASCII, or escaped as `escape` says.
fn escaped(text: &str, escape: impl Fn(char) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match escape(c) {
            Some(escape) => out.push_str(&escape),
            None => out.push(c),
        }
    }
    out
}
