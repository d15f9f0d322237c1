//! The graph as types. Everything refers to everything else by its position in the graph's tables,
//! and the tables are sorted, so that the same build gives the same graph.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A function's position in [`Graph::functions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FunctionId(pub u32);

/// A call site's position in [`Graph::sites`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SiteId(pub u32);

/// All calls that one build of Xen can make.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Graph {
    /// What it was made from.
    pub facts: Facts,
    /// Sorted by name, then unit.
    pub functions: Vec<Function>,
    /// Sorted by caller, address, place.
    pub sites: Vec<Site>,
    /// Sorted by site, callee, evidence. A callee stands once for each evidence.
    pub edges: Vec<Edge>,
    /// How the outside enters. Sorted by function, class, operation.
    pub entries: Vec<Entry>,
    /// Calls of an allocator. Sorted by site.
    pub allocations: Vec<Allocation>,
    /// With which constant tables functions are called. Sorted by function, then text.
    pub contexts: Vec<Context>,
    /// Calls that are possible in some contexts only, or that enter one. Sorted.
    pub ways: Vec<Way>,
}

impl Graph {
    /// What says where a site can go, each evidence of each callee.
    pub fn edges_of(&self, site: SiteId) -> impl Iterator<Item = &Edge> {
        let first = self.edges.partition_point(|edge| edge.site < site);
        self.edges.iter().skip(first).take_while(move |edge| edge.site == site)
    }

    /// In which contexts a call is possible, and what it enters. Nothing: in all of its caller's,
    /// and into none of the callee's.
    pub fn ways_of(&self, site: SiteId, callee: FunctionId) -> impl Iterator<Item = &Way> {
        let first = self.ways.partition_point(|way| (way.site, way.callee) < (site, callee));
        self.ways.iter().skip(first).take_while(move |way| (way.site, way.callee) == (site, callee))
    }
}

/// A context's position in [`Graph::contexts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContextId(pub u32);

/// A function as those call it that hand it a certain constant table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Context {
    /// The function.
    pub function: FunctionId,
    /// Its parameter and the table: `ops = priv_op_ops`.
    pub says: String,
    /// Whether each caller of the function hands down a known table.
    pub closed: bool,
}

/// A call in one context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// The call.
    pub site: SiteId,
    /// What it calls.
    pub callee: FunctionId,
    /// In which context of the caller; none: when its tables are not known.
    pub within: Option<ContextId>,
    /// Which context of the callee it enters.
    pub into: Option<ContextId>,
}

/// What a graph was made from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Xen's version.
    pub xen: Option<String>,
    /// Build id of the image, hexadecimal.
    pub build_id: Option<String>,
    /// The compiler, as the image names it.
    pub compiler: Option<String>,
    /// SHA-256 of the final `.config`.
    pub config_sha256: Option<String>,
    /// What was read, skipped and lost, by name: nothing disappears in silence.
    pub counts: std::collections::BTreeMap<String, u64>,
    /// Functions that begin with a landing pad although no indirect call reaches them: why, by unit
    /// and name.
    #[serde(default)]
    pub unreached: std::collections::BTreeMap<String, String>,
    /// Units of the build that it was not made from, or not from all that the compiler writes of a
    /// unit: what each lacks. Nothing is unreachable by such a graph.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub lacks: std::collections::BTreeMap<String, std::collections::BTreeSet<Lack>>,
}

/// What a unit of a build lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// Its `.ci` file.
    Ci,
    /// A `.ci` file that says what the image, or the object, says: there is one of another build.
    OwnCi,
    /// Its GIMPLE dump.
    Dump,
    /// A GIMPLE dump that says what the image says: there is one of another build.
    OwnDump,
    /// Its debug information: it is in the image, and nothing but its symbols is known.
    DebugInfo,
    /// Its machine code: it is compiled with `-flto`, and its calls are decided when it is linked.
    Code,
    /// Whatever says that it exists: neither an image nor objects tell which units there are.
    Witness,
}

impl Lack {
    /// For people: what is not there.
    pub fn describe(self) -> &'static str {
        match self {
            Lack::Ci => "no .ci file",
            Lack::OwnCi => "its .ci file is of another build",
            Lack::Dump => "no GIMPLE dump",
            Lack::OwnDump => "its GIMPLE dump is of another build",
            Lack::DebugInfo => "no debug information",
            Lack::Code => "no machine code before it is linked (-flto)",
            Lack::Witness => "neither an image nor objects say which units there are",
        }
    }
}

/// A function of the source: its body, with the pieces and clones the compiler made of it, or only
/// inlined copies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// As the source says it, without what the compiler adds to clones and pieces.
    pub name: String,
    /// Translation unit that defines it, from Xen's folder on: `common/page_alloc.c`,
    /// `arch/x86/x86_64/entry.S`.
    pub unit: Option<String>,
    /// Whether it is static: another unit may have another function of its name.
    pub is_static: bool,
    /// Where it is defined.
    pub location: Option<Location>,
    /// What it is written in.
    pub code: Code,
    /// Where it lies in the image; empty if it exists in inlined copies only.
    pub pieces: Vec<Piece>,
    /// What its own frame takes of the stack.
    pub stack: Option<StackUse>,
    /// Its first parameter that says whom it works for.
    pub owner: Option<Owner>,
    /// Whether control can come back from it.
    pub noreturn: bool,
}

impl Function {
    /// Whether it exists only until Xen has booted: all of it lies in `.init.text`.
    pub fn boot_only(&self) -> bool {
        !self.pieces.is_empty() && self.pieces.iter().all(|piece| piece.section == Section::Init)
    }
}

/// A place in the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// From Xen's folder on.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1; 0 if it is not known.
    pub column: u32,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a function is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// C, described by DWARF.
    C,
    /// Assembly, or a symbol that DWARF does not describe.
    Assembly,
}

/// One contiguous part of a function in the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Its symbol, with all suffixes (`foo.constprop.0.cold`).
    pub symbol: String,
    /// First address.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Where it lies.
    pub section: Section,
    /// Whether it begins with a landing pad for indirect calls (`endbr64`, `bti c`).
    pub landing: bool,
}

/// Kind of a section with code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Stays.
    Text,
    /// `.init.text`: given back after boot.
    Init,
    /// Any other executable section.
    Other,
}

/// What a function's own frame takes of the stack, as `-fcallgraph-info=su` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackUse {
    /// Bytes.
    pub bytes: u32,
    /// Whether it depends on what happens (`dynamic`): then `bytes` is only a part, unless it is
    /// bounded.
    pub dynamic: bool,
}

/// A parameter that says whom a function works for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The parameter's name.
    pub parameter: String,
    /// `domain` or `vcpu`: the struct it points to.
    pub holds: String,
}

/// One place where a function calls, in the image or in the source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// The function whose machine code it is in.
    pub caller: FunctionId,
    /// Address of the instruction; none for a call that only a model or a `.ci` file knows.
    pub address: Option<u64>,
    /// Where it stands in the source: in the innermost inlined function.
    pub location: Option<Location>,
    /// What kind of call.
    pub kind: SiteKind,
    /// The functions inlined into `caller` around this call, outermost first.
    pub inlined: Vec<InlinedFrame>,
    /// For an indirect call what is called, as far as it is known: `struct iommu_ops.map_page`,
    /// `fn (parameter)`.
    pub target: Option<String>,
    /// Why not all its targets are known, if so.
    pub open: Option<Open>,
}

impl Site {
    /// The function of the source that it stands in.
    pub fn innermost(&self) -> FunctionId {
        self.inlined.last().map_or(self.caller, |frame| frame.function)
    }
}

/// A function inlined around a call site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InlinedFrame {
    /// Which.
    pub function: FunctionId,
    /// Where its caller calls it.
    pub location: Option<Location>,
}

/// Kind of a call site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteKind {
    /// A call of a known address.
    Call,
    /// A jump to another function.
    Tail,
    /// Control runs over the end of a function into the next one (assembly).
    Fall,
    /// A call or jump through a pointer.
    Indirect,
    /// A call that alternatives patching makes direct at boot (`alternative_call`).
    Alternative,
    /// No instruction of its own: somebody else calls what was registered here (tasklet, timer,
    /// initcall, …).
    Synthetic,
}

/// Why not all targets of a site are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Open {
    /// The pointer belongs to firmware (UEFI run-time services).
    Firmware,
    /// Nothing in this build ever stores a function there (a hook that nobody uses).
    NeverSet,
    /// Nothing ever stores a function there, and nothing in this build calls the function that it
    /// stands in.
    Uncalled,
    /// Set by what is loaded later (livepatch).
    Loaded,
    /// Code that the dumps do not describe (assembly, hand-made stubs).
    Assembly,
    /// The value's flow was not understood.
    Unknown,
}

/// A call that is possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// From where.
    pub site: SiteId,
    /// To which function.
    pub callee: FunctionId,
    /// What says so.
    pub evidence: Evidence,
    /// How sure it is.
    pub certainty: Certainty,
}

/// What says that an edge exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// The instruction in the image.
    Image,
    /// A `.ci` file.
    Ci,
    /// GIMPLE: the pointer's flow through fields and variables.
    Flow,
    /// The image's data: what lies in the slot that is called through.
    Slot,
    /// A model of one of Xen's mechanisms (initcalls, tasklets, softirqs, …).
    Model,
    /// Nothing but the type of the pointer. Off unless asked for.
    Type,
}

impl Evidence {
    /// Whether it is what pointers were found to hold. The compiler can have made such a call
    /// direct.
    pub fn is_of_a_pointer(self) -> bool {
        match self {
            Evidence::Image | Evidence::Ci => false,
            Evidence::Flow | Evidence::Slot | Evidence::Model | Evidence::Type => true,
        }
    }
}

/// How sure an edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// It is in the image, to this function and no other.
    Certain,
    /// One of the targets that the analysis found.
    Resolved,
    /// A guess that only keeps the graph complete.
    Fallback,
}

/// A way in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// Where control arrives.
    pub function: FunctionId,
    /// What kind of way.
    pub class: EntryClass,
    /// Which hypercall, vector, exit reason, …; with its operation after a dot where who can
    /// depends on that.
    pub operation: String,
    /// The least trusted one that can take it.
    pub who: Who,
    /// Where that is known from.
    pub source: String,
}

/// How the outside enters Xen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryClass {
    /// A hypercall.
    Hypercall,
    /// A VM exit, or an emulated access.
    VmExit,
    /// An exception.
    Trap,
    /// An interrupt.
    Interrupt,
    /// A softirq or tasklet: deferred work of Xen's own.
    Softirq,
    /// The idle loop.
    Idle,
    /// Boot, and CPUs coming up.
    Boot,
}

/// Who can make control arrive at an entry, least trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Who {
    /// Any guest.
    AnyGuest,
    /// A device model, or a domain with rights over another.
    DeviceModel,
    /// The control or the hardware domain.
    ControlDomain,
    /// Hardware.
    Hardware,
    /// Only boot.
    Boot,
}

impl Who {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Who::AnyGuest => "any guest",
            Who::DeviceModel => "a device model",
            Who::ControlDomain => "the control domain",
            Who::Hardware => "hardware",
            Who::Boot => "a CPU that comes up",
        }
    }
}

/// A call of an allocator, and whether it can be anonymous.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// The call.
    pub site: SiteId,
    /// Which allocator it calls.
    pub callee: FunctionId,
    /// Whether what it allocates is charged to nobody.
    pub anonymity: Anonymity,
    /// What that is concluded from: the argument, as the dump has it.
    pub evidence: String,
    /// For `may` what decides, as the source says it.
    pub condition: Option<String>,
}

/// Whether an allocation is anonymous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anonymity {
    /// Each time.
    Always,
    /// Depends on a value.
    May,
    /// Never.
    Never,
}
