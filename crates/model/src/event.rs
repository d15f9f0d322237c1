use serde::{Deserialize, Serialize};

use crate::{Charge, Domain, DomainEvent, DomainId, Kind, Owner, StackId, Subject, Untried};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// An anonymous allocation that succeeded.
    Alloc,
    /// An anonymous allocation that failed.
    Fail,
    /// A free, of a whole allocation or of a part.
    Free,
    /// Ownerless pages are assigned to a domain.
    Give,
    /// That assignment failed: the pages are anonymous again.
    GiveBack,
    /// Pages are taken from a domain and belong to nobody.
    Take,
}

/// One thing that happened to anonymous memory, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Event {
    /// Number in sequence, from 1. Logs without numbers get them in order of appearance.
    pub seq: u64,
    /// What happened.
    pub op: Op,
    /// At which level. For frees of pages: of what, as far as the recorder knew.
    pub kind: Kind,
    /// Address: virtual for xmalloc, vmalloc and Xen heap pages, machine for domain heap pages. 0
    /// for [`Op::Fail`].
    pub addr: u64,
    /// Bytes, as the caller asked. `None`: a free whose size nobody knows.
    pub size: Option<u64>,
    /// xmalloc and vmalloc only: bytes really taken from the pool or, for a page-aligned address,
    /// from the heap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u64>,
    /// How it came about.
    pub stack: StackId,
    /// The domain that was running.
    pub current: Domain,
    /// The domain that was passed to the allocator, or that receives or loses the pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Domain>,
    /// Whom it is charged to.
    pub charge: Charge,
    /// Xen's `MEMF_*` flags.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub memflags: u32,
    /// How many allocator layers stand between the caller and this event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub layer: u32,
    /// Physical CPU.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cpu: u32,
    /// Nanoseconds since Xen's clock started; 0 if not known.
    #[serde(default)]
    pub time: u64,
    /// A free of which the recorder says that it never recorded the allocation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Number of the call into Xen that its CPU was serving; 0: none. Each CPU counts its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub epoch: u64,
    /// A free before the call that allocated had ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bracketed: bool,
    /// The domain that Xen was working on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
    /// Why an [`Op::Fail`] failed without being tried, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untried: Option<Untried>,
}

fn is_zero<N: Default + PartialEq>(n: &N) -> bool {
    *n == N::default()
}

impl Event {
    /// Whether this is an xmalloc that was served with whole pages. Blocks of the pool never start
    /// on a page boundary, because their header stands before them.
    pub fn is_whole_pages(&self) -> bool {
        self.kind == Kind::Xmalloc && self.addr.is_multiple_of(crate::PAGE_SIZE)
    }

    /// The domain that this event alone says its memory is for: the one that was passed, else the
    /// subject. `latest` gives the generation that an id without one means, 0 if nobody knows. A
    /// page of the xmalloc pool is for nobody, whoever's xmalloc made the pool grow.
    pub fn owner(&self, latest: impl FnOnce(Domain) -> u32) -> Owner {
        let subject = self.subject.filter(|_| self.kind != Kind::PoolGrowth);
        match (self.passed, subject) {
            (Some(domain), Some(subject)) if subject.id.domain == domain => Owner::Passed(subject.id),
            (Some(domain), _) => Owner::Passed(DomainId { domain, generation: latest(domain) }),
            (None, Some(subject)) => subject.owner(),
            (None, None) => Owner::Unknown,
        }
    }
}

/// One event of the sequence: of memory or of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum AnyEvent {
    /// Of anonymous memory.
    Memory(Event),
    /// Of a domain's life.
    Domain(DomainEvent),
}

impl AnyEvent {
    /// Number in sequence.
    pub fn seq(&self) -> u64 {
        match self {
            AnyEvent::Memory(event) => event.seq,
            AnyEvent::Domain(event) => event.seq,
        }
    }

    /// Nanoseconds since Xen's clock started.
    pub fn time(&self) -> u64 {
        match self {
            AnyEvent::Memory(event) => event.time,
            AnyEvent::Domain(event) => event.time,
        }
    }
}

impl From<Event> for AnyEvent {
    fn from(event: Event) -> Self {
        AnyEvent::Memory(event)
    }
}

impl From<DomainEvent> for AnyEvent {
    fn from(event: DomainEvent) -> Self {
        AnyEvent::Domain(event)
    }
}
