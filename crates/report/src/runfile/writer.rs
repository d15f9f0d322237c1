use std::{
    fs::File,
    io::{self, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use xenheap_model::{DomainEvent, Event, Run};
use xenheap_output::write_whole;
use zstd::Encoder;

use super::{
    RunFileError,
    head::{CycleEnds, Head, MAGIC, NamedStack, Sums, VERSION},
};

/// Compression level: higher ones cost more time than they save space, on logs of a gigabyte.
const LEVEL: i32 = 3;

/// Writes a run file while the events come in.
///
/// Nothing stands under the final name before [`Writer::finish`]; a writer that is dropped leaves
/// nothing behind.
pub struct Writer {
    path: PathBuf,
    events: Encoder<'static, BufWriter<File>>,
    count: u64,
    failed: Option<io::Error>,
}

impl Writer {
    /// Begins a file that is to be called `path`. Its events wait in the same folder, in a file
    /// without a name.
    pub fn create(path: &Path) -> Result<Self, RunFileError> {
        let fail = |source| RunFileError::Write { path: path.to_owned(), source };
        let aside = tempfile::tempfile_in(xenheap_output::folder(path)).map_err(fail)?;
        let mut events = Encoder::new(BufWriter::new(aside), LEVEL).map_err(fail)?;
        events.include_checksum(true).map_err(fail)?;
        Ok(Writer { path: path.to_owned(), events, count: 0, failed: None })
    }

    /// Takes in the next event. An error is remembered and told by [`Writer::finish`].
    pub fn event(&mut self, event: &Event) {
        self.line(event);
    }

    /// The same for an event of a domain.
    pub fn domain(&mut self, event: &DomainEvent) {
        self.line(event);
    }

    fn line(&mut self, event: &impl Serialize) {
        if self.failed.is_some() {
            return;
        }
        match line(&mut self.events, event) {
            Ok(()) => self.count += 1,
            Err(error) => self.failed = Some(error),
        }
    }

    /// Writes the file. `tool` says who did, for messages. The sums of `run` are stored only if
    /// there were no events.
    pub fn finish(self, run: &Run, tool: &str) -> Result<(), RunFileError> {
        let path = self.path.clone();
        self.write(run, tool).map_err(|source| RunFileError::Write { path, source })
    }

    fn write(self, run: &Run, tool: &str) -> io::Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut events = self.events.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        events.rewind()?;
        let head = Head {
            magic: MAGIC.to_owned(),
            version: VERSION,
            tool: tool.to_owned(),
            facts: run.facts.clone(),
            checks: run.checks.clone(),
            refused: run.refused.clone(),
            dump: run.dump.clone(),
            cycles: CycleEnds {
                completed: run.cycles.completed,
                missed: run.cycles.missed,
                ends: run.cycle_ends.clone(),
            },
            sums: (self.count == 0).then(|| Sums {
                profile: run.profile.clone(),
                totals: run.totals,
                domains: run.domains.clone(),
                cycles: run.cycles.clone(),
            }),
            stacks: run.stacks.len() as u64,
            events: self.count,
        };
        write_whole(&self.path, |out| {
            let mut first = Encoder::new(&mut *out, LEVEL)?;
            first.include_checksum(true)?;
            line(&mut first, &head)?;
            for (id, stack) in &run.stacks {
                line(&mut first, &NamedStack { id: *id, stack })?;
            }
            first.finish()?;
            io::copy(&mut events, out)?;
            Ok(())
        })
    }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}
