//! Where each pointer to a function can go: through variables, parameters, results and fields, over
//! all units at once.
//!
//! A field is one place for all structs of its type, an array one for all its elements, and a
//! static variable one for its unit. Calls through pointers are resolved while the solution grows,
//! so that what they hand on goes on too.

mod apply;
mod compare;
mod constants;
mod contexts;
mod helpers;
mod lower;
mod models;
mod program;
mod solve;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_facts::{
    build::Build,
    gimple,
    image::Image,
    types::{Type, TypeId, Types},
};
use xenheap_model::relative;

pub use apply::apply;
pub use program::{Dumps, Known, Program, Routine};

use crate::{Anonymity, Code, Draft, Evidence, Lack, Open, anonymity};
use lower::{Form, IndirectCall, Lowering, Name};
use solve::{Held, Node};

/// A build whose pointers cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the build.
    #[error(transparent)]
    Facts(#[from] xenheap_facts::Error),
    /// A dump.
    #[error(transparent)]
    Gimple(#[from] gimple::Error),
    /// Nothing to follow pointers in.
    #[error("there are no GIMPLE dumps below {}: build with -fdump-tree-gimple-lineno, or let `xenheap graph build` do it", folder.display())]
    NoDumps {
        /// Where they were looked for.
        folder: std::path::PathBuf,
    },
    /// The image's types.
    #[error(transparent)]
    Types(#[from] xenheap_facts::types::Error),
}

/// A function, named so that it can be found in a graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Callee {
    /// Its name.
    pub name: String,
    /// Its unit, as DWARF names it; none for assembly.
    pub unit: Option<String>,
    /// Where its body begins, if it has one of its own.
    pub address: Option<u64>,
    /// What says that it is called.
    pub evidence: Evidence,
}

/// A call through a pointer in the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resolved {
    /// The unit, as DWARF names it; several can have one name.
    pub unit: Option<String>,
    /// Which of them, counted as in [`Types::units`].
    pub unit_index: Option<u32>,
    /// The function that it stands in, which may be inlined elsewhere.
    pub function: String,
    /// File, line and column.
    pub at: Option<(String, u32, u32)>,
    /// Whether it has a call instruction of its own; what exceptions run has none.
    pub synthetic: bool,
    /// What is called, as far as it is known: `struct iommu_ops.map_page`.
    pub target: String,
    /// The functions it can call, sorted.
    pub callees: Vec<Callee>,
    /// Functions that are only of the right type; none unless they were asked for.
    pub fallback: Vec<Callee>,
    /// Why nothing is known, if nothing is.
    pub open: Option<Open>,
}

/// What following all pointers found.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// By unit, function, place.
    pub sites: Vec<Resolved>,
    /// The tables that assembly calls through.
    pub tables: Vec<Table>,
    /// The unit of each function, by where it begins.
    pub units: HashMap<u64, u32>,
    /// For each place that holds functions: how many. Fields and globals only.
    pub places: BTreeMap<String, BTreeSet<String>>,
    /// What was read, and what was not.
    pub counts: BTreeMap<String, u64>,
}

/// A table that assembly calls through.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// What it is for.
    pub mechanism: String,
    /// The functions that call through it.
    pub callers: Vec<String>,
    /// What it holds.
    pub callees: Vec<Callee>,
}

/// Finds the targets of all indirect calls of a graph, from the dumps of its build.
pub fn resolve(draft: &mut Draft, image: &Image, build: &Build, fallback: bool) -> Result<(), Error> {
    let mut dumps = Dumps::read(build)?;
    if dumps.is_empty() {
        return Err(Error::NoDumps { folder: build.folder().to_owned() });
    }
    let mut types = Types::read(image.bytes())?;
    let assembly: Vec<String> = draft
        .functions
        .iter()
        .filter(|function| function.code == Code::Assembly)
        .map(|function| function.name.clone())
        .collect();
    let assembly = || assembly.iter().map(String::as_str);
    let all = Program::new(&dumps, &types, assembly())?;
    let of_others = compare::of_other_sources(&all, &types, draft);
    let replaced: BTreeSet<u32> =
        all.dumps.iter().filter_map(|(unit, object)| of_others.contains(*object).then_some(*unit)).collect();
    // What stands in another source says nothing of this image.
    let program = if of_others.is_empty() {
        all
    } else {
        drop(all);
        dumps.drop_all(&of_others);
        Program::new(&dumps, &types, assembly())?
    };
    let flow = solve(&program, &mut types, image, fallback);
    apply(draft, &flow);
    contexts::add(draft, &program, &types, image, &flow.units);
    anonymity::classify(draft, &program, &flow.units);
    let bare = program.without_dump(&types);
    if !bare.is_empty() {
        weaken(draft);
    }
    for unit in bare {
        let lack = if replaced.contains(&unit) { Lack::OwnDump } else { Lack::Dump };
        let name = types.units.get(unit as usize).cloned().unwrap_or_default();
        draft.facts.lacks.entry(name).or_default().insert(lack);
    }
    Ok(())
}

/// Takes back what holds only if all dumps are there: that nothing is put somewhere, and that every
/// caller passes a domain.
fn weaken(draft: &mut Draft) {
    for site in draft.sites.iter_mut().filter(|site| site.open == Some(Open::NeverSet)) {
        site.open = Some(Open::Unknown);
    }
    for allocation in draft.allocations.iter_mut().filter(|one| one.anonymity == Anonymity::Never) {
        allocation.anonymity = Anonymity::May;
        allocation.condition = Some("what units without a dump pass".to_owned());
    }
}

/// Follows all pointers of a build.
pub fn solve(program: &Program<'_>, types: &mut Types, image: &Image, fallback: bool) -> Flow {
    let mut lowering = Lowering::new(program, types);
    lowering.all();
    let functions = Functions::new(program, lowering.types, image);
    let slots = data(&mut lowering, image, &functions);
    models(&mut lowering, image, &functions);
    run(&mut lowering);
    let mut flow = report(&mut lowering, &functions, &slots, fallback);
    flow.tables = tables(program, lowering.types, image, &functions);
    flow.units =
        types.functions.iter().filter_map(|function| Some((function.address?, function.unit))).collect();
    flow.counts.extend(program.counts.clone());
    flow
}

/// Which functions lie where.
struct Functions {
    by_address: HashMap<u64, Routine>,
    addresses: HashMap<Routine, u64>,
    types: HashMap<Routine, TypeId>,
}

impl Functions {
    fn new(program: &Program<'_>, types: &Types, image: &Image) -> Self {
        let mut functions =
            Functions { by_address: HashMap::new(), addresses: HashMap::new(), types: HashMap::new() };
        for function in &types.functions {
            let Some(id) = program.resolve(Some(function.unit), &function.name) else { continue };
            if program.get(id).is_some_and(|known| known.unit != Some(function.unit)) {
                continue;
            }
            functions.types.insert(id, function.ty);
            if let Some(address) = function.address {
                functions.by_address.insert(address, id);
                functions.addresses.entry(id).or_insert(address);
            }
        }
        for symbol in image.code() {
            if let Some(id) = program.resolve(None, &symbol.name)
                && program.get(id).is_some_and(|known| known.body.is_none())
            {
                functions.by_address.entry(symbol.address).or_insert(id);
                functions.addresses.entry(id).or_insert(symbol.address);
            }
        }
        functions
    }

    /// The functions whose addresses lie between two addresses.
    fn between(&self, image: &Image, first: u64, end: u64) -> Vec<Routine> {
        let words = (first.next_multiple_of(8)..end).step_by(8);
        words.filter_map(|address| self.by_address.get(&image.word(address)?).copied()).collect()
    }
}

/// Puts the functions that the image's data holds into the places that they lie in.
fn data(lowering: &mut Lowering<'_, '_>, image: &Image, functions: &Functions) -> BTreeSet<(Node, Routine)> {
    let mut slots = BTreeSet::new();
    let mut found = Vec::new();
    for section in image.sections().iter().filter(|section| !section.executable) {
        for address in (section.range.start.next_multiple_of(8)..section.range.end).step_by(8) {
            if let Some(routine) = image.word(address).and_then(|word| functions.by_address.get(&word)) {
                found.push((address, *routine));
            }
        }
    }
    let mut unplaced = 0;
    let count = found.len() as u64;
    for (address, routine) in found {
        let Some(nodes) = places(lowering, address, routine) else {
            unplaced += 1;
            continue;
        };
        for node in nodes {
            lowering.stored.insert(node);
            lowering.solver.add(node, [Held::Function(routine)]);
            slots.insert((node, routine));
        }
    }
    lowering.unplaced = unplaced;
    lowering.words = count;
    slots
}

/// What lies at an address of the data. What no dump mentions is kept aside: nothing calls through
/// it.
fn places(lowering: &mut Lowering<'_, '_>, address: u64, held: Routine) -> Option<Vec<Node>> {
    let types = &*lowering.types;
    let after = types.variables.partition_point(|variable| variable.address <= address);
    let last = after.checked_sub(1).and_then(|index| types.variables.get(index))?;
    let start = last.address;
    let candidates =
        types.variables.iter().take(after).rev().take_while(|variable| variable.address == start);
    let mut names: Vec<(Option<u32>, Option<String>, String, TypeId)> = Vec::new();
    for variable in candidates {
        let own = (!variable.external).then_some(variable.unit);
        names.push((own, variable.function.clone(), variable.name.clone(), variable.ty));
    }
    let mut nodes = Vec::new();
    let mut known = false;
    for (own, function, name, ty) in names {
        let Some(fields) = lowering.types.fields_at(ty, address - start) else { continue };
        known = true;
        if fields.is_empty() {
            let Some(mentioned) = lowering.mentioned(&name) else {
                lowering.idle.push((name, held));
                continue;
            };
            let routine = function.and_then(|function| lowering.program.resolve(own, &function));
            nodes.push(match routine {
                Some(routine) => lowering.node(Name::Static(routine, mentioned)),
                None => lowering.node(Name::Global(own, mentioned)),
            });
        }
        for (owner, field) in fields {
            match lowering.mentioned(&field) {
                Some(mentioned) => nodes.push(lowering.node(Name::Field(owner, mentioned))),
                None => {
                    let of = lowering.types.structure(owner).and_then(|found| found.name.as_deref());
                    lowering.idle.push((format!("struct {}.{field}", of.unwrap_or("(unnamed)")), held));
                }
            }
        }
    }
    known.then_some(nodes)
}

/// What no pointer in C leads to.
fn models(lowering: &mut Lowering<'_, '_>, image: &Image, functions: &Functions) {
    for collected in &models::COLLECTED {
        let (Some(first), Some(end)) = (image.mark(collected.first), image.mark(collected.end)) else {
            continue;
        };
        let node = lowering.node(Name::Global(None, collected.first));
        lowering.modelled.insert(node, collected.mechanism);
        let held: Vec<_> = functions.between(image, first, end).into_iter().map(Held::Function).collect();
        lowering.solver.add(node, held);
    }
    let raised = lowering.node(Name::RunInException);
    lowering.modelled.insert(raised, "run-in-exception");
    let sites: Vec<Node> = lowering
        .indirect
        .iter()
        .filter(|call| {
            lowering
                .program
                .get(call.caller)
                .is_some_and(|known| models::RUNS_BUG_FRAMES.contains(&known.name))
        })
        .map(|call| call.callee)
        .collect();
    for site in sites {
        lowering.solver.copy(raised, site);
    }
}

fn run(lowering: &mut Lowering<'_, '_>) {
    // The nodes of all parameters and results that a call through a pointer may bind.
    let program = lowering.program;
    let mut bound: HashMap<Routine, (Vec<Node>, Node)> = HashMap::new();
    for (id, known) in (0..).map(Routine).zip(&program.functions) {
        let parameters = known.body.iter().flat_map(|body| &body.parameters);
        let parameters = parameters.map(|parameter| lowering.node(Name::Local(id, parameter.name))).collect();
        bound.insert(id, (parameters, lowering.node(Name::Result(id))));
    }
    let mut solver = std::mem::take(&mut lowering.solver);
    let names = &mut lowering.names;
    let mut fresh = || {
        let node = Node(u32::try_from(names.len()).unwrap_or(u32::MAX));
        names.push(Name::Between(node.0));
        node
    };
    let nothing = Node(u32::MAX - 1);
    solver.run(&|routine| bound.get(&routine).cloned().unwrap_or((Vec::new(), nothing)), &mut fresh);
    lowering.solver = solver;
}

fn report(
    lowering: &mut Lowering<'_, '_>,
    functions: &Functions,
    slots: &BTreeSet<(Node, Routine)>,
    fallback: bool,
) -> Flow {
    let mut flow = Flow::default();
    let program = lowering.program;
    let types = &*lowering.types;
    let callee = |routine: Routine, evidence: Evidence| {
        let known = program.get(routine)?;
        Some(Callee {
            name: known.name.to_owned(),
            unit: known.unit.and_then(|unit| types.units.get(unit as usize)).cloned(),
            address: functions.addresses.get(&routine).copied(),
            evidence,
        })
    };
    let described = |caller: Routine, at: Option<gimple::At<'_>>| {
        let known = program.get(caller);
        let unit =
            known.and_then(|known| known.unit).and_then(|unit| types.units.get(unit as usize)).cloned();
        let at = at.map(|at| (relative(at.file, None), at.line, at.column));
        (
            (unit, known.and_then(|known| known.unit)),
            known.map(|known| known.name.to_owned()).unwrap_or_default(),
            at,
        )
    };
    let mut taken: BTreeSet<Routine> = BTreeSet::new();
    for node in (0..u32::try_from(lowering.names.len()).unwrap_or(u32::MAX)).map(Node) {
        for held in lowering.solver.held(node) {
            if let Held::Function(routine) = held {
                taken.insert(routine);
            }
        }
    }
    let mut by_type: HashMap<TypeId, Vec<Routine>> = HashMap::new();
    for routine in &taken {
        if let Some(ty) = functions.types.get(routine) {
            by_type.entry(*ty).or_default().push(*routine);
        }
    }
    for call in &lowering.indirect {
        let ((unit, unit_index), function, at) = described(call.caller, call.at);
        let modelled = lowering.modelled.contains_key(&call.callee)
            || call
                .origin
                .and_then(|origin| lowering.nodes.get(&origin))
                .is_some_and(|node| lowering.modelled.contains_key(node))
            || models::RUNS_BUG_FRAMES.contains(&function.as_str())
            || lowering.is_modelled(call.callee);
        let origin = call.origin.and_then(|origin| lowering.nodes.get(&origin)).copied();
        let mut callees: Vec<Callee> = lowering
            .solver
            .held(call.callee)
            .filter_map(|held| match held {
                Held::Function(routine) => {
                    let slot = call.form == Form::Alternative
                        && origin.is_some_and(|origin| slots.contains(&(origin, routine)));
                    let evidence = if modelled {
                        Evidence::Model
                    } else if slot {
                        Evidence::Slot
                    } else {
                        Evidence::Flow
                    };
                    callee(routine, evidence)
                }
                Held::Address(_) => None,
            })
            .collect();
        callees.sort();
        callees.dedup();
        let mut target = target(lowering, call);
        let mut open = callees.is_empty().then(|| why(lowering, call, unit.as_deref(), &target));
        if let Some(stub) = stub(call, unit.as_deref()).filter(|_| callees.is_empty()) {
            let named = |name: &&str| callee(program.resolve(None, name)?, Evidence::Model);
            callees = stub.calls.iter().filter_map(named).collect();
            stub.what.clone_into(&mut target);
            open = None;
        }
        let mut guesses = Vec::new();
        if fallback && open.is_some() {
            let ty = call.ty.and_then(|ty| match types.get(ty) {
                Type::Pointer(inner) => Some(*inner),
                _ => None,
            });
            guesses = ty
                .and_then(|ty| by_type.get(&ty))
                .into_iter()
                .flatten()
                .filter_map(|routine| callee(*routine, Evidence::Type))
                .collect();
            guesses.sort();
        }
        flow.sites.push(Resolved {
            unit,
            unit_index,
            function,
            at,
            synthetic: false,
            target,
            callees,
            fallback: guesses,
            open,
        });
    }
    for raised in &lowering.raised {
        let ((unit, unit_index), function, at) = described(raised.caller, raised.at);
        let held = lowering.solver.held(raised.callee);
        let mut callees: Vec<Callee> = held
            .filter_map(|held| {
                if let Held::Function(routine) = held { callee(routine, Evidence::Model) } else { None }
            })
            .collect();
        callees.sort();
        let target = "run_in_exception_handler".to_owned();
        flow.sites.push(Resolved {
            unit,
            unit_index,
            function,
            at,
            synthetic: true,
            target,
            callees,
            fallback: Vec::new(),
            open: None,
        });
    }
    flow.sites.sort();
    flow.sites.dedup();
    for (name, node) in &lowering.nodes {
        if !matches!(name, Name::Field(..) | Name::Global(..) | Name::Static(..) | Name::SomeField(_)) {
            continue;
        }
        let held: BTreeSet<String> = lowering
            .solver
            .held(*node)
            .filter_map(|held| {
                if let Held::Function(routine) = held {
                    Some(program.get(routine)?.name.to_owned())
                } else {
                    None
                }
            })
            .collect();
        if !held.is_empty() {
            flow.places.entry(show(lowering, *name)).or_default().extend(held);
        }
    }
    for (place, routine) in &lowering.idle {
        let name = program.get(*routine).map(|known| known.name.to_owned());
        flow.places.entry(place.clone()).or_default().extend(name);
    }
    flow.counts.insert("function addresses in data".to_owned(), lowering.words);
    flow.counts.insert("function addresses in data without a variable".to_owned(), lowering.unplaced);
    flow.counts.insert("fields of an unknown struct".to_owned(), lowering.untyped);
    flow
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

/// What the tables hold that assembly calls through.
fn tables(program: &Program<'_>, types: &Types, image: &Image, functions: &Functions) -> Vec<Table> {
    let mut found = Vec::new();
    for table in &models::ASSEMBLY_TABLES {
        let Some(start) = image.mark(table.table) else { continue };
        // It ends where a word is neither a function's address nor null.
        let mut callees = BTreeSet::new();
        for address in (start..).step_by(8) {
            let Some(word) = image.word(address) else { break };
            match functions.by_address.get(&word) {
                Some(routine) => {
                    let Some(known) = program.get(*routine) else { continue };
                    callees.insert(Callee {
                        name: known.name.to_owned(),
                        unit: known.unit.and_then(|unit| types.units.get(unit as usize)).cloned(),
                        address: functions.addresses.get(routine).copied(),
                        evidence: Evidence::Model,
                    });
                }
                None if word == 0 => {}
                None => break,
            }
        }
        let callers = table.callers.iter().map(|name| (*name).to_owned()).collect();
        found.push(Table {
            mechanism: table.mechanism.to_owned(),
            callers,
            callees: callees.into_iter().collect(),
        });
    }
    found
}
