//! A graph for other programs: one form a file.

mod dot;
mod graphml;
mod json;

pub use dot::Dot;
pub use graphml::GraphMl;
pub use json::Json;

/// Text between quotes or tags: printable ASCII, or escaped as `escape` says.
fn escaped(text: &str, escape: impl Fn(char) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match escape(c) {
            Some(escape) => out.push_str(&escape),
            None => out.push(c),
        }
    }
    out
}
