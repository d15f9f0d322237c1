//! Records to allocations matched with their frees, checked against everything the log says.
//!
//! [`Intake`] takes the records of one log, in the order in which they stand there, and makes an
//! [`Account`]: the profile, totals per kind, what is live at the end, and the self-checks. It
//! knows addresses and no names; the stacks get theirs from the image, then [`Account::into_run`]
//! makes the run that reports are made from.
//!
//! ```
//! use xenheap_console::scan;
//! use xenheap_ledger::{Config, Intake};
//!
//! let log = b"(XEN) DEBUG: d0: xmem_pool_alloc - size 392 p=ffff83013a500010\n\
//!             (XEN) DEBUG: d1: xmem_pool_alloc - size 1 p=ffff83013a5001a0\n\
//!             (d1) (XEN) DEBUG: d0: xfree - p=ffff83013a500010\n\
//!             (XEN) DEBUG: d0: xfree - p=ffff83013a5001a0\n";
//! let mut intake = Intake::new(Config::default());
//! scan(&log[..], &mut intake, |_| {})?;
//! let account = intake.finish()?;
//! assert_eq!(account.totals.xmalloc.counters.live_bytes, 392);
//! assert_eq!(account.refused[&xenheap_model::RefusalReason::Guest], 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is believed
//!
//! The tag of the first header is the boot's, because no guest runs before it. Records with another
//! tag are counted and change nothing. A record that comes again with the same bytes counts once;
//! with other bytes it is refused. Events are put back into the order of their numbers, within a
//! window; numbers that never come are named. See [`reason`] for everything that can be refused.
//!
//! # Views
//!
//! A log can tell the same events several times (modes `trace` and `warn`) and their sum
//! (`summary`). Each view is counted for itself, they are compared, and one of them is reported:
//! the first of trace, warn and summary that is complete.
//!
//! # Bounds
//!
//! Memory does not grow with the length of the log: it is that of what is live, of the rows of the
//! profile, and of a window of the sequence. What does grow: each domain that comes and goes has an
//! account and rows of its own, and of each cycle the number at which it ended is kept.

mod account;
mod agree;
mod book;
mod books;
mod boots;
mod checks;
mod dumps;
mod error;
mod growth;
mod hash;
mod intake;
mod names;
mod replays;
mod retelling;
mod rfc;
mod sequence;
mod sink;
mod stacks;
mod view;

pub use account::{Account, Stream};
pub use book::{Book, Contradiction, Cut, Findings, Found, Intervals, LifeFindings, Live};
pub use error::LedgerError;
pub use intake::{Config, Intake};
pub use retelling::Retelling;
pub use sink::{EventSink, Matched};
