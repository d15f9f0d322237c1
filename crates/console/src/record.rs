use std::fmt;

use xenheap_model::{
    Bill, Charging, Clock, Counters, Domain, DomainEvent, DomainState, DumpWhy, Event, Kind, KindTotals,
    Machine, OnPurpose, Pc, RfcOp, RowKey, StackId, Tables, Target, TraceFrame, Uncertain, View,
};

/// Where in the log something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1, as an editor counts (`\n`).
    pub line: u64,
    /// Byte offset of the record's first byte (of `HA1` or `DEBUG:`), after decompression and
    /// without a runner's stamps.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)
    }
}

/// The random number that marks the records of one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u32);

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// One record, as it stands in the log: well-formed, check verified, not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// `V`.
    Header(Header),
    /// `S`.
    Stack(StackLine),
    /// `A` `X` `F` `G` `B` `T` and their `w` forms.
    Event {
        /// [`View::Trace`] or [`View::Warn`].
        view: View,
        /// What it says. `event.seq` is the record's number.
        event: Event,
    },
    /// `C` `E` and their `w` forms.
    Domain {
        /// [`View::Trace`] or [`View::Warn`].
        view: View,
        /// What it says. `event.seq` is the record's number.
        event: DomainEvent,
    },
    /// `I`. `seq` of what it says is the record's number.
    Purpose(OnPurpose),
    /// `Z begin`.
    DumpBegin(DumpBegin),
    /// `P`.
    Row(RowLine),
    /// `K`.
    Kind(KindLine),
    /// `U`.
    State(DomainState),
    /// `D`.
    Bill(Bill),
    /// `Y`.
    Machine(Machine),
    /// `Z end`.
    DumpEnd(DumpEnd),
}

/// The `V` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `fmt`: the only one known is 1.
    pub format: u32,
    /// `xen`.
    pub xen: String,
    /// `arch`, as written.
    pub arch: String,
    /// `build`; `None` for `-`.
    pub build_id: Option<String>,
    /// `text`.
    pub text: Option<(u64, u64)>,
    /// `modes`.
    pub modes: Vec<View>,
    /// Table sizes.
    pub tables: Tables,
    /// `fail`.
    pub fail: Option<Target>,
    /// `accounts`.
    pub accounts: Option<u64>,
    /// `charge`.
    pub charge: Option<Charging>,
    /// `lacks`: parts of the recorder that are left out.
    pub lacks: Vec<String>,
}

/// The `S` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackLine {
    /// Its number.
    pub id: StackId,
    /// The same from boot to boot.
    pub hash: u64,
    /// Innermost first.
    pub pcs: Vec<Pc>,
    /// Ended by `+`.
    pub truncated: bool,
}

/// The `Z begin` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpBegin {
    /// Number, from 1.
    pub number: u64,
    /// Why it was made.
    pub why: DumpWhy,
}

/// The `P` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowLine {
    /// Of what.
    pub key: RowKey,
    /// How much.
    pub counters: Counters,
}

/// What a `K` line counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// `x` `h` `d` `v` `p`: anonymous memory of this kind, which is one of [`Kind::ANONYMOUS`].
    Anonymous(Kind),
    /// `g`: what domains' pools hand out.
    DomainPool,
    /// `r`: pages of domains that do not count against their limit.
    NoRefcount,
}

/// The `K` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindLine {
    /// Of what.
    pub of: Counted,
    /// How much.
    pub totals: KindTotals,
}

/// The `Z end` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpEnd {
    /// Number, from 1.
    pub number: u64,
    /// How many `S` lines the dump had.
    pub stacks: u64,
    /// How many `P` lines it had.
    pub rows: u64,
    /// How many `D` lines it had.
    pub bills: u64,
    /// The recorder had no time to print all of them.
    pub cut: bool,
}

/// A record of the RFC's recorder, with the call trace that followed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RfcRecord {
    /// What happened.
    pub op: RfcOp,
    /// The domain that was running.
    pub domain: Domain,
    /// `size`.
    pub size: Option<u64>,
    /// `p`.
    pub ptr: Option<u64>,
    /// The trace, innermost first; empty if none could be read, and uncertain then if such records
    /// have one in this log. As printed: on Arm the first two frames, marked [`Mark::Pc`] and
    /// [`Mark::Lr`], can be the same place; it is the ledger that drops the second then.
    pub trace: Vec<TraceFrame>,
    /// Console time stamp in nanoseconds and what it counts from, if the line has one that is a
    /// time.
    pub time: Option<(Clock, u64)>,
    /// Why the trace may not be this record's, or not whole.
    pub uncertain: Option<Uncertain>,
}

/// Why something that looks like a record is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// On a line that a `(dN) ` or `DOMn:` prefix marks as a guest's.
    Guest,
    /// The check does not fit, or there is none: cut off, interleaved or altered. Carries the tag
    /// if it could be read.
    Damaged(Option<Tag>),
    /// The check fits and the content makes no sense: another format version, a field that cannot
    /// be.
    Malformed(Option<Tag>),
    /// An RFC record of Xen's without an operation, domain or pointer that can be read.
    RfcDamaged,
    /// A whole RFC record without `(XEN) ` before it: somebody's text, or the mark was lost or
    /// taken off.
    RfcUnmarked,
    /// The beginning of the log is base64: no record of it can be read.
    Base64,
}

/// Who receives what a log contains, in the order of the log.
///
/// RFC records whose traces are still being read are held back, at most four; among themselves they
/// keep their order.
pub trait RecordSink {
    /// A line of our recorder. `bytes` is the whole record, from `HA1` to the check, for telling a
    /// replay from a forgery.
    fn record(&mut self, at: Place, tag: Tag, seq: u64, bytes: &[u8], record: Record);

    /// A record of the RFC's recorder.
    fn rfc(&mut self, at: Place, record: RfcRecord);

    /// Something that was refused.
    fn refused(&mut self, at: Place, why: Refusal);

    /// Xen's own trace names an address (`warn` mode, RFC records, panics):
    /// `[<addr>] name+off/size`. Only from lines of Xen's, and only with an address and a name. The
    /// same frame comes often, but not necessarily for each line that names it.
    fn symbol(&mut self, frame: &TraceFrame) {
        let _ = frame;
    }

    /// Xen said on its console which it is (`Xen version 4.17.5 …`, its banner, architecture by
    /// boot messages).
    fn xen_says(&mut self, fact: XenSays<'_>) {
        let _ = fact;
    }
}

/// What Xen's ordinary boot messages say of the machine; used when there is no header of ours (RFC
/// logs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XenSays<'a> {
    /// `Xen version 4.17.5 (…)`.
    Version(&'a str),
    /// Some message or call-trace mark that only one architecture prints.
    Arch(xenheap_model::Arch),
    /// `build-id: …`.
    BuildId(&'a str),
}
