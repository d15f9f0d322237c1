//! The calls of allocators: whether they are anonymous, and how far the owner is.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;
use xenheap_callgraph::Anonymity;
use xenheap_output::{Escaped, word};

use super::{LeftOut, left_out::write_limits};
use crate::Render;

/// The calls of allocators in a graph, or some of them.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct AllocatorCalls<'a> {
    /// What the search for owners does not cover.
    #[serde(skip)]
    pub left_out: LeftOut<'a>,
    /// The calls.
    pub calls: Vec<AllocatorCall<'a>>,
}

/// A call of an allocator.
#[derive(Clone, Debug, Serialize)]
pub struct AllocatorCall<'a> {
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
    /// The allocator.
    pub allocator: &'a str,
    /// Whether the function is gone after boot.
    pub boot_only: bool,
    /// Whether it is charged to nobody.
    pub anonymity: Anonymity,
    /// What that is concluded from.
    pub evidence: &'a str,
    /// What decides, if that depends on a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<&'a str>,
    /// How far the owner is.
    pub owner: OwnerDistance<'a>,
}

/// How far the owner is.
#[derive(Clone, Debug, Serialize)]
pub struct OwnerDistance<'a> {
    /// The nearest frame that holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Holder<'a>>,
    /// Functions that are the first to hold an owner, on one way or another.
    pub holders: usize,
    /// Frames up to the farthest of them.
    pub farthest: u32,
    /// Where a way starts on which nobody holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub without: Option<&'a str>,
}

/// A frame that holds an owner.
#[derive(Clone, Debug, Serialize)]
pub struct Holder<'a> {
    /// The function.
    pub function: &'a str,
    /// The parameter that holds it.
    pub parameter: &'a str,
    /// What the parameter points to.
    pub holds: &'a str,
    /// Frames above the function that the call stands in.
    pub frames: u32,
}

/// Counts first, then a call with three lines.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllocatorCallsText;

impl Render<AllocatorCalls<'_>> for AllocatorCallsText {
    fn render(&self, found: &AllocatorCalls<'_>, out: &mut dyn Write) -> io::Result<()> {
        write_limits(found.left_out.part.as_deref(), out)?;
        counts(&found.calls, out)?;
        found.left_out.write_taken_out("above a call, ", out)?;
        found.calls.iter().try_for_each(|call| one(call, out))
    }
}

fn counts(calls: &[AllocatorCall<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut by_anonymity: BTreeMap<Anonymity, [usize; 4]> = BTreeMap::new();
    for call in calls {
        let [all, itself, above, nobody] = by_anonymity.entry(call.anonymity).or_default();
        *all += 1;
        *match &call.owner.nearest {
            Some(holder) if holder.frames == 0 => itself,
            Some(_) => above,
            None => nobody,
        } += 1;
    }
    for (anonymity, [all, itself, above, nobody]) in by_anonymity {
        writeln!(
            out,
            "// {all} calls are {} anonymous; \
             the owner is at hand in {itself}, further up in {above}, nowhere in {nobody}",
            word(&anonymity)
        )?;
    }
    Ok(())
}

fn one(call: &AllocatorCall<'_>, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", Escaped(call.function))?;
    if let Some(within) = call.within {
        write!(out, " (in {})", Escaped(within))?;
    }
    if let Some(place) = &call.place {
        write!(out, "  {}", Escaped(place))?;
    }
    let at_boot = if call.boot_only { ", at boot only" } else { "" };
    writeln!(out, "  calls {}{at_boot}", Escaped(call.allocator))?;
    let why = call.condition.unwrap_or(call.evidence);
    writeln!(out, "    {} anonymous: {}", word(&call.anonymity), Escaped(why))?;
    writeln!(out, "    owner: {}", Escaped(owner(&call.owner)))
}

fn owner(distance: &OwnerDistance<'_>) -> String {
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
