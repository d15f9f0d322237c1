//! Some functions of a graph, and the calls between them, for other programs.

use xenheap_paths::NodeSet;

use crate::{Edge, FunctionId, Names, Site, View};

/// Some functions of a view, and the calls between them.
#[derive(Debug, Clone, Copy)]
pub struct Excerpt<'a> {
    /// The view.
    pub view: &'a View<'a>,
    /// How functions are called.
    pub names: &'a Names<'a>,
    /// Which of them.
    pub functions: &'a NodeSet,
}

impl<'a> Excerpt<'a> {
    /// The compact edges between its functions.
    pub fn edges(&self) -> impl Iterator<Item = u32> + '_ {
        let compact = self.view.compact();
        let inside =
            |edge: &u32| self.functions.has(compact.tail(*edge)) && self.functions.has(compact.head(*edge));
        (0..compact.edges() as u32).filter(inside)
    }

    /// What a function is called.
    pub fn name(&self, node: u32) -> &'a str {
        self.names.show(FunctionId(node))
    }

    /// The surest call that an edge stands for; none where all of it was inlined.
    pub fn surest(&self, edge: u32) -> Option<(&'a Edge, &'a Site)> {
        let reasons = self.view.reasons(edge);
        let calls = reasons.iter().filter_map(|reason| reason.edge.map(|edge| (edge, reason.site)));
        calls.min_by_key(|(edge, _)| (edge.certainty, edge.evidence))
    }
}
