use serde::Serialize;

/// How an enum's variant is written in files and formats: the word that serde gives it.
///
/// Empty for a value that is no word.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
