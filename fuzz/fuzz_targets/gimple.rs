//! Any text as a GIMPLE dump. Each statement that was counted is kept or counted as not understood;
//! a dump that is cut at the end of a line has the first functions of the whole one; and two dumps
//! one behind the other are the functions of both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xenheap_facts::gimple::{Unit, parse};

/// Statements and variables that were kept.
fn kept(unit: &Unit<'_>) -> u64 {
    unit.functions.iter().map(|function| (function.statements.len() + function.variables.len()) as u64).sum()
}

fn not_understood(unit: &Unit<'_>) -> u64 {
    unit.not_understood.values().sum()
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let unit = parse(text);
    let closed = text.lines().filter(|line| *line == "}").count();
    assert!(unit.functions.len() <= closed);
    assert!(kept(&unit) <= unit.statements);
    if unit.cut_off.is_none() {
        assert!(unit.statements <= kept(&unit) + not_understood(&unit));
    }

    let middle = text.floor_char_boundary(text.len() / 2);
    let end = text[..middle].rfind('\n').map_or(0, |at| at + 1);
    let first = parse(&text[..end]);
    assert_eq!(first.functions, unit.functions[..first.functions.len()]);

    // Attributes at the end would be those of the next function.
    let dangling =
        text.lines().rev().find(|line| !line.is_empty()).is_some_and(|line| line.starts_with("__attr"));
    if unit.cut_off.is_none() && !dangling {
        let twice = format!("{text}\n{text}");
        let twice = parse(&twice);
        let (one, two) = twice.functions.split_at(unit.functions.len());
        assert!(one == unit.functions && two == unit.functions && twice.cut_off.is_none());
        assert_eq!(twice.statements, 2 * unit.statements);
        assert_eq!(not_understood(&twice), 2 * not_understood(&unit));
    }
});
