//! The end of a machine without dom0, which nothing in it would switch off.
//!
//! When the guests have done their part, or the time is up, the recorder is asked for its totals:
//! with a debug key on the serial line, as a person would. What happens after them would be missing
//! from the numbers, so they are asked for until nothing does; then the machine can be switched
//! off.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::error::Error;
use crate::watch::{Totals, Watch};
use crate::workload::Until;

/// The debug key that asks the recorder for its totals.
const KEY: &[u8] = b"y";

/// What gives the console's input to the next who may have it: Xen itself, or a guest.
const SWITCH: &[u8] = b"\x01\x01\x01";

/// Xen's argument by which it keeps the console's input.
pub(crate) const KEEP_INPUT: &str = "conswitch=ax";

/// A guest that has said that it is done still has to go.
const SETTLE: Duration = Duration::from_secs(2);

/// How long nothing must have happened after the totals.
const QUIET: Duration = Duration::from_secs(1);

/// How long the totals may take to begin, and to end.
const TO_BEGIN: Duration = Duration::from_secs(20);
const TO_END: Duration = Duration::from_secs(120);

/// How often they are asked for because something happened after them, and how often because they
/// did not come.
const MOST_DUMPS: u32 = 10;
const MOST_VAIN: u32 = 5;

/// How a machine is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EndingConfig {
    /// How many guests there are.
    pub(crate) guests: u8,
    /// What is waited for.
    pub(crate) until: Until,
    /// Whether there is a recorder that has totals.
    pub(crate) totals: bool,
}

/// What to do with the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Let it run.
    GoOn,
    /// Switch it off.
    SwitchOff,
    /// It does not listen.
    GiveUp,
}

/// Follows a machine to its end.
#[derive(Debug)]
pub(crate) struct Ending {
    plan: EndingConfig,
    input: File,
    path: PathBuf,
    done_since: Option<Instant>,
    asked: Option<RequestedDump>,
    dumps: u32,
    vain: u32,
}

/// Totals that were asked for.
#[derive(Debug)]
struct RequestedDump {
    at: Instant,
    /// How many there were before.
    before: u64,
    /// Since when they are complete.
    complete: Option<Instant>,
}

impl Ending {
    /// For a machine that is started in this folder with [`Ending::input`] as its standard input.
    pub(crate) fn new(plan: EndingConfig, place: &Path) -> Result<Self, Error> {
        let path = place.join("input");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .map_err(|error| Error::io("make", &path)(error.into()))?;
        // Opened for reading, too: else this would wait for the machine, and what is written would
        // get lost before it reads.
        let input =
            OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open", &path))?;
        Ok(Self { plan, input, path, done_since: None, asked: None, dumps: 0, vain: 0 })
    }

    /// What the machine reads its serial line from.
    pub(crate) fn input(&self) -> &Path {
        &self.path
    }

    /// Looks at the console, and does what is to be done.
    pub(crate) fn poll(&mut self, watch: &Watch, time_is_up: bool) -> Result<Next, Error> {
        if !self.is_done(watch, time_is_up) {
            return Ok(Next::GoOn);
        }
        if !self.plan.totals {
            return Ok(Next::SwitchOff);
        }
        let totals = watch.totals();
        let Some(asked) = &mut self.asked else {
            return self.ask(KEY, totals);
        };
        if totals.complete > asked.before {
            let complete = *asked.complete.get_or_insert_with(Instant::now);
            return if totals.is_stale && self.dumps < MOST_DUMPS {
                self.ask(KEY, totals)
            } else if complete.elapsed() >= QUIET {
                Ok(Next::SwitchOff)
            } else {
                Ok(Next::GoOn)
            };
        }
        let patience = if totals.has_begun { TO_END } else { TO_BEGIN };
        if asked.at.elapsed() < patience {
            return Ok(Next::GoOn);
        }
        if self.vain == MOST_VAIN {
            return Ok(Next::GiveUp);
        }
        // Somebody else may have the console's input.
        self.vain += 1;
        self.ask(&[SWITCH, KEY].concat(), totals)
    }

    fn is_done(&mut self, watch: &Watch, time_is_up: bool) -> bool {
        let marks = || (1..=self.plan.guests).all(|guest| watch.guest_status(guest).is_some());
        let is_done = self.done_since.is_some() || time_is_up || (self.plan.until == Until::Marks && marks());
        if !is_done {
            return false;
        }
        let since = *self.done_since.get_or_insert_with(Instant::now);
        time_is_up || since.elapsed() >= SETTLE
    }

    fn ask(&mut self, keys: &[u8], totals: Totals) -> Result<Next, Error> {
        self.input.write_all(keys).map_err(Error::io("write to the machine's", &self.path))?;
        self.dumps += 1;
        self.asked = Some(RequestedDump { at: Instant::now(), before: totals.complete, complete: None });
        Ok(Next::GoOn)
    }
}
