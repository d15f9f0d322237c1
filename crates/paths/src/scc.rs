use crate::Graph;

/// The strongly connected components of a graph: its cycles, each with everything that goes around
/// with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Components {
    /// For each node its component. A component leads only to components with smaller numbers.
    pub of: Vec<u32>,
    /// For each component its nodes, ascending.
    pub nodes: Vec<Vec<u32>>,
}

impl Components {
    /// Whether the node is in a cycle with another one.
    pub fn is_cyclic(&self, node: u32) -> bool {
        self.nodes[self.of[node as usize] as usize].len() > 1
    }
}

/// Finds the components (Tarjan's algorithm, with a stack of its own: call graphs are deep).
pub fn components(graph: &Graph) -> Components {
    const NEW: u32 = u32::MAX;
    let count = graph.nodes();
    let mut index = vec![NEW; count];
    let mut low = vec![0; count];
    let mut of = vec![NEW; count];
    let mut nodes: Vec<Vec<u32>> = Vec::new();
    let mut open: Vec<u32> = Vec::new();
    let mut calls: Vec<(u32, u32)> = Vec::new();
    let mut next_index = 0;
    for root in 0..count as u32 {
        if index[root as usize] != NEW {
            continue;
        }
        calls.push((root, graph.out_edges(root).start));
        index[root as usize] = next_index;
        low[root as usize] = next_index;
        next_index += 1;
        open.push(root);
        while let Some((node, edge)) = calls.last_mut() {
            let from = *node as usize;
            if *edge < graph.out_edges(*node).end {
                let to = graph.head(*edge);
                *edge += 1;
                if index[to as usize] == NEW {
                    index[to as usize] = next_index;
                    low[to as usize] = next_index;
                    next_index += 1;
                    open.push(to);
                    calls.push((to, graph.out_edges(to).start));
                } else if of[to as usize] == NEW {
                    low[from] = low[from].min(index[to as usize]);
                }
                continue;
            }
            calls.pop();
            if let Some((caller, _)) = calls.last() {
                let caller = *caller as usize;
                low[caller] = low[caller].min(low[from]);
            }
            if low[from] == index[from] {
                let start = open.iter().rposition(|node| *node as usize == from).unwrap_or(0);
                let mut component = open.split_off(start);
                component.sort_unstable();
                for node in &component {
                    of[*node as usize] = nodes.len() as u32;
                }
                nodes.push(component);
            }
        }
    }
    Components { of, nodes }
}
