//! Statements as constraints: which place's contents go where.

use std::collections::{HashMap, HashSet};

use xenheap_facts::{
    gimple::{self, AsmOperand, Base, Kind, Operand, Place, Step, TypeName, Value},
    types::{StructId, Type, TypeId, Types},
};

use super::{
    helpers, models,
    solve::{Call, Held, Node, Sink, Solver, Source},
};
use crate::program::{Program, Routine};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Name<'t> {
    /// A variable, parameter or temporary of a function.
    Local(Routine, &'t str),
    /// What a function returns.
    Result(Routine),
    /// A variable that other units see, or one of a unit's own.
    Global(Option<u32>, &'t str),
    /// A static variable of a function.
    Static(Routine, &'t str),
    /// A field of a struct, whichever struct of the kind it is.
    Field(StructId, &'t str),
    /// A field of something whose type is not known.
    SomeField(&'t str),
    /// What all bug frames of the kind `run_fn` hand over.
    RunInException,
    /// What one of them does.
    Raised(u32),
    /// Without a name.
    Between(u32),
}

/// A call through a pointer, as the source has it.
#[derive(Debug, Clone)]
pub(super) struct IndirectCall<'t> {
    pub(super) caller: Routine,
    pub(super) at: Option<gimple::At<'t>>,
    pub(super) callee: Node,
    /// The place that the pointer was read from just before.
    pub(super) origin: Option<Name<'t>>,
    pub(super) ty: Option<TypeId>,
    pub(super) form: Form,
}

/// How a call through a pointer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// In C.
    Plain,
    /// `alternative_call`.
    Alternative,
    /// In other inline assembly.
    Asm,
}

/// Where an exception is raised so that its handler runs a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raised<'t> {
    pub(super) caller: Routine,
    pub(super) at: Option<gimple::At<'t>>,
    pub(super) callee: Node,
}

/// Where a value is before it is copied, and its type.
#[derive(Debug, Clone, Copy)]
struct Found {
    source: Source,
    ty: Option<TypeId>,
}

impl Found {
    const NOTHING: Found = Found { source: Source::Nothing, ty: None };
}

pub(super) struct Lowering<'a, 't> {
    pub(super) program: &'a Program<'t>,
    pub(super) types: &'a mut Types,
    pub(super) solver: Solver,
    pub(super) names: Vec<Name<'t>>,
    pub(super) nodes: HashMap<Name<'t>, Node>,
    pub(super) indirect: Vec<IndirectCall<'t>>,
    pub(super) raised: Vec<Raised<'t>>,
    /// Places that something other than null is stored to.
    pub(super) stored: HashSet<Node>,
    /// How often a field's struct was not known.
    pub(super) untyped: u64,
    /// Places that a model fills, and the mechanism.
    pub(super) modelled: HashMap<Node, &'static str>,
    /// Function addresses in the image's data, and those that no variable was found for.
    pub(super) words: u64,
    pub(super) unplaced: u64,
    /// Functions in fields and variables that no dump mentions.
    pub(super) idle: Vec<(String, Routine)>,
    mentioned: HashSet<&'t str>,
    results: HashMap<Routine, TypeId>,
    /// Functions of which each call has a copy of its own, and how many copies there are.
    helpers: HashSet<Routine>,
    copies: usize,
    /// Of the function that is being lowered; a copy has a position behind all functions of the
    /// program.
    current: Routine,
    unit: Option<u32>,
    locals: HashMap<&'t str, Option<TypeId>>,
    statics: HashSet<&'t str>,
    origins: HashMap<&'t str, Name<'t>>,
    /// How deep in copies it is.
    depth: usize,
}

/// Copies within copies: the exchanges of arm64 are four functions deep.
const DEEPEST_COPY: usize = 6;

impl<'a, 't> Lowering<'a, 't> {
    pub(super) fn new(program: &'a Program<'t>, types: &'a mut Types) -> Self {
        let by_unit: HashMap<(u32, &str), TypeId> = types
            .functions
            .iter()
            .map(|function| ((function.unit, function.name.as_str()), function.ty))
            .collect();
        let mut results = HashMap::new();
        for (id, known) in (0..).map(Routine).zip(&program.functions) {
            let ty = known.unit.and_then(|unit| by_unit.get(&(unit, known.name)));
            if let Some(Type::Function { result, .. }) = ty.map(|ty| types.get(*ty)) {
                results.insert(id, *result);
            }
        }
        Lowering {
            program,
            types,
            solver: Solver::default(),
            names: Vec::new(),
            nodes: HashMap::new(),
            indirect: Vec::new(),
            raised: Vec::new(),
            stored: HashSet::new(),
            untyped: 0,
            modelled: HashMap::new(),
            words: 0,
            unplaced: 0,
            idle: Vec::new(),
            mentioned: HashSet::new(),
            results,
            helpers: helpers::find(program),
            copies: 0,
            current: Routine(0),
            unit: None,
            locals: HashMap::new(),
            statics: HashSet::new(),
            origins: HashMap::new(),
            depth: 0,
        }
    }

    pub(super) fn node(&mut self, name: Name<'t>) -> Node {
        if let Some(node) = self.nodes.get(&name) {
            return *node;
        }
        let node = Node(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name);
        self.nodes.insert(name, node);
        node
    }

    /// A name that DWARF has, as the dumps have it; a name that they do not mention nobody asks
    /// for.
    pub(super) fn mentioned(&self, name: &str) -> Option<&'t str> {
        self.mentioned.get(name).copied()
    }

    fn flow(&mut self, from: Source, to: Sink) {
        if from == Source::Nothing {
            return;
        }
        if let Sink::Node(node) = to {
            self.stored.insert(node);
        }
        let (names, nodes) = (&mut self.names, &mut self.nodes);
        let mut fresh = || {
            let node = Node(u32::try_from(names.len()).unwrap_or(u32::MAX));
            let name = Name::Between(node.0);
            names.push(name);
            nodes.insert(name, node);
            node
        };
        self.solver.flow(from, to, &mut fresh);
    }

    /// All functions of the program.
    pub(super) fn all(&mut self) {
        let program = self.program;
        for (id, known) in (0..).map(Routine).zip(&program.functions) {
            if let Some(body) = &known.body {
                self.function(id, known.unit, body);
            }
        }
        for name in &self.names {
            if let Name::Field(_, name)
            | Name::SomeField(name)
            | Name::Global(_, name)
            | Name::Static(_, name) = name
            {
                self.mentioned.insert(name);
            }
        }
    }

    /// Whether what a node holds was read from an array that a model fills.
    pub(super) fn is_modelled(&self, node: Node) -> bool {
        let modelled = |held| matches!(held, Held::Address(place) if self.modelled.contains_key(&place));
        self.solver.loaded_through(node).any(|pointer| self.solver.held(pointer).any(modelled))
    }

    fn function(&mut self, id: Routine, unit: Option<u32>, body: &'a gimple::Function<'t>) {
        self.current = id;
        self.unit = unit;
        self.locals.clear();
        self.statics.clear();
        self.origins.clear();
        for variable in body.parameters.iter().chain(&body.variables) {
            let element = self.ty(&variable.ty);
            let array = |ty, _| self.types.intern(Type::Array(ty));
            let ty = element.map(|element| (0..variable.dimensions).fold(element, array));
            self.locals.insert(variable.name, ty);
            if variable.is_static {
                self.statics.insert(variable.name);
            }
        }
        for variable in &body.variables {
            let Some(initial) = &variable.initial else { continue };
            let ty = self.locals.get(variable.name).copied().flatten();
            let place = self.variable(variable.name);
            if let Source::Node(node) = place.source {
                self.value_into(initial, Sink::Node(node), ty, 0);
            }
        }
        for statement in &body.statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &'a gimple::Statement<'t>) {
        match &statement.kind {
            Kind::Assign { to, from } => self.assign(to, from),
            Kind::Call { to, callee, arguments } => self.call(statement.at, to.as_ref(), callee, arguments),
            Kind::Asm { template, outputs, inputs } => self.asm(statement.at, template, outputs, inputs),
            Kind::Return(Some(operand)) => {
                let found = self.operand(operand);
                let result = self.node(Name::Result(self.current));
                self.flow(found.source, Sink::Node(result));
            }
            Kind::Return(None) | Kind::If { .. } | Kind::Goto(_) | Kind::Switch(..) | Kind::Label(_) => {}
        }
    }

    fn assign(&mut self, to: &'a Place<'t>, from: &'a Value<'t>) {
        let target = self.place(to);
        let declared = target.ty;
        let ty = self.value_type(from);
        if let (Base::Name(name), []) = (&to.base, to.steps.as_slice()) {
            if declared.is_none() {
                self.locals.insert(name, ty);
            }
            // What a pointer was read from says what is called through it.
            if let Value::Just(Operand::Place(place)) | Value::Cast(_, Operand::Place(place)) = from
                && let Source::Node(node) = self.place(place).source
                && let Some(origin) = self.names.get(node.0 as usize).copied()
            {
                let origin = match origin {
                    Name::Local(routine, local) if routine == self.current => {
                        self.origins.get(local).copied().unwrap_or(origin)
                    }
                    other => other,
                };
                self.origins.insert(name, origin);
            }
        }
        if let Some(to) = sink(target.source) {
            self.value_into(from, to, declared.or(ty), 0);
        }
    }

    /// The type of a value, for temporaries, which have none of their own.
    fn value_type(&mut self, value: &'a Value<'t>) -> Option<TypeId> {
        match value {
            Value::Just(operand) => self.operand(operand).ty,
            Value::Cast(ty, operand) => {
                let cast = self.ty(ty);
                cast.or_else(|| self.operand(operand).ty)
            }
            Value::Binary(left, _, right) => {
                let (left, right) = (self.operand(left).ty, self.operand(right).ty);
                let pointer = |ty: &TypeId| matches!(self.types.get(*ty), Type::Pointer(_));
                left.filter(pointer).or(right.filter(pointer)).or(left)
            }
            Value::Unary(_, operand) => self.operand(operand).ty,
            Value::Aggregate(_) | Value::Clobber => None,
        }
    }

    fn value_into(&mut self, value: &'a Value<'t>, to: Sink, ty: Option<TypeId>, depth: usize) {
        match value {
            Value::Just(operand) | Value::Cast(_, operand) => {
                let found = self.operand(operand);
                self.flow(found.source, to);
            }
            // Addresses are computed with; what is compared or multiplied is none.
            Value::Binary(left, "+" | "-" | "&" | "|" | "^" | "MIN_EXPR" | "MAX_EXPR", right) => {
                for operand in [left, right] {
                    let found = self.operand(operand);
                    self.flow(found.source, to);
                }
            }
            Value::Aggregate(values) if depth < 32 => {
                for (field, value) in values {
                    match (field, ty.map(|ty| self.types.get(ty).clone())) {
                        (Some(field), Some(Type::Struct(id))) => {
                            let inner =
                                if field.starts_with("D.") { None } else { self.types.field(id, field) };
                            match inner {
                                Some((owner, ty)) => {
                                    let node = self.node(Name::Field(owner, field));
                                    self.value_into(value, Sink::Node(node), Some(ty), depth + 1);
                                }
                                // What has no name in a struct: its fields are found from the
                                // struct.
                                None => self.value_into(value, to, ty, depth + 1),
                            }
                        }
                        (None, Some(Type::Array(element))) => {
                            self.value_into(value, to, Some(element), depth + 1)
                        }
                        (Some(field), None) => {
                            let node = self.node(Name::SomeField(field));
                            self.value_into(value, Sink::Node(node), None, depth + 1);
                        }
                        _ => self.value_into(value, to, ty, depth + 1),
                    }
                }
            }
            Value::Binary(..) | Value::Unary(..) | Value::Aggregate(_) | Value::Clobber => {}
        }
    }

    /// A variable, or a function of this name.
    fn variable(&mut self, name: &'t str) -> Found {
        if let Some(ty) = self.locals.get(name).copied() {
            let name = if self.statics.contains(name) {
                Name::Static(self.current, name)
            } else {
                Name::Local(self.current, name)
            };
            return Found { source: Source::Node(self.node(name)), ty };
        }
        if temporary(name) {
            return Found { source: Source::Node(self.node(Name::Local(self.current, name))), ty: None };
        }
        if let Some(routine) = self.program.resolve(self.unit, name) {
            return Found { source: Source::Held(Held::Function(routine)), ty: None };
        }
        let own = self.unit.filter(|unit| self.types.is_static(*unit, name));
        let ty = self.types.variable(self.unit.unwrap_or(u32::MAX), name);
        Found { source: Source::Node(self.node(Name::Global(own, name))), ty }
    }

    fn place(&mut self, place: &'a Place<'t>) -> Found {
        let mut found = match &place.base {
            Base::Name(name) => self.variable(name),
            Base::Pointee(name) => {
                let pointer = self.variable(name);
                Found { source: behind(pointer.source), ty: self.pointee(pointer.ty) }
            }
            Base::Memory(ty, address) => {
                let ty = self.ty(ty);
                let source = match address.as_ref() {
                    Operand::Address(inner) => self.place(inner).source,
                    other => behind(self.operand(other).source),
                };
                Found { source, ty }
            }
            Base::View(ty, inner) => {
                let inner = self.place(inner);
                Found { source: inner.source, ty: self.ty(ty).or(inner.ty) }
            }
        };
        for step in &place.steps {
            let (field, ty) = match step {
                Step::Index => {
                    found.ty = match found.ty.map(|ty| self.types.get(ty)) {
                        Some(Type::Array(element) | Type::Pointer(element)) => Some(*element),
                        _ => found.ty,
                    };
                    continue;
                }
                Step::Field(field) => (*field, found.ty),
                Step::Arrow(field) => (*field, self.pointee(found.ty)),
            };
            if field.starts_with("D.") {
                found.ty = ty;
                continue;
            }
            let id = match ty.map(|ty| self.types.get(ty)) {
                Some(Type::Struct(id)) => Some(*id),
                _ => None,
            };
            found = match id.and_then(|id| self.types.field(id, field)) {
                Some((owner, ty)) => {
                    Found { source: Source::Node(self.node(Name::Field(owner, field))), ty: Some(ty) }
                }
                None => {
                    self.untyped += 1;
                    Found { source: Source::Node(self.node(Name::SomeField(field))), ty: None }
                }
            };
        }
        found
    }

    fn operand(&mut self, operand: &'a Operand<'t>) -> Found {
        match operand {
            Operand::Number(..) | Operand::Text(_) => Found::NOTHING,
            Operand::Place(place) => self.place(place),
            Operand::Address(place) => {
                let found = self.place(place);
                let ty = found.ty.map(|ty| self.types.intern(Type::Pointer(ty)));
                let source = match found.source {
                    Source::Held(held) => Source::Held(held),
                    // The address of what a pointer points to is the pointer.
                    Source::Behind(node) => Source::Node(node),
                    Source::Node(node) if found.ty.is_some_and(|ty| self.holds_functions(ty)) => {
                        Source::Held(Held::Address(node))
                    }
                    _ => Source::Nothing,
                };
                Found { source, ty }
            }
        }
    }

    /// Whether a variable of a type is itself a pointer to a function, or an array of them.
    fn holds_functions(&self, ty: TypeId) -> bool {
        match self.types.get(ty) {
            Type::Array(inner) => self.holds_functions(*inner),
            Type::Pointer(inner) => match self.types.get(*inner) {
                Type::Function { .. } => true,
                Type::Pointer(_) => self.holds_functions(*inner),
                _ => false,
            },
            _ => false,
        }
    }

    fn pointee(&self, ty: Option<TypeId>) -> Option<TypeId> {
        match self.types.get(ty?) {
            Type::Pointer(inner) | Type::Array(inner) => Some(*inner),
            _ => None,
        }
    }

    /// A type of a dump as one of DWARF.
    fn ty(&mut self, ty: &gimple::Type<'t>) -> Option<TypeId> {
        let base = match &ty.base {
            TypeName::Struct(name) => {
                let id = self.types.tagged(self.unit, name)?;
                self.types.intern(Type::Struct(id))
            }
            TypeName::Named("void") => self.types.intern(Type::Void),
            TypeName::Named(name) => match self.types.typedef(name) {
                Some(id) => id,
                None => self.types.intern(Type::Number(if matches!(*name, "int" | "char" | "short") {
                    4
                } else {
                    8
                })),
            },
            // Its parameters do not matter here.
            TypeName::Function(result) => {
                let result = self.ty(result).unwrap_or_else(|| self.types.intern(Type::Void));
                self.types.intern(Type::Function { result, parameters: Vec::new() })
            }
            TypeName::Unnamed => return None,
        };
        Some((0..ty.pointers).fold(base, |ty, _| self.types.intern(Type::Pointer(ty))))
    }

    fn call(
        &mut self,
        at: Option<gimple::At<'t>>,
        to: Option<&'a Place<'t>>,
        callee: &'t str,
        arguments: &'a [Operand<'t>],
    ) {
        let sources: Vec<Source> = arguments.iter().map(|argument| self.operand(argument).source).collect();
        let target = to.map(|place| self.place(place));
        let result = target.and_then(|found| sink(found.source));
        let called = self.variable(callee);
        let ty = match called.source {
            Source::Held(Held::Function(routine)) => {
                self.bind(routine, &sources, result);
                self.results.get(&routine).copied()
            }
            Source::Node(node) => {
                if called.ty.is_none() && !temporary(callee) && !self.locals.contains_key(callee) {
                    // A function that the image does not have: what the compiler provides, or drops
                    // because nothing gets there. Memory that is copied keeps its type, and fields
                    // are of the type; only bare arrays of pointers need be followed.
                    if let ("__builtin_memcpy" | "__builtin_memmove", [to, from, ..]) =
                        (callee, sources.as_slice())
                    {
                        self.copy_memory(*from, *to);
                    }
                    return;
                }
                self.solver.call(node, Call { arguments: sources, result });
                let origin =
                    self.origins.get(callee).copied().or_else(|| self.names.get(node.0 as usize).copied());
                self.indirect.push(IndirectCall {
                    caller: self.current,
                    at,
                    callee: node,
                    origin,
                    ty: called.ty,
                    form: Form::Plain,
                });
                match called.ty.and_then(|ty| self.pointee(Some(ty))).map(|ty| self.types.get(ty)) {
                    Some(Type::Function { result, .. }) => Some(*result),
                    _ => None,
                }
            }
            _ => None,
        };
        if let (Some(Place { base: Base::Name(name), steps }), Some(Found { ty: None, .. })) = (to, target)
            && steps.is_empty()
        {
            self.locals.insert(name, ty);
        }
    }

    fn copy_memory(&mut self, from: Source, to: Source) {
        if let (Source::Held(Held::Address(from)), Source::Held(Held::Address(to))) = (from, to) {
            self.flow(Source::Node(from), Sink::Node(to));
        }
    }

    /// The arguments of a direct call into the parameters of what is called.
    fn bind(&mut self, routine: Routine, arguments: &[Source], result: Option<Sink>) {
        let program = self.program;
        let Some(body) = program.get(routine).and_then(|known| known.body.as_ref()) else { return };
        let routine = self.copy_of(routine);
        for (argument, parameter) in arguments.iter().zip(&body.parameters) {
            let node = self.node(Name::Local(routine, parameter.name));
            self.flow(*argument, Sink::Node(node));
        }
        if let Some(to) = result {
            let node = self.node(Name::Result(routine));
            self.flow(Source::Node(node), to);
        }
    }

    /// The function itself, or for a helper a copy for one call of it: what one caller exchanges
    /// does not get to the others.
    fn copy_of(&mut self, routine: Routine) -> Routine {
        let program = self.program;
        let Some((known, body)) = program.get(routine).and_then(|known| Some((known, known.body.as_ref()?)))
        else {
            return routine;
        };
        if self.depth >= DEEPEST_COPY || !self.helpers.contains(&routine) {
            return routine;
        }
        let copy = Routine(u32::try_from(program.functions.len() + self.copies).unwrap_or(u32::MAX));
        self.copies += 1;
        self.depth += 1;
        let outer = (
            self.current,
            self.unit,
            std::mem::take(&mut self.locals),
            std::mem::take(&mut self.statics),
            std::mem::take(&mut self.origins),
            self.untyped,
        );
        self.function(copy, known.unit, body);
        (self.current, self.unit, self.locals, self.statics, self.origins, self.untyped) = outer;
        self.depth -= 1;
        copy
    }

    fn asm(
        &mut self,
        at: Option<gimple::At<'t>>,
        template: &'t str,
        outputs: &'a [AsmOperand<'t>],
        inputs: &'a [AsmOperand<'t>],
    ) {
        let named = |name: &str| inputs.iter().find(|operand| operand.name == Some(name));
        // `run_in_exception_handler`: a bug frame with a function that the exception handler runs.
        let raised = match (named("bf_type"), named("bf_ptr")) {
            (Some(kind), Some(pointer)) => {
                (kind.operand == Operand::Number(models::BUGFRAME_RUN_FN, false)).then_some(pointer)
            }
            _ => template.contains(models::BUG_FRAMES_RUN_FN).then(|| inputs.first()).flatten(),
        };
        if let Some(pointer) = raised {
            let source = self.operand(&pointer.operand).source;
            let callee = self.node(Name::Raised(u32::try_from(self.raised.len()).unwrap_or(u32::MAX)));
            let all = self.node(Name::RunInException);
            self.flow(source, Sink::Node(callee));
            self.flow(Source::Node(callee), Sink::Node(all));
            self.raised.push(Raised { caller: self.current, at, callee });
            return;
        }
        let calls = models::called_operands(template);
        let mut calling = false;
        for (operand, text) in &calls {
            let found = match operand {
                models::Called::Numbered(index) => outputs.iter().chain(inputs).nth(*index),
                models::Called::Named(name) => {
                    outputs.iter().chain(inputs).find(|operand| operand.name == Some(*name))
                }
            };
            let Some(found) = found else { continue };
            calling = true;
            self.asm_call(at, found, text, outputs);
        }
        if calling {
            return;
        }
        // What assembly reads may be in whatever it writes: exchanges, and hiding a pointer's
        // origin.
        let sources: Vec<Source> = inputs.iter().map(|input| self.operand(&input.operand).source).collect();
        for output in outputs {
            let target = self.operand(&output.operand);
            let hidden = self.hidden_type(output, outputs, inputs);
            if let (None, Operand::Place(Place { base: Base::Name(name), steps })) =
                (target.ty, &output.operand)
                && steps.is_empty()
            {
                self.locals.insert(name, hidden);
            }
            let Some(to) = sink(target.source) else { continue };
            for source in &sources {
                self.flow(*source, to);
            }
        }
    }

    /// The type of an input that is in the same register as an output.
    fn hidden_type(
        &mut self,
        output: &AsmOperand<'t>,
        outputs: &[AsmOperand<'t>],
        inputs: &'a [AsmOperand<'t>],
    ) -> Option<TypeId> {
        let index = outputs.iter().position(|other| std::ptr::eq(other, output))?.to_string();
        let same = inputs.iter().find(|input| input.constraint == index)?;
        self.operand(&same.operand).ty
    }

    /// Inline assembly calls one of its operands: a function, a slot (`call *slot(%rip)`), or what
    /// is in a register.
    fn asm_call(
        &mut self,
        at: Option<gimple::At<'t>>,
        operand: &'a AsmOperand<'t>,
        slot: &bool,
        outputs: &'a [AsmOperand<'t>],
    ) {
        let found = match (&operand.operand, slot) {
            // `"i" (&place)` with `*%c`: the contents of the place.
            (Operand::Address(place), true) => self.place(place),
            (other, _) => self.operand(other),
        };
        // Registers that hold arguments are called a1_ to a6_ in `alternative_call`, the result's
        // ret_.
        let register = |name: &str| {
            outputs.iter().find(|output| {
                matches!(&output.operand, Operand::Place(Place { base: Base::Name(found), .. }) if *found == name)
            })
        };
        let arguments: Vec<Source> = ["a1_", "a2_", "a3_", "a4_", "a5_", "a6_"]
            .iter()
            .map(|name| register(name).map_or(Source::Nothing, |output| self.operand(&output.operand).source))
            .collect();
        let result = register("ret_").and_then(|output| sink(self.operand(&output.operand).source));
        match found.source {
            // The image has that call as a direct one.
            Source::Held(Held::Function(routine)) => self.bind(routine, &arguments, result),
            Source::Node(node) => {
                let alternative = !arguments.iter().all(|argument| *argument == Source::Nothing) || *slot;
                self.solver.call(node, Call { arguments, result });
                let name = self.names.get(node.0 as usize).copied();
                let origin = match name {
                    Some(Name::Local(routine, local)) if routine == self.current => {
                        self.origins.get(local).copied().or(name)
                    }
                    other => other,
                };
                let form = if alternative { Form::Alternative } else { Form::Asm };
                self.indirect.push(IndirectCall {
                    caller: self.current,
                    at,
                    callee: node,
                    origin,
                    ty: found.ty,
                    form,
                });
            }
            _ => {}
        }
    }
}

/// Temporaries are not declared: `_7`, `i.6_8`.
pub(super) fn temporary(name: &str) -> bool {
    let tail = name.rsplit('_').next().unwrap_or_default();
    (name.starts_with('_') && name.len() > 1 && name.bytes().skip(1).all(|byte| byte.is_ascii_digit()))
        || (name.contains('.') && !tail.is_empty())
}

fn behind(source: Source) -> Source {
    match source {
        Source::Node(node) => Source::Behind(node),
        Source::Held(Held::Address(node)) => Source::Node(node),
        // Two steps at once do not occur: each has its own temporary.
        _ => Source::Nothing,
    }
}

fn sink(source: Source) -> Option<Sink> {
    match source {
        Source::Node(node) => Some(Sink::Node(node)),
        Source::Behind(node) => Some(Sink::Behind(node)),
        Source::Held(_) | Source::Nothing => None,
    }
}
