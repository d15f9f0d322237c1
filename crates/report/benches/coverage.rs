//! What it takes to lay 100 runs on one graph: `cargo bench -p xenheap-report --bench coverage --
//! GRAPH RUN.xhr`, where RUN.xhr is what `xenheap report --save` wrote of a run of the graph's
//! build. Each time the run is read anew, and counts as a boot of its own.

use std::{fs, path::Path, time::Instant};

use xenheap_callgraph::Graph;
use xenheap_judge::{
    Policy,
    coverage::{Ground, Join, belongs},
};
use xenheap_ledger::{EventSink, Matched, Retelling};
use xenheap_model::{Event, Run};
use xenheap_report::{Render, assess::AssessmentJson, runfile::RunFile};
use xenheap_verdicts::VerdictFile;

/// Who does not want to see single events.
struct Nobody;

impl EventSink for Nobody {
    fn event(&mut self, _: &Event, _: Option<&Matched>) {}
}

const RUNS: u32 = 100;

fn read(path: &str) -> Run {
    let file = fs::File::open(path).expect("a run file");
    let file = zstd::Decoder::new(file).expect("a compressed file");
    let mut file = RunFile::open(path, file).expect("a run file");
    let mut retelling = Retelling::new(file.run());
    while let Some(event) = file.next_event().expect("an event") {
        retelling.event(&event, &mut Nobody);
    }
    let mut run = file.into_run();
    retelling.finish(&mut run);
    run
}

/// The most memory that this process had, in MiB.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
}

fn main() {
    let paths: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let [graph, run] = paths.as_slice() else {
        println!("name a graph and a run: cargo bench -p xenheap-report --bench coverage -- GRAPH RUN.xhr");
        return;
    };
    let row = |what: &str, start: Instant| {
        println!(
            "{what:<36} {:9.1} ms {:9.1} MiB at most so far",
            start.elapsed().as_secs_f64() * 1e3,
            peak()
        );
    };
    let start = Instant::now();
    let graph = Graph::load(Path::new(graph)).expect("a graph").without_recorder();
    row("the graph, read", start);
    let start = Instant::now();
    let ground = Ground::new(&graph).expect("a graph");
    row("the graph, prepared", start);
    let (verdicts, policy) = (VerdictFile::default(), Policy::default());
    let mut join = Join::with_policy(&ground, &verdicts, &policy);
    let (mut reading, mut laying) = (0.0, 0.0);
    for number in 0..RUNS {
        let start = Instant::now();
        let mut run = read(run);
        reading += start.elapsed().as_secs_f64() * 1e3;
        run.facts.tag = Some(number.to_string());
        let start = Instant::now();
        join.add(&format!("run-{number}"), &run, &belongs(&graph.facts, &run.facts, None));
        laying += start.elapsed().as_secs_f64() * 1e3;
    }
    println!("{RUNS} runs, read                       {reading:9.1} ms");
    println!("{RUNS} runs, laid and judged            {laying:9.1} ms {:9.1} MiB at most so far", peak());
    let start = Instant::now();
    let assessment = join.assess();
    row("the statement", start);
    let start = Instant::now();
    let mut out = Vec::new();
    AssessmentJson.render(&assessment, &mut out).expect("in memory");
    row("the statement, as JSON", start);
    println!("{}; {} bytes of JSON", assessment.result(), out.len());
}
