//! That a stack may not be what happened, in words: the same in each format.

use xenheap_model::{Doubt, Uncertain};

/// Why, for people.
fn why(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Incomplete => "its trace is not whole",
        Doubt::DamagedFrame => "a frame of it could not be read whole",
        Doubt::Mixed => "another trace was printed at the same time, so frames can be the other's",
        Doubt::Unassigned => "several records waited for this trace, so it can be another's",
        Doubt::Guessed => "Xen looked for frames on the stack, where old return addresses look the same",
    }
}

/// Where that shows, and why.
pub(crate) fn describe(uncertain: Uncertain) -> String {
    format!("line {} of the log: {}", uncertain.line, why(uncertain.why))
}
