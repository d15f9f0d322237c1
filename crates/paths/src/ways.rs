use std::collections::VecDeque;

use crate::{Graph, NodeSet};

/// One shortest way from some nodes to each node that they lead to.
#[derive(Debug, Clone)]
pub struct Ways {
    /// The edge by which each node is come to first; none for where ways start, and for what is not
    /// reached.
    by: Vec<Option<u32>>,
    reached: NodeSet,
    starts: Vec<u32>,
}

impl Ways {
    /// From some nodes without leaving `within`. Of several shortest ways it is the one over the
    /// smallest nodes, seen from the start.
    pub fn new(graph: &Graph, from: &NodeSet, within: Option<&NodeSet>) -> Self {
        let allowed = |node: u32| within.is_none_or(|within| within.has(node));
        let mut reached = NodeSet::none(graph.nodes());
        let mut by = vec![None; graph.nodes()];
        let mut todo: VecDeque<u32> = from.iter().filter(|node| allowed(*node)).collect();
        for node in &todo {
            reached.insert(*node);
        }
        while let Some(node) = todo.pop_front() {
            for edge in graph.out_edges(node) {
                let to = graph.head(edge);
                if allowed(to) && reached.insert(to) {
                    by[to as usize] = Some(edge);
                    todo.push_back(to);
                }
            }
        }
        Ways { by, reached, starts: graph.tails().to_vec() }
    }

    /// Everything that is reached, the starts included.
    pub fn reached(&self) -> &NodeSet {
        &self.reached
    }

    /// The edges of the way to a node, from its start on; none if it is not reached.
    pub fn to(&self, node: u32) -> Option<Vec<u32>> {
        if !self.reached.has(node) {
            return None;
        }
        let mut edges = Vec::new();
        let mut at = node;
        while let Some(edge) = self.by.get(at as usize).copied().flatten() {
            edges.push(edge);
            at = self.starts[edge as usize];
        }
        edges.reverse();
        Some(edges)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{Direction, Paths, Query, Shape, reach, shortest};

    proptest! {
        #[test]
        fn ways_are_shortest_paths(
            edges in vec((0..9_u32, 0..9_u32), 0..30), from in vec(0..9_u32, 1..3), to in 0..9_u32, out in vec(0..9_u32, 0..3),
        ) {
            let mut edges = edges;
            edges.sort_unstable();
            let graph = Graph::new(9, &edges).expect("sorted");
            let sources = NodeSet::of(9, from);
            let mut within = NodeSet::all(9);
            for node in out {
                within.remove(node);
            }
            let ways = Ways::new(&graph, &sources, Some(&within));
            prop_assert_eq!(ways.reached(), &reach(&graph, &sources, Some(&within), Direction::Forward));
            let query = Query {
                graph: &graph,
                sources: &sources,
                targets: &NodeSet::of(9, [to]),
                within: Some(&within),
                through: None,
                shape: Shape::default(),
            };
            let best = shortest(&Paths::new(&query).expect("a query"), 1).pop();
            let way = ways.to(to);
            // Paths count nodes, ways edges.
            prop_assert_eq!(best.map(|path| path.len() - 1), way.as_ref().map(Vec::len));
            let way = way.unwrap_or_default();
            for pair in way.windows(2) {
                prop_assert_eq!(graph.head(pair[0]), graph.tail(pair[1]));
            }
            if let (Some(first), Some(last)) = (way.first(), way.last()) {
                prop_assert!(sources.has(graph.tail(*first)));
                prop_assert_eq!(graph.head(*last), to);
            }
        }
    }
}
