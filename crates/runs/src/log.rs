use std::path::Path;

use xenheap_console::{Input, Peeked, ScanStats, peek, scan};
use xenheap_ledger::{Account, Config, EventSink, Intake};
use xenheap_model::Facts;
use xenheap_report::runfile;

use crate::{Observer, RunError, Tick};

/// An input of which the first bytes are known.
pub(crate) struct Opened {
    pub(crate) reader: Peeked<Input>,
    pub(crate) tick: Tick,
    pub(crate) is_run_file: bool,
}

impl Opened {
    /// `shown`: what it is called for people.
    pub(crate) fn new(path: &Path, shown: &Path, observer: &dyn Observer) -> Result<Self, RunError> {
        let input = xenheap_console::open(path)?;
        let tick = observer.opened(shown, input.position());
        let (head, reader) = peek(input, 64);
        Ok(Opened { reader, tick, is_run_file: runfile::is_run_file(&head) })
    }

    /// Reads the log; the single events go to `sink`.
    pub(crate) fn account(
        self,
        intake: Config,
        sink: Option<&mut dyn EventSink>,
    ) -> Result<(Account, ScanStats), RunError> {
        let mut intake = match sink {
            Some(sink) => Intake::with_sink(intake, sink),
            None => Intake::new(intake),
        };
        let stats = scan(self.reader, &mut intake, |_| (self.tick)())?;
        let mut account = intake.finish()?;
        account.facts.lines = stats.lines;
        account.facts.log_bytes = stats.bytes;
        Ok((account, stats))
    }
}

/// Reads a log without the names of its stacks. The single events of the view that the header names
/// go to `sink`.
pub fn account(
    log: &Path,
    sink: Option<&mut dyn EventSink>,
    observer: &dyn Observer,
) -> Result<Account, RunError> {
    Ok(Opened::new(log, log, observer)?.account(Config::default(), sink)?.0)
}

/// What a log says of itself.
pub fn facts(log: &Path, observer: &dyn Observer) -> Result<Facts, RunError> {
    Ok(account(log, None, observer)?.facts)
}
