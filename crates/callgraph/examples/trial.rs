//! Counts and times on a real build: `cargo run --release -p xenheap-callgraph --example trial BUILD FUNCTION PRESET...`
use std::{path::Path, time::Instant};
use xenheap_callgraph::*;
use xenheap_facts::*;
use xenheap_paths::*;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let dir = Path::new(&args[1]);
    let files = ci::collect(dir).unwrap();
    let image = (args[2] == "image").then(|| image::Image::open(&dir.join("xen-syms")).unwrap());
    let debug = image.as_ref().map(|image| dwarf::Debug::read(image).unwrap());
    let sources = build::Sources { image: image.as_ref().zip(debug.as_ref()), ci: &files };
    let g = build::assemble(sources).unwrap().draft.finish();
    println!("functions {} sites {} edges {}", g.functions.len(), g.sites.len(), g.edges.len());
    let names = Names::new(&g.functions);
    let t = Instant::now();
    let view = View::new(&g, ViewOptions::default()).unwrap();
    println!("view {:?} {} edges", t.elapsed(), view.compact().edges());
    let presets = presets::chosen(&args[4..].to_vec()).unwrap();
    let mut selection = Filter { presets, ..Filter::default() }.select(&g, &names).unwrap();
    let target = names.one(&args[3]).unwrap();
    selection.keep(target);
    let roots = view.compact().roots();
    let targets = NodeSet::of(g.functions.len(), [target.0]);
    let query = Query {
        graph: view.compact(),
        sources: &roots,
        targets: &targets,
        within: Some(&selection.within),
        through: None,
        shape: Shape::default(),
    };
    let t = Instant::now();
    let paths = Paths::new(&query).unwrap();
    println!(
        "prepare {:?}: {} functions, {} roots",
        t.elapsed(),
        paths.nodes().len(),
        paths.sources().count()
    );
    let t = Instant::now();
    let count = paths.count();
    let show = |n: &num_bigint::BigUint| {
        let s = n.to_string();
        if s.len() > 30 { format!("{}e{}", &s[..5], s.len() - 5) } else { s }
    };
    println!(
        "count {:?}: {} .. {} collapsed {:?}",
        t.elapsed(),
        show(&count.lower),
        show(&count.upper),
        count.collapsed.iter().map(|c| c.nodes.len()).collect::<Vec<_>>()
    );
    let (part, _) = (components(view.compact()), 0);
    let mut sizes: Vec<usize> = part.nodes.iter().map(Vec::len).filter(|n| *n > 1).collect();
    sizes.sort();
    println!("whole graph cycles {sizes:?}");
    let t = Instant::now();
    let mut stream = paths.stream();
    let (mut n, mut steps) = (0u64, 0u64);
    while n < 20_000_000 {
        let Some(p) = stream.advance() else { break };
        n += 1;
        steps += p.len() as u64;
    }
    let s = t.elapsed();
    println!(
        "stream {n} in {s:?}: {:.2} M/s, mean length {:.1}",
        n as f64 / s.as_secs_f64() / 1e6,
        steps as f64 / n as f64
    );
}
