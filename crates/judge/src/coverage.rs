//! What exists against what was seen: recorded stacks laid on the call graph of their build. The
//! unit that is counted is the allocation site: one call of an allocator in code that can run after
//! boot.

mod belong;
mod ground;
mod join;
mod lay;
mod note;
mod result;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xenheap_callgraph::{Anonymity, EntryClass, Who, recall::Share};
use xenheap_model::{Counters, Untold, Verdict};

use crate::Lifetime;

pub use belong::{Belongs, Differs, belongs};
pub use ground::{CUTS, Ground, GroundError};
pub use join::Join;
pub use note::{Conclusion, Note, NoteCode, Unlaid};

/// What runs show of a graph.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// Of what the graph is.
    pub configuration: Configuration,
    /// The runs, by name.
    pub runs: Vec<RunSummary>,
    /// What makes the numbers less than they seem, or needs a look.
    pub notes: Vec<Note>,
    /// Parts of the recorder that runs lack, and what is therefore not known of what was seen.
    pub untold: Vec<Untold>,
    /// How the recorded (caller, callee) pairs were found in the graph.
    pub pairs: Pairs,
    /// How many sites are what.
    pub counts: Counts,
    /// Every site that can be anonymous, in the order of concern.
    pub sites: Vec<Site>,
    /// Every entry that leads to such a site, by who can take it.
    pub entries: Vec<CoveredEntry>,
    /// Functions that nothing gets around on its way to several sites; those of most sites first.
    pub funnels: Vec<Funnel>,
    /// The calls on ways from entries to sites.
    pub calls: Calls,
    /// What to test next, the most urgent first.
    pub next: Vec<Next>,
    /// What the graph does not know, or what was taken for granted.
    pub assumptions: Vec<String>,
}

/// Of what a graph is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Configuration {
    /// The architecture.
    pub architecture: String,
    /// Xen's version.
    pub xen: Option<String>,
    /// The image.
    pub build_id: Option<String>,
    /// SHA-256 of its `.config`.
    pub config_sha256: Option<String>,
}

/// One run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunSummary {
    /// What it is called.
    pub name: String,
    /// What its build has differently from the graph's; nothing if it is the same.
    pub differs: Vec<String>,
    /// Events that it recorded.
    pub events: u64,
    /// Distinct stacks.
    pub stacks: usize,
    /// Stacks of anonymous allocations.
    pub allocating: usize,
    /// Those that were laid on the graph as a whole.
    pub laid: usize,
    /// Sites that it shows.
    pub sites: usize,
    /// Sites that no other run shows.
    pub alone: usize,
    /// Why its numbers may be wrong, if so.
    pub doubt: Option<String>,
    /// Parts of the recorder that its Xen had nothing for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
}

/// The (caller, callee) pairs of all stacks, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pairs {
    /// A call, or inlined there.
    pub direct: usize,
    /// A call of a function that ends by jumping there.
    pub tail: usize,
    /// A call through a pointer, or of a function that ends by jumping there through one.
    pub indirect: usize,
    /// No call: an exception or an interrupt came in between.
    pub arrivals: usize,
    /// Those that the graph does not have.
    pub missing: Vec<MissingPair>,
}

impl Pairs {
    /// The share that the graph has.
    pub fn found(&self) -> Share {
        let part = self.direct + self.tail + self.indirect + self.arrivals;
        Share { part, whole: part + self.missing.len() }
    }
}

/// A recorded pair that the graph does not have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MissingPair {
    /// Who was seen to call,
    pub caller: String,
    /// and whom.
    pub callee: String,
    /// Why it is not there.
    pub reason: String,
    /// The runs that show it.
    pub runs: BTreeSet<String>,
}

/// How many sites are what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Sites that can be anonymous.
    pub sites: usize,
    /// By what is known of them.
    pub by_state: BTreeMap<State, usize>,
    /// Unseen ones to which a way leads, by the least trusted one that can take it.
    pub unseen_by: BTreeMap<Who, usize>,
    /// Calls that always charge a domain: not counted above.
    pub charged: usize,
    /// Calls of allocators within allocators: not counted above.
    pub inner: usize,
}

/// What is known of a site. The order is that of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A way leads there, and no run took it.
    Unseen,
    /// The same, but each way passes what the cuts take out: crashes, diagnostics, work that
    /// happens to run in the middle.
    UnseenByCuts,
    /// No way is known, and the graph does not know all calls.
    NotKnown,
    /// A run shows it.
    Seen,
    /// It cannot run after boot.
    BootOnly,
    /// Nothing leads there.
    Unreachable,
}

impl State {
    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            State::Unseen => "unseen, and reachable",
            State::UnseenByCuts => "unseen, and reachable only by what the cuts take out",
            State::NotKnown => "unseen, and not known to be unreachable",
            State::Seen => "seen",
            State::BootOnly => "boot only",
            State::Unreachable => "unreachable",
        }
    }

    /// Whether it may happen and was not seen.
    pub fn is_unseen(self) -> bool {
        matches!(self, State::Unseen | State::UnseenByCuts | State::NotKnown)
    }
}

/// A step of a way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// The function.
    pub function: String,
    /// Where it calls the next one; the allocator, in the last step.
    pub at: Option<String>,
}

impl Step {
    /// The function, and where it calls the next one.
    pub fn shown(&self) -> String {
        match &self.at {
            Some(at) => format!("{} ({at})", self.function),
            None => self.function.clone(),
        }
    }
}

/// An allocation site.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Site {
    /// The function of the source that it stands in.
    pub function: String,
    /// File and line there.
    pub at: Option<String>,
    /// The function whose machine code it is in, if that is another one.
    pub within: Option<String>,
    /// Address of the call.
    pub address: Option<String>,
    /// The allocators that it calls.
    pub allocators: Vec<String>,
    /// Whether it charges nobody.
    pub anonymity: Anonymity,
    /// What decides, where it may be anonymous.
    pub condition: Option<String>,
    /// What is known of it.
    pub state: State,
    /// For those that cannot run: why. For an unseen one whose source line was seen in another
    /// copy: that.
    pub reason: Option<String>,
    /// The least trusted one that can come here.
    pub who: Option<Who>,
    /// The entries that lead here without passing another one.
    pub entries: Vec<String>,
    /// A shortest way from an entry, if there is one.
    pub way: Vec<Step>,
    /// What runs show of it.
    pub evidence: Option<Evidence>,
    /// What people decided: of the stacks that were seen, else of any stack that can end here.
    pub decisions: Vec<Decided>,
}

/// What runs show of a site.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// Allocations by run.
    pub runs: BTreeMap<String, u64>,
    /// Distinct stacks and levels, summed over runs.
    pub stacks: usize,
    /// How much, over all runs.
    pub counters: Counters,
    /// What the machine concludes of the stacks.
    pub lifetimes: BTreeSet<Lifetime>,
    /// Of the stacks, those that a policy refuses; 0 without one.
    pub refused: usize,
}

/// What the verdict file says of a site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// The entry that counts.
    pub entry: Option<String>,
    /// The bound that it claims.
    pub bound: Option<String>,
    /// The assumption that it makes.
    pub assumption: Option<String>,
    /// Whether it accepts, with a reason, and nothing contradicts it.
    pub accepted: bool,
    /// What is wrong with it.
    pub remarks: Vec<String>,
}

/// A way in.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CoveredEntry {
    /// The operation.
    pub operation: String,
    /// The function where control arrives.
    pub function: String,
    /// What kind of way.
    pub class: EntryClass,
    /// The least trusted one that can take it.
    pub who: Who,
    /// Sites that it leads to without passing another entry.
    pub sites: usize,
    /// Those that no run shows.
    pub unseen: usize,
    /// Anonymous allocations that were seen to pass it, by run.
    pub runs: BTreeMap<String, u64>,
    /// A shortest way from it to something unseen.
    pub way: Vec<Step>,
}

/// A function that nothing gets around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Funnel {
    /// Which.
    pub function: String,
    /// The least trusted one that comes there.
    pub who: Option<Who>,
    /// To so many sites no way leads around it.
    pub sites: usize,
    /// The same of what no run shows.
    pub unseen: usize,
    /// Anonymous allocations that were seen to pass it, by run.
    pub runs: BTreeMap<String, u64>,
}

/// The calls on ways to sites.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Calls {
    /// How many there are.
    pub all: usize,
    /// How many were seen.
    pub seen: usize,
    /// All of them, in order of the graph.
    pub list: Vec<Call>,
}

/// One call on ways to sites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call {
    /// The function of the source that it stands in.
    pub function: String,
    /// Where.
    pub at: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// What it calls.
    pub callees: Vec<String>,
    /// Anonymous allocations that were seen to pass it, by run.
    pub runs: BTreeMap<String, u64>,
}

/// Something that no run shows, and that a test could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Next {
    /// Who could trigger it.
    pub who: Who,
    /// What it is.
    pub what: Untaken,
    /// What it is called.
    pub name: String,
    /// Unseen sites behind it.
    pub behind: usize,
    /// A shortest way to one of them.
    pub way: Vec<Step>,
}

/// What was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Untaken {
    /// An entry.
    Entry,
    /// A function that nothing gets around.
    Funnel,
    /// A call of an allocator.
    Site,
}
