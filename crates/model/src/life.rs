//! Domains come and go, and their ids are used again.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Counters, Domain, Owner};

/// A domain of one boot: its id, and which of the domains that had this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DomainId {
    /// Its id, which another domain can have later.
    pub domain: Domain,
    /// From 1, and no other domain of the boot has it. 0: not known which of those that had the id.
    #[serde(default, skip_serializing_if = "is_unknown")]
    pub generation: u32,
}

fn is_unknown(generation: &u32) -> bool {
    *generation == 0
}

impl DomainId {
    /// A domain of which the generation is not known.
    pub fn unknown(domain: Domain) -> Self {
        DomainId { domain, generation: 0 }
    }

    /// Whether it is known which domain that is.
    pub fn is_known(self) -> bool {
        self.generation > 0
    }
}

impl fmt::Display for DomainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            0 => write!(f, "{}", self.domain),
            generation => write!(f, "{} (generation {generation})", self.domain),
        }
    }
}

/// How Xen came to work on a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was being created.
    Create,
    /// It was being destroyed.
    Destroy,
    /// A domctl named it.
    Domctl,
    /// It was moved from one cpupool to another.
    Move,
}

/// The domain that Xen was working on when something happened, whichever was running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// How so.
    pub how: How,
    /// Which.
    #[serde(flatten)]
    pub id: DomainId,
}

impl Subject {
    /// Whom an allocation is for that happened so. What is allocated while a domain is destroyed is
    /// not for it.
    pub fn owner(self) -> Owner {
        match self.how {
            How::Create => Owner::Created(self.id),
            How::Domctl => Owner::Domctl(self.id),
            How::Move => Owner::Moved(self.id),
            How::Destroy => Owner::Unknown,
        }
    }
}

/// What a domain has of its own, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// The size of its p2m or paging pool when the smallest share of it was left; 0: it has none,
    /// or Xen cannot say.
    pub size: u64,
    /// What was left then. (Of older recorders: the largest size, and the fewest that were left of
    /// any.)
    pub low: u64,
    /// Pages taken from it.
    pub takes: u64,
    /// Pages given back to it.
    pub backs: u64,
    /// Requests that it could not serve.
    pub failed: u64,
    /// No-refcount pages that it has; of a domain that ended, the most that it had.
    pub extra: u64,
}

/// A domain that existed when a dump was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DomainState {
    /// Which.
    #[serde(flatten)]
    pub id: DomainId,
    /// What it had.
    pub pool: Pool,
}

/// What happened to a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub enum Life {
    /// Its creation begins: everything that is allocated for it comes after.
    Created {
        /// Those of its `xen_domctl_createdomain`.
        flags: u64,
    },
    /// Its structure is freed: nothing of it should be left.
    Ended {
        /// It was never created, the creation failed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        failed: bool,
        /// What it had.
        pool: Pool,
    },
}

/// One thing that happened to a domain. Numbered in one sequence with the events of memory.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DomainEvent {
    /// Number in sequence, from 1.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub life: Life,
    /// To which domain.
    #[serde(flatten)]
    pub id: DomainId,
    /// The domain that was running.
    pub current: Domain,
    /// Physical CPU.
    #[serde(default)]
    pub cpu: u32,
    /// Nanoseconds since Xen's clock started.
    #[serde(default)]
    pub time: u64,
}

/// When something happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Number in sequence.
    pub seq: u64,
    /// Nanoseconds since Xen's clock started.
    pub time: u64,
}

/// How many, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Bytes of them.
    pub bytes: u64,
}

impl Amount {
    /// Adds another amount.
    pub fn add(&mut self, count: u64, bytes: u64) {
        self.count = self.count.saturating_add(count);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The larger count and the larger number of bytes, which need not have been of one.
    pub fn most(self, other: Amount) -> Amount {
        Amount { count: self.count.max(other.count), bytes: self.bytes.max(other.bytes) }
    }

    /// Whether there is nothing.
    pub fn is_zero(self) -> bool {
        self == Amount::default()
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Amount::default(), |mut sum, more| {
            sum.add(more.count, more.bytes);
            sum
        })
    }
}

/// The life of one domain, and what was done for it. Always
/// `live = allocated + taken - freed - given`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DomainAccount {
    /// Which; its generation is never 0.
    #[serde(flatten)]
    pub id: DomainId,
    /// The flags that it was created with.
    pub flags: Option<u64>,
    /// When its creation began. `None`: that record is missing.
    pub created: Option<Moment>,
    /// When its structure was freed. `None`: it exists when the log ends.
    pub ended: Option<Moment>,
    /// Its creation failed.
    pub failed: bool,
    /// What was allocated for it.
    pub allocated: Amount,
    /// Allocations for it that failed.
    pub refused: u64,
    /// Pages taken from it that belong to nobody.
    pub taken: Amount,
    /// What was freed of that.
    pub freed: Amount,
    /// What was given to a domain.
    pub given: Amount,
    /// What is live of it: *left*, if it has ended.
    pub live: Amount,
    /// What it had of its own: at its end, or in the last complete dump.
    pub pool: Option<Pool>,
}

impl DomainAccount {
    /// Of a domain of which nothing is known yet.
    pub fn new(id: DomainId) -> Self {
        DomainAccount {
            id,
            flags: None,
            created: None,
            ended: None,
            failed: false,
            allocated: Amount::default(),
            refused: 0,
            taken: Amount::default(),
            freed: Amount::default(),
            given: Amount::default(),
            live: Amount::default(),
            pool: None,
        }
    }

    /// Adds what a row counts.
    pub fn add(&mut self, c: &Counters) {
        self.allocated.add(c.allocs, c.bytes);
        self.refused = self.refused.saturating_add(c.failed);
        self.taken.add(c.taken, c.taken_bytes);
        self.freed.add(c.freed, c.freed_bytes);
        self.given.add(c.given, c.given_bytes);
        self.live.add(c.live, c.live_bytes);
    }

    /// What is left: live although its structure was freed.
    pub fn left(&self) -> Amount {
        if self.ended.is_some() { self.live } else { Amount::default() }
    }
}
