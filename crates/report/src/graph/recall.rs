//! How complete a graph is, measured against its image and against recorded stacks.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_callgraph::{
    Graph,
    recall::{Explained, Indirect, Pairs, Share},
};
use xenheap_output::Escaped;

use super::{limits, part_of, sites::reason};
use crate::Render;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Recall {
    /// What the graph's image was built for.
    pub architecture: String,
    /// Its version of Xen.
    pub xen: Option<String>,
    /// That the graph is a part, if it is: what is missing in it may be why something is.
    pub part: Option<String>,
    /// What it knows of its indirect calls.
    pub indirect: Indirect,
    /// Per cent of the sites that are resolved.
    pub resolved: Option<f64>,
    /// Per cent of the landing pads that are reached.
    pub landing: Option<f64>,
    /// Runs that it was compared with.
    pub runs: Vec<RunPairs>,
}

/// The pairs of caller and callee in one run's stacks.
#[derive(Clone, Debug, Serialize)]
pub struct RunPairs {
    /// The run.
    pub run: String,
    /// Whether the run is of the very image that the graph is of.
    pub same_build: bool,
    /// How many stacks it has.
    pub stacks: usize,
    /// Pairs that are edges.
    pub direct: usize,
    /// Pairs through a function that ends with a jump.
    pub tail: usize,
    /// Per cent of the pairs that are edges, without calls through pointers.
    pub share: Option<f64>,
    /// Pairs through a pointer.
    pub indirect: Vec<String>,
    /// Exceptions and interrupts.
    pub arrivals: Vec<String>,
    /// Pairs that are no edge.
    pub missing: Vec<String>,
    /// Pairs of which the graph lacks a function.
    pub unknown: Vec<String>,
}

impl Recall {
    /// A graph with what was measured of it.
    pub fn new(graph: &Graph, indirect: Indirect, runs: Vec<RunPairs>) -> Self {
        Recall {
            architecture: graph.facts.architecture.clone(),
            xen: graph.facts.xen.clone(),
            part: part_of(graph).as_deref().map(limits),
            resolved: indirect.resolved().percent(),
            landing: indirect.landing().percent(),
            indirect,
            runs,
        }
    }
}

impl RunPairs {
    /// The pairs of a run with so many stacks.
    pub fn new(run: String, same_build: bool, stacks: usize, pairs: &Pairs) -> Self {
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
}

/// A number a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct RecallText;

impl Render<Recall> for RecallText {
    fn render(&self, recall: &Recall, out: &mut dyn Write) -> io::Result<()> {
        let xen = recall.xen.as_deref().map_or(String::new(), |xen| format!("Xen {xen} "));
        writeln!(out, "{}, indirect calls", Escaped(format!("{xen}{}", recall.architecture)))?;
        if let Some(part) = &recall.part {
            writeln!(out, "{}", Escaped(part))?;
        }
        of_image(&recall.indirect, out)?;
        recall.runs.iter().try_for_each(|run| of_run(run, out))
    }
}

fn of_image(found: &Indirect, out: &mut dyn Write) -> io::Result<()> {
    if found.landings == 0 {
        writeln!(out, "this build has no landing pads (CONFIG_XEN_IBT)")?;
    } else {
        line(out, "functions with a landing pad that an edge reaches", found.landing())?;
    }
    line(out, "sites resolved, without firmware and uncalled code", found.resolved())?;
    writeln!(out, "  with targets{:>52}", found.with_targets)?;
    writeln!(out, "  code written at run time that calls nothing{:>21}", found.stubs)?;
    writeln!(out, "all sites{:>56}", found.sites)?;
    writeln!(
        out,
        "targets of a site: mean {:.2}, median {}, most {}; mean {:.2} without contexts",
        found.targets.mean, found.targets.median, found.targets.most, found.targets.joined
    )?;
    for (open, count) in &found.open {
        writeln!(out, "open: {:<50}{count:>9}", reason(*open))?;
    }
    for (function, why) in &found.unreached {
        writeln!(out, "not reached: {}", Escaped(format!("{function}: {why}")))?;
    }
    Ok(())
}

fn of_run(run: &RunPairs, out: &mut dyn Write) -> io::Result<()> {
    let build = if run.same_build { "the graph's build" } else { "another build" };
    writeln!(out, "\n{} ({build}), {} stacks", Escaped(&run.run), run.stacks)?;
    let part = run.direct + run.tail;
    let whole = part + run.missing.len() + run.unknown.len();
    line(out, "pairs that are edges, without calls through pointers", Share { part, whole })?;
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
    Ok(())
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{share:.2} %"))
}

fn line(out: &mut dyn Write, what: &str, part: Share) -> io::Result<()> {
    writeln!(out, "{what:<58}{:>7} of {:>7}  {:>9}", part.part, part.whole, percent(part.percent()))
}
