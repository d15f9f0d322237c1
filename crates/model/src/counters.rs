use serde::{Deserialize, Serialize};

/// What is counted of a stack, a kind or anything else: `live = allocs + taken - freed - given`,
/// likewise in bytes.
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
    /// Of `freed`, those that were freed before the call which made them had ended. `None`: the
    /// recorder cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bracketed: Option<u64>,
}

impl Counters {
    /// Adds what can be added up. Peaks need not have been at one time: the larger one is kept.
    pub fn add(&mut self, more: &Counters) {
        let sum = self;
        for (sum, more) in [
            (&mut sum.allocs, more.allocs),
            (&mut sum.bytes, more.bytes),
            (&mut sum.failed, more.failed),
            (&mut sum.taken, more.taken),
            (&mut sum.taken_bytes, more.taken_bytes),
            (&mut sum.freed, more.freed),
            (&mut sum.freed_bytes, more.freed_bytes),
            (&mut sum.given, more.given),
            (&mut sum.given_bytes, more.given_bytes),
            (&mut sum.live, more.live),
            (&mut sum.live_bytes, more.live_bytes),
        ] {
            *sum = sum.saturating_add(more);
        }
        sum.bracketed = match (sum.bracketed, more.bracketed) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        sum.peak = sum.peak.max(more.peak);
        sum.max = sum.max.max(more.max);
        // 0 says that there was no allocation.
        sum.min = match (sum.min, more.min) {
            (0, min) | (min, 0) => min,
            (a, b) => a.min(b),
        };
    }
}
