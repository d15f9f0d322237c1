//! What an argument can be within its function.

use std::collections::BTreeSet;

use xenheap_facts::gimple::{Base, Function, Kind, Operand, Place, Statement, Step, Value};

use super::shown::{condition, show, whole};

/// `MEMF_no_owner`: the domain is only a hint of where to allocate.
const NO_OWNER: u64 = 1 << 5;

/// What an argument can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Can {
    /// Null, or with the flag.
    pub(super) yes: bool,
    /// Not null, or without it.
    pub(super) no: bool,
    /// What the function's own parameters are.
    pub(super) parameters: BTreeSet<usize>,
    /// What decides, where both are possible.
    pub(super) why: BTreeSet<String>,
}

impl Can {
    pub(super) const YES: fn() -> Can = || Can { yes: true, ..Can::default() };
    pub(super) const NO: fn() -> Can = || Can { no: true, ..Can::default() };

    pub(super) fn or(mut self, other: Can) -> Can {
        self.yes |= other.yes;
        self.no |= other.no;
        self.parameters.extend(other.parameters);
        self.why.extend(other.why);
        self
    }
}

/// Which of the two arguments is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Question {
    /// Is it null?
    Domain,
    /// Has it `MEMF_no_owner`?
    Flags,
}

fn number(text: &str) -> Option<u64> {
    text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()
}

fn constant(operand: &Operand<'_>) -> Option<u64> {
    match operand {
        Operand::Number(text, negative) => {
            number(text).map(|value| if *negative { value.wrapping_neg() } else { value })
        }
        _ => None,
    }
}

/// What an operand of the statement `before` can be.
pub(super) fn operand_can(
    body: &Function<'_>,
    before: usize,
    operand: &Operand<'_>,
    question: Question,
    depth: usize,
) -> Can {
    if let Some(value) = constant(operand) {
        let yes = match question {
            Question::Domain => value == 0,
            Question::Flags => value & NO_OWNER != 0,
        };
        return if yes { Can::YES() } else { Can::NO() };
    }
    let name = match operand {
        Operand::Place(place) => whole(place),
        _ => return Can::NO(),
    };
    let text = || show(body, before, operand, 0);
    // A domain that a structure points to is one.
    let unknown = || match question {
        Question::Domain => Can::NO(),
        Question::Flags => Can { yes: true, no: true, why: BTreeSet::from([text()]), ..Can::default() },
    };
    let Some(name) = name.filter(|_| depth < 12) else { return unknown() };
    let mut can = Can::default();
    let mut definitions = 0;
    let mut reasons = Vec::new();
    for (index, statement) in body.statements.iter().enumerate() {
        let value = match &statement.kind {
            Kind::Assign { to, from } if whole(to) == Some(name) => {
                value_can(body, index, from, question, depth + 1)
            }
            Kind::Call { to: Some(to), .. } if whole(to) == Some(name) => unknown(),
            Kind::Asm { outputs, .. }
                if outputs.iter().any(
                    |output| matches!(&output.operand, Operand::Place(place) if whole(place) == Some(name)),
                ) =>
            {
                unknown()
            }
            _ => continue,
        };
        definitions += 1;
        if value.yes
            && let Some(condition) = condition(body, index)
        {
            reasons.push(condition);
        }
        can = can.or(value);
    }
    if let Some(index) = body.parameters.iter().position(|parameter| parameter.name == name) {
        // What is looked into before without being tested is not null.
        if question == Question::Domain && is_looked_into(body, before, name) {
            can.no = true;
        } else {
            can.parameters.insert(index);
        }
        definitions += 1;
    }
    // Of several values that a variable can have, the branch before each says when it has that one.
    if definitions > 1 && can.yes && (can.no || !can.parameters.is_empty()) {
        can.why.extend(reasons);
    }
    if definitions > 0 { can } else { unknown() }
}

fn value_can(body: &Function<'_>, at: usize, value: &Value<'_>, question: Question, depth: usize) -> Can {
    match value {
        Value::Just(operand) | Value::Cast(_, operand) => operand_can(body, at, operand, question, depth),
        Value::Binary(left, "|" | "+" | "^", right) if question == Question::Flags => {
            let (left, right) =
                (operand_can(body, at, left, question, depth), operand_can(body, at, right, question, depth));
            // One of them is enough.
            match (&left, &right) {
                (Can { yes: true, no: false, .. }, _) | (_, Can { yes: true, no: false, .. }) => Can::YES(),
                _ => left.or(right),
            }
        }
        Value::Binary(left, "&", right) if question == Question::Flags => {
            let mask = |operand| constant(operand).is_some_and(|value| value & NO_OWNER == 0);
            if mask(left) || mask(right) {
                return Can::NO();
            }
            let kept = if constant(right).is_some() { left } else { right };
            operand_can(body, at, kept, question, depth)
        }
        // Shifted and computed flags are node numbers and orders; MEMF_no_owner is never made so.
        _ => Can::NO(),
    }
}

/// Whether a statement before the given one reads through a pointer that is never compared with
/// null before.
fn is_looked_into(body: &Function<'_>, before: usize, name: &str) -> bool {
    let through = |place: &Place<'_>| matches!((&place.base, place.steps.first()), (Base::Name(base), Some(Step::Arrow(_))) if *base == name);
    for Statement { kind, .. } in body.statements.iter().take(before) {
        match kind {
            Kind::If { condition, .. } => {
                let (left, _, right) = condition.as_ref();
                let tests = |operand: &Operand<'_>| matches!(operand, Operand::Place(place) if whole(place) == Some(name));
                if tests(left) || tests(right) {
                    return false;
                }
            }
            Kind::Assign { to, from } => {
                let read = match from {
                    Value::Just(Operand::Place(place)) | Value::Cast(_, Operand::Place(place)) => {
                        through(place)
                    }
                    Value::Binary(left, _, right) => {
                        let tests = |operand: &Operand<'_>| matches!(operand, Operand::Place(place) if whole(place) == Some(name));
                        if tests(left) || tests(right) {
                            return false;
                        }
                        false
                    }
                    _ => false,
                };
                if read || through(to) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}
