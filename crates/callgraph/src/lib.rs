//! What a build says, as one call graph: which function can call which, where, and how that is
//! known.

pub mod anonymity;
mod audited;
pub mod build;
pub mod charging;
mod csv;
mod draft;
pub mod entries;
mod excerpt;
mod file;
pub mod flow;
mod graph;
mod names;
mod nodes;
mod part;
pub mod presets;
pub mod program;
pub mod recall;
mod stats;
#[cfg(test)]
mod testing;
mod view;
mod whole;

pub use csv::{CsvError, is_normalized};
pub use draft::Draft;
pub use entries::{TableError, Takers};
pub use excerpt::Excerpt;
pub use file::{GraphFileError, MAGIC, NAME, VERSION, is_graph_file};
pub use graph::{
    Allocation, Anonymity, Certainty, Code, Context, ContextId, Edge, Entry, EntryClass, Evidence, Facts,
    Function, FunctionId, Graph, InlinedFrame, Lack, Location, Open, Owner, Piece, Section, Site, SiteId,
    SiteKind, StackUse, Way, Who,
};
pub use names::{NameError, Names};
pub use nodes::Nodes;
pub use presets::{Preset, PresetError};
pub use stats::{Functions, Stats};
pub use view::{Filter, Pattern, Reason, Removed, Selection, View, ViewOptions, starts};
pub use whole::Whole;
