//! Logs with known truth, for tests: a machine that allocates and frees at random, and the
//! recorders that watch it.
//!
//! Nothing here shares code with what it tests: live memory is kept page by page, counters are
//! counted where things happen.

mod guests;
mod machine;
mod noise;
mod rfc;
mod rng;

pub use guests::{Churn, LEAKING, churn};
pub use machine::{Line, Plan, Story, Truth, story};
pub use noise::{Noise, log_of, rfc_log_of};
pub use rfc::{RfcPlan, RfcStory, RfcTruth, rfc_story};
pub use rng::Rng;
