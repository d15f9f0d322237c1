use std::collections::VecDeque;

use crate::{NodeSet, Path, Paths, Query, Shape, shortest};

/// Whether some nodes can separate sources from targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// A smallest set of nodes through which all paths go, ascending; of several the nearest to the
    /// sources.
    Nodes(Vec<u32>),
    /// There is none: all nodes of this path are sources, targets, or not to be cut.
    Impossible(Path),
}

/// A smallest set of nodes through which all paths go: neither sources nor targets, nor those that
/// are not to be cut.
///
/// By Menger's theorem as many as there are paths without a common node among those that can be
/// cut; these are found as a greatest flow (Dinic's algorithm), each node being an edge of capacity
/// one.
pub fn cut(paths: &Paths, uncuttable: &NodeSet) -> Cut {
    let graph = &paths.part.graph;
    let mut exempt = paths.part.set(uncuttable);
    for node in paths.sources.iter().chain(paths.targets.iter()) {
        exempt.insert(node);
    }
    let around = Paths::new(&Query {
        graph,
        sources: &paths.sources,
        targets: &paths.targets,
        within: Some(&exempt),
        through: None,
        shape: Shape::default(),
    });
    if let Some(mut path) = around.ok().and_then(|around| shortest(&around, 1).pop()) {
        for step in &mut path {
            step.node = paths.part.nodes[step.node as usize];
            step.edge = step.edge.map(|edge| paths.part.edges[edge as usize]);
        }
        return Cut::Impossible(path);
    }
    let nodes = graph.nodes() as u32;
    let (before, after) = (|node: u32| 2 * node, |node: u32| 2 * node + 1);
    let (source, target) = (2 * nodes, 2 * nodes + 1);
    let mut arcs = Vec::new();
    for node in 0..nodes {
        let capacity = if exempt.has(node) { UNLIMITED } else { 1 };
        arcs.push((before(node), after(node), capacity));
        let mut last = None;
        for &to in graph.successors(node) {
            if last != Some(to) && to != node {
                arcs.push((after(node), before(to), UNLIMITED));
            }
            last = Some(to);
        }
        if paths.sources.has(node) {
            arcs.push((source, before(node), UNLIMITED));
        }
        if paths.targets.has(node) {
            arcs.push((after(node), target, UNLIMITED));
        }
    }
    let mut flow = Flow::new(2 * graph.nodes() + 2, &arcs);
    while flow.levels(source, target) {
        while flow.augment(source, target) {}
    }
    // What can still be reached from the sources ends, in the middle of a node, at the cut.
    let crossed = |node: &u32| flow.reached(before(*node)) && !flow.reached(after(*node));
    Cut::Nodes((0..nodes).filter(crossed).map(|node| paths.part.nodes[node as usize]).collect())
}

const UNLIMITED: u32 = u32::MAX / 2;

/// A network with what is left of its capacities. Arc `i ^ 1` is the way back of arc `i`.
struct Flow {
    /// For each node its arcs.
    arcs: Vec<Vec<u32>>,
    heads: Vec<u32>,
    left: Vec<u32>,
    level: Vec<u32>,
    next: Vec<usize>,
}

impl Flow {
    fn new(nodes: usize, arcs: &[(u32, u32, u32)]) -> Self {
        let mut flow = Flow {
            arcs: vec![Vec::new(); nodes],
            heads: Vec::new(),
            left: Vec::new(),
            level: vec![u32::MAX; nodes],
            next: vec![0; nodes],
        };
        for &(from, to, capacity) in arcs {
            for (tail, head, capacity) in [(from, to, capacity), (to, from, 0)] {
                flow.arcs[tail as usize].push(flow.heads.len() as u32);
                flow.heads.push(head);
                flow.left.push(capacity);
            }
        }
        flow
    }

    /// Measures how far each node is, and says whether the target can be reached at all.
    fn levels(&mut self, source: u32, target: u32) -> bool {
        self.level.fill(u32::MAX);
        self.next.fill(0);
        self.level[source as usize] = 0;
        let mut todo = VecDeque::from([source]);
        while let Some(node) = todo.pop_front() {
            for &arc in &self.arcs[node as usize] {
                let to = self.heads[arc as usize] as usize;
                if self.left[arc as usize] > 0 && self.level[to] == u32::MAX {
                    self.level[to] = self.level[node as usize] + 1;
                    todo.push_back(to as u32);
                }
            }
        }
        self.reached(target)
    }

    fn reached(&self, node: u32) -> bool {
        self.level[node as usize] != u32::MAX
    }

    /// Sends one unit along a shortest way, if there is one left.
    fn augment(&mut self, source: u32, target: u32) -> bool {
        let mut way: Vec<u32> = Vec::new();
        loop {
            let at = way.last().map_or(source, |arc| self.heads[*arc as usize]);
            if at == target {
                for &arc in &way {
                    self.left[arc as usize] -= 1;
                    self.left[arc as usize ^ 1] += 1;
                }
                return true;
            }
            let level = self.level[at as usize] + 1;
            let open = |arc: &u32| {
                self.left[*arc as usize] > 0 && self.level[self.heads[*arc as usize] as usize] == level
            };
            let from = self.next[at as usize];
            match self.arcs[at as usize].iter().skip(from).position(open) {
                Some(skipped) => {
                    self.next[at as usize] = from + skipped;
                    way.push(self.arcs[at as usize][from + skipped]);
                }
                None => {
                    self.next[at as usize] = usize::MAX;
                    match way.pop() {
                        // It led nowhere: the node before goes on with the next one.
                        Some(arc) => {
                            let before = self.heads[arc as usize ^ 1] as usize;
                            self.next[before] += 1;
                        }
                        None => return false,
                    }
                }
            }
        }
    }
}
