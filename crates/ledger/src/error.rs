use thiserror::Error;
use xenheap_model::{LogFormat, View};

/// What was asked of a log that it cannot give.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// There are fewer boots.
    #[error(
        "boot {asked} was asked for, the log has {have}: choose another number, or leave it out for the first"
    )]
    NoBoot {
        /// Which.
        asked: u32,
        /// How many there are.
        have: u32,
    },
    /// The view is not in the log.
    #[error("the log has no {asked} view ({}): choose another with --view, or none for the most complete", list(.have))]
    NoView {
        /// Which.
        asked: View,
        /// Which there are.
        have: Vec<View>,
    },
    /// The log has no record of that recorder.
    #[error("the log has no record in the format {asked:?}: leave the choice out to take what there is")]
    NoFormat {
        /// Which.
        asked: LogFormat,
    },
}

fn list(views: &[View]) -> String {
    if views.is_empty() {
        return "it has none".to_owned();
    }
    let names: Vec<&str> = views.iter().map(|view| view.as_str()).collect();
    format!("it has {}", names.join(", "))
}
