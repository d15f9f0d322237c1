//! The direct calls of all dumps, and what their arguments can be with all callers taken into
//! account.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_facts::gimple::{At, Function, Kind, Operand};
use xenheap_model::CHARGING;

use super::{
    argument::{Can, Question, operand_can},
    shown::show,
};
use crate::program::{Program, Routine};

/// A call in a dump.
#[derive(Clone, Copy)]
pub(super) struct Call<'a, 't> {
    /// The function that it is in.
    pub(super) caller: Routine,
    /// Which statement of that function.
    pub(super) statement: usize,
    /// Its place in the source.
    pub(super) at: Option<At<'t>>,
    /// What is passed.
    pub(super) arguments: &'a [Operand<'t>],
}

/// Which parameter of a function is the domain that pays, and which are the flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Handed {
    domain: Option<usize>,
    flags: Option<usize>,
}

impl Handed {
    /// Those of the allocator itself.
    pub(super) const ALLOCATOR: Handed =
        Handed { domain: Some(CHARGING.domain), flags: Some(CHARGING.flags) };

    /// The parameter that answers a question.
    pub(super) fn index(self, question: Question) -> Option<usize> {
        match question {
            Question::Domain => self.domain,
            Question::Flags => self.flags,
        }
    }
}

/// Functions that hand on a parameter as the domain, or as the flags.
pub(super) type Wrappers = BTreeMap<Routine, Handed>;

/// All direct calls, by what is called.
pub(super) struct Calls<'a, 't> {
    program: &'a Program<'t>,
    by_callee: BTreeMap<Routine, Vec<Call<'a, 't>>>,
}

impl<'a, 't> Calls<'a, 't> {
    /// Those of a program.
    pub(super) fn new(program: &'a Program<'t>) -> Self {
        let mut calls: BTreeMap<Routine, Vec<Call<'a, 't>>> = BTreeMap::new();
        for (caller, known) in (0..).map(Routine).zip(&program.functions) {
            let Some(body) = &known.body else { continue };
            for (index, statement) in body.statements.iter().enumerate() {
                let Kind::Call { callee, arguments, .. } = &statement.kind else { continue };
                let local =
                    body.parameters.iter().chain(&body.variables).any(|variable| variable.name == *callee);
                let Some(called) = program.resolve(known.unit, callee).filter(|_| !local) else { continue };
                let call = Call { caller, statement: index, at: statement.at, arguments };
                calls.entry(called).or_default().push(call);
            }
        }
        Calls { program, by_callee: calls }
    }

    fn body(&self, routine: Routine) -> Option<&'a Function<'t>> {
        self.program.get(routine).and_then(|known| known.body.as_ref())
    }

    /// The calls of each function that is called.
    pub(super) fn by_callee(&self) -> impl Iterator<Item = (Routine, &[Call<'a, 't>])> {
        self.by_callee.iter().map(|(callee, calls)| (*callee, calls.as_slice()))
    }

    /// Whether it is the allocator that is told whom to charge.
    pub(super) fn is_allocator(&self, routine: Routine) -> bool {
        self.program.get(routine).is_some_and(|known| known.name == CHARGING.name)
    }

    /// Functions that hand a parameter on as the domain or the flags, and which.
    pub(super) fn wrappers(&self) -> Wrappers {
        let mut found = Wrappers::new();
        let allocators = self.by_callee.keys().filter(|routine| self.is_allocator(**routine));
        let mut waiting: Vec<(Routine, Handed)> =
            allocators.map(|routine| (*routine, Handed::ALLOCATOR)).collect();
        while let Some((callee, below)) = waiting.pop() {
            for call in self.by_callee.get(&callee).into_iter().flatten() {
                let handed = |question| {
                    let operand = call.arguments.get(below.index(question)?);
                    let can = self.argument(call.caller, call.statement, operand, question);
                    can.parameters.first().copied()
                };
                let through = Handed { domain: handed(Question::Domain), flags: handed(Question::Flags) };
                if through == Handed::default()
                    || self.is_allocator(call.caller)
                    || found.contains_key(&call.caller)
                {
                    continue;
                }
                found.insert(call.caller, through);
                waiting.push((call.caller, through));
            }
        }
        found
    }

    /// What a wrapper itself passes where its callers have no say, to the allocator or to a wrapper
    /// below it.
    pub(super) fn inside(
        &self,
        routine: Routine,
        question: Question,
        wrappers: &Wrappers,
        seen: &mut BTreeSet<Routine>,
    ) -> Can {
        let mut can = Can::default();
        if !seen.insert(routine) {
            return can;
        }
        for (callee, calls) in &self.by_callee {
            let handed = if self.is_allocator(*callee) {
                Handed::ALLOCATOR
            } else {
                wrappers.get(callee).copied().unwrap_or_default()
            };
            if handed == Handed::default() {
                continue;
            }
            for call in calls.iter().filter(|call| call.caller == routine) {
                can = can.or(match handed.index(question) {
                    Some(index) => {
                        self.argument(routine, call.statement, call.arguments.get(index), question)
                    }
                    None => self.inside(*callee, question, wrappers, seen),
                });
            }
        }
        can
    }

    /// What an argument can be, with the parameters it depends on followed to all callers.
    pub(super) fn resolved(
        &self,
        routine: Routine,
        statement: usize,
        operand: Option<&'a Operand<'t>>,
        question: Question,
    ) -> Can {
        let can = self.argument(routine, statement, operand, question);
        self.follow(routine, can, question, &mut BTreeSet::new())
    }

    fn follow(
        &self,
        routine: Routine,
        mut can: Can,
        question: Question,
        seen: &mut BTreeSet<(Routine, usize)>,
    ) -> Can {
        let name = self.program.get(routine).map_or("", |known| known.name);
        for index in std::mem::take(&mut can.parameters) {
            if !seen.insert((routine, index)) {
                continue;
            }
            let parameter =
                self.body(routine).and_then(|body| body.parameters.get(index)).map_or("", |found| found.name);
            let calls = self.by_callee.get(&routine).map_or(&[][..], Vec::as_slice);
            if calls.is_empty() {
                // Called through a pointer only, or not at all: a domain that is passed is one.
                let unknown = Can { no: true, yes: question == Question::Flags, ..Can::default() };
                can = can.or(unknown);
                if question == Question::Flags {
                    can.why.insert(format!("{parameter} of {name}, which nobody calls by name"));
                }
                continue;
            }
            let (mut with, mut without) = (BTreeSet::new(), BTreeSet::new());
            for call in calls {
                let inner = self.argument(call.caller, call.statement, call.arguments.get(index), question);
                let inner = self.follow(call.caller, inner, question, seen);
                let caller = self.program.get(call.caller).map_or("", |known| known.name);
                if inner.yes {
                    with.insert(caller);
                }
                if inner.no {
                    without.insert(caller);
                }
                can = can.or(inner);
            }
            if !with.is_empty() && !without.is_empty() {
                let what = if question == Question::Domain { "null" } else { "with MEMF_no_owner" };
                let some: Vec<_> = with.into_iter().take(6).collect();
                can.why.insert(format!("{parameter} of {name} is {what} from {}", some.join(", ")));
            }
        }
        can
    }

    /// What an argument can be within its function.
    fn argument(
        &self,
        routine: Routine,
        statement: usize,
        operand: Option<&'a Operand<'t>>,
        question: Question,
    ) -> Can {
        let (Some(body), Some(operand)) = (self.body(routine), operand) else { return Can::NO() };
        operand_can(body, statement, operand, question, 0)
    }

    /// A call as the source has it.
    pub(super) fn show_call(&self, name: &str, call: &Call<'a, 't>) -> String {
        let Some(body) = self.body(call.caller) else { return String::new() };
        let arguments: Vec<String> =
            call.arguments.iter().map(|operand| show(body, call.statement, operand, 0)).collect();
        format!("{name} ({})", arguments.join(", "))
    }
}
