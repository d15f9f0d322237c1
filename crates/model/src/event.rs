use serde::{Deserialize, Serialize};

use crate::{Charge, Domain, Kind, StackId};

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
    /// Address: virtual for xmalloc and Xen heap pages, machine for domain heap pages. 0 for [`Op::Fail`].
    pub addr: u64,
    /// Bytes, as the caller asked. `None`: a free whose size nobody knows.
    pub size: Option<u64>,
    /// xmalloc only: bytes really taken from the pool or, for a page-aligned address, from the heap.
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
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Event {
    /// Whether this is an xmalloc that was served with whole pages. Blocks of the pool never start on a page boundary,
    /// because their header stands before them.
    pub fn is_whole_pages(&self) -> bool {
        self.kind == Kind::Xmalloc && self.addr.is_multiple_of(crate::PAGE_SIZE)
    }
}
