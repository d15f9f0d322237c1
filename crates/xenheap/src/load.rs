//! A RUN on the command line to a run in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    io::{self, Read},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use tracing::{debug, info};
use xenheap_console::{Input, Peeked, ScanStats, peek, scan};
use xenheap_lab::{CONSOLE, XEN_SYMS};
use xenheap_ledger::{Account, EventSink, Intake, Live, Matched, Retelling};
use xenheap_model::{Arch, DomainEvent, Event, Facts, LogFormat, RowKey, Run, Stack, StackId};
use xenheap_plan::Trace;
use xenheap_report::{
    rfc::{self, EventLog},
    runfile::{self, RunFile, Writer},
};
use xenheap_symbols::{Hints, Image, Symbolizer};

use crate::{
    config::{FormatConfig, Report, Symbols},
    failure::{Exit, Failure, printable, warn},
    progress::Reading,
};

/// Who writes run files, for messages about them.
const TOOL: &str = concat!("xenheap ", env!("CARGO_PKG_VERSION"));

/// How the names of compressed files end.
const PACKED: [&str; 3] = [".gz", ".xz", ".zst"];

/// A run, read.
pub struct Loaded {
    /// What it is called: its file or folder.
    pub job: String,
    pub run: Run,
    /// Only for formats that need single events.
    pub events: Option<EventLog>,
    /// Only for `xenheap plan`.
    pub trace: Option<Trace>,
}

/// Reads a RUN, and saves it if that is asked for.
pub fn load(path: &Path, config: &Report) -> Result<Loaded, Failure> {
    let place = Place::of(path)?;
    info!("reading {}", printable(&place.log.display().to_string()));
    // What comes through a pipe cannot be read twice, and which view is the best one is known only at its end.
    let spooled = if place.is_stdin() && Sinks::are_needed(config) { Some(spool()?) } else { None };
    let open = || -> Result<Opened, Failure> {
        let log = spooled.as_ref().map_or(place.log.as_path(), NamedTempFile::path);
        Opened::new(
            xenheap_console::open(log).map_err(|error| Failure::from_error(Exit::Input, &error))?,
            &place.log,
        )
    };
    let first = open()?;
    if first.is_run_file {
        return read_run_file(first, place, config);
    }
    if place.log.extension().is_some_and(|extension| extension == "xhr") {
        let name = place.log.display().to_string();
        return Err(Failure::from_error(Exit::Input, &runfile::RunFileError::NotARunFile { name }));
    }
    let read = read_log(first, open, config)?;
    finish_log(read, place, config)
}

/// Reads a RUN for commands that have no options for that.
pub fn report(path: &Path) -> Result<xenheap_report::Report, Failure> {
    let config = Report::plain(path.to_owned());
    let Loaded { job, run, .. } = load(path, &config)?;
    Ok(xenheap_report::Report::new(job, run, &config.filter))
}

/// Names of runs, of which several can be called the same: those then have as much of their path before the name as
/// tells them apart, and a number behind it if that is the same, too. No two names are equal.
pub fn names(paths: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let jobs = paths.iter().map(|path| Ok(Place::of(path)?.job)).collect::<Result<Vec<_>, Failure>>()?;
    Ok(distinct(paths, &jobs))
}

fn distinct(paths: &[PathBuf], jobs: &[String]) -> Vec<String> {
    let whole: Vec<PathBuf> =
        paths.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone())).collect();
    let name = |at: usize, depth: usize| -> String {
        let folders = whole.get(at).and_then(|path| path.parent()).into_iter().flat_map(Path::components);
        let folders: Vec<_> = folders.map(|part| part.as_os_str().to_string_lossy()).collect();
        let from = folders.len().saturating_sub(depth);
        let mut parts: Vec<&str> = folders.iter().skip(from).map(AsRef::as_ref).collect();
        parts.extend(jobs.get(at).map(String::as_str));
        parts.join("/")
    };
    let deepest = whole.iter().map(|path| path.components().count()).max().unwrap_or(0);
    let mut names: Vec<String> = Vec::with_capacity(jobs.len());
    for (at, job) in jobs.iter().enumerate() {
        let others: Vec<usize> =
            (0..jobs.len()).filter(|other| *other != at && jobs.get(*other) == Some(job)).collect();
        let alone = |depth: usize| others.iter().all(|other| name(*other, depth) != name(at, depth));
        let depth = (0..=deepest).find(|depth| alone(*depth));
        names.push(name(at, depth.unwrap_or(0)));
    }
    numbered(names)
}

/// The same names, of which all but the first of those that are equal have a number that makes
/// another name of them.
fn numbered(names: Vec<String>) -> Vec<String> {
    let whole: BTreeSet<String> = names.iter().cloned().collect();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut own = |name: String| {
        let mut own = name.clone();
        let mut number = 1u64;
        while used.contains(&own) || (number > 1 && whole.contains(&own)) {
            number += 1;
            own = format!("{name} ({number})");
        }
        used.insert(own.clone());
        own
    };
    names.into_iter().map(&mut own).collect()
}

/// What a log says of itself, without the names of its stacks.
pub fn facts(path: &Path) -> Result<Facts, Failure> {
    let config = Report::plain(path.to_owned());
    let input = xenheap_console::open(path).map_err(|error| Failure::from_error(Exit::Input, &error))?;
    Ok(read_once(Opened::new(input, path)?, config.intake, &config)?.account.facts)
}

/// Reads an image, compressed or not.
pub fn image(path: &Path) -> Result<Image, Failure> {
    info!("reading the image {}", printable(&path.display().to_string()));
    if PACKED
        .iter()
        .all(|end| path.extension().is_none_or(|extension| format!(".{}", extension.display()) != *end))
    {
        return Image::open(path).map_err(|error| Failure::from_error(Exit::Input, &error));
    }
    let unpack = || -> Result<Vec<u8>, Box<dyn Error>> {
        let mut bytes = Vec::new();
        xenheap_console::open(path)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = unpack().map_err(|error| Failure::from_error(Exit::Input, error.as_ref()))?;
    Image::parse(path, &bytes).map_err(|error| Failure::from_error(Exit::Input, &error))
}

/// Where a RUN is, and what belongs to it.
struct Place {
    log: PathBuf,
    job: String,
    /// Where its image would be.
    images: Vec<PathBuf>,
}

impl Place {
    fn of(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Place { log: path.to_owned(), job: "stdin".to_owned(), images: Vec::new() });
        }
        if path.is_dir() {
            return Place::folder(path);
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let job = PACKED.iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        let job = job.strip_suffix(".xhr").unwrap_or(job).to_owned();
        let stem = job.strip_suffix(".log").unwrap_or(&job);
        let names = [format!("{stem}.{XEN_SYMS}"), XEN_SYMS.to_owned()];
        let images = names.iter().flat_map(|name| packed(&path.with_file_name(name))).collect();
        Ok(Place { log: path.to_owned(), job, images })
    }

    fn folder(path: &Path) -> Result<Self, Failure> {
        let Some(log) = packed(&path.join(CONSOLE)).into_iter().find(|log| log.is_file()) else {
            return Err(Failure::new(
                Exit::Input,
                format!("the folder {} is not a RUN: it contains no {}", path.display(), CONSOLE),
            )
            .help("give a folder that `xenheap lab run` made, or the log itself"));
        };
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let job =
            whole.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
        Ok(Place { log, job, images: packed(&path.join(XEN_SYMS)) })
    }

    fn is_stdin(&self) -> bool {
        self.log.as_os_str() == "-"
    }

    /// The image to take names from.
    fn image(&self, config: &Report) -> Result<Option<Image>, Failure> {
        let path = match &config.symbols {
            Symbols::None => return Ok(None),
            Symbols::File(path) => path,
            Symbols::Beside => match self.images.iter().find(|path| path.is_file()) {
                Some(path) => path,
                None => return Ok(None),
            },
        };
        image(path).map(Some)
    }
}

/// A file's name, plain and compressed.
fn packed(path: &Path) -> Vec<PathBuf> {
    let with = |end: &&str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    [""].iter().chain(&PACKED).map(with).collect()
}

fn spool() -> Result<NamedTempFile, Failure> {
    debug!("keeping standard input in a temporary file: it may have to be read twice");
    let copy = || -> io::Result<NamedTempFile> {
        let mut file = NamedTempFile::new()?;
        io::copy(&mut io::stdin().lock(), file.as_file_mut())?;
        Ok(file)
    };
    copy().map_err(|error| {
        Failure::new(Exit::Input, format!("cannot keep standard input in a temporary file: {error}"))
    })
}

/// An input of which the first bytes are known.
struct Opened {
    reader: Peeked<Input>,
    progress: Reading,
    is_run_file: bool,
}

impl Opened {
    fn new(input: Input, path: &Path) -> Result<Self, Failure> {
        let progress = Reading::new(path, input.position());
        let (head, reader) = peek(input, 64);
        Ok(Opened { reader, progress, is_run_file: runfile::is_run_file(&head) })
    }
}

/// Who wants to see single events.
#[derive(Default)]
struct Sinks {
    rfc: Option<EventLog>,
    save: Option<Writer>,
    trace: Option<Trace>,
}

impl Sinks {
    fn are_needed(config: &Report) -> bool {
        config.save.is_some() || config.trace || matches!(config.format, FormatConfig::Rfc { .. })
    }

    fn new(config: &Report) -> Result<Self, Failure> {
        let save = config.save.as_ref().map(|path| Writer::create(path)).transpose();
        Ok(Sinks {
            rfc: matches!(config.format, FormatConfig::Rfc { .. }).then(EventLog::new),
            save: save.map_err(|error| Failure::from_error(Exit::Usage, &error))?,
            trace: config.trace.then(Trace::new),
        })
    }

    /// The last event was seen.
    fn finish(self, run: &Run, live: &[Live]) -> Result<(Option<EventLog>, Option<Trace>), Failure> {
        if let Some(writer) = self.save {
            writer.finish(run, TOOL).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
        }
        let events = self.rfc.map(|mut log| {
            let live = live.iter().map(|live| rfc::Live {
                seq: live.seq,
                addr: live.addr,
                bytes: live.bytes,
                key: live.key,
            });
            log.set_live(live.collect());
            log
        });
        Ok((events, self.trace))
    }
}

impl EventSink for Sinks {
    fn event(&mut self, event: &Event, matched: Option<&Matched>) {
        if let Some(log) = &mut self.rfc {
            let freed = matched.map(|matched| {
                let Matched { kind, stack, current, charge, owner, size, .. } = *matched;
                rfc::Freed { key: RowKey { stack, kind, charge, current, owner }, size }
            });
            log.event(event, freed);
        }
        if let Some(writer) = &mut self.save {
            writer.event(event);
        }
        if let Some(trace) = &mut self.trace {
            trace.event(event, matched);
        }
    }

    fn domain(&mut self, event: &DomainEvent) {
        if let Some(writer) = &mut self.save {
            writer.domain(event);
        }
        if let Some(trace) = &mut self.trace {
            trace.domain(event);
        }
    }
}

/// What was read of a log.
struct ReadOnce {
    account: Account,
    sinks: Sinks,
    stats: ScanStats,
}

fn read_log(
    first: Opened,
    open: impl Fn() -> Result<Opened, Failure>,
    config: &Report,
) -> Result<ReadOnce, Failure> {
    let read = read_once(first, config.intake, config)?;
    let facts = &read.account.facts;
    if facts.format == LogFormat::None || read.account.streamed_the_chosen() {
        return Ok(read);
    }
    debug!("reading the log again, for the events of the view that turned out best");
    let intake = xenheap_ledger::Config { format: Some(facts.format), view: facts.view, ..config.intake };
    read_once(open()?, intake, config)
}

fn finish_log(read: ReadOnce, place: Place, config: &Report) -> Result<Loaded, Failure> {
    let ReadOnce { mut account, sinks, stats } = read;
    account.facts.lines = stats.lines;
    account.facts.log_bytes = stats.bytes;
    if let Some(damage) = &stats.damage {
        warn(format_args!("{}: {damage}", place.job));
    }
    let live = std::mem::take(&mut account.live);
    let run = symbolized(account, &place, config)?;
    let (events, trace) = sinks.finish(&run, &live)?;
    Ok(Loaded { job: place.job, run, events, trace })
}

fn read_once(opened: Opened, intake: xenheap_ledger::Config, config: &Report) -> Result<ReadOnce, Failure> {
    let mut sinks = Sinks::new(config)?;
    let mut intake = match Sinks::are_needed(config) {
        true => Intake::with_sink(intake, &mut sinks),
        false => Intake::new(intake),
    };
    let stats = scan(opened.reader, &mut intake, |_| opened.progress.tick())
        .map_err(|error| Failure::from_error(Exit::Input, &error))?;
    let account = intake.finish().map_err(|error| Failure::from_error(Exit::Input, &error))?;
    Ok(ReadOnce { account, sinks, stats })
}

/// Gives the stacks names.
fn symbolized(mut account: Account, place: &Place, config: &Report) -> Result<Run, Failure> {
    let image = if account.stacks.is_empty() { None } else { place.image(config)? };
    if let Some(image) = &image {
        if let Err(mismatch) = image.check(&account.facts) {
            let path = image.path().display();
            if !config.allow_mismatch {
                return Err(Failure::new(Exit::Input, format!("{path} is not the image of this log: {mismatch}"))
                        .help(
                            "name the right one with --symbols FILE, or use none with --no-symbols; --allow-mismatch uses this one, with names that can be wrong",
                        ));
            }
            warn(format_args!("names can be wrong: {path}: {mismatch}"));
        }
        if !image.has_debug_info() {
            warn("the image has no debug information: no inlined functions and no lines are shown");
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
        warn(format_args!(
            "{}: addresses have no names: put `xen-syms` of the build beside the log, or name it with --symbols",
            place.job
        ));
    }
    Ok(account.into_run(stacks))
}

fn read_run_file(opened: Opened, place: Place, config: &Report) -> Result<Loaded, Failure> {
    let failed = |error: runfile::RunFileError| Failure::from_error(Exit::Input, &error);
    let name = place.log.display().to_string();
    if matches!(config.symbols, Symbols::File(_)) {
        warn(format_args!("{name} has its own names: --symbols is not used"));
    }
    let mut file = RunFile::open(&name, opened.reader).map_err(failed)?;
    let mut sinks = Sinks::new(config)?;
    let mut retelling = Retelling::new(file.run());
    while let Some(event) = file.next_event().map_err(failed)? {
        retelling.event(&event, &mut sinks);
        opened.progress.tick();
    }
    let mut run = file.into_run();
    let book = retelling.finish(&mut run);
    let saved = (run.facts.view, run.facts.boot);
    let differs =
        |asked: bool| asked.then(|| Failure::usage(format!("{name} holds one boot and one view only")));
    if let Some(failure) = differs(config.intake.view.is_some_and(|view| saved.0 != Some(view)))
        .or_else(|| differs(config.intake.boot.is_some_and(|boot| boot != saved.1)))
    {
        return Err(failure.help("report the log itself to choose another"));
    }
    let (events, trace) = sinks.finish(&run, &book.live())?;
    Ok(Loaded { job: place.job, run, events, trace })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Paths of few words, so that many runs are called the same or nearly the same.
    fn path() -> impl Strategy<Value = PathBuf> {
        let folder =
            prop::sample::select(vec!["", "/", "./", "a/", "b/a/", "/b/a/", "a (2)/", "../a/", "//a//"]);
        let name = prop::sample::select(vec![
            "a",
            "a (2)",
            "a (3)",
            "a#2",
            "a.log",
            "a.log.gz",
            "a.log.zst",
            "a.xhr",
            "a.log.xhr",
            "-",
            "stdin",
            "b",
        ]);
        (folder, name).prop_map(|(folder, name)| PathBuf::from(format!("{folder}{name}")))
    }

    proptest! {
        #[test]
        fn no_two_runs_have_one_name(paths in prop::collection::vec(path(), 1..9)) {
            let names = names(&paths).expect("none is a folder");
            prop_assert_eq!(names.len(), paths.len());
            let distinct: BTreeSet<_> = names.iter().collect();
            prop_assert_eq!(distinct.len(), names.len(), "{:?}: {:?}", paths, names);
            for (name, path) in names.iter().zip(&paths) {
                let job = Place::of(path).expect("no folder").job;
                prop_assert!(name.contains(&job), "{} is the name of {}", name, path.display());
                // What nobody else is called is the name.
                let same = paths.iter().filter(|other| Place::of(other).expect("no folder").job == job);
                prop_assert!(same.count() > 1 || *name == job, "{} for {}", name, path.display());
            }
        }
    }

    #[test]
    fn a_number_makes_no_other_name() {
        let of =
            |paths: &[&str]| names(&paths.iter().map(PathBuf::from).collect::<Vec<_>>()).expect("no folder");
        assert_eq!(of(&["x/a", "x/a", "x/a (2)"]), ["a", "a (3)", "a (2)"]);
        // One log, packed and not.
        assert_eq!(of(&["x/a.log", "x/a.log.gz"]), ["a.log", "a.log (2)"]);
    }
}
