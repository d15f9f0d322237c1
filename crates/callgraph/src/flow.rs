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
mod functions;
mod helpers;
mod lower;
mod models;
mod report;
mod solve;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_facts::{
    build::Build,
    image::Image,
    types::{TypeId, Types},
};

pub use apply::apply;

use crate::{
    Anonymity, Code, Draft, Evidence, Lack, Open, anonymity,
    program::{Dumps, Program, Routine},
};
use functions::Functions;
use lower::{Lowering, Name};
use solve::{Held, Node};

/// A build whose pointers cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The dumps of the build.
    #[error(transparent)]
    Program(#[from] crate::program::Error),
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
    let mut flow = report::report(&lowering, &functions, &slots, fallback);
    flow.tables = functions.tables(program, lowering.types, image);
    flow.units =
        types.functions.iter().filter_map(|function| Some((function.address?, function.unit))).collect();
    flow.counts.extend(program.counts.clone());
    flow
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
