//! What it takes to read a build and a graph:
//! `cargo bench -p xenheap-callgraph --bench load -- BUILD`, where BUILD is the folder of a build
//! with `.ci` files. Each time is beside that of something naive in the same run, as machines
//! differ.

use std::{fs, hint::black_box, path::Path, time::Instant};

use xenheap_callgraph::{Graph, build};
use xenheap_facts::{build::Build, build::File, dwarf::Debug, image::Image};

/// The least of some runs, in milliseconds.
fn time(mut run: impl FnMut()) -> f64 {
    let once = |_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..7).map(once).fold(f64::MAX, f64::min)
}

fn row(what: &str, ours: f64, naive_what: &str, naive: f64) {
    println!("{what:<34} {ours:9.2} ms   {naive_what:<34} {naive:9.2} ms   {:6.1} times", naive / ours);
}

/// Splits each line into words, and keeps them: what a script does.
fn naive_ci(files: &[File]) -> usize {
    let lines = files.iter().flat_map(|file| {
        let text = String::from_utf8_lossy(&file.text).into_owned();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines.map(|line| line.split('"').map(str::to_owned).collect::<Vec<_>>().len()).sum()
}

/// Reads every entry with all its attributes, one unit after the other.
fn naive_dwarf(image: &Image) -> usize {
    use object::{Object, ObjectSection};
    let file = object::File::parse(image.bytes()).expect("an image");
    let sections = gimli::DwarfSections::load(|id| -> Result<_, gimli::Error> {
        let section = file.section_by_name(id.name());
        Ok(section.and_then(|section| section.data().ok()).unwrap_or_default())
    })
    .expect("sections");
    let dwarf = sections.borrow(|section| gimli::EndianSlice::new(section, gimli::LittleEndian));
    let mut units = dwarf.units();
    let mut count = 0;
    while let Some(header) = units.next().expect("a unit") {
        let unit = dwarf.unit(header).expect("a unit");
        let mut entries = unit.entries();
        while let Some(entry) = entries.next_dfs().expect("an entry") {
            count += entry.attrs().len();
        }
    }
    count
}

fn main() {
    let Some(path) = std::env::args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("name a build: cargo bench -p xenheap-callgraph --bench load -- BUILD");
        return;
    };
    let build = Build::open(Path::new(&path)).expect("a build");
    let files = build.ci().expect(".ci files");
    let bytes: usize = files.iter().map(|file| file.text.len()).sum();
    println!("{} .ci files, {bytes} bytes", files.len());
    let ours = time(|| {
        let files = build.ci().expect(".ci files");
        black_box(build::parse_ci(&files).expect("units").len());
    });
    let naive = time(|| {
        black_box(naive_ci(&build.ci().expect(".ci files")));
    });
    row("all .ci, read and parsed", ours, "read, lines cut into strings", naive);

    let path = build.image().expect("an image");
    let start = Instant::now();
    let image = Image::open(path).expect("an image");
    let debug = Debug::read(&image).expect("debug information");
    println!("image with DWARF, the first time   {:9.2} ms", start.elapsed().as_secs_f64() * 1e3);
    let ours = time(|| {
        let image = Image::open(path).expect("an image");
        black_box(Debug::read(&image).expect("debug information").units.len());
    });
    let naive = time(|| {
        black_box(naive_dwarf(&image));
    });
    row("image with DWARF", ours, "every attribute, one by one", naive);

    let sources = build::Sources { image: Some((&image, &debug)), ci: &files, ..build::Sources::default() };
    let graph = build::assemble(sources).expect("a graph").draft.finish();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("graph.xhg");
    graph.save(&file, "the bench").expect("a file");
    let ours = time(|| {
        black_box(Graph::load(&file).expect("a graph").sites.len());
    });
    let naive = time(|| {
        let text = zstd::decode_all(fs::File::open(&file).expect("a file")).expect("a text");
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for line in lines {
            black_box(serde_json::from_slice::<serde_json::Value>(line).expect("JSON"));
        }
    });
    row("graph file", ours, "the same JSON as values", naive);
}
