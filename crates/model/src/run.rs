use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    Amount, Bill, Charge, Check, CheckId, CheckOutcome, Counters, Domain, DomainAccount, DomainId,
    DomainState, DumpWhy, Experiment, Kind, RefusalReason, Stack, StackId, View, nothing_for,
};

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
    /// By its name; one that is not known is [`Arch::Unknown`].
    pub fn named(name: &str) -> Self {
        [Arch::X86_64, Arch::Arm64, Arch::Arm32]
            .into_iter()
            .find(|arch| arch.as_str() == name)
            .unwrap_or_default()
    }

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
    /// Ours: `HA1`, any version.
    Ha1,
    /// The RFC's `DEBUG:` lines and Xen's call traces.
    Rfc,
    /// No record of any recorder was found.
    #[default]
    None,
}

/// What times count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The start of Xen.
    #[default]
    Boot,
    /// 1970: Xen prints dates (`console_timestamps=date`).
    Calendar,
}

impl Clock {
    /// Whether it is [`Clock::Boot`].
    pub fn is_boot(&self) -> bool {
        *self == Clock::Boot
    }
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
    /// Parts of the recorder that this Xen had nothing for, by name: see [`crate::untold`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
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
    /// Times of the first and last event, in nanoseconds; `None` if the log has none, or of two
    /// clocks.
    pub first_time: Option<u64>,
    /// Time of the last event.
    pub last_time: Option<u64>,
    /// What these times count from.
    #[serde(skip_serializing_if = "Clock::is_boot")]
    pub clock: Clock,
    /// What was made different in it.
    #[serde(skip_serializing_if = "Experiment::is_none")]
    pub experiment: Experiment,
}

impl Facts {
    /// Had the recorder nothing to hook into for this part?
    pub fn lacks(&self, part: &str) -> bool {
        self.lacks.iter().any(|name| name == part)
    }

    /// The first of these parts that the recorder lacks.
    pub fn first_lacking(&self, parts: &[&'static str]) -> Option<&'static str> {
        parts.iter().copied().find(|part| self.lacks(part))
    }
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
    /// Domains that exist at once; `None`: the recorder knows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<u64>,
}

/// The domain an allocation is *for*, and how that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "known-by", rename_all = "kebab-case")]
pub enum Owner {
    /// Nothing says.
    Unknown,
    /// It was passed to the allocator.
    Passed(DomainId),
    /// It was being created.
    Created(DomainId),
    /// A domctl named it: a hint.
    Domctl(DomainId),
    /// It was moved from one cpupool to another.
    Moved(DomainId),
    /// It was freed in that domain's destruction.
    Destroyed(DomainId),
}

impl Owner {
    /// The domain, if one is known.
    pub fn domain(self) -> Option<Domain> {
        self.id().map(|id| id.domain)
    }

    /// The domain and its generation, if one is known.
    pub fn id(self) -> Option<DomainId> {
        match self {
            Owner::Unknown => None,
            Owner::Passed(id)
            | Owner::Created(id)
            | Owner::Domctl(id)
            | Owner::Moved(id)
            | Owner::Destroyed(id) => Some(id),
        }
    }

    /// How it is known, as in JSON.
    pub fn known_by(self) -> &'static str {
        match self {
            Owner::Unknown => "unknown",
            Owner::Passed(_) => "passed",
            Owner::Created(_) => "created",
            Owner::Domctl(_) => "domctl",
            Owner::Moved(_) => "moved",
            Owner::Destroyed(_) => "destroyed",
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

/// Totals of anonymous memory per kind, in the order of [`Kind::ANONYMOUS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// [`Kind::Xmalloc`].
    pub xmalloc: KindTotals,
    /// [`Kind::Xenheap`].
    pub xenheap: KindTotals,
    /// [`Kind::Domheap`].
    pub domheap: KindTotals,
    /// [`Kind::Vmalloc`].
    pub vmalloc: KindTotals,
    /// [`Kind::PoolGrowth`].
    #[serde(rename = "pool-growth")]
    pub pool_growth: KindTotals,
}

impl Totals {
    /// Those of one kind; nothing for [`Kind::DomainPool`], which is never anonymous.
    pub fn of(&self, kind: Kind) -> KindTotals {
        match kind {
            Kind::Xmalloc => self.xmalloc,
            Kind::Xenheap => self.xenheap,
            Kind::Domheap => self.domheap,
            Kind::Vmalloc => self.vmalloc,
            Kind::PoolGrowth => self.pool_growth,
            Kind::DomainPool => KindTotals::default(),
        }
    }

    /// Those of one kind, to be changed.
    pub fn of_mut(&mut self, kind: Kind) -> Option<&mut KindTotals> {
        match kind {
            Kind::Xmalloc => Some(&mut self.xmalloc),
            Kind::Xenheap => Some(&mut self.xenheap),
            Kind::Domheap => Some(&mut self.domheap),
            Kind::Vmalloc => Some(&mut self.vmalloc),
            Kind::PoolGrowth => Some(&mut self.pool_growth),
            Kind::DomainPool => None,
        }
    }
}

/// Memory that is charged to a domain and can run out all the same. Counted by the hypervisor,
/// without events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Charged {
    /// By stack, kind and current domain, sorted by key.
    pub rows: Vec<Row>,
    /// Kind [`Kind::DomainPool`], charge [`Charge::Domain`].
    pub domain_pool: KindTotals,
    /// Kind [`Kind::Domheap`], charge [`Charge::NoRefcount`].
    pub no_refcount: KindTotals,
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
    /// What else moves these numbers; `None`: the recorder does not tell.
    #[serde(flatten)]
    pub beside: Option<Beside>,
    /// Records lost because the ring was full.
    pub lost_records: u64,
    /// Stacks not kept.
    pub lost_stacks: u64,
    /// Rows not kept.
    pub lost_rows: u64,
    /// Live blocks not kept.
    pub lost_live: u64,
    /// Domains not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost_domains: Option<u64>,
    /// Operations under way while the numbers were read.
    pub busy: u64,
}

/// What moves the hypervisor's numbers beside allocations and frees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// Pages that domains were charged for apart from an allocation or assignment.
    pub adjusted_up: u64,
    /// Pages that they were relieved of apart from a free or theft.
    pub adjusted_down: u64,
    /// Pages that went out of the heap.
    pub offlined: u64,
    /// Pages that came back.
    pub onlined: u64,
    /// Of the pages allocated for domains, those with a cache colour: the free pages do not count
    /// them.
    pub colored_alloc: u64,
    /// Of those that were freed.
    pub colored_freed: u64,
}

/// One complete dump of the hypervisor's totals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dump {
    /// Number, from 1.
    pub number: u64,
    /// Why.
    pub why: DumpWhy,
    /// The last event that the numbers contain.
    pub seq: u64,
    /// Its totals per kind.
    pub totals: Totals,
    /// The machine's own account.
    pub machine: Machine,
    /// Its table of anonymous memory, in mode `summary`.
    pub rows: Vec<Row>,
    /// Charged memory; `None`: the recorder does not count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charged: Option<Charged>,
    /// The domains that existed, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<DomainState>,
    /// What domains were charged, that of nobody first; in an experiment with charging.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bills: Vec<Bill>,
}

/// What the cycles of a workload show. A complete dump by the debug key ends a cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cycles {
    /// How many completed ones were seen. Of the first it is not known what it began with, so
    /// nothing can rise in it.
    pub completed: u64,
    /// Those of which our own numbers are not known, because their records came too late.
    pub missed: u64,
    /// What is growing, sorted by stack, kind and charge.
    pub growing: Vec<Growing>,
}

/// How many consecutive rises make something *growing*.
pub const GROWING: u64 = 3;

/// Something of which the live bytes rose in each of the last cycles, at least [`GROWING`] of them;
/// whichever domains were current, and whichever it was for. Never [`Kind::PoolGrowth`]: such pages
/// grow with the xmallocs in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growing {
    /// How it came about.
    pub stack: StackId,
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// In how many consecutive cycles up to the last it rose.
    pub rises: u64,
    /// By how much in one of these cycles, at least. Counts can fall while bytes rise.
    pub bytes: Rise,
    /// By how many live allocations.
    pub allocs: Rise,
    /// What is live of it after the last cycle.
    pub live: Amount,
}

/// By how much something changed in each of some cycles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rise {
    /// The least.
    pub min: i64,
    /// The most.
    pub max: i64,
    /// In the last cycle.
    pub last: i64,
    /// In all of them together.
    pub total: i64,
}

/// What is live at the end although the structure of the domain that it was for is freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Left {
    /// How it came about.
    pub stack: StackId,
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// Whose it was, and how that is known.
    pub owner: Owner,
    /// How much is live.
    pub live: Amount,
}

/// What calls of guests leave behind when they complete, by the stack of the allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// How it came about.
    pub stack: StackId,
    /// At which level. Levels are not summed: pages of the xmalloc pool hold xmallocs.
    pub kind: Kind,
    /// Calls that allocated here.
    pub calls: u64,
    /// Of these, calls that left something behind.
    pub leaving: u64,
    /// The most that one call left behind here.
    pub most: Amount,
    /// The most that one call which left something behind here left behind anywhere, without pages
    /// of the xmalloc pool.
    #[serde(default)]
    pub most_whole: Amount,
    /// What all of them together left behind.
    pub total: Amount,
}

impl Service {
    /// Without a call.
    pub fn new(stack: StackId, kind: Kind) -> Self {
        let (most, most_whole, total) = Default::default();
        Service { stack, kind, calls: 0, leaving: 0, most, most_whole, total }
    }
}

/// Lines that looked like records and were not believed, by reason.
pub type Refused = BTreeMap<RefusalReason, u64>;

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
    /// The domains that were seen, by generation. The summary view knows only those that existed at
    /// the last dump, and nothing of their memory.
    pub domains: Vec<DomainAccount>,
    /// What the cycles of a workload show.
    pub cycles: Cycles,
    /// What is left of domains that are gone, sorted.
    pub left: Vec<Left>,
    /// What calls leave behind, by stack and kind; empty if the recorder does not mark calls.
    pub services: Vec<Service>,
    /// Where the last cycles ended that follow each other without a missed one, as numbers of
    /// events: what a reader of the events needs to see again what grows.
    pub cycle_ends: Vec<u64>,
}

/// The checks that must not fail before anything may be called a leak. `unique` is not among them:
/// a record that came again with the same bytes counts once. Neither is `intact`: a damaged record
/// that was needed is missed by one of these, and otherwise it was a copy (dom0's own messages cut
/// what `xl dmesg` tells again).
const NEEDED: [CheckId; 13] = [
    CheckId::Ended,
    CheckId::Sequence,
    CheckId::Tables,
    CheckId::Stacks,
    CheckId::Header,
    CheckId::Overlap,
    CheckId::Frees,
    CheckId::Totals,
    CheckId::Views,
    CheckId::Domains,
    CheckId::BalanceFree,
    CheckId::BalanceDomains,
    CheckId::BalancePool,
];

impl Run {
    /// Charged memory, from the last complete dump.
    pub fn charged(&self) -> Option<&Charged> {
        self.dump.as_ref()?.charged.as_ref()
    }

    /// Whether its recorder is of before recorders told of domains: for whom memory is, and so what
    /// is left of a domain, nothing of it can say.
    pub fn is_before_domains(&self) -> bool {
        self.facts.tables.is_some_and(|tables| tables.domains.is_none())
            && self.domains.is_empty()
            && self.charged().is_none()
    }

    /// Whether there are domains and dom0 is not among them: nothing shuts such a machine down, and
    /// its last totals are by the debug key.
    fn lacks_dom0(&self) -> bool {
        let dom0 = Domain::Id(0);
        !self.domains.is_empty()
            && self.domains.iter().all(|domain| domain.id.domain != dom0)
            && self.profile.iter().all(|row| row.key.current != dom0)
    }

    /// Why nothing of this run may be called a leak, if so: it stopped early, or has a gap. What is
    /// *left* or *growing* by the numbers of such a run can be an effect of what is missing.
    pub fn doubt(&self) -> Option<String> {
        let check = |id: CheckId| self.checks.iter().find(|check| check.id == id);
        if let Some(part) = self.facts.first_lacking(&["given", "taken"]) {
            let why = "what became of pages that changed hands is not known";
            return Some(format!("{}, so {why}", nothing_for(part)));
        }
        // Such totals do not tell where the log ends; more of them below.
        let by_key = self.dump.as_ref().is_some_and(|dump| dump.why == DumpWhy::Key);
        for id in NEEDED {
            let needs_ok = id == CheckId::Ended;
            match check(id) {
                Some(check) if check.outcome == CheckOutcome::Ok => {}
                Some(check) if check.outcome == CheckOutcome::NotApplicable && (!needs_ok || by_key) => {}
                Some(check) => return Some(format!("{}: {}", id.as_str(), check.detail)),
                // A run file from before there was such a check.
                None if !needs_ok => {}
                None => return Some("it is not known whether the log is complete".to_owned()),
            }
        }
        // Totals on the debug key can be followed by anything, where a shutdown was to come.
        if by_key && !self.lacks_dom0() {
            let why = "the last totals are by the debug key, so the log can have been cut after them";
            return Some(format!("ended: {why}; let the machine shut down"));
        }
        match self.refused.get(&RefusalReason::Conflict) {
            Some(1) => Some("a record came again with other bytes".to_owned()),
            Some(count) if *count > 0 => Some(format!("{count} records came again with other bytes")),
            _ => None,
        }
    }
}
