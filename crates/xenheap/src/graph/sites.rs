//! `xenheap graph sites`.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;
use xenheap_callgraph::{Certainty, Evidence, Graph, Open, SiteId, SiteKind};
use xenheap_output::Escaped;

use super::{Given, limits, stats::Format};
use crate::{
    failure::{Exit, Failure},
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph sites graph                      all indirect calls, with their targets
  xenheap graph sites graph --open               only those whose targets are not all known, with the reason
  xenheap graph sites graph --through timer      only those through a place whose name contains `timer`")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// Only sites whose targets are not all known
    #[arg(long)]
    pub open: bool,
    /// Only sites that call through a place whose name contains this (`hvm_function_table`)
    #[arg(long, value_name = "TEXT")]
    pub through: Option<String>,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// An indirect call.
#[derive(Serialize)]
struct Row<'a> {
    /// The function in the source that it stands in.
    function: &'a str,
    /// The function whose machine code it is in, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    kind: SiteKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    through: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
    targets: Vec<Target<'a>>,
}

#[derive(Serialize, PartialEq)]
struct Target<'a> {
    function: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    evidence: Evidence,
    certainty: Certainty,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let graph = arguments.graph.load()?;
    let rows: Vec<Row<'_>> = rows(&graph)
        .filter(|row| !arguments.open || row.open.is_some())
        .filter(|row| {
            arguments
                .through
                .as_deref()
                .is_none_or(|text| row.through.is_some_and(|through| through.contains(text)))
        })
        .collect();
    match arguments.format {
        Format::Text => output::stdout(|out| text(out, limits(&graph).as_deref(), &rows))?,
        Format::Json => output::json(&rows)?,
    }
    Ok(Exit::Done)
}

fn rows(graph: &Graph) -> impl Iterator<Item = Row<'_>> {
    let name = |id: xenheap_callgraph::FunctionId| {
        graph.functions.get(id.0 as usize).map_or("", |function| function.name.as_str())
    };
    (0..).map(SiteId).zip(&graph.sites).filter_map(move |(id, site)| {
        if !matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative | SiteKind::Synthetic) {
            return None;
        }
        let targets = graph.edges_of(id).map(|edge| Target {
            function: name(edge.callee),
            unit: graph.functions.get(edge.callee.0 as usize).and_then(|function| function.unit.as_deref()),
            evidence: edge.evidence,
            certainty: edge.certainty,
        });
        let innermost = site.innermost();
        Some(Row {
            function: name(innermost),
            within: (innermost != site.caller).then(|| name(site.caller)),
            place: site.location.as_ref().map(|at| format!("{at}:{}", at.column)),
            address: site.address.map(|address| format!("{address:#x}")),
            kind: site.kind,
            through: site.target.as_deref(),
            open: site.open,
            targets: targets.collect(),
        })
    })
}

fn text(out: &mut dyn Write, limits: Option<&str>, rows: &[Row<'_>]) -> io::Result<()> {
    if let Some(line) = limits {
        writeln!(out, "// {}", Escaped(line))?;
    }
    for row in rows {
        write!(out, "{}", Escaped(row.function))?;
        if let Some(within) = row.within {
            write!(out, " (in {})", Escaped(within))?;
        }
        if let Some(place) = &row.place {
            write!(out, "  {}", Escaped(place))?;
        }
        if let Some(through) = row.through {
            write!(out, "  through {}", Escaped(through))?;
        }
        if let Some(open) = row.open {
            write!(out, "  open: {}", reason(open))?;
        }
        writeln!(out)?;
        for target in &row.targets {
            let unit = target.unit.map_or(String::new(), |unit| format!("{unit}:"));
            let target_name = format!("{unit}{}", target.function);
            writeln!(out, "    {}  ({})", Escaped(target_name), evidence(target.evidence))?;
        }
    }
    Ok(())
}

/// Why a site is open, for people.
pub fn reason(open: Open) -> &'static str {
    match open {
        Open::Firmware => "the pointer is the firmware's",
        Open::NeverSet => "nothing in this build stores a function there",
        Open::Uncalled => "nothing in this build calls the function it is in",
        Open::Loaded => "set by what is loaded later (livepatch)",
        Open::Assembly => "assembly, which the dumps do not describe",
        Open::Unknown => "where the pointer comes from was not understood",
    }
}

fn evidence(evidence: Evidence) -> &'static str {
    match evidence {
        Evidence::Image => "the image",
        Evidence::Ci => ".ci file",
        Evidence::Flow => "flow",
        Evidence::Slot => "slot",
        Evidence::Model => "model",
        Evidence::Type => "only the type",
    }
}
