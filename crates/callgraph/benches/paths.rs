//! Times on a real graph: `cargo bench -p xenheap-callgraph --bench paths -- GRAPH`.

use std::{hint::black_box, path::Path, time::Instant};

use xenheap_callgraph::{Filter, Graph, Names, View, ViewOptions, presets};
use xenheap_paths::{Count, Cut, NodeSet, Paths, Query, Shape, components, cut};

/// Runs it some times, and prints the least time in milliseconds.
fn time<T>(what: &str, mut run: impl FnMut() -> T) -> T {
    let mut least = f64::MAX;
    let mut result = None;
    for _ in 0..7 {
        let start = Instant::now();
        result = Some(black_box(run()));
        least = least.min(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("  {what:<34} {least:9.3} ms");
    result.expect("it ran")
}

fn number(count: &Count) -> String {
    match count.exact() {
        Some(number) => number.to_string(),
        None => format!("10^{} to 10^{}", count.lower.to_string().len() - 1, count.upper.to_string().len()),
    }
}

fn main() {
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("name a graph: cargo bench -p xenheap-callgraph --bench paths -- GRAPH");
        return;
    };
    let graph = time("load", || Graph::load(Path::new(&path)).expect("a graph").without_recorder());
    let names = Names::new(&graph.functions);
    let view = time("view", || View::new(&graph, ViewOptions::default()).expect("a view"));
    let compact = view.compact();
    println!(
        "{} functions, {} calls; cycles of {:?}",
        compact.nodes(),
        compact.edges(),
        cycles(&components(compact))
    );
    let sources = compact.roots();
    for chosen in [&[][..], &["boot".to_owned(), "cuts".to_owned()]] {
        let presets = presets::chosen(chosen).expect("presets");
        for name in ["_xmalloc", "alloc_xenheap_pages", "alloc_domheap_pages"] {
            let Ok(target) = names.one(name) else { continue };
            let mut selection = Filter { presets: presets.clone(), ..Filter::default() }
                .select(&graph, &names)
                .expect("a selection");
            selection.keep(target);
            let targets = NodeSet::of(compact.nodes(), [target.0]);
            let query = Query {
                graph: compact,
                sources: &sources,
                targets: &targets,
                within: Some(&selection.within),
                through: None,
                shape: Shape::default(),
            };
            println!("{name}, presets {chosen:?}");
            let paths = time("the part that matters", || Paths::new(&query).expect("a query"));
            let count = time("count", || paths.count());
            let collapsed: Vec<usize> = count.collapsed.iter().map(|cycle| cycle.nodes.len()).collect();
            println!(
                "    {} functions, {} paths, collapsed {collapsed:?}",
                paths.nodes().len(),
                number(&count)
            );
            time("first 1000 paths", || first(&paths, 1000));
            let cut = time("cut", || cut(&paths, &NodeSet::none(compact.nodes())));
            if let Cut::Nodes(nodes) = cut {
                println!("    a cut of {}", nodes.len());
            }
            let rate = |_| {
                let start = Instant::now();
                let number = first(&paths, 5_000_000);
                (number as f64 / start.elapsed().as_secs_f64() / 1e6, number)
            };
            let rates = (0..if chosen.is_empty() { 1 } else { 5 }).map(rate);
            let (rate, number) =
                rates.fold((0.0, 0), |best, other| if other.0 > best.0 { other } else { best });
            println!("    {rate:.2} million paths a second into nothing ({number})");
        }
    }
}

fn first(paths: &Paths, limit: u64) -> u64 {
    let mut stream = paths.stream();
    let mut number = 0;
    while number < limit && stream.advance().is_some() {
        number += 1;
    }
    number
}

/// The sizes of the cycles, the largest first.
fn cycles(components: &xenheap_paths::Components) -> Vec<usize> {
    let mut sizes: Vec<usize> = components.nodes.iter().map(Vec::len).filter(|size| *size > 1).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes
}
