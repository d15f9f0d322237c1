//! Whether a graph still has all that was found in its build. A part of a graph is a graph, too,
//! and what it lacks nobody misses.

use crate::{Graph, Lack};

/// Names of the counts that say what a whole graph has.
const COUNTS: [&str; 4] = ["graph.allocations", "graph.edges", "graph.entries", "graph.sites"];

/// What a graph says of its own size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// It has what it had when it was made.
    Yes,
    /// It lacks some of it (or has more): what, how many there were, and how many there are.
    No(Vec<(&'static str, u64, u64)>),
    /// It was made without some units of its build, or without all that the compiler writes of
    /// them: each with what it lacks.
    Lacks(Vec<(String, Vec<Lack>)>),
    /// It does not say: it was made by an older version.
    Unknown,
}

impl Graph {
    /// Notes how much there is, as a last step of making it.
    pub fn seal(&mut self) {
        for (what, count) in self.sizes() {
            self.facts.counts.insert(what.to_owned(), count);
        }
    }

    /// Compares what there is with what there was.
    pub fn whole(&self) -> Whole {
        if !self.facts.lacks.is_empty() {
            let lacks = self.facts.lacks.iter();
            return Whole::Lacks(
                lacks.map(|(unit, lacks)| (unit.clone(), lacks.iter().copied().collect())).collect(),
            );
        }
        let mut differ = Vec::new();
        for (what, is) in self.sizes() {
            match self.facts.counts.get(what) {
                None => return Whole::Unknown,
                Some(was) if *was == is => {}
                Some(was) => differ.push((what.strip_prefix("graph.").unwrap_or(what), *was, is)),
            }
        }
        if differ.is_empty() { Whole::Yes } else { Whole::No(differ) }
    }

    /// Whether it is known to be a part. What is not in a part can be possible all the same.
    pub fn is_part(&self) -> bool {
        !matches!(self.whole(), Whole::Yes | Whole::Unknown)
    }

    fn sizes(&self) -> [(&'static str, u64); 4] {
        let [allocations, edges, entries, sites] = COUNTS;
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        [
            (allocations, count(self.allocations.len())),
            (edges, count(self.edges.len())),
            (entries, count(self.entries.len())),
            (sites, count(self.sites.len())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xenheap_paths::NodeSet;

    use super::*;
    use crate::testing;

    proptest! {
        #[test]
        fn a_part_is_not_taken_for_the_whole(graph in testing::graph(), keep in 0..6_u32) {
            let mut graph = graph;
            prop_assert_eq!(graph.whole(), Whole::Unknown);
            graph.seal();
            prop_assert_eq!(graph.whole(), Whole::Yes);
            let part = graph.part(&NodeSet::of(graph.functions.len(), 0..keep));
            let lost = part.sites.len() < graph.sites.len();
            prop_assert_eq!(matches!(part.whole(), Whole::No(_)), lost || part.entries.len() < graph.entries.len()
                || part.edges.len() < graph.edges.len() || part.allocations.len() < graph.allocations.len());
            if graph.sites.pop().is_some() {
                prop_assert!(matches!(graph.whole(), Whole::No(_)));
            }
        }
    }
}
