use std::io::{self, BufRead, BufReader, Read};

use serde::Deserialize;
use xenheap_model::{AnyEvent, Run};

use super::{
    MAGIC, RunFileError, VERSION,
    head::{Head, NamedStack, Stamp},
};

/// No line is longer: a damaged file must not fill the memory.
const LONGEST_LINE: u64 = 1 << 30;

/// Whether bytes (after decompression) are the beginning of a run file.
pub fn is_run_file(start: &[u8]) -> bool {
    start.starts_with(b"{\"magic\":\"xenheap-run\"")
}

/// A run file that is being read.
pub struct RunFile<R> {
    lines: Lines<R>,
    run: Run,
    events: u64,
    read: u64,
}

impl<R: Read> RunFile<R> {
    /// Reads the head and the stacks from decompressed bytes; `name` is for messages.
    ///
    /// The run has its profile and totals only if it has no events: else they are made from the
    /// events.
    pub fn open(name: &str, reader: R) -> Result<Self, RunFileError> {
        let mut lines = Lines {
            name: name.to_owned(),
            reader: BufReader::new(reader),
            line: 0,
            text: Vec::new(),
            cut: false,
        };
        let not = || RunFileError::NotARunFile { name: name.to_owned() };
        if !lines.next()? {
            return Err(not());
        }
        let stamp: Stamp = serde_json::from_slice(&lines.text).map_err(|_| not())?;
        if stamp.magic != MAGIC || stamp.version == 0 {
            return Err(not());
        }
        if stamp.version > VERSION {
            let Stamp { version: found, tool, .. } = stamp;
            let tool = if tool.is_empty() { "it does not say which".to_owned() } else { tool };
            return Err(RunFileError::Newer { name: name.to_owned(), found, tool });
        }
        let head: Head = lines.parse()?;
        let mut run = Run {
            facts: head.facts,
            dump: head.dump,
            checks: head.checks,
            refused: head.refused,
            cycle_ends: head.cycles.ends,
            ..Run::default()
        };
        run.cycles.completed = head.cycles.completed;
        run.cycles.missed = head.cycles.missed;
        if let Some(sums) = head.sums {
            run.profile = sums.profile;
            run.totals = sums.totals;
            run.domains = sums.domains;
            run.cycles = sums.cycles;
        }
        for found in 0..head.stacks {
            if !lines.next()? {
                return Err(lines.cut_off("stacks", found, head.stacks));
            }
            let NamedStack { id, stack } = lines.parse()?;
            run.stacks.insert(id, stack);
        }
        Ok(RunFile { lines, run, events: head.events, read: 0 })
    }

    /// Everything but the events, and what is made from them.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The same, when all events were read.
    pub fn into_run(self) -> Run {
        self.run
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The next event; `None` after the last.
    pub fn next_event(&mut self) -> Result<Option<AnyEvent>, RunFileError> {
        if self.read == self.events {
            if self.lines.next()? {
                return Err(RunFileError::Surplus { name: self.lines.name.clone(), line: self.lines.line });
            }
            return match self.lines.cut {
                true => Err(self.lines.cut_off("events", self.read, self.events)),
                false => Ok(None),
            };
        }
        if !self.lines.next()? {
            return Err(self.lines.cut_off("events", self.read, self.events));
        }
        self.read += 1;
        let OpOf { op } = self.lines.parse()?;
        let event = match op.as_ref() {
            "created" | "ended" => AnyEvent::Domain(self.lines.parse()?),
            _ => AnyEvent::Memory(self.lines.parse()?),
        };
        Ok(Some(event))
    }
}

/// What tells the events of domains from those of memory.
#[derive(Deserialize)]
struct OpOf<'a> {
    #[serde(borrow)]
    op: std::borrow::Cow<'a, str>,
}

struct Lines<R> {
    name: String,
    reader: BufReader<R>,
    line: u64,
    text: Vec<u8>,
    /// The data ended in the middle of something.
    cut: bool,
}

impl<R: Read> Lines<R> {
    /// Reads the next line; false at the end. Each line ends with a newline: one that does not was
    /// cut off.
    fn next(&mut self) -> Result<bool, RunFileError> {
        self.text.clear();
        let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut self.text);
        match read {
            Ok(_) if self.text.last() != Some(&b'\n') => {
                self.cut = !self.text.is_empty();
                Ok(false)
            }
            Ok(_) => {
                self.line += 1;
                Ok(true)
            }
            // What the compression says of a file that ends early is less than we know ourselves.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.cut = true;
                Ok(false)
            }
            Err(source) => Err(RunFileError::Read { name: self.name.clone(), source }),
        }
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, RunFileError> {
        serde_json::from_slice(&self.text).map_err(|source| RunFileError::Line {
            name: self.name.clone(),
            line: self.line,
            source,
        })
    }

    fn cut_off(&self, what: &'static str, found: u64, expected: u64) -> RunFileError {
        RunFileError::CutOff { name: self.name.clone(), what, found, expected }
    }
}
