//! Operands and conditions as the source has them, for the evidence of a judgement.

use xenheap_facts::gimple::{Base, Function, Kind, Operand, Place, Step, Value};
use xenheap_model::relative;

/// The condition under which a statement runs: the branch to the label before it.
pub(super) fn condition(body: &Function<'_>, index: usize) -> Option<String> {
    let label = body.statements.get(..index)?.iter().rev().find_map(|statement| match statement.kind {
        Kind::Label(label) => Some(label),
        _ => None,
    })?;
    let (at, branch) = body.statements.iter().enumerate().find(|(_, statement)| {
        matches!(statement.kind, Kind::If { then, otherwise, .. } if then == label || otherwise == label)
    })?;
    let Kind::If { condition, then, .. } = &branch.kind else { return None };
    let (left, test, right) = condition.as_ref();
    let text = format!("{} {test} {}", show(body, at, left, 0), show(body, at, right, 0));
    let text = if *then == label { text } else { format!("not ({text})") };
    Some(match branch.at {
        Some(at) => format!("{}:{}: {text}", relative(at.file, None), at.line),
        None => text,
    })
}

/// An operand as the source has it, temporaries replaced by what they are.
pub(super) fn show(body: &Function<'_>, before: usize, operand: &Operand<'_>, depth: usize) -> String {
    match operand {
        Operand::Number("0B", _) => "NULL".to_owned(),
        Operand::Number(text, negative) => format!("{}{text}", if *negative { "-" } else { "" }),
        Operand::Text(text) => format!("\"{text}\""),
        Operand::Address(place) => format!("&{}", show_place(body, before, place, depth)),
        Operand::Place(place) => show_place(body, before, place, depth),
    }
}

fn show_place(body: &Function<'_>, before: usize, place: &Place<'_>, depth: usize) -> String {
    let mut text = match &place.base {
        Base::Name(name) => show_name(body, before, name, depth),
        Base::Pointee(name) => format!("*{}", show_name(body, before, name, depth)),
        Base::Memory(_, operand) => format!("*{}", show(body, before, operand, depth + 1)),
        Base::View(_, inner) => show_place(body, before, inner, depth + 1),
    };
    for step in &place.steps {
        match step {
            Step::Field(name) | Step::Arrow(name) if name.starts_with("D.") => {}
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Arrow(name) => {
                text.push_str("->");
                text.push_str(name);
            }
            Step::Index => text.push_str("[…]"),
        }
    }
    text
}

fn show_name(body: &Function<'_>, before: usize, name: &str, depth: usize) -> String {
    let declared = body
        .parameters
        .iter()
        .chain(&body.variables)
        .any(|variable| variable.name == name && !name.contains('.'));
    if declared || depth > 3 {
        return name.to_owned();
    }
    let defined =
        body.statements.get(..before).unwrap_or_default().iter().rev().find_map(|statement| match &statement
            .kind
        {
            Kind::Assign { to, from } if whole(to) == Some(name) => Some(match from {
                Value::Just(operand) | Value::Cast(_, operand) => show(body, before, operand, depth + 1),
                Value::Binary(left, sign, right) => {
                    format!(
                        "{} {sign} {}",
                        show(body, before, left, depth + 1),
                        show(body, before, right, depth + 1)
                    )
                }
                Value::Unary(sign, operand) => format!("{sign}{}", show(body, before, operand, depth + 1)),
                Value::Aggregate(_) | Value::Clobber => name.to_owned(),
            }),
            Kind::Call { to: Some(to), callee, arguments } if whole(to) == Some(name) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|operand| show(body, before, operand, depth + 1)).collect();
                Some(format!("{callee} ({})", arguments.join(", ")))
            }
            _ => None,
        });
    defined.unwrap_or_else(|| name.to_owned())
}

/// The name of a whole variable.
pub(super) fn whole<'t>(place: &Place<'t>) -> Option<&'t str> {
    match (&place.base, place.steps.as_slice()) {
        (Base::Name(name), []) => Some(name),
        _ => None,
    }
}
