//! Load, count, first 1000 paths, all paths and a cut on a graph of the size of Xen's, against the
//! naive way where that comes to an end. Prints times and ratios; every result is compared.

#[allow(dead_code)]
#[path = "../tests/support/mod.rs"]
mod support;

use std::{hint::black_box, time::Instant};

use support::Reference;
use xenheap_paths::{Cut, Graph, NodeSet, Paths, Query, Shape, cut};

const NODES: u32 = 5200;
const DEGREE: u32 = 5;
/// Calls go from a layer to one of the next three, as in a program they mostly do.
const LAYERS: u32 = 13;
const TARGET: u32 = NODES - 3;

/// A small generator of numbers that look random (xorshift).
struct Rng(u64);

impl Rng {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % u64::from(limit)) as u32
    }
}

/// A layered graph with some cycles of three nodes.
fn edges() -> Vec<(u32, u32)> {
    let mut rng = Rng(0x1234_5678_9abc_def1);
    let width = NODES / LAYERS;
    let mut edges = Vec::new();
    for node in 0..NODES {
        let layer = node / width;
        for _ in 0..DEGREE {
            let to = layer + 1 + rng.below(3);
            if to < LAYERS {
                edges.push((node, to * width + rng.below(width)));
            }
        }
        if node % 97 == 0 && node + 2 < NODES {
            edges.extend([(node, node + 1), (node + 1, node + 2), (node + 2, node)]);
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// Does it often enough to be measured, and gives the time of one in milliseconds.
fn milliseconds<T>(times: u32, mut run: impl FnMut() -> T) -> (f64, T) {
    let start = Instant::now();
    let mut result = run();
    for _ in 1..times {
        result = black_box(run());
    }
    (start.elapsed().as_secs_f64() * 1e3 / f64::from(times), result)
}

fn print(what: &str, ours: f64, naive: Option<f64>) {
    let ratio =
        naive.map_or(String::new(), |naive| format!("   naive {naive:10.3} ms   {:8.1} times", naive / ours));
    println!("{what:<42} {ours:10.3} ms{ratio}");
}

fn main() {
    let edges = edges();
    let (naive_load, lists) = milliseconds(20, || {
        let mut lists = vec![(Vec::new(), Vec::new()); NODES as usize];
        for &(from, to) in &edges {
            lists[from as usize].0.push(to);
            lists[to as usize].1.push(from);
        }
        lists
    });
    let (load, graph) = milliseconds(20, || Graph::new(NODES as usize, &edges).expect("a graph"));
    assert_eq!(lists.iter().map(|lists| lists.0.len()).sum::<usize>(), graph.edges());
    println!("{} nodes, {} edges", graph.nodes(), graph.edges());
    print("load", load, Some(naive_load));

    let sources = graph.roots();
    let targets = NodeSet::of(graph.nodes(), [TARGET]);
    let query = Query {
        graph: &graph,
        sources: &sources,
        targets: &targets,
        within: None,
        through: None,
        shape: Shape::default(),
    };
    let source_list: Vec<u32> = sources.iter().collect();
    let reference = Reference {
        edges: &edges,
        nodes: NODES,
        sources: &source_list,
        targets: &[TARGET],
        within: None,
        through: None,
        max_length: usize::MAX,
        recursive: false,
    };

    let (counting, count) = milliseconds(20, || Paths::new(&query).expect("a query").count());
    let (naive_all, naive) = milliseconds(1, || {
        let mut number = 0u64;
        reference.each(&mut |nodes, _| {
            number += nodes.len() as u64 & 1 | 1;
            true
        });
        number
    });
    let exact = count.exact().map(ToString::to_string).unwrap_or_default();
    assert_eq!(exact, naive.to_string());
    print(&format!("count ({exact} paths)"), counting, Some(naive_all));

    let first = |limit: u64| {
        let mut number = 0u64;
        let mut stream = Paths::new(&query).expect("a query").stream();
        while number < limit && stream.advance().is_some() {
            number += 1;
        }
        number
    };
    let (naive_first, _) = milliseconds(1, || {
        let mut number = 0;
        reference.each(&mut |_, _| {
            number += 1;
            number < 1000
        });
    });
    print("first 1000 paths", milliseconds(20, || first(1000)).0, Some(naive_first));

    let (streaming, number) = milliseconds(1, || first(u64::MAX));
    assert_eq!(number, naive);
    print("all paths, one by one", streaming, Some(naive_all));
    println!("{:.1} million paths a second into nothing", number as f64 / streaming / 1e3);

    let (cutting, found) =
        milliseconds(5, || cut(&Paths::new(&query).expect("a query"), &NodeSet::none(graph.nodes())));
    print(&format!("cut ({})", size(&found)), cutting, None);
    small_cut();
}

fn size(cut: &Cut) -> String {
    match cut {
        Cut::Nodes(nodes) => format!("{} nodes", nodes.len()),
        Cut::Impossible(_) => "none".to_owned(),
    }
}

/// The naive cut tries all sets of nodes: it ends for sixteen of them.
fn small_cut() {
    let mut rng = Rng(99);
    let mut edges: Vec<(u32, u32)> = (0..45).map(|_| (rng.below(15), 1 + rng.below(15))).collect();
    edges.sort_unstable();
    edges.dedup();
    let edges: Vec<_> = edges.into_iter().filter(|edge| *edge != (0, 15)).collect();
    let graph = Graph::new(16, &edges).expect("a graph");
    let (sources, targets) = (NodeSet::of(16, [0]), NodeSet::of(16, [15]));
    let query = Query {
        graph: &graph,
        sources: &sources,
        targets: &targets,
        within: None,
        through: None,
        shape: Shape::default(),
    };
    let reference = Reference {
        edges: &edges,
        nodes: 16,
        sources: &[0],
        targets: &[15],
        within: None,
        through: None,
        max_length: usize::MAX,
        recursive: false,
    };
    let (ours, found) = milliseconds(20, || cut(&Paths::new(&query).expect("a query"), &NodeSet::none(16)));
    let (naive, smallest) = milliseconds(1, || reference.smallest_cut(&[]));
    let Cut::Nodes(nodes) = found else { panic!("it can be cut") };
    assert_eq!(Some(nodes.len()), smallest);
    print(&format!("cut of a graph of 16 nodes ({})", nodes.len()), ours, Some(naive));
}
