//! Any texts as the three files of a graph in its normalized form: an error with a line that
//! exists, or a graph that has each function once, leaves each call open of which a row says so,
//! and is the same when it is written and read again.
#![no_main]

use std::{collections::BTreeSet, fs};

use libfuzzer_sys::fuzz_target;
use xenheap_callgraph::{CsvError, Graph, is_normalized};
use xenheap_fuzz::{files, folder, lines};

/// Each row of a table as what stands in some of its columns.
fn columns<const N: usize>(table: &str, names: [&str; N]) -> Vec<[String; N]> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let headers = reader.headers().expect("it was read before").clone();
    let places = names.map(|name| headers.iter().position(|header| header == name));
    let cells = |row: csv::StringRecord| {
        places.map(|place| place.and_then(|place| row.get(place)).unwrap_or_default().to_owned())
    };
    reader.records().map(|row| cells(row.expect("it was read before"))).collect()
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let [functions, edges, metadata] = files(text);
    let here = folder();
    for (name, content) in [("functions.csv", functions), ("edges.csv", edges), ("metadata.json", metadata)] {
        if !content.is_empty() {
            fs::write(here.join(name), content).expect("our own folder");
        }
    }
    let graph = match Graph::read_csv(&here) {
        Ok(graph) => graph,
        Err(CsvError::Twice { path, line, .. } | CsvError::Value { path, line, .. }) => {
            let of = if path.ends_with("edges.csv") { edges } else { functions };
            return assert!((1..=lines(of.as_bytes()) as u64).contains(&line));
        }
        Err(_) => return,
    };
    assert!(is_normalized(&here));

    let ids: BTreeSet<_> = columns(functions, ["function"]).into_iter().map(|[id]| id).collect();
    let called =
        columns(edges, ["caller", "callee", "edge_kind"]).into_iter().flat_map(|[caller, callee, kind]| {
            std::iter::once(caller).chain((kind != "unresolved_indirect").then_some(callee))
        });
    assert_eq!(graph.functions.len(), ids.into_iter().chain(called).collect::<BTreeSet<_>>().len());

    // A row with a number is of the site of that number, others are of sites of their own.
    let mut open = BTreeSet::new();
    for (at, [kind, notes]) in columns(edges, ["edge_kind", "notes"]).into_iter().enumerate() {
        let number = notes.split("; ").find_map(|note| note.strip_prefix("site=")?.parse::<u32>().ok());
        if kind == "unresolved_indirect" {
            open.insert(number.map_or((None, at), |number| (Some(number), 0)));
        }
    }
    let count = graph.sites.iter().filter(|site| site.open.is_some()).count();
    assert!(count >= open.len(), "{count} sites are open, and rows say so of {}", open.len());

    graph.write_csv(&folder(), "fuzz").expect("our own folder");
    let again = Graph::read_csv(&here).expect("it is whole");
    // A `;` in a value is written as a comma, which can change the order, too.
    if text.contains(';') && again != graph {
        assert_eq!(again.functions.len(), graph.functions.len());
        assert_eq!(again.sites.len(), graph.sites.len());
        assert_eq!(again.edges.len(), graph.edges.len());
    } else {
        assert_eq!(again, graph);
    }
});
