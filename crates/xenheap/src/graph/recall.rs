//! `xenheap graph recall`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;
use xenheap_callgraph::{
    Open,
    recall::{self, Explained, Indirect, Lookup, Pairs, Seen, Share},
};
use xenheap_judge::coverage::{Differs, belongs};
use xenheap_model::Stack;
use xenheap_output::Escaped;
use xenheap_runs::Options;

use super::{Given, limits, sites::reason, stats::Format};
use crate::{
    coverage::not_together,
    failure::{Exit, Failure},
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
    /// Also runs of another build than the graph's: names are compared, which versions and options can change
    #[arg(long)]
    pub allow_mismatch: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// What was measured.
#[derive(Serialize)]
struct Measured {
    architecture: String,
    xen: Option<String>,
    /// That the graph is a part, if it is: what is missing in it may be why something is.
    part: Option<String>,
    indirect: Indirect,
    resolved: Option<f64>,
    landing: Option<f64>,
    runs: Vec<RunPairs>,
}

/// The pairs of one run's stacks.
#[derive(Serialize)]
struct RunPairs {
    run: String,
    /// Whether the run is of the very image that the graph is of.
    same_build: bool,
    stacks: usize,
    direct: usize,
    tail: usize,
    share: Option<f64>,
    indirect: Vec<String>,
    arrivals: Vec<String>,
    missing: Vec<String>,
    unknown: Vec<String>,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let graph = arguments.graph.load()?;
    let indirect = recall::indirect(&graph);
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
        runs.push(run_pairs(loaded.job, same_build, loaded.run.stacks.len(), &pairs));
    }
    let measured = Measured {
        architecture: graph.facts.architecture.clone(),
        xen: graph.facts.xen.clone(),
        part: limits(&graph),
        resolved: indirect.resolved().percent(),
        landing: indirect.landing().percent(),
        indirect,
        runs,
    };
    match arguments.format {
        Format::Text => output::stdout(|out| text(out, &measured))?,
        Format::Json => output::json(&measured)?,
    }
    Ok(Exit::Done)
}

fn add(lookup: &Lookup<'_>, stack: &Stack, pairs: &mut Pairs) {
    let seen: Vec<Seen<'_>> = stack.frames.iter().map(Seen::from).collect();
    lookup.add(&seen, pairs);
}

fn run_pairs(run: String, same_build: bool, stacks: usize, pairs: &Pairs) -> RunPairs {
    let named = |how: Explained| {
        let pairs = pairs.pairs.iter().filter(|(_, found)| **found == how);
        pairs.map(|((caller, callee), _)| format!("{caller} -> {callee}")).collect()
    };
    RunPairs {
        run,
        same_build,
        stacks,
        direct: pairs.count(Explained::Direct),
        tail: pairs.count(Explained::Tail),
        share: pairs.direct().percent(),
        indirect: named(Explained::Indirect),
        arrivals: named(Explained::Arrival),
        missing: named(Explained::Missing),
        unknown: named(Explained::Unknown),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{share:.2} %"))
}

fn line(out: &mut dyn Write, what: &str, part: Share) -> io::Result<()> {
    writeln!(out, "{what:<58}{:>7} of {:>7}  {:>9}", part.part, part.whole, percent(part.percent()))
}

fn text(out: &mut dyn Write, measured: &Measured) -> io::Result<()> {
    let found = &measured.indirect;
    let xen = measured.xen.as_deref().map_or(String::new(), |xen| format!("Xen {xen} "));
    writeln!(out, "{}, indirect calls", Escaped(format!("{xen}{}", measured.architecture)))?;
    if let Some(part) = &measured.part {
        writeln!(out, "{}", Escaped(part))?;
    }
    if found.landings == 0 {
        writeln!(out, "this build has no landing pads (CONFIG_XEN_IBT)")?;
    } else {
        line(out, "functions with a landing pad that an edge reaches", found.landing())?;
    }
    line(out, "sites resolved, firmware and uncalled code apart", found.resolved())?;
    writeln!(out, "  with targets{:>52}", found.with_targets)?;
    writeln!(out, "  code written at run time that calls nothing{:>21}", found.stubs)?;
    let Share { part: sites, .. } = Share { part: found.sites, whole: 0 };
    writeln!(out, "all sites{sites:>56}")?;
    writeln!(
        out,
        "targets of a site: mean {:.2}, median {}, most {}; mean {:.2} if no table is told apart",
        found.targets.mean, found.targets.median, found.targets.most, found.targets.joined
    )?;
    let open: BTreeMap<Open, usize> = found.open.clone();
    for (open, count) in open {
        writeln!(out, "open: {:<50}{count:>9}", reason(open))?;
    }
    for (function, why) in &found.unreached {
        writeln!(out, "not reached: {}", Escaped(format!("{function}: {why}")))?;
    }
    for run in &measured.runs {
        let build = if run.same_build { "the graph's build" } else { "another build" };
        writeln!(out, "\n{} ({build}), {} stacks", Escaped(&run.run), run.stacks)?;
        let part = run.direct + run.tail;
        let whole = part + run.missing.len() + run.unknown.len();
        line(out, "pairs that are edges, through pointers apart", Share { part, whole })?;
        writeln!(out, "  through a function that ends with a jump{:>24}", run.tail)?;
        writeln!(out, "pairs through pointers{:>43}", run.indirect.len())?;
        for (what, pairs) in [
            ("through a pointer", &run.indirect),
            ("an exception or interrupt, no call", &run.arrivals),
            ("no edge", &run.missing),
            ("no function of the graph", &run.unknown),
        ] {
            for pair in pairs {
                writeln!(out, "{what}: {}", Escaped(pair))?;
            }
        }
    }
    Ok(())
}
