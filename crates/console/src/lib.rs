//! Bytes of a Xen console log to records.

mod record;

pub use record::{
    DumpBegin, DumpEnd, Header, KindLine, Place, Record, RecordSink, Refusal, RfcOp, RfcRecord, RowLine,
    StackLine, Tag, XenSays,
};
