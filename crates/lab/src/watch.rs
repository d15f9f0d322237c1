//! Reading the console while the machine runs: how far it is, and whether it has failed.
//!
//! dom0's output and Xen's own lines share the console, and Xen can write in the middle of a line
//! of dom0's. They are taken apart here: what follows `(XEN) ` up to the end of the line is Xen's,
//! what follows `(d1) ` is a guest's, the rest is dom0's. Guests are not trusted: of theirs, only
//! whether those that Xen started itself have done their part is looked at, which the lab would
//! else not know.

use std::collections::BTreeMap;

use crate::error::{BootFault, Phase};
use crate::text::{self, KEPT, LineCutter, Tail};

/// Written by `dom0/init` when it starts.
pub const DOM0_UP: &str = "xenheap-lab: dom0 up";
/// Written by `dom0/init` when the workload has ended, with its status behind it.
pub const WORKLOAD_ENDED: &str = "xenheap-lab: workload ended, status ";

const SHOWN_LINES: usize = 30;

/// Follows one console.
#[derive(Debug)]
pub struct Watch {
    cutter: LineCutter,
    dom0_line: Vec<u8>,
    tail: Tail,
    last: Option<String>,
    phase: Phase,
    workload_status: Option<u8>,
    guests: BTreeMap<u8, u8>,
    fault: Option<BootFault>,
    panic_message_follows: bool,
    totals: Totals,
    /// Of the last complete totals.
    totals_sequence: u64,
}

/// What has come of the recorder's totals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many are complete.
    pub complete: u64,
    /// Whether others have begun.
    pub has_begun: bool,
    /// Whether something was recorded after the last complete ones.
    pub is_stale: bool,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            cutter: LineCutter::default(),
            dom0_line: Vec::new(),
            tail: Tail::new(SHOWN_LINES),
            last: None,
            phase: Phase::Silent,
            workload_status: None,
            guests: BTreeMap::new(),
            fault: None,
            panic_message_follows: false,
            totals: Totals::default(),
            totals_sequence: 0,
        }
    }
}

impl Watch {
    /// Takes what the console wrote since the last time.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut cutter = std::mem::take(&mut self.cutter);
        cutter.feed(bytes, |line| self.line(line));
        self.cutter = cutter;
    }

    /// How far the machine is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// What went wrong, if something did.
    pub fn fault(&self) -> Option<&BootFault> {
        self.fault.as_ref()
    }

    /// The workload's exit status, once it has ended.
    pub fn workload_status(&self) -> Option<u8> {
        self.workload_status
    }

    /// The exit status of the workload's part in a guest that Xen started itself, once it has
    /// ended.
    pub fn guest_status(&self, domain: u8) -> Option<u8> {
        self.guests.get(&domain).copied()
    }

    /// The exit status of the workload's part in each guest that Xen started itself, where it has
    /// ended.
    pub fn guests(&self) -> &BTreeMap<u8, u8> {
        &self.guests
    }

    /// What has come of the recorder's totals.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The last line, escaped, if one came since the last call.
    pub fn take_last(&mut self) -> Option<String> {
        self.last.take()
    }

    /// The last lines, escaped.
    pub fn tail(&self) -> Vec<String> {
        let mut tail = self.tail.clone();
        tail.push(self.cutter.rest());
        tail.escaped()
    }

    fn line(&mut self, line: &[u8]) {
        let line = text::without_end(line);
        let foreign = foreign(line);
        // The recorder's lines are many and say nothing of how the machine is.
        if !matches!(foreign, Some((_, Foreign::Xen(message))) if message.starts_with(b"HA1 ")) {
            self.tail.push(line);
        }
        if !line.is_empty() {
            self.last = Some(text::escape(line));
        }
        match foreign {
            Some((at, Foreign::Xen(message))) => {
                self.keep(line.get(..at).unwrap_or_default());
                self.xen(message);
            }
            Some((at, Foreign::Guest)) => self.keep(line.get(..at).unwrap_or_default()),
            None => {
                self.keep(line);
                let whole = std::mem::take(&mut self.dom0_line);
                self.dom0(&whole);
            }
        }
    }

    /// Adds to dom0's line, of which a piece has come.
    fn keep(&mut self, piece: &[u8]) {
        let room = KEPT.saturating_sub(self.dom0_line.len());
        self.dom0_line.extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
    }

    fn reach(&mut self, phase: Phase) {
        self.phase = self.phase.max(phase);
    }

    fn fail(&mut self, fault: BootFault) {
        // The first is the cause, what follows are consequences.
        self.fault.get_or_insert(fault);
    }

    fn xen(&mut self, message: &[u8]) {
        self.reach(Phase::Xen);
        if let Some(record) = message.strip_prefix(b"HA1 ") {
            self.record(record);
            return;
        }
        if let Some((domain, line)) = guest_line(message) {
            self.reach(Phase::Guests);
            if let Some(status) = ended(line) {
                self.guests.entry(domain).or_insert(status);
            }
            return;
        }
        if self.panic_message_follows {
            self.panic_message_follows = false;
            self.fault = Some(BootFault::XenPanic { message: text::escape(message.trim_ascii()) });
        } else if self.fault.is_none() && message.starts_with(b"Panic on CPU ") {
            // The reason is in Xen's next line; if the machine dies before that comes, this will
            // do.
            self.panic_message_follows = true;
            self.fail(BootFault::XenPanic { message: text::escape(message.trim_ascii()) });
        } else if message.starts_with(b"Hardware Dom0 crashed") {
            self.fail(BootFault::Dom0Panic { message: text::escape(message.trim_ascii()) });
        }
    }

    /// A record of the recorder's, without the word that begins it: tag, sequence number, kind and
    /// more.
    fn record(&mut self, record: &[u8]) {
        let mut words = record.split(|byte| *byte == b' ').skip(1);
        let number = words.next().and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
        let Some(sequence) = number else { return };
        match (words.next(), words.next()) {
            (Some(b"Z"), Some(b"begin")) => self.totals.has_begun = true,
            (Some(b"Z"), Some(b"end")) => {
                self.totals = Totals { complete: self.totals.complete + 1, ..Totals::default() };
                self.totals_sequence = sequence;
            }
            _ => self.totals.is_stale = sequence > self.totals_sequence,
        }
    }

    fn dom0(&mut self, line: &[u8]) {
        if find(line, b"] Linux version ").is_some() {
            self.reach(Phase::Linux);
        }
        if let Some(at) = find(line, b"Kernel panic - not syncing") {
            self.fail(BootFault::Dom0Panic { message: text::escape(line.get(at..).unwrap_or_default()) });
        }
        if line == DOM0_UP.as_bytes() {
            self.reach(Phase::Dom0Up);
        }
        if let Some(status) = ended(line) {
            self.reach(Phase::WorkloadEnded);
            self.workload_status.get_or_insert(status);
        }
    }
}

/// The status in a line that says that a workload has ended.
fn ended(line: &[u8]) -> Option<u8> {
    std::str::from_utf8(line.strip_prefix(WORKLOAD_ENDED.as_bytes())?).ok()?.parse().ok()
}

/// What Xen shows of a guest that it started itself, which has a serial port of Xen's making:
/// `DOM1: `, then the line.
fn guest_line(message: &[u8]) -> Option<(u8, &[u8])> {
    let rest = message.strip_prefix(b"DOM")?;
    let colon = find(rest, b": ")?;
    let number = std::str::from_utf8(rest.get(..colon)?).ok()?;
    Some((number.parse().ok()?, rest.get(colon + 2..)?))
}

#[derive(Clone, Copy)]
enum Foreign<'a> {
    /// Xen's own message, without prefix and time stamp.
    Xen(&'a [u8]),
    Guest,
}

/// Where in a line something begins that dom0 did not write, and what it is.
fn foreign(line: &[u8]) -> Option<(usize, Foreign<'_>)> {
    let mut from = 0;
    while let Some(at) = find(line.get(from..)?, b"(").map(|at| from + at) {
        let rest = line.get(at..)?;
        if let Some(message) = rest.strip_prefix(b"(XEN) ") {
            return Some((at, Foreign::Xen(without_stamp(message))));
        }
        if let Some(number) = rest.strip_prefix(b"(d") {
            let digits = number.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 && number.get(digits..)?.starts_with(b") ") {
                return Some((at, Foreign::Guest));
            }
        }
        from = at + 1;
    }
    None
}

/// Xen's time stamp, in brackets, is not part of the message.
fn without_stamp(message: &[u8]) -> &[u8] {
    match (message.first(), find(message, b"] ")) {
        (Some(b'['), Some(end)) => message.get(end + 2..).unwrap_or_default(),
        _ => message,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(console: &str) -> Watch {
        let mut watch = Watch::default();
        watch.feed(console.as_bytes());
        watch
    }

    #[test]
    fn a_boot_goes_through_its_phases() {
        let mut watch = Watch::default();
        for (line, phase) in [
            ("\x1bc firmware\r\n", Phase::Silent),
            ("(XEN) Xen version 4.17.5\r\n", Phase::Xen),
            ("[    0.000000] Linux version 6.1.0\r\n", Phase::Linux),
            ("xenheap-lab: dom0 up\r\r\n", Phase::Dom0Up),
            ("xenheap-lab: workload ended, status 0\r\n", Phase::WorkloadEnded),
        ] {
            watch.feed(line.as_bytes());
            assert_eq!(watch.phase(), phase, "{line}");
        }
        assert_eq!(watch.workload_status(), Some(0));
        assert_eq!(watch.fault(), None);
        assert_eq!(watch.take_last().as_deref(), Some("xenheap-lab: workload ended, status 0"));
        assert_eq!(watch.take_last(), None);
    }

    #[test]
    fn the_last_lines_are_not_the_recorders() {
        let watch =
            watched("(XEN) one\r\n[ 1.0] two\r\n(XEN) [    9.1] HA1 3f9a2c41 18 A x 1 2 s1 d0 c1\r\n");
        assert_eq!(watch.tail(), ["(XEN) one", "[ 1.0] two"]);
    }

    #[test]
    fn our_markers_are_those_that_init_writes() {
        let init = include_str!("../dom0/init");
        assert!(init.contains(&format!("\necho \"{}\"\n", DOM0_UP.replace("dom0", "${1:-dom0}"))));
        assert!(init.contains(&format!("\necho \"{WORKLOAD_ENDED}$?\"\n")));
    }

    #[test]
    fn xen_may_write_into_the_middle_of_a_line() {
        let watch = watched(
            "xenheap-lab: do(XEN) [    9.1] HA1 3f9a2c41 18 A x 1 2 s1 d0 c1\r\n\
             (XEN) one more\r\n(d1) and a guest\r\nm0 up\r\n\
             xenheap-lab: workload ended, (XEN) x\r\nstatus 7\r\n",
        );
        assert_eq!(watch.phase(), Phase::WorkloadEnded);
        assert_eq!(watch.workload_status(), Some(7));
    }

    #[test]
    fn guests_are_not_believed() {
        let watch = watched(
            "(d1) xenheap-lab: workload ended, status 0\r\n(d1) (XEN) Panic on CPU 0:\r\n\
             (d12) Kernel panic - not syncing: no\r\n",
        );
        assert_eq!(watch.phase(), Phase::Silent);
        assert_eq!(watch.fault(), None);
        assert_eq!(watch.workload_status(), None);
    }

    #[test]
    fn guests_of_xen_s_own_say_when_they_are_done() {
        let watch = watched(
            "(XEN) DOM1: xenheap-lab: guest up\r\r\n\
             (XEN) [    2.1] DOM2: xenheap-lab: workload ended, status 3\r\r\n\
             (XEN) DOM1: (XEN) Panic on CPU 0:\r\r\n(XEN) DOM1: x\r\r\n\
             (XEN) DOM1: xenheap-lab: workload ended, status 0\r\r\n\
             (XEN) DOM1: xenheap-lab: workload ended, status 1\r\r\n\
             (d3) DOM3: xenheap-lab: workload ended, status 0\r\n",
        );
        assert_eq!([1, 2, 3].map(|domain| watch.guest_status(domain)), [Some(0), Some(3), None]);
        assert_eq!((watch.phase(), watch.workload_status(), watch.fault()), (Phase::Guests, None, None));
    }

    #[test]
    fn totals_are_complete_when_they_end_and_hold_until_something_happens() {
        let mut watch = Watch::default();
        let totals = |complete, has_begun, is_stale| Totals { complete, has_begun, is_stale };
        for (line, expected) in [
            ("HA1 3f9a2c41 18 A x 1 2 s1 d0 c1 1234", totals(0, false, true)),
            ("HA1 3f9a2c41 19 Z begin 1 why=key 1234", totals(0, true, true)),
            ("HA1 3f9a2c41 19 Y free=1/2 1234", totals(0, true, true)),
            ("HA1 3f9a2c41 19 Z end 1 stacks=0 rows=0 1234", totals(1, false, false)),
            ("HA1 3f9a2c41 19 S s1 1 2 1234", totals(1, false, false)),
            ("DOM1: HA1 3f9a2c41 20 A x 1 2 s1 d0 c1 1234", totals(1, false, false)),
            ("HA1 3f9a2c41 x", totals(1, false, false)),
            ("HA1 3f9a2c41 20 F x 1 s1 d0 c1 1234", totals(1, false, true)),
        ] {
            watch.feed(format!("(XEN) [    9.1] {line}\r\n").as_bytes());
            assert_eq!(watch.totals(), expected, "{line}");
        }
    }

    #[test]
    fn a_panic_of_xen_is_named() {
        let watch = watched(
            "(XEN) [    1.0] ****************************************\r\n\
             (XEN) [    1.0] Panic on CPU 1:\r\n\
             [    4.0] dom0 goes on\r\n\
             (XEN) [    1.0] FATAL TRAP: vec 14\x1b[0m\r\n\
             (XEN) Hardware Dom0 crashed: rebooting\r\n",
        );
        assert_eq!(
            watch.fault(),
            Some(&BootFault::XenPanic { message: "FATAL TRAP: vec 14\\x1b[0m".into() })
        );
        assert_eq!(watch.tail().len(), 5);
    }

    #[test]
    fn a_panic_of_dom0_is_named() {
        for (console, message) in [
            (
                "[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n",
                "Kernel panic - not syncing: VFS: Unable to mount root fs",
            ),
            (
                "(XEN) [2026-01-01 00:00:01] Hardware Dom0 crashed: 'noreboot' set - not rebooting.\r\n",
                "Hardware Dom0 crashed: 'noreboot' set - not rebooting.",
            ),
        ] {
            assert_eq!(watched(console).fault(), Some(&BootFault::Dom0Panic { message: message.into() }));
        }
    }

    #[test]
    fn a_workload_cannot_end_twice() {
        let watch = watched("xenheap-lab: workload ended, status 1\nxenheap-lab: workload ended, status 0\n");
        assert_eq!(watch.workload_status(), Some(1));
    }

    #[test]
    fn noise_is_no_marker() {
        let watch = watched(
            "x xenheap-lab: dom0 up\r\nxenheap-lab: dom0 up!\r\n\
             xenheap-lab: workload ended, status many\r\n\
             xenheap-lab: workload ended, status 256\r\n(d) (dx) ((\r\n",
        );
        assert_eq!(watch.phase(), Phase::Silent);
        assert_eq!(watch.workload_status(), None);
    }
}
