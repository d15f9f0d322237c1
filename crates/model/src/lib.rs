//! The vocabulary of xenheap as types.
//!
//! A *record* is one line of the recorder; an [`Event`] is what it says, in sequence order; an *allocation* is an event
//! and, if it came, its free; a [`Stack`] is how it came about, root first; a [`Row`] of the profile counts what was
//! allocated by one stack, kind, charge, current domain and owner. [`Run`] is everything known of one boot.
//!
//! This crate does no I/O.

mod check;
mod counters;
mod domain;
mod event;
mod kind;
mod run;
mod stack;

pub use check::{Check, CheckId, Outcome};
pub use counters::Counters;
pub use domain::{Domain, ParseDomainError};
pub use event::{Event, Op};
pub use kind::{Charge, Kind, ParseKindError, View};
pub use run::{
    Arch, Dump, Facts, KindTotals, LogFormat, Machine, Owner, Pair, Refused, Row, RowKey, Run, Tables, Totals,
};
pub use stack::{Frame, Mark, Pc, RawStack, Source, Stack, StackId, TraceFrame};

/// Bytes in a page on every architecture that Xen's recorder runs on.
pub const PAGE_SIZE: u64 = 4096;
