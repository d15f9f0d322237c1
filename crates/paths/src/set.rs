/// A set of the nodes of one graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSet {
    words: Vec<u64>,
    nodes: usize,
}

impl NodeSet {
    /// None of so many nodes.
    pub fn none(nodes: usize) -> Self {
        NodeSet { words: vec![0; nodes.div_ceil(64)], nodes }
    }

    /// All of so many nodes.
    pub fn all(nodes: usize) -> Self {
        Self::of(nodes, 0..nodes as u32)
    }

    /// Some of so many nodes; those beyond are left out.
    pub fn of(nodes: usize, members: impl IntoIterator<Item = u32>) -> Self {
        let mut set = Self::none(nodes);
        for node in members {
            set.insert(node);
        }
        set
    }

    /// How many nodes the graph has.
    pub fn universe(&self) -> usize {
        self.nodes
    }

    /// Adds a node, and says whether it is new.
    pub fn insert(&mut self, node: u32) -> bool {
        let bit = 1 << (node % 64);
        match self.words.get_mut(node as usize / 64) {
            Some(word) if (node as usize) < self.nodes => {
                let new = *word & bit == 0;
                *word |= bit;
                new
            }
            _ => false,
        }
    }

    /// Takes a node out.
    pub fn remove(&mut self, node: u32) {
        if let Some(word) = self.words.get_mut(node as usize / 64) {
            *word &= !(1 << (node % 64));
        }
    }

    /// Whether it has the node.
    pub fn has(&self, node: u32) -> bool {
        self.words.get(node as usize / 64).is_some_and(|word| word & (1 << (node % 64)) != 0)
    }

    /// How many it has.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Its nodes in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    index as u32 * 64 + bit
                })
            })
        })
    }

    /// Leaves only what the other has too.
    pub fn keep(&mut self, other: &NodeSet) {
        for (index, word) in self.words.iter_mut().enumerate() {
            *word &= other.words.get(index).copied().unwrap_or(0);
        }
    }

    /// Takes out what the other has.
    pub fn drop_all(&mut self, other: &NodeSet) {
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= !theirs;
        }
    }
}
