/// What cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An edge that does not fit.
    #[error("edge {index} goes from {from} to {to}, but the graph has {nodes} nodes")]
    NoSuchNode {
        /// Its position in the list.
        index: usize,
        /// Its start.
        from: u32,
        /// Its end.
        to: u32,
        /// How many nodes there are.
        nodes: usize,
    },
    /// Edges in the wrong order.
    #[error("edge {index} stands behind a greater one; sort the edges by both ends")]
    Unsorted {
        /// Its position in the list.
        index: usize,
    },
    /// More than 2^32.
    #[error("the graph has more than 2^31 nodes or edges")]
    TooLarge,
    /// A set for another graph.
    #[error("the set of {what} is for {found} nodes, and the graph has {nodes}")]
    OtherGraph {
        /// Which set.
        what: &'static str,
        /// Its nodes.
        found: usize,
        /// The graph's nodes.
        nodes: usize,
    },
    /// Walks that may repeat nodes have no end of their own.
    #[error("paths that may go around cycles are without number; set a greatest length")]
    Endless,
}
