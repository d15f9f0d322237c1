use std::ops::Range;

use crate::{Error, NodeSet};

/// A directed graph in compressed rows, forward and backward. Edges may be parallel; an edge is its
/// position in the sorted list that the graph was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    tails: Vec<u32>,
    heads: Vec<u32>,
    out: Vec<u32>,
    into: Vec<u32>,
    into_edges: Vec<u32>,
}

impl Graph {
    /// From edges that are sorted by (start, end).
    pub fn new(nodes: usize, edges: &[(u32, u32)]) -> Result<Self, Error> {
        if nodes >= 1 << 31 || edges.len() >= 1 << 31 {
            return Err(Error::TooLarge);
        }
        for (index, &(from, to)) in edges.iter().enumerate() {
            if from as usize >= nodes || to as usize >= nodes {
                return Err(Error::NoSuchNode { index, from, to, nodes });
            }
            if edges.get(index + 1).is_some_and(|next| *next < (from, to)) {
                return Err(Error::Unsorted { index: index + 1 });
            }
        }
        Ok(Self::from_sorted(nodes, edges))
    }

    /// The same, of edges that are known to fit.
    pub(crate) fn from_sorted(nodes: usize, edges: &[(u32, u32)]) -> Self {
        let tails: Vec<u32> = edges.iter().map(|edge| edge.0).collect();
        let heads: Vec<u32> = edges.iter().map(|edge| edge.1).collect();
        let out = starts(nodes, &tails);
        let into = starts(nodes, &heads);
        let mut next = into.clone();
        let mut into_edges = vec![0; heads.len()];
        for (edge, head) in heads.iter().enumerate() {
            let place = &mut next[*head as usize];
            into_edges[*place as usize] = edge as u32;
            *place += 1;
        }
        Graph { tails, heads, out, into, into_edges }
    }

    /// How many nodes.
    pub fn nodes(&self) -> usize {
        self.out.len() - 1
    }

    /// How many edges.
    pub fn edges(&self) -> usize {
        self.heads.len()
    }

    /// Where an edge starts.
    pub fn tail(&self, edge: u32) -> u32 {
        self.tails[edge as usize]
    }

    /// Where each edge starts.
    pub(crate) fn tails(&self) -> &[u32] {
        &self.tails
    }

    /// Where an edge ends.
    pub fn head(&self, edge: u32) -> u32 {
        self.heads[edge as usize]
    }

    /// The edges that start at a node, sorted by their end.
    pub fn out_edges(&self, node: u32) -> Range<u32> {
        self.out[node as usize]..self.out[node as usize + 1]
    }

    /// The edges that end at a node, sorted by their start.
    pub fn in_edges(&self, node: u32) -> &[u32] {
        &self.into_edges[self.into[node as usize] as usize..self.into[node as usize + 1] as usize]
    }

    /// Where the edges from a node end, in order; once for each edge.
    pub fn successors(&self, node: u32) -> &[u32] {
        &self.heads[self.out[node as usize] as usize..self.out[node as usize + 1] as usize]
    }

    /// Where the edges to a node start, in order; once for each edge.
    pub fn predecessors(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        self.in_edges(node).iter().map(|edge| self.tail(*edge))
    }

    /// The nodes that no other node leads to.
    pub fn roots(&self) -> NodeSet {
        let nodes = 0..self.nodes() as u32;
        NodeSet::of(self.nodes(), nodes.filter(|node| self.predecessors(*node).all(|other| other == *node)))
    }

    /// The nodes that lead to no other node.
    pub fn leaves(&self) -> NodeSet {
        let nodes = 0..self.nodes() as u32;
        NodeSet::of(
            self.nodes(),
            nodes.filter(|node| self.successors(*node).iter().all(|other| other == node)),
        )
    }

    /// The part with some of the nodes and some of the edges between them, numbered anew in the
    /// same order.
    pub(crate) fn part(&self, keep: &NodeSet, keep_edge: impl Fn(u32) -> bool) -> Part {
        let nodes: Vec<u32> = keep.iter().collect();
        let mut new = vec![u32::MAX; self.nodes()];
        for (index, node) in nodes.iter().enumerate() {
            new[*node as usize] = index as u32;
        }
        let mut edges = Vec::new();
        let mut ends = Vec::new();
        for &node in &nodes {
            for edge in self.out_edges(node) {
                let head = self.head(edge);
                if keep.has(head) && keep_edge(edge) {
                    edges.push(edge);
                    ends.push((new[node as usize], new[head as usize]));
                }
            }
        }
        Part { graph: Graph::from_sorted(nodes.len(), &ends), nodes, edges }
    }
}

/// A part of a graph, with the way back.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub graph: Graph,
    /// For each node of the part the node of the whole.
    pub nodes: Vec<u32>,
    /// For each edge of the part the edge of the whole.
    pub edges: Vec<u32>,
}

impl Part {
    /// A set of the whole as a set of the part.
    pub fn set(&self, of_whole: &NodeSet) -> NodeSet {
        let members = self.nodes.iter().enumerate().filter(|(_, node)| of_whole.has(**node));
        NodeSet::of(self.nodes.len(), members.map(|(index, _)| index as u32))
    }
}

/// For each node the number of edges of all nodes before it.
fn starts(nodes: usize, ends: &[u32]) -> Vec<u32> {
    let mut starts = vec![0; nodes + 1];
    for end in ends {
        starts[*end as usize + 1] += 1;
    }
    for index in 0..nodes {
        starts[index + 1] += starts[index];
    }
    starts
}
