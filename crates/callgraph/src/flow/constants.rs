//! Which constant tables and functions an operand can be, within its function: nothing that was
//! stored somewhere is followed.

use std::collections::{BTreeSet, HashMap};

use xenheap_facts::{
    gimple::{At, Base, Kind, Operand, Place, Step, Value},
    image::Image,
    types::Types,
};

use super::{functions::Functions, lower::temporary};
use crate::program::{Program, Routine};

/// Something that does not change while Xen runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Constant<'t> {
    /// A `const` variable: of a unit, of a function, its name.
    Table(Option<u32>, Option<Routine>, &'t str),
    /// A function.
    Function(Routine),
}

/// What an operand can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given<'t> {
    /// One of these.
    Constants(BTreeSet<Constant<'t>>),
    /// What the function got as this parameter.
    Parameter(usize),
}

/// What a call through a pointer calls: what it goes through, and which field of it; none for the
/// pointer itself, or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Through<'t> {
    pub(super) given: Given<'t>,
    pub(super) field: Option<&'t str>,
}

/// How a local variable gets its value.
#[derive(Clone, Copy)]
enum Definition<'a, 't> {
    Value(&'a Value<'t>),
    Call(&'t str),
    Other,
}

#[derive(Default)]
struct Locals<'a, 't> {
    definitions: HashMap<&'t str, Vec<Definition<'a, 't>>>,
    /// Those whose address is taken.
    shared: BTreeSet<&'t str>,
}

pub(super) struct Constants<'a, 't> {
    program: &'a Program<'t>,
    types: &'a Types,
    image: &'a Image,
    functions: &'a Functions,
    locals: HashMap<Routine, Locals<'a, 't>>,
}

/// Longer chains of variables and functions than this are not followed.
const DEEPEST: usize = 12;

impl<'a, 't> Constants<'a, 't> {
    pub(super) fn new(
        program: &'a Program<'t>,
        types: &'a Types,
        image: &'a Image,
        functions: &'a Functions,
    ) -> Self {
        let mut locals = HashMap::new();
        for (id, known) in (0..).map(Routine).zip(&program.functions) {
            let Some(body) = &known.body else { continue };
            let mut of: Locals<'a, 't> = Locals::default();
            for statement in &body.statements {
                match &statement.kind {
                    Kind::Assign { to, from } => {
                        if let (Base::Name(name), []) = (&to.base, to.steps.as_slice()) {
                            of.definitions.entry(name).or_default().push(Definition::Value(from));
                        }
                        of.share(from);
                    }
                    Kind::Call { to, callee, arguments } => {
                        if let Some(Place { base: Base::Name(name), steps }) = to
                            && steps.is_empty()
                        {
                            of.definitions.entry(name).or_default().push(Definition::Call(callee));
                        }
                        arguments.iter().for_each(|argument| of.share_operand(argument));
                    }
                    Kind::Asm { outputs, inputs, .. } => {
                        for operand in outputs.iter().chain(inputs) {
                            of.share_operand(&operand.operand);
                        }
                        for output in outputs {
                            if let Operand::Place(Place { base: Base::Name(name), .. }) = &output.operand {
                                of.definitions.entry(name).or_default().push(Definition::Other);
                            }
                        }
                    }
                    _ => {}
                }
            }
            locals.insert(id, of);
        }
        Constants { program, types, image, functions, locals }
    }

    fn is_local(&self, routine: Routine, name: &str) -> bool {
        let body = self.program.get(routine).and_then(|known| known.body.as_ref());
        temporary(name)
            || body.is_some_and(|body| {
                body.parameters.iter().chain(&body.variables).any(|variable| variable.name == name)
            })
    }

    /// A variable by name: one that is static in the function, of its unit, or of all.
    fn table(&self, routine: Routine, name: &'t str) -> Option<Given<'t>> {
        let known = self.program.get(routine)?;
        let body = known.body.as_ref()?;
        let local = body.variables.iter().find(|variable| variable.name == name);
        let constant = match local {
            Some(variable) if variable.is_static => Constant::Table(known.unit, Some(routine), name),
            Some(_) => return None,
            None if body.parameters.iter().any(|parameter| parameter.name == name) || temporary(name) => {
                return None;
            }
            None => match self.program.resolve(known.unit, name) {
                Some(function) => Constant::Function(function),
                None => {
                    Constant::Table(known.unit.filter(|unit| self.types.is_static(*unit, name)), None, name)
                }
            },
        };
        self.is_constant(constant).then(|| Given::Constants(BTreeSet::from([constant])))
    }

    fn is_constant(&self, constant: Constant<'t>) -> bool {
        match constant {
            Constant::Function(_) => true,
            Constant::Table(..) => self.variable(constant).is_some_and(|variable| variable.constant),
        }
    }

    fn variable(&self, constant: Constant<'t>) -> Option<&'a xenheap_facts::types::Variable> {
        let Constant::Table(unit, function, name) = constant else { return None };
        let function = function.and_then(|function| self.program.get(function)).map(|known| known.name);
        self.types.variables.iter().find(|variable| {
            variable.name == name
                && variable.function.as_deref() == function
                && match unit {
                    Some(unit) => variable.unit == unit && !variable.external,
                    None => variable.external,
                }
        })
    }

    /// What an operand can be; nothing if that is not known.
    pub(super) fn given(&self, routine: Routine, operand: &Operand<'t>) -> Option<Given<'t>> {
        self.operand(routine, operand, 0)
    }

    fn operand(&self, routine: Routine, operand: &Operand<'t>, depth: usize) -> Option<Given<'t>> {
        match operand {
            Operand::Number("0B", _) => Some(Given::Constants(BTreeSet::new())),
            Operand::Number(..) | Operand::Text(_) => None,
            Operand::Address(Place { base: Base::Name(name), steps }) => {
                let whole = steps.iter().all(|step| *step == Step::Index);
                whole.then(|| self.table(routine, name)).flatten()
            }
            Operand::Address(_) => None,
            Operand::Place(Place { base: Base::Name(name), steps }) if steps.is_empty() => {
                self.name(routine, name, depth)
            }
            Operand::Place(_) => None,
        }
    }

    fn name(&self, routine: Routine, name: &'t str, depth: usize) -> Option<Given<'t>> {
        if depth > DEEPEST {
            return None;
        }
        if !self.is_local(routine, name) {
            // The name of a variable is what it holds; that of a function the function.
            let function = self.program.resolve(self.program.get(routine)?.unit, name)?;
            return Some(Given::Constants(BTreeSet::from([Constant::Function(function)])));
        }
        let locals = self.locals.get(&routine)?;
        if locals.shared.contains(name) {
            return None;
        }
        let body = self.program.get(routine)?.body.as_ref()?;
        let definitions = locals.definitions.get(name).map_or(&[][..], Vec::as_slice);
        if let Some(parameter) = body.parameters.iter().position(|parameter| parameter.name == name) {
            return definitions.is_empty().then_some(Given::Parameter(parameter));
        }
        if definitions.is_empty() || body.variables.iter().any(|local| local.name == name && local.is_static)
        {
            return None;
        }
        let mut all: Option<Given<'t>> = None;
        for definition in definitions {
            let one = match definition {
                Definition::Value(Value::Just(operand) | Value::Cast(_, operand)) => {
                    self.operand(routine, operand, depth + 1)?
                }
                // Somewhere within the same table.
                Definition::Value(Value::Binary(operand, "+", _)) => {
                    self.operand(routine, operand, depth + 1)?
                }
                Definition::Call(callee) => self.result(routine, callee, depth + 1)?,
                Definition::Value(_) | Definition::Other => return None,
            };
            all = Some(match all {
                None => one,
                Some(before) => join(before, one)?,
            });
        }
        all
    }

    /// What a function returns, if its parameters do not matter.
    fn result(&self, routine: Routine, callee: &'t str, depth: usize) -> Option<Given<'t>> {
        if self.is_local(routine, callee) {
            return None;
        }
        let called = self.program.resolve(self.program.get(routine)?.unit, callee)?;
        let body = self.program.get(called)?.body.as_ref()?;
        let mut all = BTreeSet::new();
        for statement in &body.statements {
            let Kind::Return(Some(operand)) = &statement.kind else { continue };
            match self.operand(called, operand, depth + 1)? {
                Given::Constants(constants) => all.extend(constants),
                Given::Parameter(_) => return None,
            }
        }
        Some(Given::Constants(all))
    }

    /// What the calls through pointers at a place go through.
    pub(super) fn through(&self, routine: Routine, at: (&str, u32, u32)) -> Option<Through<'t>> {
        let mut found = None;
        for (callee, _) in self.calls(routine, at) {
            // A macro has several calls at one place.
            let one = self.is_local(routine, callee).then(|| self.pointer(routine, callee)).flatten()?;
            if found.get_or_insert_with(|| one.clone()) != &one {
                return None;
            }
        }
        found
    }

    fn pointer(&self, routine: Routine, callee: &'t str) -> Option<Through<'t>> {
        if let Some(given) = self.name(routine, callee, 0) {
            return Some(Through { given, field: None });
        }
        let definitions = self.locals.get(&routine)?.definitions.get(callee)?;
        let [Definition::Value(Value::Just(Operand::Place(place)) | Value::Cast(_, Operand::Place(place)))] =
            definitions.as_slice()
        else {
            return None;
        };
        let mut steps = place.steps.as_slice();
        let given = match &place.base {
            Base::Name(name) => match steps.first() {
                Some(Step::Arrow(_)) => self.name(routine, name, 0)?,
                Some(_) => self.table(routine, name)?,
                None => return None,
            },
            Base::Pointee(name) => self.name(routine, name, 0)?,
            Base::Memory(_, operand) => self.operand(routine, operand, 0)?,
            Base::View(..) => return None,
        };
        if let Some(Step::Arrow(field)) = steps.first() {
            // Only what lies in the table itself.
            steps = steps.get(1..)?;
            return self.within(steps, Some(*field)).map(|field| Through { given, field });
        }
        self.within(steps, None).map(|field| Through { given, field })
    }

    /// The last named field of steps that stay in a struct.
    fn within(&self, steps: &[Step<'t>], first: Option<&'t str>) -> Option<Option<&'t str>> {
        let mut field = first.filter(|name| !name.starts_with("D."));
        for step in steps {
            match step {
                Step::Field(name) if name.starts_with("D.") => {}
                Step::Field(name) => field = Some(*name),
                Step::Index => {}
                Step::Arrow(_) => return None,
            }
        }
        Some(field)
    }

    /// The calls at a place: what is called, and the arguments.
    pub(super) fn calls(
        &self,
        routine: Routine,
        (file, line, column): (&str, u32, u32),
    ) -> impl Iterator<Item = (&'t str, &'a [Operand<'t>])> {
        let body = self.program.get(routine).and_then(|known| known.body.as_ref());
        let here = move |at: &At<'_>| {
            (at.line, at.column) == (line, column) && xenheap_model::relative(at.file, None) == file
        };
        body.into_iter().flat_map(|body| &body.statements).filter_map(move |statement| {
            match &statement.kind {
                Kind::Call { callee, arguments, .. } if statement.at.as_ref().is_some_and(here) => {
                    Some((*callee, arguments.as_slice()))
                }
                _ => None,
            }
        })
    }

    /// The functions that a field of a constant holds; nothing if it is not known where it lies.
    pub(super) fn functions(&self, constant: Constant<'t>, field: Option<&str>) -> Option<BTreeSet<Routine>> {
        let Constant::Table(..) = constant else {
            let Constant::Function(function) = constant else { return None };
            return field.is_none().then(|| BTreeSet::from([function]));
        };
        let variable = self.variable(constant)?;
        let start = variable.address;
        let symbol =
            self.image.variable_at(start).filter(|symbol| symbol.address == start && symbol.size > 0)?;
        let mut found = BTreeSet::new();
        for address in (start..start.saturating_add(symbol.size)).step_by(8) {
            let fields = self.types.fields_at(variable.ty, address - start);
            let wanted = match field {
                Some(field) => fields.is_some_and(|fields| fields.iter().any(|(_, name)| name == field)),
                None => true,
            };
            if wanted
                && let Some(routine) =
                    self.image.word(address).and_then(|word| self.functions.by_address.get(&word))
            {
                found.insert(*routine);
            }
        }
        Some(found)
    }

    /// How a constant is written.
    pub(super) fn show(&self, constant: Constant<'t>) -> &'t str {
        match constant {
            Constant::Table(_, _, name) => name,
            Constant::Function(function) => self.program.get(function).map_or("?", |known| known.name),
        }
    }

    /// The name of a parameter.
    pub(super) fn parameter(&self, routine: Routine, index: usize) -> &'t str {
        let body = self.program.get(routine).and_then(|known| known.body.as_ref());
        body.and_then(|body| body.parameters.get(index)).map_or("?", |parameter| parameter.name)
    }
}

/// One or the other; nothing if one of them is a parameter that the other is not.
pub(super) fn join<'t>(one: Given<'t>, other: Given<'t>) -> Option<Given<'t>> {
    match (one, other) {
        (Given::Constants(mut all), Given::Constants(more)) => {
            all.extend(more);
            Some(Given::Constants(all))
        }
        (Given::Parameter(a), Given::Parameter(b)) if a == b => Some(Given::Parameter(a)),
        _ => None,
    }
}

impl<'a, 't> Locals<'a, 't> {
    fn share(&mut self, value: &Value<'t>) {
        match value {
            Value::Just(operand) | Value::Cast(_, operand) | Value::Unary(_, operand) => {
                self.share_operand(operand);
            }
            Value::Binary(left, _, right) => {
                self.share_operand(left);
                self.share_operand(right);
            }
            Value::Aggregate(values) => values.iter().for_each(|(_, value)| self.share(value)),
            Value::Clobber => {}
        }
    }

    fn share_operand(&mut self, operand: &Operand<'t>) {
        if let Operand::Address(Place { base: Base::Name(name), .. }) = operand {
            self.shared.insert(name);
        }
    }
}
