//! `xenheap graph recall`.

use std::path::PathBuf;

use clap::Args;
use xenheap_callgraph::recall::{self, Lookup, Pairs, Seen};
use xenheap_judge::coverage::{Differs, belongs};
use xenheap_model::Stack;
use xenheap_report::{
    Render,
    graph::{Json, Recall, RecallText, RunPairs},
};
use xenheap_runs::Options;

use super::Given;
use crate::{
    coverage::not_together,
    failure::{Exit, Failure},
    format::Format,
    output, runs,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph recall graph                     landing pads, sites and targets of the graph's own image
  xenheap graph recall graph runs/guests         also each (caller, callee) pair of each stack that was recorded")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// Recorded runs, as for `xenheap report`
    #[arg(value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Also runs of another build than the graph's: names are compared, which versions and options
    /// can change
    #[arg(long)]
    pub allow_mismatch: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let graph = arguments.graph.load()?;
    let lookup = Lookup::new(&graph);
    let mut runs = Vec::new();
    for path in &arguments.runs {
        let loaded = runs::load(path, &Options::default())?;
        let mut differs = belongs(&graph.facts, &loaded.run.facts, None).differs;
        if loaded.run.facts.build_id.is_none() {
            differs.push(Differs::Unsaid("run"));
        }
        if let (Some(differs), false) = (differs.first(), arguments.allow_mismatch) {
            return Err(not_together(path, &arguments.graph.graph, differs));
        }
        let same_build = differs.is_empty();
        let mut pairs = Pairs::default();
        for stack in loaded.run.stacks.values() {
            add(&lookup, stack, &mut pairs);
        }
        runs.push(RunPairs::new(loaded.job, same_build, loaded.run.stacks.len(), &pairs));
    }
    let recall = Recall::new(&graph, recall::indirect(&graph), runs);
    let renderer: &dyn Render<Recall> = match arguments.format {
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
