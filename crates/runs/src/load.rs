use std::{collections::BTreeMap, io, path::Path};

use tempfile::NamedTempFile;
use tracing::{debug, info};
use xenheap_ledger::{Account, Config, Retelling};
use xenheap_model::{Arch, LogFormat, Run, Stack, StackId};
use xenheap_plan::Trace;
use xenheap_report::{
    rfc::EventLog,
    runfile::{RunFile, RunFileError},
};
use xenheap_symbols::{Hints, Symbolizer};

use crate::{Notice, Observer, Options, RunError, Symbols, log::Opened, place::Place, sinks::Sinks};

/// A run, read.
#[derive(Debug)]
pub struct Loaded {
    /// What it is called: its file or folder.
    pub job: String,
    /// What happened.
    pub run: Run,
    /// With [`Options::events`].
    pub events: Option<EventLog>,
    /// With [`Options::trace`].
    pub trace: Option<Trace>,
}

/// Reads a RUN, and saves it if that is asked for.
pub fn load(path: &Path, options: &Options, observer: &dyn Observer) -> Result<Loaded, RunError> {
    let place = Place::of(path)?;
    info!("reading {:?}", place.log);
    // What comes through a pipe cannot be read twice, and which view is the best one is known only
    // at its end.
    let spooled = if place.is_stdin() && options.need_events() { Some(spool()?) } else { None };
    let open = || {
        let log = spooled.as_ref().map_or(place.log.as_path(), NamedTempFile::path);
        Opened::new(log, &place.log, observer)
    };
    let first = open()?;
    if first.is_run_file {
        return read_run_file(first, place, options, observer);
    }
    if place.log.extension().is_some_and(|extension| extension == "xhr") {
        let name = place.log.display().to_string();
        return Err(RunFileError::NotARunFile { name }.into());
    }
    let (account, sinks) = read_log(first, open, &place, options, observer)?;
    finish_log(account, sinks, place, options, observer)
}

fn spool() -> Result<NamedTempFile, RunError> {
    debug!("keeping standard input in a temporary file: it may have to be read twice");
    let copy = || -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new()?;
        io::copy(&mut io::stdin().lock(), file.as_file_mut())?;
        Ok(file)
    };
    copy().map_err(RunError::Spool)
}

fn read_log(
    first: Opened,
    open: impl Fn() -> Result<Opened, RunError>,
    place: &Place,
    options: &Options,
    observer: &dyn Observer,
) -> Result<(Account, Sinks), RunError> {
    let read = |opened: Opened, intake: Config| -> Result<_, RunError> {
        let mut sinks = Sinks::new(options)?;
        let (account, stats) = opened.account(intake, options.need_events().then_some(&mut sinks))?;
        Ok((account, sinks, stats))
    };
    let (mut account, mut sinks, mut stats) = read(first, options.intake)?;
    if account.facts.format != LogFormat::None && !account.streamed_the_chosen() {
        debug!("reading the log again, for the events of the view that turned out best");
        let (format, view) = (Some(account.facts.format), account.facts.view);
        (account, sinks, stats) = read(open()?, Config { format, view, ..options.intake })?;
    }
    if let Some(damage) = stats.damage {
        observer.notice(Notice::Damaged { job: place.job.clone(), damage });
    }
    Ok((account, sinks))
}

fn finish_log(
    mut account: Account,
    sinks: Sinks,
    place: Place,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Loaded, RunError> {
    let live = std::mem::take(&mut account.live);
    let run = symbolized(account, &place, options, observer)?;
    let (events, trace) = sinks.finish(&run, &live)?;
    Ok(Loaded { job: place.job, run, events, trace })
}

/// Gives the stacks names.
fn symbolized(
    mut account: Account,
    place: &Place,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Run, RunError> {
    let image = if account.stacks.is_empty() { None } else { place.image(&options.symbols)? };
    if let Some(image) = &image {
        if let Err(mismatch) = image.check(&account.facts) {
            let path = image.path().to_owned();
            if !options.allow_mismatch {
                return Err(RunError::Mismatch { image: path, mismatch });
            }
            observer.notice(Notice::Mismatch { image: path, mismatch });
        }
        if !image.has_debug_info() {
            observer.notice(Notice::NoDebugInfo);
        }
    }
    let hints: Hints = account.names.values().collect();
    let mut symbolizer = Symbolizer::new(image, hints, account.facts.text);
    if account.facts.arch == Arch::Unknown {
        account.facts.arch = symbolizer.arch().unwrap_or_default();
    }
    let stacks: BTreeMap<StackId, Stack> =
        account.stacks.iter().map(|(id, raw)| (*id, symbolizer.stack(raw))).collect();
    let nameless = |stack: &Stack| stack.frames.iter().any(|frame| frame.function.starts_with("0x"));
    if symbolizer.image().is_none() && stacks.values().any(nameless) {
        observer.notice(Notice::NoNames { job: place.job.clone() });
    }
    Ok(account.into_run(stacks))
}

fn read_run_file(
    opened: Opened,
    place: Place,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Loaded, RunError> {
    let name = place.log.display().to_string();
    if matches!(options.symbols, Symbols::File(_)) {
        observer.notice(Notice::NamesOfItsOwn { name: name.clone() });
    }
    let mut file = RunFile::open(&name, opened.reader)?;
    let mut sinks = Sinks::new(options)?;
    let mut retelling = Retelling::new(file.run());
    while let Some(event) = file.next_event()? {
        retelling.event(&event, &mut sinks);
        (opened.tick)();
    }
    let mut run = file.into_run();
    let book = retelling.finish(&mut run);
    let (view, boot) = (options.intake.view, options.intake.boot);
    if view.is_some_and(|view| run.facts.view != Some(view))
        || boot.is_some_and(|boot| run.facts.boot != boot)
    {
        return Err(RunError::OneBoot { name });
    }
    let (events, trace) = sinks.finish(&run, &book.live())?;
    Ok(Loaded { job: place.job, run, events, trace })
}
