//! The format of the RFC, byte for byte; `docs/rfc-format.md` is its specification.
//!
//! That format needs single events where the others need sums: an [`EventLog`] takes them in while
//! a run is read, and a [`Report`](crate::Report) carries it. [`Parsed`] writes the statistics and
//! what was never freed, [`Verbose`] the listing of all allocations, [`left_out`] says what the
//! format has no word for, [`NoWord`] in a sentence.

mod events;
mod lacks;
mod parsed;
mod stacks;
mod verbose;

pub use events::{EventLog, Freed, Live, left_out};
pub use lacks::{NoEvents, NoWord};
pub use parsed::Parsed;
pub use verbose::Verbose;

/// A line of sixty `#`.
const RULE: &str = "############################################################";
