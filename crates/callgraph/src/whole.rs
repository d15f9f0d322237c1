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

    /// What it is a part of, for people; nothing if it is whole, or does not say. What is not in a
    /// part can be possible all the same.
    pub fn part_of(&self) -> Option<String> {
        match self.whole() {
            Whole::Yes | Whole::Unknown => None,
            Whole::No(differ) => {
                let differ = differ.iter().map(|(what, was, is)| format!("{is} of {was} {what}"));
                let differ: Vec<String> = differ.collect();
                Some(format!("this is a part of a graph, with {}", differ.join(", ")))
            }
            Whole::Lacks(lacks) => {
                Some(format!("this is a graph of a part of a build: {}", lacking(&lacks, SHOWN)))
            }
        }
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

/// So many units are named in one line.
const SHOWN: usize = 10;

/// Units with what each lacks; not more of them than `most`.
pub fn lacking(lacks: &[(String, Vec<Lack>)], most: usize) -> String {
    let units = lacks.iter().take(most).map(|(unit, lacks)| {
        let lacks: Vec<&str> = lacks.iter().map(|lack| lack.describe()).collect();
        format!("{unit} ({})", lacks.join(", "))
    });
    let shown = units.collect::<Vec<_>>().join(", ");
    match lacks.len().saturating_sub(most) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
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
