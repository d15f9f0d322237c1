use crate::{
    Error, Graph, NodeSet,
    graph::Part,
    reach::{Direction, distances, reach},
};

/// Which paths are meant.
///
/// A path starts at one of `sources` and ends where it first meets one of `targets`. It may pass
/// through further sources.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// In which graph.
    pub graph: &'a Graph,
    /// Where paths start.
    pub sources: &'a NodeSet,
    /// Where they end.
    pub targets: &'a NodeSet,
    /// The nodes that they may use; none: all.
    pub within: Option<&'a NodeSet>,
    /// Nodes of which each path must have at least one; none: no such demand.
    pub through: Option<&'a NodeSet>,
    /// How long and how winding.
    pub shape: Shape,
}

/// How long and how winding paths may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shape {
    /// The greatest number of nodes on a path.
    pub max_length: Option<u32>,
    /// Whether a node may be on a path more than once. That needs a greatest length.
    pub recursive: bool,
}

/// The paths that a query means: the part of the graph that lies on them.
#[derive(Debug, Clone)]
pub struct Paths {
    pub(crate) part: Part,
    pub(crate) sources: NodeSet,
    pub(crate) targets: NodeSet,
    pub(crate) through: Option<NodeSet>,
    pub(crate) shape: Shape,
    /// For each node the least number of edges to a target.
    pub(crate) distance: Vec<u32>,
}

impl Paths {
    /// Checks a query and finds the part of the graph that matters to it.
    pub fn new(query: &Query) -> Result<Self, Error> {
        let nodes = query.graph.nodes();
        let sets = [
            ("sources", Some(query.sources)),
            ("targets", Some(query.targets)),
            ("nodes to use", query.within),
            ("nodes to pass", query.through),
        ];
        for (what, set) in sets {
            if let Some(found) = set.map(NodeSet::universe).filter(|found| *found != nodes) {
                return Err(Error::OtherGraph { what, found, nodes });
            }
        }
        if query.shape.recursive && query.shape.max_length.is_none() {
            return Err(Error::Endless);
        }
        Ok(Self::prepare(query))
    }

    fn prepare(query: &Query) -> Self {
        let whole = query.graph;
        let simple = !query.shape.recursive;
        // A path that starts at the only source cannot come back to it: that opens many cycles.
        let only_source = query.sources.iter().next().filter(|_| simple && query.sources.len() == 1);
        let useful = |edge: u32| {
            let (tail, head) = (whole.tail(edge), whole.head(edge));
            let loops = simple && tail == head;
            !loops && !query.targets.has(tail) && Some(head) != only_source
        };
        let all = NodeSet::all(whole.nodes());
        let usable = whole.part(query.within.unwrap_or(&all), useful);
        let (sources, targets) = (usable.set(query.sources), usable.set(query.targets));
        let mut live = reach(&usable.graph, &targets, None, Direction::Backward);
        live.keep(&reach(&usable.graph, &sources, None, Direction::Forward));
        if let Some(most) = query.shape.max_length {
            let to = distances(&usable.graph, &targets, Direction::Backward);
            let from = distances(&usable.graph, &sources, Direction::Forward);
            let fits = |node: u32| {
                let edges = u64::from(from[node as usize]) + u64::from(to[node as usize]);
                edges < u64::from(most)
            };
            live = NodeSet::of(usable.graph.nodes(), live.iter().filter(|node| fits(*node)));
        }
        let inner = usable.graph.part(&live, |_| true);
        let part = Part {
            nodes: inner.nodes.iter().map(|node| usable.nodes[*node as usize]).collect(),
            edges: inner.edges.iter().map(|edge| usable.edges[*edge as usize]).collect(),
            graph: inner.graph,
        };
        let (sources, targets) = (part.set(query.sources), part.set(query.targets));
        let distance = distances(&part.graph, &targets, Direction::Backward);
        let through = query.through.map(|through| part.set(through));
        Paths { part, sources, targets, through, shape: query.shape, distance }
    }

    /// The same paths, except those that pass through some nodes of the part.
    pub(crate) fn avoiding(&self, avoid: &NodeSet) -> Self {
        let mut within = NodeSet::all(self.part.nodes.len());
        within.drop_all(avoid);
        Self::prepare(&Query {
            graph: &self.part.graph,
            sources: &self.sources,
            targets: &self.targets,
            within: Some(&within),
            through: None,
            shape: self.shape,
        })
    }

    /// The nodes from which a source leads to a target, in ascending order.
    pub fn nodes(&self) -> &[u32] {
        &self.part.nodes
    }

    /// The sources from which there is a way, in ascending order.
    pub fn sources(&self) -> impl Iterator<Item = u32> + '_ {
        self.sources.iter().map(|node| self.part.nodes[node as usize])
    }
}
