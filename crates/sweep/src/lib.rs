//! Running out on purpose: each stack that a workload allocates by fails once, in a boot of its
//! own.
//!
//! [`sweep`] makes a run without a failure (the *base*), takes its stacks ([`stacks`](mod@stacks)),
//! boots the same Xen once for each with `heap-audit-fail=HASH:K`, and judges each boot: by how the
//! machine ended, by what Xen said of domains, and by what the ledger says is still there. A result
//! is a file of its own, so that a sweep can be interrupted, go on, and be put together of parts
//! ([`merge`]).

mod error;
mod outcome;
mod read;
mod run;
pub mod stacks;
mod store;

pub use error::SweepError;
pub use run::{Config, Watch, sweep};
pub use stacks::{Shard, ShardError};
pub use store::merge;
