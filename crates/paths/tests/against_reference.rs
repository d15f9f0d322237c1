//! Every algorithm against the naive way, over random graphs with cycles, loops and parallel edges.

mod support;

use proptest::{collection::vec, option, prelude::*};
use support::{Listed, Reference};
use xenheap_paths::{
    Cut, Direction, Graph, NodeSet, Paths, Query, Shape, components, cut, funnels, reach, shortest,
};

/// A graph and a question.
#[derive(Debug, Clone)]
struct Case {
    nodes: u32,
    edges: Vec<(u32, u32)>,
    sources: Vec<u32>,
    targets: Vec<u32>,
    within: Vec<u32>,
    through: Option<Vec<u32>>,
    max_length: Option<u32>,
    recursive: bool,
}

impl Case {
    fn graph(&self) -> Graph {
        Graph::new(self.nodes as usize, &self.edges).expect("a graph")
    }

    fn set(&self, members: &[u32]) -> NodeSet {
        NodeSet::of(self.nodes as usize, members.iter().copied())
    }

    fn paths(&self) -> Paths {
        let (graph, sources, targets) = (self.graph(), self.set(&self.sources), self.set(&self.targets));
        let (within, through) =
            (self.set(&self.within), self.through.as_ref().map(|through| self.set(through)));
        Paths::new(&Query {
            graph: &graph,
            sources: &sources,
            targets: &targets,
            within: Some(&within),
            through: through.as_ref(),
            shape: Shape { max_length: self.max_length, recursive: self.recursive },
        })
        .expect("a query")
    }

    fn reference(&self) -> Reference<'_> {
        Reference {
            edges: &self.edges,
            nodes: self.nodes,
            sources: &self.sources,
            targets: &self.targets,
            within: Some(&self.within),
            through: self.through.as_deref(),
            max_length: self.max_length.map_or(usize::MAX, |length| length as usize),
            recursive: self.recursive,
        }
    }

    fn streamed(&self) -> Vec<Listed> {
        let mut stream = self.paths().stream();
        let mut all = Vec::new();
        while let Some(path) = stream.advance() {
            all.push(listed(path));
        }
        all
    }
}

fn listed(path: &[xenheap_paths::Step]) -> Listed {
    (path.iter().map(|step| step.node).collect(), path.iter().filter_map(|step| step.edge).collect())
}

fn case(nodes: u32, edges: usize) -> impl Strategy<Value = Case> {
    let node = move || 0..nodes;
    let mostly = move || prop_oneof![3 => Just((0..nodes).collect()), 1 => vec(0..nodes, 0..nodes as usize)];
    let edges = vec((node(), node()), 0..=edges).prop_map(|mut edges| {
        edges.sort_unstable();
        edges
    });
    let ends = (vec(node(), 0..3), vec(node(), 1..3));
    let through = option::weighted(0.3, vec(node(), 0..3));
    (edges, ends, mostly(), through, option::weighted(0.4, 0..=nodes + 1), proptest::bool::weighted(0.2))
        .prop_map(move |(edges, (mut sources, targets), within, through, max_length, recursive)| {
            sources.sort_unstable();
            sources.dedup();
            let recursive = recursive && max_length.is_some();
            let max_length = if recursive { max_length.map(|length| length.min(6)) } else { max_length };
            Case { nodes, edges, sources, targets, within, through, max_length, recursive }
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_stream_is_all_paths_in_order(case in case(7, 16)) {
        let expected = case.reference().all();
        let streamed = case.streamed();
        prop_assert_eq!(&streamed, &expected);
        // The order is the order of nodes, then of edges.
        let key = |(nodes, edges): &Listed| {
            nodes.iter().copied().zip(std::iter::once(0).chain(edges.iter().copied())).collect::<Vec<_>>()
        };
        prop_assert!(streamed.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])));
    }

    #[test]
    fn the_count_is_the_number_of_paths(case in case(7, 16)) {
        let count = case.paths().count();
        prop_assert_eq!(count.exact(), Some(&case.reference().all().len().into()));
        prop_assert!(count.collapsed.is_empty());
    }

    #[test]
    fn bounds_hold_and_say_what_was_collapsed(case in case(7, 18)) {
        let count = case.paths().count_within(1);
        let number = case.reference().all().len().into();
        prop_assert!(count.lower <= number && number <= count.upper, "{:?} {}", count, number);
        if count.collapsed.is_empty() {
            prop_assert_eq!(count.exact(), Some(&number));
        }
        let graph = case.graph();
        let components = components(&graph);
        for cycle in &count.collapsed {
            prop_assert!(cycle.nodes.len() > 1);
            let together = |node: &u32| components.of[*node as usize] == components.of[cycle.nodes[0] as usize];
            prop_assert!(cycle.nodes.iter().all(together));
        }
        if number > 0u8.into() && case.through.is_none() {
            prop_assert!(count.lower > 0u8.into(), "a bound that says nothing");
        }
    }

    #[test]
    fn shortest_paths_come_first(case in case(7, 14), how_many in 0usize..6) {
        let mut expected = case.reference().all();
        expected.sort_by_key(|(nodes, _)| nodes.len());
        expected.truncate(how_many);
        let found: Vec<Listed> = shortest(&case.paths(), how_many).iter().map(|path| listed(path)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn what_lies_on_paths(case in case(7, 16)) {
        let case = Case { through: None, max_length: None, recursive: false, ..case };
        let paths = case.paths();
        let all = case.reference().all();
        let on_path = NodeSet::of(case.nodes as usize, all.iter().flat_map(|(nodes, _)| nodes.iter().copied()));
        // Walks can reach more than simple paths do, never less.
        prop_assert!(on_path.iter().all(|node| paths.nodes().contains(&node)));
        let starts = NodeSet::of(case.nodes as usize, all.iter().map(|(nodes, _)| nodes[0]));
        prop_assert_eq!(paths.sources().collect::<Vec<_>>(), starts.iter().collect::<Vec<_>>());
    }

    #[test]
    fn funnels_are_on_all_paths_of_their_sources(case in case(7, 12)) {
        let case = Case { through: None, max_length: None, recursive: false, ..case };
        let all = case.reference().all();
        let paths = case.paths();
        let found = funnels(&paths);
        for node in 0..case.nodes {
            let of_source = |source: &u32| {
                let mut its = all.iter().filter(|(nodes, _)| nodes[0] == *source).peekable();
                its.peek().is_some() && its.all(|(nodes, _)| nodes.contains(&node))
            };
            let sources = case.sources.iter().filter(|source| of_source(source)).count();
            match found.iter().find(|funnel| funnel.node == node) {
                Some(funnel) => prop_assert_eq!(funnel.sources, sources, "{}", node),
                // Only itself, or a target.
                None => prop_assert!(sources <= 1 || case.targets.contains(&node), "{}", node),
            }
        }
        prop_assert!(found.windows(2).all(|pair| pair[0].sources >= pair[1].sources));
    }

    #[test]
    fn a_cut_separates_and_none_is_smaller(case in case(7, 18), uncuttable in vec(0u32..7, 0..3)) {
        let case = Case { through: None, max_length: None, recursive: false, ..case };
        let paths = case.paths();
        let smallest = case.reference().smallest_cut(&uncuttable);
        match cut(&paths, &case.set(&uncuttable)) {
            Cut::Nodes(nodes) => {
                prop_assert_eq!(Some(nodes.len()), smallest);
                let within: Vec<u32> = case.within.iter().copied().filter(|node| !nodes.contains(node)).collect();
                let without = Case { within, ..case.clone() };
                prop_assert!(without.reference().all().is_empty());
                let exempt = |node: &u32| {
                    case.sources.contains(node) || case.targets.contains(node) || uncuttable.contains(node)
                };
                prop_assert!(!nodes.iter().any(exempt));
            }
            Cut::Impossible(path) => {
                prop_assert_eq!(smallest, None);
                prop_assert!(case.reference().all().contains(&listed(&path)));
            }
        }
    }

    #[test]
    fn reach_follows_edges(case in case(9, 14)) {
        let graph = case.graph();
        let within = case.set(&case.within);
        let forward = reach(&graph, &case.set(&case.sources), Some(&within), Direction::Forward);
        for node in 0..case.nodes {
            let there = Case {
                targets: vec![node], through: None, max_length: None, recursive: false, ..case.clone()
            };
            prop_assert_eq!(forward.has(node), !there.reference().all().is_empty(), "{}", node);
            let back = reach(&graph, &case.set(&[node]), Some(&within), Direction::Backward);
            let any = case.sources.iter().any(|source| back.has(*source));
            prop_assert_eq!(any, forward.has(node));
        }
    }

    #[test]
    fn components_are_what_reaches_each_other(case in case(9, 14)) {
        let graph = case.graph();
        let components = components(&graph);
        let reached: Vec<NodeSet> =
            (0..case.nodes).map(|node| reach(&graph, &case.set(&[node]), None, Direction::Forward)).collect();
        for a in 0..case.nodes {
            for b in 0..case.nodes {
                let (of_a, of_b) = (components.of[a as usize], components.of[b as usize]);
                let together = reached[a as usize].has(b) && reached[b as usize].has(a);
                prop_assert_eq!(of_a == of_b, together);
                prop_assert!(!reached[a as usize].has(b) || of_b <= of_a);
            }
        }
    }
}

/// A ladder of cycles in which a search that does not look ahead would go astray: into a large
/// complete graph that only leads back to where it came from.
#[test]
fn no_step_is_taken_in_vain() {
    // 0 -> 1 -> 2 (the way to the target) and 1 -> trap, whose only way out is 1.
    let trap: Vec<u32> = (3..40).collect();
    let mut edges = vec![(0, 1), (1, 2), (1, 3), (39, 1)];
    edges.extend(trap.iter().flat_map(|a| trap.iter().map(move |b| (*a, *b))).filter(|(a, b)| a != b));
    edges.sort_unstable();
    let graph = Graph::new(40, &edges).expect("a graph");
    let set = |nodes: &[u32]| NodeSet::of(40, nodes.iter().copied());
    let paths = Paths::new(&Query {
        graph: &graph,
        sources: &set(&[0]),
        targets: &set(&[2]),
        within: None,
        through: None,
        shape: Shape::default(),
    })
    .expect("a query");
    let mut stream = paths.stream();
    assert_eq!(stream.advance().map(listed).map(|path| path.0), Some(vec![0, 1, 2]));
    // Without looking ahead this would take some 36! steps.
    assert_eq!(stream.advance(), None);
}

#[test]
fn large_numbers_are_exact() {
    // 100 diamonds in a row, with a double edge each.
    let edges: Vec<(u32, u32)> = (0..100)
        .flat_map(|i| {
            let at = 3 * i;
            [(at, at + 1), (at, at + 2), (at, at + 2), (at + 1, at + 3), (at + 2, at + 3)]
        })
        .collect();
    let mut edges = edges;
    edges.sort_unstable();
    let graph = Graph::new(301, &edges).expect("a graph");
    let (sources, targets) = (graph.roots(), graph.leaves());
    let query = Query {
        graph: &graph,
        sources: &sources,
        targets: &targets,
        within: None,
        through: None,
        shape: Shape::default(),
    };
    let count = Paths::new(&query).expect("a query").count();
    assert_eq!(
        count.exact().map(ToString::to_string),
        Some(num_bigint::BigUint::from(3u8).pow(100).to_string())
    );
}

#[test]
fn wrong_input_is_refused() {
    use xenheap_paths::Error;
    assert_eq!(Graph::new(2, &[(0, 2)]), Err(Error::NoSuchNode { index: 0, from: 0, to: 2, nodes: 2 }));
    assert_eq!(Graph::new(2, &[(1, 0), (0, 1)]), Err(Error::Unsorted { index: 1 }));
    let graph = Graph::new(2, &[(0, 1)]).expect("a graph");
    let (set, other) = (NodeSet::all(2), NodeSet::all(3));
    let shape = Shape { max_length: None, recursive: true };
    let query = Query { graph: &graph, sources: &set, targets: &set, within: None, through: None, shape };
    assert_eq!(Paths::new(&query).err(), Some(Error::Endless));
    let query = Query { targets: &other, ..query };
    assert_eq!(Paths::new(&query).err(), Some(Error::OtherGraph { what: "targets", found: 3, nodes: 2 }));
}
