//! Tries the assembly.
use std::{path::Path, time::Instant};
use xenheap_callgraph::*;
use xenheap_facts::*;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let dir = Path::new(&dir);
    let t = Instant::now();
    let image = image::Image::open(&dir.join("xen-syms")).unwrap();
    let debug = dwarf::Debug::read(&image).unwrap();
    let files = ci::collect(dir).unwrap();
    println!("facts {:?}", t.elapsed());
    let t = Instant::now();
    let a = build::assemble(build::Sources { image: Some((&image, &debug)), ci: &files }).unwrap();
    println!("assemble {:?}", t.elapsed());
    let g = a.draft.finish();
    println!("finish {:?}", t.elapsed());
    println!(
        "{:#?} functions {} (with code {}) sites {} edges {} slots {}",
        g.facts,
        g.functions.len(),
        g.functions.iter().filter(|f| !f.pieces.is_empty()).count(),
        g.sites.len(),
        g.edges.len(),
        a.slots.len()
    );
    let out = std::env::temp_dir().join("x.xhg");
    let t = Instant::now();
    g.save(&out, "x").unwrap();
    println!("save {:?} {} bytes", t.elapsed(), std::fs::metadata(&out).unwrap().len());
    for _ in 0..3 {
        let t = Instant::now();
        let h = Graph::load(&out).unwrap();
        println!("load {:?} {}", t.elapsed(), h == g);
    }
    let mut kinds = std::collections::BTreeMap::new();
    for s in &g.sites {
        *kinds.entry(s.kind).or_insert(0) += 1;
    }
    println!("{kinds:?}");
    if let Some(f) = std::env::args().nth(2) {
        for s in &g.sites {
            let c = &g.functions[s.caller.0 as usize];
            if c.name == f {
                println!(
                    "{:?} {:x?} {:?} {:?} -> {:?}",
                    s.kind,
                    s.address,
                    s.location.as_ref().map(|l| format!("{}:{}:{}", l.file, l.line, l.column)),
                    s.inlined
                        .iter()
                        .map(|i| g.functions[i.function.0 as usize].name.clone())
                        .collect::<Vec<_>>(),
                    g.edges
                        .iter()
                        .filter(|e| g.sites[e.site.0 as usize] == *s)
                        .map(|e| (e.evidence, g.functions[e.callee.0 as usize].name.clone()))
                        .collect::<Vec<_>>()
                );
            }
        }
    }
}
