//! One decision.

use std::fmt;

use xenheap_model::{AllocatorRole, Arch, Counters, Kind, NormalStack, Verdict};

use crate::Pattern;

/// One entry of a verdict file: which stacks, and what was decided of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Permanent, and never used for another entry.
    pub id: String,
    /// What was decided.
    pub verdict: Verdict,
    /// Who says so; the RFC's files begin with the name of a project (`MINERVA`).
    pub by: Option<String>,
    /// Under which assumption, in the reviewer's words.
    pub assumption: Option<String>,
    /// Why.
    pub comment: String,
    /// At which level it was allocated; any, if it does not say.
    pub kind: Option<Kind>,
    /// The allocator, as the RFC's files name it.
    pub allocator: Option<String>,
    /// Only for this architecture.
    pub arch: Option<Arch>,
    /// What it claims of sizes.
    pub bound: Option<Bound>,
    /// Whom to charge if memory of a domain's own paid for it.
    pub charge: Option<ChargeTo>,
    /// The revision of Xen that the reviewer looked at.
    pub revision: Option<String>,
    /// Why the stack may not be what happened, as the report said from which it comes.
    pub uncertain: Option<String>,
    /// The stack as it stands in the file, without indentation lost.
    pub stack: String,
    /// The same, to be compared.
    pub pattern: Pattern,
}

impl Entry {
    /// Whether it speaks of such an allocation.
    pub fn is_match(&self, subject: &Subject<'_>) -> bool {
        self.may_be(subject) && self.pattern.is_match(subject.stack)
    }

    /// Whether all but the stack agrees.
    pub fn may_be(&self, subject: &Subject<'_>) -> bool {
        let kind = match (self.kind, &self.allocator) {
            (Some(kind), _) => kind == subject.kind,
            (None, Some(allocator)) => kinds(allocator, &self.stack).is_none_or(|kind| kind == subject.kind),
            (None, None) => true,
        };
        kind && self.arch.is_none_or(|arch| subject.arch == Arch::Unknown || arch == subject.arch)
    }

    /// Whether it accepts the stack: an acceptance without a justification is none.
    pub fn accepts(&self) -> bool {
        self.verdict.accepts() && self.is_justified()
    }

    /// Whether anybody wrote why.
    pub fn is_justified(&self) -> bool {
        !self.comment.trim().is_empty()
    }
}

/// The level that an allocator of the RFC's means. The function that it names is the innermost one,
/// which others may have called.
fn kinds(allocator: &str, stack: &str) -> Option<Kind> {
    // The word of the RFC's tools for `_xmalloc`.
    let role = match allocator.trim_end_matches("()") {
        "xmalloc" => AllocatorRole::Xmalloc,
        name => AllocatorRole::of(name)?,
    };
    match role {
        AllocatorRole::Domheap if stack.contains("xmalloc_pool_get") => Some(Kind::PoolGrowth),
        AllocatorRole::Domheap if stack.contains("alloc_xenheap_pages") => Some(Kind::Xenheap),
        // The RFC's recorder sees single pages of it, ours all of it.
        AllocatorRole::Domheap if stack.contains("vmalloc") || stack.contains("vzalloc") => None,
        AllocatorRole::Domheap => Some(Kind::Domheap),
        AllocatorRole::Xenheap => Some(Kind::Xenheap),
        AllocatorRole::Xmalloc | AllocatorRole::XmallocStep => Some(Kind::Xmalloc),
        _ => None,
    }
}

/// What an entry can speak of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The level.
    pub kind: Kind,
    /// Where.
    pub arch: Arch,
    /// How it came about.
    pub stack: &'a NormalStack,
    /// Whether the recorder did not see the whole stack: then no entry applies.
    pub truncated: bool,
}

/// What a reviewer claims that no run exceeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound {
    /// Bytes of one allocation.
    pub size: Option<u64>,
    /// How many allocations there are.
    pub allocations: Option<u64>,
    /// Bytes live at one time.
    pub live: Option<u64>,
    /// Of what the last two are claimed.
    pub per: Per,
}

/// Of what a bound is claimed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// Of each domain for which it is allocated; where that is not known, that is running.
    #[default]
    Domain,
    /// Of all domains together.
    Run,
}

impl Per {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Per::Domain => "domain",
            Per::Run => "run",
        }
    }
}

/// A claim that a run contradicts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exceeded {
    /// What is claimed.
    pub what: &'static str,
    /// At most so much.
    pub claimed: u64,
    /// What a run showed.
    pub seen: u64,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: at most {} are claimed, {} were seen", self.what, self.claimed, self.seen)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let claims =
            [("bytes each", self.size), ("allocations", self.allocations), ("bytes live", self.live)];
        let claims: Vec<String> =
            claims.iter().filter_map(|(what, most)| most.map(|most| format!("{most} {what}"))).collect();
        write!(f, "at most {}, for each {}", claims.join(", "), self.per.as_str())
    }
}

impl Bound {
    /// Compares with what a run showed of one domain, or of all together.
    pub fn exceeded(&self, counters: &Counters) -> Vec<Exceeded> {
        [
            ("bytes of one allocation", self.size, counters.max),
            ("allocations", self.allocations, counters.allocs.saturating_add(counters.taken)),
            ("bytes live at one time", self.live, counters.peak.max(counters.live_bytes)),
        ]
        .into_iter()
        .filter_map(|(what, claimed, seen)| {
            claimed.filter(|claimed| seen > *claimed).map(|claimed| Exceeded { what, claimed, seen })
        })
        .collect()
    }
}

/// Whom to charge (the policy `rules` of `xenheap plan`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeTo {
    /// The domain it is for.
    Owner,
    /// The domain that is running.
    Current,
    /// The system as a whole.
    System,
    /// Nobody: the memory is shared.
    Never,
}

impl ChargeTo {
    /// All of them.
    pub const ALL: [ChargeTo; 4] = [ChargeTo::Owner, ChargeTo::Current, ChargeTo::System, ChargeTo::Never];

    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            ChargeTo::Owner => "owner",
            ChargeTo::Current => "current",
            ChargeTo::System => "system",
            ChargeTo::Never => "never",
        }
    }
}
