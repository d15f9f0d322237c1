//! Small functions that only write through what they are handed: `xchg`, `cmpxchg`. Each call of
//! one is followed by itself.

use std::collections::HashSet;

use xenheap_facts::gimple::{Base, Function, Kind, Operand, Statement};

use crate::program::{Program, Routine};

/// More than this, and it is no helper.
const LONGEST: usize = 128;

/// The helpers of a program: inline assembly in them writes through a pointer, or they hand their
/// pointer on to another helper.
pub(super) fn find(program: &Program<'_>) -> HashSet<Routine> {
    let all = (0..).map(Routine).zip(&program.functions);
    let small: Vec<(Routine, Option<u32>, &Function<'_>)> = all
        .filter_map(|(id, known)| Some((id, known.unit, known.body.as_ref()?)))
        .filter(|(_, _, body)| is_small(body))
        .collect();
    let mut found: HashSet<Routine> =
        small.iter().filter(|(_, _, body)| body.statements.iter().any(writes)).map(|(id, ..)| *id).collect();
    loop {
        let calls_one = |unit: Option<u32>, body: &Function<'_>| {
            body.statements.iter().any(|statement| {
                let Kind::Call { callee, arguments, .. } = &statement.kind else { return false };
                let hands_on = arguments.iter().any(|argument| is_parameter(body, argument));
                hands_on && program.resolve(unit, callee).is_some_and(|callee| found.contains(&callee))
            })
        };
        let more: Vec<Routine> = small
            .iter()
            .filter(|(id, unit, body)| !found.contains(id) && calls_one(*unit, body))
            .map(|(id, ..)| *id)
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

/// What it keeps for itself, or calls or raises through a pointer, must not be copied.
fn is_small(body: &Function<'_>) -> bool {
    let mut variables = body.parameters.iter().chain(&body.variables);
    let called = |statement: &Statement<'_>| match &statement.kind {
        Kind::Call { callee, .. } => {
            callee.starts_with('_') && callee.bytes().skip(1).all(|byte| byte.is_ascii_digit())
                || body.parameters.iter().chain(&body.variables).any(|variable| variable.name == *callee)
        }
        Kind::Asm { template, .. } => template.contains("call") || template.contains("bug_frames"),
        _ => false,
    };
    body.at.file.ends_with(".h")
        && body.statements.len() <= LONGEST
        && variables.all(|variable| !variable.is_static)
        && !body.statements.iter().any(called)
}

fn writes(statement: &Statement<'_>) -> bool {
    let Kind::Asm { outputs, .. } = &statement.kind else { return false };
    outputs.iter().any(|output| {
        matches!(&output.operand, Operand::Place(place) if matches!(place.base, Base::Pointee(_) | Base::Memory(..)))
    })
}

fn is_parameter(body: &Function<'_>, operand: &Operand<'_>) -> bool {
    let Operand::Place(place) = operand else { return false };
    place.steps.is_empty()
        && matches!(place.base, Base::Name(name) if body.parameters.iter().any(|parameter| parameter.name == name))
}
