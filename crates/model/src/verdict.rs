//! What people decided of a stack.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A reviewer's decision, in the words of the RFC's database. The order is that of concern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// It cannot exhaust the heap.
    Safe,
    /// It cannot under an assumption, or as far as the reviewer could see.
    ProbSafe,
    /// Nobody decided yet.
    #[default]
    Undecided,
    /// It can exhaust the heap.
    Problem,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Verdict; 4] = [Verdict::Safe, Verdict::ProbSafe, Verdict::Undecided, Verdict::Problem];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Safe => "SAFE",
            Verdict::ProbSafe => "PROB_SAFE",
            Verdict::Undecided => "UNDECIDED",
            Verdict::Problem => "PROBLEM",
        }
    }

    /// Whether it says that the stack may stay as it is. It counts only with a justification.
    pub fn accepts(self) -> bool {
        matches!(self, Verdict::Safe | Verdict::ProbSafe)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is none of the verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseVerdictError;

impl fmt::Display for ParseVerdictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a verdict: SAFE, PROB_SAFE, UNDECIDED or PROBLEM")
    }
}

impl std::error::Error for ParseVerdictError {}

impl FromStr for Verdict {
    type Err = ParseVerdictError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == word).ok_or(ParseVerdictError)
    }
}
