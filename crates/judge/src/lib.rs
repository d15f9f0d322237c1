//! What is known of a run's findings beyond the numbers: how long they live, how the outside came
//! in, what people decided of them, how they differ from those of another run, and whether a policy
//! lets them pass.

mod assess;
pub mod coverage;
mod decide;
mod diff;
mod entry;
mod gate;
mod lifetime;
mod policy;
mod propose;
mod tally;

pub use assess::{About, Assessment, Blocker, Reason, Standing};
pub use decide::{Decision, Decisions, Head, Remark, Unused, decide};
pub use diff::{Change, Changed, Diff, NEW, OLD, Side, diff};
pub use entry::{EntryKind, EntryPoint};
pub use gate::{Case, Code, Gate, Judged, Refusal, check};
pub use lifetime::{Judgement, Lifetime, judgements};
pub use policy::{Leaks, Policy, PolicyError};
pub use propose::{Proposal, propose};
pub use tally::Key;
