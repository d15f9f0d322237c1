//! `xenheap graph recall`.

use std::path::PathBuf;

use xenheap_callgraph::recall::{self, Lookup, Pairs, Seen};
use xenheap_judge::coverage::{Differs, belongs};
use xenheap_model::Stack;
use xenheap_report::{
    Render,
    graph::{Json, Recall, RecallText, RunPairs},
};
use xenheap_runs::Options;

use super::super::joined::not_together;
use crate::{
    failure::{Exit, Failure},
    format::Format,
    graph_file::GraphFile,
    output, runs,
};

/// What a graph is measured against.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub runs: Vec<PathBuf>,
    /// Also runs of another build than the graph's.
    pub allow_mismatch: bool,
    pub format: Format,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let lookup = Lookup::new(&graph);
    let mut runs = Vec::new();
    for path in &config.runs {
        let loaded = runs::load(path, &Options::default())?;
        let mut differs = belongs(&graph.facts, &loaded.run.facts, None).differs;
        if loaded.run.facts.build_id.is_none() {
            differs.push(Differs::Unsaid("run"));
        }
        if let (Some(differs), false) = (differs.first(), config.allow_mismatch) {
            return Err(not_together(path, &config.graph.path, differs));
        }
        let same_build = differs.is_empty();
        let mut pairs = Pairs::default();
        for stack in loaded.run.stacks.values() {
            add(&lookup, stack, &mut pairs);
        }
        runs.push(RunPairs::new(loaded.job, same_build, loaded.run.stacks.len(), &pairs));
    }
    let recall = Recall::new(&graph, recall::indirect(&graph), runs);
    let renderer: &dyn Render<Recall> = match config.format {
        Format::Text => &RecallText,
        Format::Json => &Json,
    };
    output::stdout(|out| renderer.render(&recall, out))?;
    Ok(Exit::Done)
}

fn add(lookup: &Lookup<'_>, stack: &Stack, pairs: &mut Pairs) {
    let seen: Vec<Seen<'_>> = stack.frames.iter().map(Seen::from).collect();
    lookup.add(&seen, pairs);
}
