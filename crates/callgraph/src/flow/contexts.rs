//! Where callers hand a constant table down, what is called through it is told apart by the table:
//! a function with such a parameter gets a context for each table that it is called with, and its
//! calls say in which contexts they are possible.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_facts::{image::Image, types::Types};

use super::{
    constants::{Constant, Constants, Given, Through, join},
    functions::Functions,
};
use crate::{
    Certainty, Code, Context, ContextId, Draft, FunctionId, Location, SiteId, SiteKind, Way,
    program::{Program, Routine},
};

/// A function that is called with more tables than this is not told apart.
const MOST: usize = 64;

/// What the parameters of a function that matter are, as far as it is known.
type Binding<'t> = BTreeMap<usize, BTreeSet<Constant<'t>>>;

/// A call that is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    site: SiteId,
    callee: FunctionId,
}

/// Adds the contexts to a graph whose indirect calls are resolved, and takes out the calls that are
/// possible in none.
pub(super) fn add(
    draft: &mut Draft,
    program: &Program<'_>,
    types: &Types,
    image: &Image,
    units: &HashMap<u64, u32>,
) {
    let functions = Functions::new(program, types, image);
    let constants = Constants::new(program, types, image, &functions);
    let found = Finder::new(draft, program, &constants, &functions, units).find();
    for (node, says) in &found.named {
        draft.contexts.push(Context {
            function: *node,
            says: says.clone(),
            closed: !found.open.contains(node),
        });
    }
    draft.ways.extend(found.ways.iter().copied());
    let before = draft.edges.len();
    draft.edges.retain(|edge| {
        edge.certainty != Certainty::Resolved
            || !found.impossible.contains(&Call { site: edge.site, callee: edge.callee })
    });
    draft.count("contexts", found.named.len() as u64);
    draft.count("calls that no table allows", (before - draft.edges.len()) as u64);
}

/// What was found.
#[derive(Default)]
struct Found {
    /// By position.
    named: Vec<(FunctionId, String)>,
    /// Functions that are also called without a known table.
    open: BTreeSet<FunctionId>,
    ways: BTreeSet<Way>,
    impossible: BTreeSet<Call>,
}

/// The functions of the source around a call: the outermost is the one whose machine code it is in.
type Chain<'d> = Vec<(Routine, Option<&'d Location>)>;

struct Finder<'d, 'c, 't> {
    draft: &'d Draft,
    program: &'c Program<'t>,
    constants: &'c Constants<'c, 't>,
    functions: &'c Functions,
    chains: Vec<Option<Chain<'d>>>,
    by_address: HashMap<u64, FunctionId>,
    routines: HashMap<FunctionId, Routine>,
    /// The calls of each function, each once.
    calls: BTreeMap<FunctionId, Vec<Call>>,
    /// What calls through pointers go through, seen from the function whose machine code it is.
    through: HashMap<SiteId, Through<'t>>,
    /// Parameters that decide what a function, or what it calls, calls.
    matter: BTreeMap<FunctionId, BTreeSet<usize>>,
}

impl<'d, 'c, 't> Finder<'d, 'c, 't> {
    fn new(
        draft: &'d Draft,
        program: &'c Program<'t>,
        constants: &'c Constants<'c, 't>,
        functions: &'c Functions,
        units: &HashMap<u64, u32>,
    ) -> Self {
        let mut finder = Finder {
            draft,
            program,
            constants,
            functions,
            chains: Vec::new(),
            by_address: HashMap::new(),
            routines: HashMap::new(),
            calls: BTreeMap::new(),
            through: HashMap::new(),
            matter: BTreeMap::new(),
        };
        let of = |unit: u32, id: FunctionId| {
            let function = draft.functions.get(id.0 as usize)?;
            let routine = program.resolve(Some(unit), &function.name)?;
            program.get(routine).is_some_and(|known| known.unit == Some(unit)).then_some(routine)
        };
        let unit_of = |id: FunctionId| {
            let function = draft.functions.get(id.0 as usize).filter(|function| function.code == Code::C)?;
            function.pieces.iter().find_map(|piece| units.get(&piece.start)).copied()
        };
        for (id, function) in (0..).map(FunctionId).zip(&draft.functions) {
            finder.by_address.extend(function.pieces.iter().map(|piece| (piece.start, id)));
            finder.routines.extend(unit_of(id).and_then(|unit| of(unit, id)).map(|routine| (id, routine)));
        }
        for site in &draft.sites {
            let chain = unit_of(site.caller).and_then(|unit| {
                let mut chain = vec![(of(unit, site.caller)?, None)];
                for frame in &site.inlined {
                    chain.push((of(unit, frame.function)?, frame.location.as_ref()));
                }
                Some(chain)
            });
            finder.chains.push(chain);
        }
        let calls: BTreeSet<Call> = draft
            .edges
            .iter()
            .filter(|edge| edge.certainty != Certainty::Fallback)
            .map(|edge| Call { site: edge.site, callee: edge.callee })
            .collect();
        for call in calls {
            if let Some(site) = draft.sites.get(call.site.0 as usize) {
                finder.calls.entry(site.caller).or_default().push(call);
            }
        }
        finder
    }

    fn find(mut self) -> Found {
        self.pointers();
        self.parameters();
        self.walk()
    }

    fn chain(&self, site: SiteId) -> Option<&Chain<'d>> {
        self.chains.get(site.0 as usize)?.as_ref()
    }

    fn at(&self, site: SiteId) -> Option<(&'d str, u32, u32)> {
        self.draft.sites.get(site.0 as usize)?.location.as_ref().map(place)
    }

    /// Finds what the calls through pointers go through.
    fn pointers(&mut self) {
        for (id, site) in (0..).map(SiteId).zip(&self.draft.sites) {
            if !matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative) {
                continue;
            }
            let (Some(chain), Some(at)) = (self.chain(id), self.at(id)) else { continue };
            let Some((innermost, _)) = chain.last() else { continue };
            let Some(through) = self.constants.through(*innermost, at) else { continue };
            let Some(given) = self.outward(chain, chain.len() - 1, through.given) else { continue };
            if let Given::Parameter(index) = given {
                self.matter.entry(site.caller).or_default().insert(index);
            }
            self.through.insert(id, Through { given, field: through.field });
        }
    }

    /// What is known in an inlined function, as the function knows it whose machine code it is in.
    fn outward(&self, chain: &Chain<'d>, level: usize, given: Given<'t>) -> Option<Given<'t>> {
        let mut given = given;
        for level in (1..=level).rev() {
            let Given::Parameter(index) = given else { break };
            let (routine, at) = chain.get(level)?;
            let (outer, _) = chain.get(level - 1)?;
            let unit = self.program.get(*outer)?.unit;
            let mut all = None;
            for (callee, arguments) in self.constants.calls(*outer, place((*at)?)) {
                if self.program.resolve(unit, callee) == Some(*routine) {
                    let one = self.constants.given(*outer, arguments.get(index)?)?;
                    all = Some(match all {
                        None => one,
                        Some(before) => join(before, one)?,
                    });
                }
            }
            given = all?;
        }
        Some(given)
    }

    /// What a call hands down as a parameter of what it calls.
    fn argument(&self, call: Call, index: usize) -> Option<Given<'t>> {
        let chain = self.chain(call.site)?;
        let (innermost, _) = chain.last()?;
        let unit = self.program.get(*innermost)?.unit;
        let callee = self.routines.get(&call.callee)?;
        let indirect = matches!(
            self.draft.sites.get(call.site.0 as usize)?.kind,
            SiteKind::Indirect | SiteKind::Alternative | SiteKind::Synthetic
        );
        let mut all = None;
        for (name, arguments) in self.constants.calls(*innermost, self.at(call.site)?) {
            let direct = self.program.resolve(unit, name);
            if direct == Some(*callee) || indirect && direct.is_none() {
                let one = self.constants.given(*innermost, arguments.get(index)?)?;
                let one = self.outward(chain, chain.len() - 1, one)?;
                all = Some(match all {
                    None => one,
                    Some(before) => join(before, one)?,
                });
            }
        }
        all
    }

    /// Goes up from the parameters that matter to those of callers that hand theirs on.
    fn parameters(&mut self) {
        let mut callers: BTreeMap<FunctionId, Vec<(FunctionId, Call)>> = BTreeMap::new();
        for (caller, calls) in &self.calls {
            for call in calls {
                callers.entry(call.callee).or_default().push((*caller, *call));
            }
        }
        let mut todo: Vec<(FunctionId, usize)> = self
            .matter
            .iter()
            .flat_map(|(function, indexes)| indexes.iter().map(|index| (*function, *index)))
            .collect();
        while let Some((function, index)) = todo.pop() {
            for (caller, call) in callers.get(&function).into_iter().flatten() {
                if let Some(Given::Parameter(handed)) = self.argument(*call, index)
                    && self.matter.entry(*caller).or_default().insert(handed)
                {
                    todo.push((*caller, handed));
                }
            }
        }
    }

    /// Which functions a call can call in a context; none: all that were found.
    fn allowed(&self, site: SiteId, binding: &Binding<'t>) -> Option<BTreeSet<FunctionId>> {
        let through = self.through.get(&site)?;
        let constants = match &through.given {
            Given::Constants(constants) => constants,
            Given::Parameter(index) => binding.get(index)?,
        };
        let mut allowed = BTreeSet::new();
        for constant in constants {
            for routine in self.constants.functions(*constant, through.field)? {
                let address = self.functions.addresses.get(&routine)?;
                allowed.insert(*self.by_address.get(address)?);
            }
        }
        Some(allowed)
    }

    /// What a call binds the parameters of what it calls to.
    fn bind(&self, call: Call, binding: &Binding<'t>) -> Binding<'t> {
        let indexes = self.matter.get(&call.callee).into_iter().flatten();
        let bound = indexes.filter_map(|index| {
            let constants = match self.argument(call, *index)? {
                Given::Constants(constants) => constants,
                Given::Parameter(handed) => binding.get(&handed)?.clone(),
            };
            (!constants.is_empty()).then_some((*index, constants))
        });
        bound.collect()
    }

    fn says(&self, function: FunctionId, binding: &Binding<'t>) -> String {
        let Some(routine) = self.routines.get(&function) else { return String::new() };
        let parameter = |(index, constants): (&usize, &BTreeSet<Constant<'t>>)| {
            let names: BTreeSet<&str> = constants.iter().map(|one| self.constants.show(*one)).collect();
            let names: Vec<&str> = names.into_iter().collect();
            format!("{} = {}", self.constants.parameter(*routine, *index), names.join(" or "))
        };
        binding.iter().map(parameter).collect::<Vec<_>>().join(", ")
    }

    /// Walks from the functions of which no parameter matters to all that they call, with what they
    /// hand down.
    fn walk(self) -> Found {
        let called: BTreeSet<FunctionId> = self.calls.values().flatten().map(|call| call.callee).collect();
        let mut found = Found::default();
        let mut numbers: BTreeMap<(FunctionId, Binding<'t>), ContextId> = BTreeMap::new();
        let mut seen: BTreeSet<(FunctionId, Binding<'t>)> = BTreeSet::new();
        let mut possible: BTreeSet<Call> = BTreeSet::new();
        let all = || (0..self.draft.functions.len() as u32).map(FunctionId);
        let mut todo: Vec<(FunctionId, Binding<'t>)> = all()
            .filter(|id| !self.matter.contains_key(id) || !called.contains(id))
            .map(|id| (id, Binding::new()))
            .collect();
        let mut rest = all();
        loop {
            while let Some((function, binding)) = todo.pop() {
                if !seen.insert((function, binding.clone())) {
                    continue;
                }
                if binding.is_empty() {
                    found.open.insert(function);
                }
                let within = numbers.get(&(function, binding.clone())).copied();
                for call in self.calls.get(&function).into_iter().flatten() {
                    let allowed = self.allowed(call.site, &binding);
                    if allowed.as_ref().is_some_and(|allowed| !allowed.contains(&call.callee)) {
                        continue;
                    }
                    possible.insert(*call);
                    let mut bound = self.bind(*call, &binding);
                    let contexts = found.named.iter().filter(|(of, _)| *of == call.callee).count();
                    if contexts >= MOST && !numbers.contains_key(&(call.callee, bound.clone())) {
                        bound = Binding::new();
                    }
                    let into = (!bound.is_empty()).then(|| {
                        *numbers.entry((call.callee, bound.clone())).or_insert_with(|| {
                            let number = u32::try_from(found.named.len()).unwrap_or(u32::MAX);
                            found.named.push((call.callee, self.says(call.callee, &bound)));
                            ContextId(number)
                        })
                    });
                    if self.matter.contains_key(&call.callee)
                        || self.matter.contains_key(&function) && self.through.contains_key(&call.site)
                    {
                        found.ways.insert(Way { site: call.site, callee: call.callee, within, into });
                    }
                    todo.push((call.callee, bound));
                }
            }
            // Functions that only call each other.
            match rest.find(|id| !seen.iter().any(|(of, _)| of == id)) {
                Some(id) => todo.push((id, Binding::new())),
                None => break,
            }
        }
        let calls = self.calls.values().flatten().copied();
        found.impossible = calls.filter(|call| !possible.contains(call)).collect();
        found
    }
}

fn place(location: &Location) -> (&str, u32, u32) {
    (&location.file, location.line, location.column)
}
