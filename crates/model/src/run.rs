use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Charge, Check, Counters, Domain, Kind, Stack, StackId, View};

/// Architecture of a run. Reports never mix them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arch {
    /// 64-bit x86.
    #[serde(rename = "x86_64")]
    X86_64,
    /// 64-bit Arm.
    Arm64,
    /// 32-bit Arm.
    Arm32,
    /// The log does not say.
    #[default]
    Unknown,
}

impl Arch {
    /// The name, as in folder names.
    pub fn as_str(self) -> &'static str {
        match self {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "arm64",
            Arch::Arm32 => "arm32",
            Arch::Unknown => "unknown",
        }
    }
}

/// Which recorder wrote the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Ours, format 1.
    Ha1,
    /// The RFC's `DEBUG:` lines and Xen's call traces.
    Rfc,
    /// No record of any recorder was found.
    #[default]
    None,
}

/// What is known of a run besides its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Which recorder.
    pub format: LogFormat,
    /// Architecture.
    pub arch: Arch,
    /// Xen's version.
    pub xen: Option<String>,
    /// GNU build id of the image, lower-case hex.
    pub build_id: Option<String>,
    /// The boot's tag.
    pub tag: Option<String>,
    /// Start and end of Xen's text.
    pub text: Option<(u64, u64)>,
    /// The modes the recorder ran in.
    pub modes: Vec<View>,
    /// Sizes of the recorder's tables.
    pub tables: Option<Tables>,
    /// Which view the profile was made from.
    pub view: Option<View>,
    /// Which boot of the log, from 1, and how many there are. 0 of 0: no boot was found.
    pub boot: u32,
    /// How many boots (tags with a header) the log has.
    pub boots: u32,
    /// Lines read, and bytes.
    pub lines: u64,
    /// Bytes read, after decompression.
    pub log_bytes: u64,
    /// Events read.
    pub events: u64,
    /// Times of the first and last event, in nanoseconds.
    pub first_time: Option<u64>,
    /// Time of the last event.
    pub last_time: Option<u64>,
}

/// Sizes of the recorder's tables, in entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tables {
    /// Frames a stack can have.
    pub depth: u64,
    /// Distinct stacks.
    pub stacks: u64,
    /// Profile rows.
    pub rows: u64,
    /// Live blocks.
    pub live: u64,
    /// Records waiting to be printed.
    pub ring: u64,
}

/// The domain an allocation is *for*, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "known-by", content = "domain", rename_all = "kebab-case")]
pub enum Owner {
    /// Nothing says.
    Unknown,
    /// It was passed to the allocator.
    Passed(Domain),
}

impl Owner {
    /// The domain, if one is known.
    pub fn domain(self) -> Option<Domain> {
        match self {
            Owner::Unknown => None,
            Owner::Passed(domain) => Some(domain),
        }
    }
}

/// What the profile is keyed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RowKey {
    /// How it came about.
    pub stack: StackId,
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// The domain that was running.
    pub current: Domain,
    /// The domain it is for.
    pub owner: Owner,
}

/// One row of the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Of what.
    pub key: RowKey,
    /// How much.
    pub counters: Counters,
}

/// Counts of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KindTotals {
    /// The common counts; `min` and `max` are not kept here.
    pub counters: Counters,
    /// Frees of which no allocation was recorded.
    pub orphans: u64,
    /// What is known of their bytes.
    pub orphan_bytes: u64,
    /// Heap pages taken; for xmalloc only allocations that are whole pages.
    pub pages: u64,
    /// Heap pages given back, orphans included.
    pub pages_freed: u64,
    /// xmalloc: bytes of pool blocks taken, headers included.
    pub pool: u64,
    /// xmalloc: bytes of pool blocks given back, orphans included.
    pub pool_freed: u64,
}

/// Totals per kind, in the order of [`Kind::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// [`Kind::Xmalloc`].
    pub xmalloc: KindTotals,
    /// [`Kind::Xenheap`].
    pub xenheap: KindTotals,
    /// [`Kind::Domheap`].
    pub domheap: KindTotals,
    /// [`Kind::PoolGrowth`].
    #[serde(rename = "pool-growth")]
    pub pool_growth: KindTotals,
}

impl Totals {
    /// Those of one kind.
    pub fn of(&self, kind: Kind) -> &KindTotals {
        match kind {
            Kind::Xmalloc => &self.xmalloc,
            Kind::Xenheap => &self.xenheap,
            Kind::Domheap => &self.domheap,
            Kind::PoolGrowth => &self.pool_growth,
        }
    }

    /// Those of one kind, to be changed.
    pub fn of_mut(&mut self, kind: Kind) -> &mut KindTotals {
        match kind {
            Kind::Xmalloc => &mut self.xmalloc,
            Kind::Xenheap => &mut self.xenheap,
            Kind::Domheap => &mut self.domheap,
            Kind::PoolGrowth => &mut self.pool_growth,
        }
    }
}

/// A quantity when recording started, and now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// When recording started.
    pub start: u64,
    /// Now.
    pub now: u64,
}

/// What the hypervisor says of itself, to balance against (the `Y` line of the record format).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// Free heap pages.
    pub free: Pair,
    /// Pages of all domains.
    pub dompages: Pair,
    /// Bytes of the xmalloc pool.
    pub pooltotal: Pair,
    /// Bytes in use in it.
    pub poolused: Pair,
    /// Bytes it counts as used for each region.
    pub poolhdr: u64,
    /// Pages added to the heap.
    pub heapadd: u64,
    /// Pages allocated directly for a domain.
    pub owned_alloc: u64,
    /// Domains' pages freed.
    pub owned_freed: u64,
    /// Given pages that the domain was charged for.
    pub given_counted: u64,
    /// Taken pages that the domain was relieved of.
    pub taken_counted: u64,
    /// Records lost because the ring was full.
    pub lost_records: u64,
    /// Stacks not kept.
    pub lost_stacks: u64,
    /// Rows not kept.
    pub lost_rows: u64,
    /// Live blocks not kept.
    pub lost_live: u64,
    /// Operations under way while the numbers were read.
    pub busy: u64,
}

/// One complete dump of the hypervisor's totals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dump {
    /// Number, from 1.
    pub number: u64,
    /// Why: `shutdown`, `sleep`, `key`.
    pub why: String,
    /// The last event that the numbers contain.
    pub seq: u64,
    /// Its totals per kind.
    pub totals: Totals,
    /// The machine's own account.
    pub machine: Machine,
    /// Its table, in mode `summary`.
    pub rows: Vec<Row>,
}

/// Lines that looked like records and were not believed, by reason. The names are stable.
pub type Refused = BTreeMap<String, u64>;

/// Everything known of one boot, except its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Run {
    /// What ran.
    pub facts: Facts,
    /// Stacks with names.
    pub stacks: BTreeMap<StackId, Stack>,
    /// What was allocated, by row, sorted by key.
    pub profile: Vec<Row>,
    /// The same per kind.
    pub totals: Totals,
    /// The hypervisor's own last dump.
    pub dump: Option<Dump>,
    /// The self-checks, in the order of [`CheckId::ALL`](crate::CheckId::ALL).
    pub checks: Vec<Check>,
    /// What was refused or replayed, by reason.
    pub refused: Refused,
}
