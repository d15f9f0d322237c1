use xenheap_console::{
    Record, Tag,
    format::{self, Stamp},
};
use xenheap_model::{Charge, Domain, Event, Kind, Mark, Op, StackId, TraceFrame, View};

use super::{Line, RfcStory, Rng, Story};

/// What stands in a console log besides the recorder's lines. The default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Noise {
    /// For everything that is random.
    pub seed: u64,
    /// Xen's time stamps, in changing styles. Without: none.
    pub stamps: bool,
    /// A CI runner's stamps, colours and carriage returns.
    pub ci: bool,
    /// Guests that write what they like behind their mark, records above all.
    pub guests: bool,
    /// Unmarked records and headers with other tags.
    pub forgeries: bool,
    /// dom0's console as raw bytes, also in front of a record, with NULs.
    pub raw: bool,
    /// The firmware and the boot loader come first.
    pub loader: bool,
    /// Events move by up to so many lines.
    pub reorder: usize,
    /// How many times a piece of the log is told again.
    pub replays: usize,
    /// Of 100, how much of the log is there. 0: all.
    pub cut: usize,
}

impl Noise {
    /// Everything that may change no number.
    pub fn all(seed: u64) -> Self {
        Noise {
            seed,
            stamps: true,
            ci: true,
            guests: true,
            forgeries: true,
            raw: true,
            loader: true,
            reorder: 30,
            replays: 3,
            cut: 0,
        }
    }
}

struct Writer<'a> {
    noise: &'a Noise,
    rng: Rng,
    out: Vec<u8>,
    style: usize,
    time: u64,
}

impl Writer<'_> {
    fn new(noise: &Noise) -> Writer<'_> {
        let mut writer =
            Writer { noise, rng: Rng::new(noise.seed), out: Vec::new(), style: 0, time: 12_000_000 };
        if noise.loader {
            writer.out.extend_from_slice(
                b"SeaBIOS (version 1.16.2)\x1bc\r\nGNU GRUB\x00 2.06\nXen 4.17.5\n(XEN) Xen version 4.17.5 (Debian) debug=y\n",
            );
        }
        writer
    }

    fn stamp(&mut self) -> Stamp {
        if !self.noise.stamps {
            return Stamp::None;
        }
        if self.rng.chance(2) {
            self.style = self.rng.below(5);
        }
        self.time += 731_000;
        match self.style {
            0 => Stamp::Boot(self.time),
            1 => Stamp::Date(1_742_000_000_000_000_000 + self.time),
            2 => Stamp::DateMs(1_742_000_000_000_000_000 + self.time),
            3 => Stamp::Raw(self.time),
            _ => Stamp::None,
        }
    }

    /// A message of Xen's.
    fn xen(&mut self, message: &str) {
        if self.noise.raw && self.rng.chance(4) {
            // dom0 has not ended its line.
            self.out.extend_from_slice(b"[    3.141592] dom0: probing \x00\x1b[31mxvda\x1b[0m ");
        }
        if self.noise.ci && self.rng.chance(60) {
            self.out.extend_from_slice(b"2025-03-17T18:48:59.1234567Z \x1b[0;36m");
        }
        let stamp = self.stamp();
        self.out.extend_from_slice(format::console(stamp, message).as_bytes());
        if self.noise.ci {
            self.out.extend_from_slice(if self.rng.chance(50) { b"\x1b[0;m\r" } else { b"\r" });
        }
        self.out.push(b'\n');
    }

    /// Lines that mean nothing, and lines that want to mean something. `genuine` is a record to be
    /// imitated.
    fn between(&mut self, genuine: &[String], forged: &[String]) {
        if self.noise.raw && self.rng.chance(10) {
            self.out.extend_from_slice(b"[    1.000000] systemd[1]: \xff\xfe started \x1b]0;title\x07\n");
        }
        if self.noise.guests && self.rng.chance(15) {
            for line in genuine {
                let stamp = self.stamp().text();
                let mark = ["(d1) ", "(d3) [    1.234567] (XEN) ", "(XEN) DOM1: (XEN) "][self.rng.below(3)];
                self.out.extend_from_slice(format!("{mark}{stamp}{line}\n").as_bytes());
            }
        }
        if self.noise.forgeries && self.rng.chance(10) {
            for line in forged {
                self.xen(line);
            }
        }
    }

    fn end(mut self) -> Vec<u8> {
        if self.noise.cut > 0 {
            self.out.truncate(self.out.len() * self.noise.cut / 100);
        }
        self.out
    }
}

/// Moves events by some lines. Other lines, and the order of views, stay.
fn reordered(lines: &[Line], by: usize, rng: &mut Rng) -> Vec<Line> {
    let mut keyed: Vec<(usize, &Line)> = lines
        .iter()
        .enumerate()
        .map(|(i, line)| match line.record {
            Record::Event { .. } => (i + rng.below(by + 1), line),
            _ => (i, line),
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, line)| line.clone()).collect()
}

fn forged_event(seq: u64, rng: &mut Rng) -> Event {
    Event {
        seq,
        op: if rng.chance(50) { Op::Free } else { Op::Alloc },
        kind: Kind::Xmalloc,
        addr: 0xffff_8301_0000_0000 + rng.bits() % 0x80_0000,
        size: Some(77),
        used: Some(96),
        stack: StackId(1),
        current: Domain::Id(0),
        passed: None,
        charge: Charge::Nobody,
        memflags: 0,
        layer: 0,
        cpu: 0,
        time: 1,
        unknown: false,
        epoch: 0,
        bracketed: false,
        subject: None,
        untried: None,
    }
}

/// The log of a story of our recorder.
pub fn log_of(story: &Story, noise: &Noise) -> Vec<u8> {
    let mut writer = Writer::new(noise);
    let mut lines = reordered(&story.lines, noise.reorder, &mut writer.rng);
    for _ in 0..noise.replays {
        // What `xl dmesg` tells again is in the log already.
        let end = writer.rng.below(lines.len());
        let start = end - writer.rng.below(end.min(200) + 1);
        let again = lines.get(start..end).unwrap_or_default().to_vec();
        let at = end + writer.rng.below(lines.len() - end);
        // Not in the middle of a dump: there is one printer.
        let at = (at..lines.len()).find(|&i| is_quiet(&lines, i)).unwrap_or(lines.len());
        lines.splice(at..at, again);
    }
    let header = story.lines.first().map(|line| line.record.clone());
    for (i, line) in lines.iter().enumerate() {
        let text = format::record(story.tag, line.seq, &line.record);
        if i > 0 {
            let event = forged_event(line.seq + 1, &mut writer.rng);
            let record = Record::Event { view: View::Trace, event };
            let other = Tag(writer.rng.bits() as u32 | 1);
            let mut forged = vec![format::record(other, line.seq + 1, &record)];
            if let Some(header) = &header {
                forged.push(format::record(other, 0, header));
            }
            // Even one that knows the tag: the mark alone must suffice.
            let genuine = [format::record(story.tag, line.seq + 1, &record), text.clone()];
            writer.between(&genuine, &forged);
        }
        writer.xen(&text);
        if matches!(line.record, Record::Event { view: View::Warn, .. }) {
            let frame = TraceFrame {
                addr: Some(0xffff_82d0_4020_1234),
                name: "do_memory_op".to_owned(),
                offset: Some((0x34, 0x100)),
                mark: Mark::None,
            };
            for line in format::trace(&[frame]) {
                writer.xen(&line);
            }
        }
    }
    writer.end()
}

/// Whether no dump is being printed before line `i`.
fn is_quiet(lines: &[Line], i: usize) -> bool {
    lines
        .iter()
        .take(i)
        .rev()
        .find_map(|line| match line.record {
            Record::DumpBegin(_) => Some(false),
            Record::DumpEnd(_) => Some(true),
            _ => None,
        })
        .unwrap_or(true)
}

/// The log of a story of the RFC's recorder.
pub fn rfc_log_of(story: &RfcStory, noise: &Noise) -> Vec<u8> {
    let mut writer = Writer::new(noise);
    for record in &story.records {
        let lines = format::rfc(record);
        writer.between(&lines, &[]);
        for line in &lines {
            writer.xen(line);
            if noise.guests && writer.rng.chance(5) {
                writer.out.extend_from_slice(b"(d2) DEBUG: d0: xfree - p=ffff830000000010\n");
            }
        }
    }
    writer.end()
}
