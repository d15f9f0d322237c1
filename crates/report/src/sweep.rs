//! What a sweep found, a format a module.

mod json;
mod text;

pub use json::SweepJson;
pub use text::SweepText;
