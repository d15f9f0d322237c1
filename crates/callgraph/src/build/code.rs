//! The call sites of an image.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rayon::prelude::*;
use xenheap_facts::{
    decode::{self, Decoder, End, Handed, Target, Transfer},
    dwarf::{Body, Debug},
    image::Image,
};

use super::functions::{Functions, location};
use crate::{
    draft::Draft,
    graph::{
        Certainty, Code as Written, Edge, Evidence, FunctionId, InlinedFrame, Location, Open, Site, SiteId,
        SiteKind,
    },
};

/// Adds all sites, and the edges of those whose target is an address. Returns the variables that
/// are called through.
pub(super) fn add(
    draft: &mut Draft,
    image: &Image,
    debug: &Debug,
    functions: &mut Functions,
) -> BTreeMap<u64, u64> {
    for function in &mut draft.functions {
        function.noreturn |= function.code == Written::Assembly && debug.noreturn.contains(&function.name);
    }
    let decoder = Decoder::new(image);
    draft.count("image.alternative-calls", decoder.alternative_calls() as u64);
    let decoded: Vec<decode::Code> =
        functions.pieces.par_iter().map(|(range, _)| decoder.code(range.clone())).collect();
    let handed: Vec<Handed> = decoded.iter().flat_map(|code| &code.handed).copied().collect();
    let bodies = bodies(debug);
    let mut slots = BTreeMap::new();
    let pieces = functions.pieces.clone();
    for ((range, id), code) in pieces.into_iter().zip(decoded) {
        draft.count("image.bytes-of-no-instruction", code.unknown);
        draft.count("image.switches", code.switches);
        let Some(function) = draft.functions.get(index(id.0)) else { continue };
        if decode::stands_for_an_instruction(&function.name) {
            continue;
        }
        let written = function.code;
        let registers: BTreeMap<u64, usize> = code.registers.iter().copied().collect();
        let transfers = with_out_of_line(draft, image, functions, &decoder, code.transfers);
        for transfer in transfers {
            let Some((kind, target)) = understood(draft, image, functions, id, &transfer) else { continue };
            if let Target::Alternative(slot) | Target::Slot(slot) = transfer.target {
                slots.insert(transfer.address, slot);
            }
            let (place, inlined) =
                around(draft, debug, functions, &bodies, range.start, id, transfer.address);
            let site = draft.site(Site {
                caller: id,
                address: Some(transfer.address),
                location: place,
                kind,
                inlined,
                target: None,
                open: target.is_none().then_some(Open::Unknown),
            });
            if let Some(callee) = target {
                draft.edges.push(Edge {
                    site,
                    callee,
                    evidence: Evidence::Image,
                    certainty: Certainty::Certain,
                });
            } else if let Some(register) = registers.get(&transfer.address)
                && written == Written::Assembly
            {
                let here =
                    handed.iter().filter(|handed| handed.register == *register && range.contains(&handed.to));
                handed_on(draft, image, functions, site, here);
            }
        }
        let falls = match code.end {
            End::Stops => false,
            End::Falls => true,
            End::AfterCall(callee) => {
                !functions.at(callee).is_some_and(|callee| comes_not_back(draft, callee))
            }
        };
        if written == Written::Assembly && falls {
            fall(draft, functions, id, range.end);
        }
    }
    for (alias, address) in functions.aliases.clone() {
        fall(draft, functions, alias, address);
    }
    slots
}

/// The transfers of a function, and those of the code that it jumps to and that is no function's.
/// Jumps of the latter back into the function stay in it.
fn with_out_of_line(
    draft: &mut Draft,
    image: &Image,
    functions: &Functions,
    decoder: &Decoder<'_>,
    mut transfers: Vec<Transfer>,
) -> Vec<Transfer> {
    let mut seen = BTreeSet::new();
    let mut at = 0;
    while let Some(transfer) = transfers.get(at).copied() {
        at += 1;
        let Target::Direct(to) = transfer.target else { continue };
        let Some(section) = image.section_at(to).filter(|section| section.executable) else { continue };
        if transfer.call || functions.at(to).is_some() || seen.len() >= OUT_OF_LINE {
            continue;
        }
        at -= 1;
        transfers.remove(at);
        if seen.insert(to) {
            let next = functions.pieces.partition_point(|(range, _)| range.start <= to);
            let end = functions.pieces.get(next).map_or(section.range.end, |(range, _)| range.start);
            transfers.extend(decoder.out_of_line(to..end.min(section.range.end)).transfers);
            draft.count("image.pieces-out-of-line", 1);
        }
    }
    transfers
}

/// No function has more pieces out of line than this.
const OUT_OF_LINE: usize = 256;

/// Assembly jumps to where the function says that jumped to it.
fn handed_on<'a>(
    draft: &mut Draft,
    image: &Image,
    functions: &Functions,
    site: SiteId,
    handed: impl Iterator<Item = &'a Handed>,
) {
    let callees = handed.filter_map(|handed| functions.at(image.word(handed.slot)?));
    for callee in callees {
        draft.edges.push(Edge { site, callee, evidence: Evidence::Slot, certainty: Certainty::Resolved });
        if let Some(site) = draft.sites.get_mut(index(site.0)) {
            site.target = Some("what the function that jumps there has put in a register".to_owned());
            site.open = None;
        }
    }
}

fn comes_not_back(draft: &Draft, id: FunctionId) -> bool {
    draft.functions.get(index(id.0)).is_some_and(|function| function.noreturn)
}

/// Control runs from one function into the one at an address, if there is one.
fn fall(draft: &mut Draft, functions: &Functions, caller: FunctionId, to: u64) {
    let Some(callee) = functions.at(to).filter(|callee| *callee != caller) else { return };
    let site = draft.site(Site {
        caller,
        address: Some(to),
        location: None,
        kind: SiteKind::Fall,
        inlined: Vec::new(),
        target: None,
        open: None,
    });
    draft.edges.push(Edge { site, callee, evidence: Evidence::Image, certainty: Certainty::Certain });
}

/// What kind of site an instruction is, and which function it calls, if it says so. Nothing for
/// what stays in the function.
fn understood(
    draft: &mut Draft,
    image: &Image,
    functions: &Functions,
    caller: FunctionId,
    transfer: &Transfer,
) -> Option<(SiteKind, Option<FunctionId>)> {
    let address = match transfer.target {
        Target::Computed => return Some((SiteKind::Indirect, None)),
        Target::Alternative(_) => return Some((SiteKind::Alternative, None)),
        // A literal among the code is a constant.
        Target::Slot(slot) if image.is_code(slot) => image.word(slot)?,
        Target::Slot(_) => return Some((SiteKind::Indirect, None)),
        Target::Direct(address) => address,
    };
    let Some(callee) = functions.at(address) else {
        draft.count("image.calls-of-no-function", 1);
        return None;
    };
    if callee == caller && !(transfer.call && is_start(functions, address)) {
        return None;
    }
    Some((if transfer.call { SiteKind::Call } else { SiteKind::Tail }, Some(callee)))
}

fn is_start(functions: &Functions, address: u64) -> bool {
    functions.pieces.binary_search_by_key(&address, |(range, _)| range.start).is_ok()
}

/// Each range of code with its unit, function and body, by where it begins.
type Bodies<'a> = HashMap<u64, (u32, &'a Body)>;

fn bodies(debug: &Debug) -> Bodies<'_> {
    let mut bodies = HashMap::new();
    for (at, unit) in (0..).zip(&debug.units) {
        for body in unit.functions.iter().flat_map(|function| &function.bodies) {
            for range in &body.ranges {
                bodies.entry(range.start).or_insert((at, body));
            }
        }
    }
    bodies
}

/// Where in the source an instruction is, and what is inlined around it.
fn around(
    draft: &mut Draft,
    debug: &Debug,
    functions: &mut Functions,
    bodies: &Bodies<'_>,
    start: u64,
    caller: FunctionId,
    address: u64,
) -> (Option<Location>, Vec<InlinedFrame>) {
    let body = bodies.get(&start);
    let unit = match body {
        Some((at, _)) => debug.units.get(index(*at)).map(|unit| (*at, unit)),
        None => debug.unit_at(address),
    };
    let Some((at, unit)) = unit else { return (None, Vec::new()) };
    let place = unit.line(address).and_then(|at| location(unit, at));
    let mut frames = Vec::new();
    let mut outer = caller;
    for inlined in body.map(|(_, body)| body.inlined_at(address)).unwrap_or_default() {
        let Some(function) = functions.of_debug(draft, at, unit, inlined.function) else { continue };
        // gcc splits a function and may inline one part into the other: the source has one.
        if function != outer {
            frames.push(InlinedFrame { function, location: inlined.call.and_then(|at| location(unit, at)) });
            outer = function;
        }
    }
    (place, frames)
}

pub(super) fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
