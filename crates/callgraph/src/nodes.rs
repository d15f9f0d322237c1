//! What algorithms walk on: functions, and the contexts in which a table that a caller hands down
//! decides what they call.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_paths::NodeSet;

use crate::{ContextId, Edge, FunctionId, Graph};

/// The nodes of a graph: its functions, numbered as there, then its contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nodes {
    functions: usize,
    /// For each context its function.
    contexts: Vec<FunctionId>,
    of: BTreeMap<FunctionId, Vec<u32>>,
    /// Functions that are only called in contexts, as far as analysis sees.
    closed: Vec<FunctionId>,
}

impl Nodes {
    /// Of a graph.
    pub fn new(graph: &Graph) -> Self {
        let functions = graph.functions.len();
        let mut of: BTreeMap<FunctionId, Vec<u32>> = BTreeMap::new();
        let mut closed = Vec::new();
        for (node, context) in (functions as u32..).zip(&graph.contexts) {
            of.entry(context.function).or_default().push(node);
            if context.closed && closed.last() != Some(&context.function) {
                closed.push(context.function);
            }
        }
        let contexts = graph.contexts.iter().map(|context| context.function).collect();
        Nodes { functions, contexts, of, closed }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.functions + self.contexts.len()
    }

    /// The function of a node.
    pub fn function(&self, node: u32) -> FunctionId {
        let context = (node as usize).checked_sub(self.functions).and_then(|at| self.contexts.get(at));
        context.copied().unwrap_or(FunctionId(node))
    }

    /// All nodes of a function.
    pub fn of(&self, function: FunctionId) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(function.0).chain(self.of.get(&function).into_iter().flatten().copied())
    }

    /// The nodes of some functions, as a set for that many nodes.
    pub fn set(&self, count: usize, functions: impl IntoIterator<Item = FunctionId>) -> NodeSet {
        NodeSet::of(count, functions.into_iter().flat_map(|function| self.of(function)))
    }

    /// The nodes that stand for nothing where these are entered: each caller of their functions
    /// hands a table down and enters a context, and the outside does not come in there. What leaves
    /// them would be told a second time, as if it were possible without a table.
    pub fn vain(&self, graph: &Graph, mut entered: NodeSet) -> BTreeSet<u32> {
        for entry in &graph.entries {
            entered.insert(entry.function.0);
        }
        self.closed.iter().map(|function| function.0).filter(|node| !entered.has(*node)).collect()
    }

    fn node(&self, context: Option<ContextId>, function: FunctionId) -> u32 {
        context.map_or(function.0, |context| self.functions as u32 + context.0)
    }

    /// The steps that an edge stands for, and whether contexts tell them apart.
    pub fn steps(&self, graph: &Graph, caller: FunctionId, edge: &Edge) -> (Vec<(u32, u32)>, bool) {
        let ways: Vec<_> = graph.ways_of(edge.site, edge.callee).collect();
        if ways.is_empty() {
            return (self.of(caller).map(|from| (from, edge.callee.0)).collect(), false);
        }
        let step = |way: &crate::Way| (self.node(way.within, caller), self.node(way.into, edge.callee));
        (ways.into_iter().map(step).collect(), true)
    }
}
