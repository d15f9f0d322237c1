//! Any text as the gate's policy: an error with a place that exists, or a policy. The same policy
//! written by another program (keys in another order, no comments) means the same, and a key too
//! much in any of its tables is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toml::{Table, Value};
use xenheap_judge::{Policy, PolicyError};

/// Must be refused: a word mistyped is a rule that does not count.
fn with_a_key(mut whole: Table, way: &[&str]) -> Option<String> {
    let mut table = &mut whole;
    for step in way {
        table = match table.get_mut(*step)? {
            Value::Table(table) => table,
            Value::Array(tables) => tables.last_mut()?.as_table_mut()?,
            _ => return None,
        };
    }
    table.insert("no-such-key".to_owned(), Value::Boolean(true));
    Some(toml::to_string(&whole).expect("a table can be written"))
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    match Policy::read("policy.toml", data) {
        Ok(policy) => {
            let table: Table = toml::from_str(text).expect("it was read before");
            let other = toml::to_string(&table).expect("a table can be written");
            assert_eq!(Policy::parse(&other).expect("it says the same"), policy);
            for way in [&[][..], &["accept"], &["entry"], &["run"], &["coverage"]] {
                if let Some(wrong) = with_a_key(table.clone(), way) {
                    assert!(Policy::parse(&wrong).is_err(), "a key too much in {way:?}");
                }
            }
        }
        Err(PolicyError::Lines(error)) => {
            let lines = data.split(|byte| *byte == b'\n').count();
            assert!((1..=lines).contains(&error.line) && error.column > 0, "{error}");
        }
        Err(PolicyError::Read(error)) => {
            assert!(error.span().is_none_or(|span| text.get(span).is_some()));
        }
        Err(PolicyError::Format(number)) => assert_ne!(number, 1),
        Err(PolicyError::Part(name)) => assert!(!name.is_empty() || text.contains("may-lack")),
    }
});
