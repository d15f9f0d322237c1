//! `xenheap graph allocations`.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use clap::{Args, ValueEnum};
use serde::Serialize;
use xenheap_callgraph::{Anonymity, FunctionId, Graph, Names, charging::Callers};
use xenheap_output::Escaped;

use super::{
    Given,
    asking::{Asked, Selecting, word},
    limits,
    stats::Format,
};
use crate::{
    failure::{Exit, Failure},
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph allocations graph                    every call of an allocator that can run after boot
  xenheap graph allocations graph --anonymity may    only those whose charge depends on a value, with the condition
  xenheap graph allocations graph --boot             also those of code that is gone after boot")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// Only these; repeatable
    #[arg(long, value_enum, value_name = "HOW")]
    pub anonymity: Vec<Anonymous>,
    /// Also calls in functions that exist only until Xen has booted
    #[arg(long)]
    pub boot: bool,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Callers are looked for in what these leave: deferred work is not called by those who wanted it.
const PRESETS: [&str; 2] = ["boot", "cuts"];

/// Whether what a call allocates is charged to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Anonymous {
    /// Each time
    Always,
    /// Depends on a value
    May,
    /// Never
    Never,
}

impl Anonymous {
    fn is(self, anonymity: Anonymity) -> bool {
        anonymity
            == match self {
                Anonymous::Always => Anonymity::Always,
                Anonymous::May => Anonymity::May,
                Anonymous::Never => Anonymity::Never,
            }
    }
}

/// A call of an allocator.
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
    allocator: &'a str,
    boot_only: bool,
    anonymity: Anonymity,
    evidence: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<&'a str>,
    owner: Distance<'a>,
}

/// How far the owner is.
#[derive(Serialize)]
struct Distance<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<Holder<'a>>,
    /// Functions that are the first to hold an owner, on one way or another.
    holders: usize,
    /// Frames up to the farthest of them.
    farthest: u32,
    /// Where a way starts on which nobody holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    without: Option<&'a str>,
}

/// A frame that holds an owner.
#[derive(Serialize)]
struct Holder<'a> {
    function: &'a str,
    parameter: &'a str,
    holds: &'a str,
    /// Above the function that the call stands in.
    frames: u32,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let graph = arguments.graph.load()?;
    let selecting = Selecting { preset: PRESETS.map(str::to_owned).to_vec(), ..Selecting::default() };
    let asked = Asked::new(&graph, &selecting, false)?;
    let callers = Callers::new(&graph, &asked.selection.within);
    let rows: Vec<Row<'_>> = rows(&graph, &asked.names, &callers)
        .filter(|row| arguments.boot || !row.boot_only)
        .filter(|row| {
            arguments.anonymity.is_empty()
                || arguments.anonymity.iter().any(|wanted| wanted.is(row.anonymity))
        })
        .collect();
    match arguments.format {
        Format::Text => {
            output::stdout(|out| text(out, limits(&graph).as_deref(), &asked.taken_out(), &rows))?
        }
        Format::Json => output::json(&rows)?,
    }
    Ok(Exit::Done)
}

fn rows<'a>(
    graph: &'a Graph,
    names: &'a Names<'a>,
    callers: &'a Callers<'a>,
) -> impl Iterator<Item = Row<'a>> {
    graph.allocations.iter().filter_map(move |allocation| {
        let site = graph.sites.get(allocation.site.0 as usize)?;
        let innermost = site.innermost();
        let charging = callers.charging(allocation.site);
        Some(Row {
            function: names.show(innermost),
            within: (innermost != site.caller).then(|| names.show(site.caller)),
            place: site.location.as_ref().map(ToString::to_string),
            address: site.address.map(|address| format!("{address:#x}")),
            allocator: names.show(allocation.callee),
            boot_only: graph.functions.get(site.caller.0 as usize).is_some_and(|caller| caller.boot_only()),
            anonymity: allocation.anonymity,
            evidence: &allocation.evidence,
            condition: allocation.condition.as_deref(),
            owner: Distance {
                nearest: charging
                    .nearest
                    .and_then(|(function, frames)| holder(graph, names, function, frames)),
                holders: charging.holders,
                farthest: charging.farthest,
                without: charging.without.map(|start| names.show(start)),
            },
        })
    })
}

fn holder<'a>(
    graph: &'a Graph,
    names: &'a Names<'a>,
    function: FunctionId,
    frames: u32,
) -> Option<Holder<'a>> {
    let owner = graph.functions.get(function.0 as usize)?.owner.as_ref()?;
    Some(Holder { function: names.show(function), parameter: &owner.parameter, holds: &owner.holds, frames })
}

fn text(out: &mut dyn Write, limits: Option<&str>, taken_out: &[String], rows: &[Row<'_>]) -> io::Result<()> {
    if let Some(line) = limits {
        writeln!(out, "// {}", Escaped(line))?;
    }
    let mut by_anonymity: BTreeMap<Anonymity, [usize; 4]> = BTreeMap::new();
    for row in rows {
        let [all, itself, above, nobody] = by_anonymity.entry(row.anonymity).or_default();
        *all += 1;
        *match &row.owner.nearest {
            Some(holder) if holder.frames == 0 => itself,
            Some(_) => above,
            None => nobody,
        } += 1;
    }
    for (anonymity, [all, itself, above, nobody]) in by_anonymity {
        writeln!(
            out,
            "// {all} calls are {} anonymous; the owner is at hand in {itself}, further up in {above}, nowhere in {nobody}",
            word(&anonymity)
        )?;
    }
    for line in taken_out {
        writeln!(out, "// above a call, {}", Escaped(line))?;
    }
    for row in rows {
        write!(out, "{}", Escaped(row.function))?;
        if let Some(within) = row.within {
            write!(out, " (in {})", Escaped(within))?;
        }
        if let Some(place) = &row.place {
            write!(out, "  {}", Escaped(place))?;
        }
        writeln!(
            out,
            "  calls {}{}",
            Escaped(row.allocator),
            if row.boot_only { ", at boot only" } else { "" }
        )?;
        let word = word(&row.anonymity);
        match row.condition {
            Some(condition) => writeln!(out, "    {word} anonymous: {}", Escaped(condition))?,
            None => writeln!(out, "    {word} anonymous: {}", Escaped(row.evidence))?,
        }
        writeln!(out, "    owner: {}", Escaped(owner(&row.owner)))?;
    }
    Ok(())
}

fn owner(distance: &Distance<'_>) -> String {
    let mut said = match &distance.nearest {
        None => "no frame above holds a domain or vcpu".to_owned(),
        Some(Holder { function, parameter, holds, frames }) => {
            let far = match frames {
                0 => "at hand".to_owned(),
                1 => "1 frame up".to_owned(),
                many => format!("{many} frames up"),
            };
            format!("{far}, struct {holds} *{parameter} of {function}")
        }
    };
    if distance.holders > 1 {
        let others = distance.holders - 1;
        said += &format!(
            "; {others} other{}, at most {} frames up",
            if others == 1 { "" } else { "s" },
            distance.farthest
        );
    }
    if let Some(start) = distance.without.filter(|_| distance.nearest.is_some()) {
        said += &format!("; none on a way from {start}");
    }
    said
}
