use serde::{Deserialize, Serialize};
use xenheap_model::{Check, Cycles, DomainAccount, Dump, Facts, Refused, Row, Stack, StackId, Totals};

/// What the head of every run file says that it is.
pub const MAGIC: &str = "xenheap-run";

/// The version that is written. All versions from 1 on are read.
pub const VERSION: u32 = 3;

/// What can be told of every version.
#[derive(Debug, Deserialize)]
pub(super) struct Stamp {
    pub(super) magic: String,
    pub(super) version: u32,
    #[serde(default)]
    pub(super) tool: String,
}

/// The first line. `magic` is the first key, so that the first bytes tell what the file is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) magic: String,
    pub(super) version: u32,
    pub(super) tool: String,
    pub(super) facts: Facts,
    pub(super) checks: Vec<Check>,
    pub(super) refused: Refused,
    pub(super) dump: Option<Dump>,
    /// Which cycles there were.
    #[serde(default)]
    pub(super) cycles: CycleEnds,
    /// Only of a run without events (mode `summary` alone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sums: Option<Sums>,
    /// How many lines of stacks follow.
    pub(super) stacks: u64,
    /// How many lines of events follow them.
    pub(super) events: u64,
}

/// What cannot be made from events, because there are none.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) profile: Vec<Row>,
    pub(super) totals: Totals,
    #[serde(default)]
    pub(super) domains: Vec<DomainAccount>,
    #[serde(default)]
    pub(super) cycles: Cycles,
}

/// Where a reader of the events looks at what is live, to see what grows.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct CycleEnds {
    pub(super) completed: u64,
    pub(super) missed: u64,
    pub(super) ends: Vec<u64>,
}

/// A line of the second part.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct NamedStack<S = Stack> {
    pub(super) id: StackId,
    pub(super) stack: S,
}
