//! The indirect calls, what each can call, and why some are open.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_callgraph::{Certainty, Evidence, Open, SiteKind};
use xenheap_output::Escaped;

use super::left_out::write_limits;
use crate::Render;

/// The indirect calls of a graph, or some of them.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct IndirectCalls<'a> {
    /// What the graph is a part of, if it is not whole.
    #[serde(skip)]
    pub part: Option<String>,
    /// The calls.
    pub calls: Vec<IndirectCall<'a>>,
}

/// An indirect call.
#[derive(Clone, Debug, Serialize)]
pub struct IndirectCall<'a> {
    /// The function in the source that it stands in.
    pub function: &'a str,
    /// The function whose machine code it is in, if that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<&'a str>,
    /// Where in the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Where in the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How it calls.
    pub kind: SiteKind,
    /// The place that the pointer comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<&'a str>,
    /// Why not all of its targets are known, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<Open>,
    /// What it can call.
    pub targets: Vec<Target<'a>>,
}

/// What an indirect call can call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Target<'a> {
    /// The function.
    pub function: &'a str,
    /// The unit that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'a str>,
    /// What says so.
    pub evidence: Evidence,
    /// How sure that is.
    pub certainty: Certainty,
}

/// A call a line, with its targets below.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndirectCallsText;

impl Render<IndirectCalls<'_>> for IndirectCallsText {
    fn render(&self, found: &IndirectCalls<'_>, out: &mut dyn Write) -> io::Result<()> {
        write_limits(found.part.as_deref(), out)?;
        for call in &found.calls {
            write!(out, "{}", Escaped(call.function))?;
            if let Some(within) = call.within {
                write!(out, " (in {})", Escaped(within))?;
            }
            if let Some(place) = &call.place {
                write!(out, "  {}", Escaped(place))?;
            }
            if let Some(through) = call.through {
                write!(out, "  through {}", Escaped(through))?;
            }
            if let Some(open) = call.open {
                write!(out, "  open: {}", reason(open))?;
            }
            writeln!(out)?;
            for target in &call.targets {
                let unit = target.unit.map_or(String::new(), |unit| format!("{unit}:"));
                let name = format!("{unit}{}", target.function);
                writeln!(out, "    {}  ({})", Escaped(name), evidence(target.evidence))?;
            }
        }
        Ok(())
    }
}

/// Why a site is open.
pub(super) fn reason(open: Open) -> &'static str {
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
