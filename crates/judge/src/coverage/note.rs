//! What makes the numbers of a join less than they seem, or needs a look.

use serde::Serialize;
use xenheap_callgraph::Lack;

use super::Differs;

/// Something to know of the join.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// A stack has a call that the graph lacks.
    MissingEdge(Unlaid),
    /// A stack has a function that the graph lacks.
    UnknownFunction(Unlaid),
    /// A stack ends where the graph knows no call of an allocator.
    NoSite {
        /// The run that has the stack.
        run: String,
        /// The function where it ends.
        function: String,
    },
    /// It cannot be told at which of several sites a stack ends.
    Ambiguous {
        /// The run that has the stack.
        run: String,
        /// The sites: each with its function and its place.
        sites: Vec<String>,
    },
    /// Stacks of allocations could not be read, or not as a whole.
    Unread {
        /// The run that has them.
        run: String,
        /// How many there are.
        stacks: u64,
    },
    /// A site was seen to allocate anonymously, and the graph concludes that it does not.
    Contradiction {
        /// The site: its function and its place.
        site: String,
        /// The runs that show it.
        runs: Vec<String>,
        /// What the graph concludes.
        graph: Conclusion,
    },
    /// A run is of another build.
    OtherBuild {
        /// The run.
        run: String,
        /// What is different.
        differs: Differs,
    },
    /// A run has no record.
    EmptyRun {
        /// The run.
        run: String,
    },
    /// A run is incomplete.
    Doubt {
        /// The run.
        run: String,
        /// Why.
        doubt: String,
    },
    /// A boot was given twice.
    SameBoot {
        /// The runs that are of it.
        runs: Vec<String>,
    },
    /// The graph was made with `--part`, and lacks something of a unit of the build.
    Lacks {
        /// The unit.
        unit: String,
        /// What is lacking.
        lacks: Vec<Lack>,
    },
    /// The graph does not have as many of something as when it was made.
    Changed {
        /// Of what.
        what: &'static str,
        /// How many it had.
        was: u64,
        /// How many it has.
        is: u64,
    },
    /// The graph does not say whether it is whole.
    Unsealed,
    /// The graph has indirect calls of which it knows neither targets nor why there are none.
    Unresolved {
        /// How many there are.
        calls: usize,
    },
    /// Calls of allocators of which the graph does not say whether they are charged.
    Unjudged {
        /// The calls: each with its function and its place.
        sites: Vec<String>,
    },
    /// The graph has no call of an allocator.
    NoAllocation,
    /// The graph has no entry.
    NoEntry,
}

/// A stack that was not laid, by the first call of it that the graph does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unlaid {
    /// The run that has the stack.
    pub run: String,
    /// The function where the stack ends.
    pub innermost: String,
    /// Who was seen to call,
    pub caller: String,
    /// and whom.
    pub callee: String,
}

/// What a graph concludes of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Conclusion {
    /// It always charges a domain.
    Charged,
    /// It cannot run after boot.
    BootOnly,
    /// No entry leads there.
    Unreachable,
}

impl Note {
    /// Which kind.
    pub fn code(&self) -> NoteCode {
        match self {
            Note::MissingEdge(_) => NoteCode::MissingEdge,
            Note::UnknownFunction(_) => NoteCode::UnknownFunction,
            Note::NoSite { .. } => NoteCode::NoSite,
            Note::Ambiguous { .. } => NoteCode::Ambiguous,
            Note::Unread { .. } => NoteCode::Unread,
            Note::Contradiction { .. } => NoteCode::Contradiction,
            Note::OtherBuild { .. } => NoteCode::OtherBuild,
            Note::EmptyRun { .. } => NoteCode::EmptyRun,
            Note::Doubt { .. } => NoteCode::Doubt,
            Note::SameBoot { .. } => NoteCode::SameBoot,
            Note::Lacks { .. } | Note::Changed { .. } => NoteCode::Part,
            Note::Unsealed => NoteCode::Unsealed,
            Note::Unresolved { .. } => NoteCode::Unresolved,
            Note::Unjudged { .. } => NoteCode::Unjudged,
            Note::NoAllocation | Note::NoEntry => NoteCode::Nothing,
        }
    }

    /// Whether no statement can be supported with it.
    pub fn blocks(&self) -> bool {
        self.code() != NoteCode::SameBoot
    }
}

/// Kinds of notes. The words are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteCode {
    /// A stack has a call that the graph lacks.
    MissingEdge,
    /// A stack has a function that the graph lacks.
    UnknownFunction,
    /// A stack ends where the graph knows no call of an allocator.
    NoSite,
    /// It cannot be told at which of several sites a stack ends.
    Ambiguous,
    /// Stacks of allocations could not be read, or not as a whole.
    Unread,
    /// What was seen contradicts what the graph concludes.
    Contradiction,
    /// A run is of another build.
    OtherBuild,
    /// A run has no record.
    EmptyRun,
    /// A run is incomplete.
    Doubt,
    /// A boot was given twice.
    SameBoot,
    /// The graph lacks what it had when it was made.
    Part,
    /// The graph does not say whether it is whole.
    Unsealed,
    /// The graph has indirect calls of which it knows neither targets nor why there are none.
    Unresolved,
    /// Calls of allocators of which the graph does not say whether they are charged.
    Unjudged,
    /// The graph has no call of an allocator, or no entry.
    Nothing,
}

impl NoteCode {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            NoteCode::MissingEdge => "missing-edge",
            NoteCode::UnknownFunction => "unknown-function",
            NoteCode::NoSite => "no-site",
            NoteCode::Ambiguous => "ambiguous",
            NoteCode::Unread => "unread",
            NoteCode::Contradiction => "contradiction",
            NoteCode::OtherBuild => "other-build",
            NoteCode::EmptyRun => "empty-run",
            NoteCode::Doubt => "doubt",
            NoteCode::SameBoot => "same-boot",
            NoteCode::Part => "part",
            NoteCode::Unsealed => "unsealed",
            NoteCode::Unresolved => "unresolved",
            NoteCode::Unjudged => "unjudged",
            NoteCode::Nothing => "nothing",
        }
    }
}
