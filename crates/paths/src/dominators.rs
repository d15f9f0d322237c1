use crate::{Graph, NodeSet, Paths};

/// A node through which all paths of some others go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funnel {
    /// Which.
    pub node: u32,
    /// So many sources have no path around it.
    pub sources: usize,
    /// So many other nodes have no path around it.
    pub nodes: usize,
}

/// The nodes on the paths, targets apart, that others cannot get around on their way to a target;
/// those of most sources first.
pub fn funnels(paths: &Paths) -> Vec<Funnel> {
    let graph = &paths.part.graph;
    let Tree { order, parent } = Tree::from_targets(graph, &paths.targets);
    let mut sources: Vec<usize> =
        (0..graph.nodes() as u32).map(|node| usize::from(paths.sources.has(node))).collect();
    let mut nodes = vec![1; graph.nodes()];
    for node in order.iter().rev() {
        if let Some(parent) = parent[*node as usize] {
            sources[parent as usize] += sources[*node as usize];
            nodes[parent as usize] += nodes[*node as usize];
        }
    }
    let mut funnels: Vec<Funnel> = (0..graph.nodes() as u32)
        .filter(|node| nodes[*node as usize] > 1 && !paths.targets.has(*node))
        .map(|node| Funnel { node, sources: sources[node as usize], nodes: nodes[node as usize] - 1 })
        .collect();
    let distance = |funnel: &Funnel| paths.distance[funnel.node as usize];
    funnels.sort_by_key(|funnel| {
        (std::cmp::Reverse((funnel.sources, funnel.nodes)), distance(funnel), funnel.node)
    });
    for funnel in &mut funnels {
        funnel.node = paths.part.nodes[funnel.node as usize];
    }
    funnels
}

/// The tree in which a node's parent is the nearest node that all its paths to a target share.
struct Tree {
    /// The nodes, parents before children.
    order: Vec<u32>,
    /// None where nothing is shared, and for targets.
    parent: Vec<Option<u32>>,
}

impl Tree {
    /// The algorithm of Cooper, Harvey and Kennedy, backward from all targets at once: a node that
    /// is none stands above them.
    fn from_targets(graph: &Graph, targets: &NodeSet) -> Self {
        let order = finished_last_first(graph, targets);
        let mut rank = vec![usize::MAX; graph.nodes()];
        for (index, node) in order.iter().enumerate() {
            rank[*node as usize] = index + 1;
        }
        // By rank; 0 is the node above all targets.
        let mut parent = vec![usize::MAX; order.len() + 1];
        parent[0] = 0;
        let common = |parent: &[usize], mut a: usize, mut b: usize| {
            while a != b {
                let deeper = if a > b { &mut a } else { &mut b };
                *deeper = parent[*deeper];
            }
            a
        };
        let mut changed = true;
        while changed {
            changed = false;
            for (index, node) in order.iter().enumerate() {
                let mut found = targets.has(*node).then_some(0);
                for to in graph.successors(*node) {
                    let to = rank[*to as usize];
                    if parent.get(to).is_some_and(|parent| *parent != usize::MAX) {
                        found = Some(found.map_or(to, |found| common(&parent, found, to)));
                    }
                }
                if let Some(found) = found.filter(|found| parent[index + 1] != *found) {
                    parent[index + 1] = found;
                    changed = true;
                }
            }
        }
        let mut by_node = vec![None; graph.nodes()];
        for (index, node) in order.iter().enumerate() {
            by_node[*node as usize] =
                parent[index + 1].checked_sub(1).and_then(|above| order.get(above).copied());
        }
        Tree { order, parent: by_node }
    }
}

/// The nodes from which a target can be reached, in the reverse order in which a backward search is
/// finished with them.
fn finished_last_first(graph: &Graph, targets: &NodeSet) -> Vec<u32> {
    let mut seen = NodeSet::none(graph.nodes());
    let mut order = Vec::new();
    for target in targets.iter() {
        if !seen.insert(target) {
            continue;
        }
        let mut calls = vec![(target, 0)];
        while let Some((node, next)) = calls.last_mut() {
            match graph.in_edges(*node).get(*next) {
                Some(edge) => {
                    *next += 1;
                    let from = graph.tail(*edge);
                    if seen.insert(from) {
                        calls.push((from, 0));
                    }
                }
                None => {
                    order.push(*node);
                    calls.pop();
                }
            }
        }
    }
    order.reverse();
    order
}
