//! The vocabulary of xenheap as types.
//!
//! A *record* is one line of the recorder; an [`Event`] is what it says, in sequence order; an
//! *allocation* is an event and, if it came, its free; a [`Stack`] is how it came about, root
//! first; a [`Row`] of the profile counts what was allocated by one stack, kind, charge, current
//! domain and owner. A [`DomainEvent`] says that a domain begins or ends. [`Run`] is everything
//! known of one boot.
//!
//! This crate does no I/O.

mod build_arch;
mod check;
mod counters;
mod domain;
mod dump_why;
mod event;
mod experiment;
mod function;
mod glob;
mod kind;
mod life;
mod normal;
mod part;
mod path;
mod refusal;
mod rfc_op;
mod run;
mod stack;
pub mod sweep;
mod verdict;

pub use build_arch::{BuildArch, ParseArchError};
pub use check::{Check, CheckId, CheckOutcome, in_doubt};
pub use counters::Counters;
pub use domain::{Domain, ParseDomainError};
pub use dump_why::DumpWhy;
pub use event::{AnyEvent, Event, Op};
pub use experiment::{
    Bill, Charging, Experiment, OnPurpose, ParseExperimentError, Payer, Target, Untried, stack_hash,
};
pub use function::{AllocatorRole, CHARGING};
pub use glob::{Glob, glob};
pub use kind::{Charge, Kind, ParseKindError, View};
pub use life::{Amount, DomainAccount, DomainEvent, DomainId, DomainState, How, Life, Moment, Pool, Subject};
pub use normal::{NormalFrame, NormalStack, RENAMED, clean, is_recorders, is_static_in_xen, same_file};
pub use part::{Question, Untold, not_told, nothing_for, untold};
pub use path::relative;
pub use refusal::RefusalReason;
pub use rfc_op::RfcOp;
pub use run::{
    Arch, Beside, Charged, Clock, Cycles, Dump, Facts, GROWING, Growing, KindTotals, Left, LogFormat,
    Machine, Owner, Pair, Refused, Rise, Row, RowKey, Run, Service, Tables, Totals,
};
pub use stack::{Doubt, Frame, Mark, Pc, RawStack, Source, Stack, StackId, TraceFrame, Uncertain};
pub use verdict::{ParseVerdictError, Verdict};

/// Bytes in a page on every architecture that Xen's recorder runs on.
pub const PAGE_SIZE: u64 = 4096;
