use serde::{Deserialize, Serialize};

/// What is counted of a stack, a kind or anything else: `live = allocs + taken - freed - given`, likewise in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Allocations that succeeded.
    pub allocs: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Allocations that failed.
    pub failed: u64,
    /// Pages taken from a domain, as pieces.
    pub taken: u64,
    /// Bytes of them.
    pub taken_bytes: u64,
    /// Allocations whose last part was freed.
    pub freed: u64,
    /// Bytes freed.
    pub freed_bytes: u64,
    /// Allocations whose last part was given to a domain.
    pub given: u64,
    /// Bytes given.
    pub given_bytes: u64,
    /// Allocations of which a part is live.
    pub live: u64,
    /// Bytes that are live.
    pub live_bytes: u64,
    /// The highest `live_bytes`.
    pub peak: u64,
    /// Smallest single allocation; 0 if there was none.
    pub min: u64,
    /// Largest single allocation.
    pub max: u64,
    /// Of `freed`, those that were freed before the call which made them had ended. `None`: the recorder cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bracketed: Option<u64>,
}
