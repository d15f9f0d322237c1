//! The answers of a call graph: a question a file, with what its answer is and how it is written.

mod allocations;
mod cut;
pub mod export;
mod funnels;
mod json;
mod left_out;
mod paths;
mod reach;
mod recall;
mod sites;
mod stats;
mod why;

pub use allocations::{AllocatorCall, AllocatorCalls, AllocatorCallsText, Holder, OwnerDistance};
pub use cut::{CutText, Cutting};
pub use funnels::{FunnelRow, Funnels, FunnelsText};
pub use json::{Json, JsonLine};
pub use left_out::{LeftOut, TakenOut, limits, part_of};
pub use paths::{Listing, PathsJson, PathsText};
pub use reach::{Reached, ReachedFrom, ReachedText};
pub use recall::{Recall, RecallText, RunPairs};
pub use sites::{IndirectCall, IndirectCalls, IndirectCallsText, Target};
pub use stats::StatsText;
pub use why::{Shortest, ShortestText, Step, StepEvidence};
