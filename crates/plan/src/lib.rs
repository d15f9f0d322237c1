//! What each domain would need if anonymous memory were charged to it.
//!
//! A [`Trace`] keeps the events of a run; [`charge`] replays them and charges each allocation under
//! each [`Policy`], with a model of an xmalloc pool ([`pool`]) for each payer; a [`Plan`] takes the
//! worst of several runs, and [`configuration`](Plan::configuration) says which settings follow.
//! `docs/plan.md` defines what is counted.

mod account;
mod configuration;
mod limits;
mod plan;
mod policy;
pub mod pool;
mod replay;
mod trace;

pub use account::{Cause, Charged, High, POINTS, Point, Usage};
pub use configuration::{File, Line, Memory, Setting, Value};
pub use limits::{Limit, limits};
pub use plan::{Axis, Margin, Plan, RunPlan, Worst};
pub use policy::{Payer, Policy, Rules, Why};
pub use replay::{Of, charge};
pub use trace::Trace;
