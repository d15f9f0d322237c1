//! Records to allocations matched with their frees, checked against everything the log says.
//!
//! [`Intake`] takes the records of one log, in the order in which they stand there, and makes an [`Account`]: the profile,
//! totals per kind, what is live at the end, and the self-checks. It knows addresses and no names; the stacks get theirs
//! from the image, then [`Account::into_run`] makes the run that reports are made from.
//!
//! # What is believed
//!
//! The tag of the first header is the boot's, because no guest runs before it. Records with another tag are counted and
//! change nothing. A record that comes again with the same bytes counts once; with other bytes it is refused. Events are
//! put back into the order of their numbers, within a window; numbers that never come are named. See [`reason`] for
//! everything that can be refused.
//!
//! # Views
//!
//! A log can tell the same events several times (modes `trace` and `warn`) and their sum (`summary`). Each view is
//! counted for itself, they are compared, and one of them is reported: the first of trace, warn and summary that is
//! complete.
//!
//! Memory does not grow with the length of the log: it is that of what is live, of the rows of the profile, and of a
//! window of the sequence.

mod account;
mod agree;
mod book;
mod boots;
mod checks;
mod dumps;
mod error;
mod hash;
mod intake;
mod names;
pub mod reason;
mod rfc;
mod sequence;
mod sink;
mod stacks;
#[cfg(feature = "testing")]
pub mod testing;
mod view;

pub use account::{Account, Stream};
pub use book::{Book, Contradiction, Findings, Found, Live};
pub use error::LedgerError;
pub use intake::{Config, Intake};
pub use sink::{EventSink, Matched};
