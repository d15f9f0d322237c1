//! What a build says, as one call graph: which function can call which, where, and how that is known.

pub mod anonymity;
pub mod build;
mod draft;
mod file;
pub mod flow;
mod graph;
pub mod recall;
mod stats;

pub use draft::Draft;
pub use file::{GraphFileError, MAGIC, NAME, VERSION, is_graph_file};
pub use graph::{
    Allocation, Anonymity, Certainty, Code, Edge, Entry, EntryClass, Evidence, Facts, Function, FunctionId,
    Graph, InlinedFrame, Location, Open, Owner, Piece, Section, Site, SiteId, SiteKind, StackUse, Who,
};
pub use stats::{Functions, Stats};
