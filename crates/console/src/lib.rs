//! Bytes of a Xen console log to records.
//!
//! [`open`] opens a log, compressed or not; [`scan`] reads it in one pass with flat memory and
//! hands every [`Record`] of our recorder and every [`RfcRecord`] to a [`RecordSink`], with its
//! [`Place`]. What looks like a record and is none is told of with the reason, a [`Refusal`].
//!
//! # What a log looks like
//!
//! Xen writes `(XEN) `, an optional time stamp of one of four styles, and a message. Between that
//! stands anything: boot loaders, dom0's console as raw bytes, output of guests behind `(dN) `,
//! colour, carriage returns, NULs. The stamps of GitLab's runner, which cut lines, are taken off
//! ([`Unstamped`]). Lines of two CPUs can share a line. A log can begin and end anywhere. None of
//! this is an error here.
//!
//! # What is believed
//!
//! Nothing behind a guest's mark counts, whatever it contains. A record of ours is handed over if
//! its check fits; whether it belongs to this boot is for the reader of the records to decide, by
//! the tag, which no guest knows. RFC records have neither tag nor check: they are read from lines
//! of Xen's only, and a line that imitates those completely, mark and all, cannot be told from a
//! real one. Who can write one: dom0, and a guest without a toolstack whose console has the focus.
//!
//! Texts in records are printable ASCII.
//!
//! # What is not decided here
//!
//! Tags, replays, sequence numbers, matching; and the Arm pair of `(PC)` and `(LR)` frames that
//! name one place, which stays in [`RfcRecord::trace`] with its marks. All that is the ledger's.

mod assemble;
mod clean;
mod crc;
mod encoding;
mod error;
mod facts;
pub mod format;
mod ha1;
mod input;
mod line;
mod number;
mod peek;
mod prefix;
mod record;
mod rfc;
mod runner;
mod scan;
mod seen;
mod trace;

pub use error::{Compression, Damage, Error};
pub use input::{Input, Position, open};
pub use peek::{Peeked, peek};
pub use record::{
    Counted, DumpBegin, DumpEnd, Header, KindLine, Place, Record, RecordSink, Refusal, RfcRecord, RowLine,
    StackLine, Tag, XenSays,
};
pub use runner::Unstamped;
pub use scan::{ScanStats, scan};
