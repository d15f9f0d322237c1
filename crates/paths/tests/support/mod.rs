//! The naive way: everything by listing all paths, and cuts by trying all sets. The truth for
//! tests, the yardstick of the bench.

/// What a query means, in the plainest words.
pub struct Reference<'a> {
    /// For each node where its edges lead, in order; edges are numbered through.
    pub edges: &'a [(u32, u32)],
    pub nodes: u32,
    pub sources: &'a [u32],
    pub targets: &'a [u32],
    pub within: Option<&'a [u32]>,
    pub through: Option<&'a [u32]>,
    pub max_length: usize,
    pub recursive: bool,
}

/// A path: its nodes, and the edges between them.
pub type Listed = (Vec<u32>, Vec<u32>);

impl Reference<'_> {
    /// Calls `each` with every path, in ascending order of nodes and edges, until it says false.
    pub fn each(&self, each: &mut dyn FnMut(&[u32], &[u32]) -> bool) {
        let mut sources = self.sources.to_vec();
        sources.sort_unstable();
        for source in sources {
            if self.allowed(source) && !self.go(&mut vec![source], &mut Vec::new(), each) {
                return;
            }
        }
    }

    pub fn all(&self) -> Vec<Listed> {
        let mut all = Vec::new();
        self.each(&mut |nodes, edges| {
            all.push((nodes.to_vec(), edges.to_vec()));
            true
        });
        all
    }

    fn allowed(&self, node: u32) -> bool {
        self.within.is_none_or(|within| within.contains(&node))
    }

    fn go(
        &self,
        nodes: &mut Vec<u32>,
        edges: &mut Vec<u32>,
        each: &mut dyn FnMut(&[u32], &[u32]) -> bool,
    ) -> bool {
        if nodes.len() > self.max_length {
            return true;
        }
        let at = nodes[nodes.len() - 1];
        if self.targets.contains(&at) {
            let passes = self.through.is_none_or(|through| nodes.iter().any(|node| through.contains(node)));
            return !passes || each(nodes, edges);
        }
        let first = self.edges.partition_point(|edge| edge.0 < at);
        for (index, &(_, to)) in
            self.edges.iter().enumerate().skip(first).take_while(|(_, edge)| edge.0 == at)
        {
            if self.allowed(to) && (self.recursive || !nodes.contains(&to)) {
                nodes.push(to);
                edges.push(index as u32);
                let go_on = self.go(nodes, edges, each);
                nodes.pop();
                edges.pop();
                if !go_on {
                    return false;
                }
            }
        }
        true
    }

    /// A smallest set that separates, found by trying all sets in ascending order of size; none if
    /// there is none.
    pub fn smallest_cut(&self, uncuttable: &[u32]) -> Option<usize> {
        let paths = self.all();
        let may = |node: &u32| {
            !self.sources.contains(node) && !self.targets.contains(node) && !uncuttable.contains(node)
        };
        let candidates: Vec<u32> = (0..self.nodes).filter(may).collect();
        (0u32..1 << candidates.len())
            .filter(|set| {
                paths.iter().all(|(nodes, _)| {
                    let cut = |(index, node): (usize, &u32)| set & (1 << index) != 0 && nodes.contains(node);
                    candidates.iter().enumerate().any(cut)
                })
            })
            .map(|set| set.count_ones() as usize)
            .min()
    }
}
