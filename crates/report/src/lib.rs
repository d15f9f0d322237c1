//! Reports of a run, and the run file.
//!
//! A [`Report`] is a run with what the filters left of it. Each output format is one [`Render`] in
//! one module: [`Text`] for people, [`Json`] for programs, and [`rfc`] for the tools that read the
//! format of the RFC. A renderer sees only the vocabulary of `xenheap_model`; nothing that came
//! from a log leaves it unescaped ([`xenheap_output::Escaped`]).

pub mod assess;
mod calls;
pub mod coverage;
pub mod diff;
mod filter;
mod finding;
pub mod gate;
pub mod graph;
mod group;
mod guest;
pub mod instrument;
mod json;
mod leftover;
pub mod plan;
pub mod pull;
mod render;
mod report;
pub mod rfc;
pub mod runfile;
pub mod sweep;
mod text;
mod untold;
pub mod verdict;

pub use calls::Calls;
pub use filter::{Filter, LeftOut};
pub use finding::Finding;
pub use group::Group;
pub use json::Json;
pub use leftover::Leftover;
pub use render::Render;
pub use report::{Report, by_architecture};
pub use text::{Text, TextOptions};
pub use untold::write_untold;
pub use xenheap_model::Glob;
