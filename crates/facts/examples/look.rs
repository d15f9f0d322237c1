use std::time::Instant;
use xenheap_facts::*;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let dir = std::path::Path::new(&dir);
    for _ in 0..2 {
        let t = Instant::now();
        let image = image::Image::open(&dir.join("xen-syms")).unwrap();
        println!(
            "image {:?} {:?} code {} data {} literals {}",
            t.elapsed(),
            image,
            image.code().len(),
            image.data().len(),
            image.literals().len()
        );
        let t = Instant::now();
        let debug = dwarf::Debug::read(&image).unwrap();
        println!(
            "dwarf {:?} units {} functions {} bodies {} inlined {} variables {} noreturn {:?}",
            t.elapsed(),
            debug.units.len(),
            debug.units.iter().map(|u| u.functions.len()).sum::<usize>(),
            debug.units.iter().flat_map(|u| &u.functions).map(|f| f.bodies.len()).sum::<usize>(),
            debug
                .units
                .iter()
                .flat_map(|u| &u.functions)
                .flat_map(|f| &f.bodies)
                .map(|f| f.inlined.len())
                .sum::<usize>(),
            debug.units.iter().map(|u| u.variables.len()).sum::<usize>(),
            debug.noreturn
        );
        let t = Instant::now();
        let files = ci::collect(dir).unwrap();
        let bytes: usize = files.iter().map(|f| f.text.len()).sum();
        let read = t.elapsed();
        let units: Vec<_> = files.iter().map(|f| f.parse().unwrap()).collect();
        println!(
            "ci read {:?} parse {:?} {} files {} bytes {} nodes {} edges",
            read,
            t.elapsed() - read,
            files.len(),
            bytes,
            units.iter().map(|u| u.nodes.len()).sum::<usize>(),
            units.iter().map(|u| u.edges.len()).sum::<usize>()
        );
        let t = Instant::now();
        let d = decode::Decoder::new(&image);
        let mut n = 0;
        let mut un = 0;
        let mut sw = 0;
        let mut kinds = std::collections::BTreeMap::new();
        let code = image.code();
        for (i, s) in code.iter().enumerate() {
            let end = if s.size > 0 {
                s.address + s.size
            } else {
                code.get(i + 1).map_or(s.address, |n| n.address)
            };
            let c = d.code(s.address..end);
            n += c.transfers.len();
            un += c.unknown;
            sw += c.switches;
            for t in &c.transfers {
                *kinds
                    .entry((
                        t.call,
                        std::mem::discriminant(&t.target)
                            == std::mem::discriminant(&decode::Target::Computed),
                        matches!(t.target, decode::Target::Alternative(_)),
                        matches!(t.target, decode::Target::Slot(_)),
                    ))
                    .or_insert(0) += 1;
            }
            if c.unknown > 0 {
                println!("unknown {} in {}", c.unknown, s.name);
            }
        }
        println!(
            "decode {:?} {n} transfers {un} unknown {sw} switches, alt {} {kinds:?}",
            t.elapsed(),
            d.alternative_calls()
        );
    }
}
// x
