use std::collections::VecDeque;

use crate::{Graph, NodeSet};

/// Which way edges are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From start to end.
    Forward,
    /// From end to start.
    Backward,
}

impl Graph {
    /// The neighbours of a node in a direction, in ascending order.
    pub(crate) fn next(&self, node: u32, direction: Direction) -> impl Iterator<Item = u32> + '_ {
        let (out, into) = match direction {
            Direction::Forward => (self.successors(node), &[][..]),
            Direction::Backward => (&[][..], self.in_edges(node)),
        };
        out.iter().copied().chain(into.iter().map(|edge| self.tail(*edge)))
    }
}

/// Everything that can be reached from some nodes without leaving `within`, themselves included.
pub fn reach(graph: &Graph, from: &NodeSet, within: Option<&NodeSet>, direction: Direction) -> NodeSet {
    let allowed = |node: u32| within.is_none_or(|within| within.has(node));
    let mut found = NodeSet::none(graph.nodes());
    let mut todo: Vec<u32> = from.iter().filter(|node| allowed(*node)).collect();
    for node in &todo {
        found.insert(*node);
    }
    while let Some(node) = todo.pop() {
        for next in graph.next(node, direction) {
            if allowed(next) && found.insert(next) {
                todo.push(next);
            }
        }
    }
    found
}

/// For each node the least number of edges from some nodes; `u32::MAX` if there is no way.
pub(crate) fn distances(graph: &Graph, from: &NodeSet, direction: Direction) -> Vec<u32> {
    let mut distance = vec![u32::MAX; graph.nodes()];
    let mut todo: VecDeque<u32> = from.iter().collect();
    for node in &todo {
        distance[*node as usize] = 0;
    }
    while let Some(node) = todo.pop_front() {
        let next_distance = distance[node as usize] + 1;
        for next in graph.next(node, direction) {
            if distance[next as usize] == u32::MAX {
                distance[next as usize] = next_distance;
                todo.push_back(next);
            }
        }
    }
    distance
}
