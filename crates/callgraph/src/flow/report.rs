//! What is known of each call once all pointers are followed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_facts::{
    gimple,
    types::{Type, TypeId},
};
use xenheap_model::relative;

use super::{
    Callee, Flow, Resolved,
    functions::Functions,
    lower::{Form, IndirectCall, Lowering, Name, Raised},
    models,
    solve::{Held, Node},
};
use crate::{Evidence, Open, program::Routine};

/// Everything that was found, of a lowered program whose pointers were followed. `slots`: which
/// function the image's data holds in which place. `fallback`: whether calls without targets get
/// the functions of their type.
pub(super) fn report(
    lowering: &Lowering<'_, '_>,
    functions: &Functions,
    slots: &BTreeSet<(Node, Routine)>,
    fallback: bool,
) -> Flow {
    let by_type = if fallback { taken_by_type(lowering, functions) } else { HashMap::new() };
    let reporter = Reporter { lowering, functions, slots, by_type };
    let indirect = lowering.indirect.iter().map(|call| reporter.indirect(call));
    let mut sites: Vec<Resolved> =
        indirect.chain(lowering.raised.iter().map(|raised| reporter.raised(raised))).collect();
    sites.sort();
    sites.dedup();
    let counts = [
        ("function addresses in data", lowering.words),
        ("function addresses in data without a variable", lowering.unplaced),
        ("fields of an unknown struct", lowering.untyped),
    ];
    Flow {
        sites,
        places: reporter.places(),
        counts: counts.into_iter().map(|(what, count)| (what.to_owned(), count)).collect(),
        ..Flow::default()
    }
}

/// The functions whose address is taken, by their types.
fn taken_by_type(lowering: &Lowering<'_, '_>, functions: &Functions) -> HashMap<TypeId, Vec<Routine>> {
    let nodes = (0..u32::try_from(lowering.names.len()).unwrap_or(u32::MAX)).map(Node);
    let taken: BTreeSet<Routine> =
        nodes.flat_map(|node| lowering.solver.held(node)).filter_map(function).collect();
    let mut by_type: HashMap<TypeId, Vec<Routine>> = HashMap::new();
    for routine in taken {
        if let Some(ty) = functions.types.get(&routine) {
            by_type.entry(*ty).or_default().push(routine);
        }
    }
    by_type
}

/// The function that a place holds, if it is one.
fn function(held: Held) -> Option<Routine> {
    match held {
        Held::Function(routine) => Some(routine),
        Held::Address(_) => None,
    }
}

/// Where a call stands in the source.
struct Caller {
    unit: Option<String>,
    unit_index: Option<u32>,
    function: String,
    at: Option<(String, u32, u32)>,
}

struct Reporter<'r, 'a, 't> {
    lowering: &'r Lowering<'a, 't>,
    functions: &'r Functions,
    slots: &'r BTreeSet<(Node, Routine)>,
    /// Empty, unless calls without targets get the functions of their type.
    by_type: HashMap<TypeId, Vec<Routine>>,
}

impl Reporter<'_, '_, '_> {
    fn callee(&self, routine: Routine, evidence: Evidence) -> Option<Callee> {
        self.functions.callee(self.lowering.program, self.lowering.types, routine, evidence)
    }

    fn caller(&self, caller: Routine, at: Option<gimple::At<'_>>) -> Caller {
        let known = self.lowering.program.get(caller);
        let unit_index = known.and_then(|known| known.unit);
        let units = &self.lowering.types.units;
        Caller {
            unit: unit_index.and_then(|unit| units.get(unit as usize)).cloned(),
            unit_index,
            function: known.map(|known| known.name.to_owned()).unwrap_or_default(),
            at: at.map(|at| (relative(at.file, None), at.line, at.column)),
        }
    }

    /// A call through a pointer.
    fn indirect(&self, call: &IndirectCall<'_>) -> Resolved {
        let Caller { unit, unit_index, function, at } = self.caller(call.caller, call.at);
        let mut callees = self.callees(call, &function);
        let mut target = target(self.lowering, call);
        let mut open = callees.is_empty().then(|| why(self.lowering, call, unit.as_deref(), &target));
        if let Some(stub) = stub(call, unit.as_deref()).filter(|_| callees.is_empty()) {
            let program = self.lowering.program;
            let named = |name: &&str| self.callee(program.resolve(None, name)?, Evidence::Model);
            callees = stub.calls.iter().filter_map(named).collect();
            stub.what.clone_into(&mut target);
            open = None;
        }
        let fallback = if open.is_some() { self.of_type(call) } else { Vec::new() };
        Resolved { unit, unit_index, function, at, synthetic: false, target, callees, fallback, open }
    }

    /// What a call can reach, sorted.
    fn callees(&self, call: &IndirectCall<'_>, function_name: &str) -> Vec<Callee> {
        let lowering = self.lowering;
        let origin = call.origin.and_then(|origin| lowering.nodes.get(&origin)).copied();
        let modelled = lowering.modelled.contains_key(&call.callee)
            || origin.is_some_and(|node| lowering.modelled.contains_key(&node))
            || models::RUNS_BUG_FRAMES.contains(&function_name)
            || lowering.is_modelled(call.callee);
        let evidence = |routine: Routine| {
            let slot = call.form == Form::Alternative
                && origin.is_some_and(|origin| self.slots.contains(&(origin, routine)));
            match (modelled, slot) {
                (true, _) => Evidence::Model,
                (false, true) => Evidence::Slot,
                (false, false) => Evidence::Flow,
            }
        };
        let held = lowering.solver.held(call.callee).filter_map(function);
        let mut callees: Vec<Callee> =
            held.filter_map(|routine| self.callee(routine, evidence(routine))).collect();
        callees.sort();
        callees.dedup();
        callees
    }

    /// The functions that are of the type of a call, sorted.
    fn of_type(&self, call: &IndirectCall<'_>) -> Vec<Callee> {
        let ty = call.ty.and_then(|ty| match self.lowering.types.get(ty) {
            Type::Pointer(inner) => Some(*inner),
            _ => None,
        });
        let routines = ty.and_then(|ty| self.by_type.get(&ty)).into_iter().flatten();
        let mut found: Vec<Callee> =
            routines.filter_map(|routine| self.callee(*routine, Evidence::Type)).collect();
        found.sort();
        found
    }

    /// What an exception runs.
    fn raised(&self, raised: &Raised<'_>) -> Resolved {
        let Caller { unit, unit_index, function: caller, at } = self.caller(raised.caller, raised.at);
        let held = self.lowering.solver.held(raised.callee).filter_map(function);
        let mut callees: Vec<Callee> =
            held.filter_map(|routine| self.callee(routine, Evidence::Model)).collect();
        callees.sort();
        Resolved {
            unit,
            unit_index,
            function: caller,
            at,
            synthetic: true,
            target: "run_in_exception_handler".to_owned(),
            callees,
            fallback: Vec::new(),
            open: None,
        }
    }

    /// The functions that fields and variables hold, by the names of these.
    fn places(&self) -> BTreeMap<String, BTreeSet<String>> {
        let program = self.lowering.program;
        let name_of = |routine: Routine| program.get(routine).map(|known| known.name.to_owned());
        let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, node) in &self.lowering.nodes {
            let is_place =
                matches!(name, Name::Field(..) | Name::Global(..) | Name::Static(..) | Name::SomeField(_));
            if !is_place {
                continue;
            }
            let held = self.lowering.solver.held(*node).filter_map(function);
            let held: BTreeSet<String> = held.filter_map(name_of).collect();
            if !held.is_empty() {
                places.entry(show(self.lowering, *name)).or_default().extend(held);
            }
        }
        for (place, routine) in &self.lowering.idle {
            places.entry(place.clone()).or_default().extend(name_of(*routine));
        }
        places
    }
}

fn show(lowering: &Lowering<'_, '_>, name: Name<'_>) -> String {
    let function = |routine: Routine| lowering.program.get(routine).map_or("", |known| known.name);
    match name {
        Name::Field(id, field) => {
            let name = lowering.types.structure(id).and_then(|found| found.name.as_deref());
            format!("struct {}.{field}", name.unwrap_or("(unnamed)"))
        }
        Name::SomeField(field) => format!("(unknown).{field}"),
        Name::Global(_, name) => name.to_owned(),
        Name::Static(routine, name) => format!("{}.{name}", function(routine)),
        Name::Local(routine, name) => {
            let body = lowering.program.get(routine).and_then(|known| known.body.as_ref());
            let parameter =
                body.is_some_and(|body| body.parameters.iter().any(|parameter| parameter.name == name));
            if parameter { format!("{name} (parameter)") } else { format!("{name} (variable)") }
        }
        Name::Result(routine) => format!("what {} returns", function(routine)),
        Name::RunInException | Name::Raised(_) => "run_in_exception_handler".to_owned(),
        Name::Between(_) => "a value".to_owned(),
    }
}

/// The stub that is called, if it is one.
fn stub(call: &IndirectCall<'_>, unit: Option<&str>) -> Option<&'static models::Stub> {
    let (Name::Field(_, through) | Name::Local(_, through)) = call.origin? else { return None };
    models::STUBS
        .iter()
        .find(|stub| stub.through == through && unit.is_some_and(|unit| unit.starts_with(stub.units)))
}

fn target(lowering: &Lowering<'_, '_>, call: &IndirectCall<'_>) -> String {
    let name = call.origin.or_else(|| lowering.names.get(call.callee.0 as usize).copied());
    name.map(|name| show(lowering, name)).unwrap_or_default()
}

/// Why a call has no targets.
fn why(lowering: &Lowering<'_, '_>, call: &IndirectCall<'_>, unit: Option<&str>, target: &str) -> Open {
    let structure = target.strip_prefix("struct ").unwrap_or_default();
    if structure.starts_with("EFI_")
        || structure.starts_with("_EFI")
        || unit.is_some_and(|unit| unit.contains("/efi/"))
    {
        return Open::Firmware;
    }
    if structure.starts_with("livepatch")
        || structure.starts_with("payload")
        || unit.is_some_and(|unit| unit.ends_with("/livepatch.c"))
    {
        return Open::Loaded;
    }
    // A named place holds nothing because nothing is put there; what a call reads from elsewhere
    // was not understood.
    match (call.form, call.origin) {
        (Form::Asm, _) => Open::Assembly,
        (_, Some(Name::Field(..) | Name::Global(..) | Name::Static(..))) => Open::NeverSet,
        (_, Some(Name::Local(routine, name))) if is_parameter(lowering, routine, name) => Open::NeverSet,
        _ if lowering.is_modelled(call.callee) => Open::NeverSet,
        _ => Open::Unknown,
    }
}

fn is_parameter(lowering: &Lowering<'_, '_>, routine: Routine, name: &str) -> bool {
    let body = lowering.program.get(routine).and_then(|known| known.body.as_ref());
    body.is_some_and(|body| body.parameters.iter().any(|parameter| parameter.name == name))
}
