use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use xenheap_console::Unstamped;

use crate::{
    Client, Error, Found, Limits, Planned, Store,
    archive::{self, Stop},
    store::{ARTIFACTS, REFUSED, TRACE, at, make},
};

/// One of the two things that a job can leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// What it printed.
    Trace,
    /// The archive of its artifacts.
    Archive,
}

/// Something to download.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Of which job.
    pub job: &'a Planned,
    /// What of it.
    pub what: What,
}

/// What became of it.
#[derive(Debug)]
pub enum DownloadOutcome {
    /// It came, with so many bytes.
    Fetched(u64),
    /// An earlier run had fetched it.
    Had,
    /// GitLab does not have it.
    Missing,
    /// It is not what it should be, and nothing of it is kept.
    Refused(String),
    /// It did not come.
    Failed(Error),
}

/// Who wants to know how far it is. Called by several threads.
pub trait Watch: Sync {
    /// So many more bytes came. Those of an attempt that failed count too.
    fn bytes(&self, count: u64);
    /// A task is over.
    fn done(&self, task: &Task<'_>, outcome: &DownloadOutcome);
}

/// Does all tasks, `parallel` at once; the outcomes stand in their order. It ends early only where
/// going on is no use: when GitLab refuses who asks, or our own files cannot be written.
pub fn fetch(
    client: &Client,
    store: &Store,
    tasks: &[Task<'_>],
    limits: &Limits,
    parallel: usize,
    watch: &dyn Watch,
) -> Result<Vec<DownloadOutcome>, Error> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let outcomes: Vec<Mutex<Option<Result<DownloadOutcome, Error>>>> =
        tasks.iter().map(|_| Mutex::new(None)).collect();
    let work = || {
        while !stop.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some(task), Some(slot)) = (tasks.get(at), outcomes.get(at)) else { return };
            let outcome = one(client, store, task, limits, watch);
            match &outcome {
                Ok(outcome) => watch.done(task, outcome),
                Err(_) => stop.store(true, Ordering::Relaxed),
            }
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..parallel.clamp(1, tasks.len().max(1)) {
            scope.spawn(work);
        }
    });
    // Tasks that were not begun are missing only behind an error.
    outcomes
        .into_iter()
        .filter_map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner))
        .collect()
}

fn one(
    client: &Client,
    store: &Store,
    task: &Task<'_>,
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<DownloadOutcome, Error> {
    let folder = store.job(&task.job.folder())?;
    let outcome = match task.what {
        What::Trace => trace(client, task.job, &folder, limits, watch),
        What::Archive => artifacts(client, task.job, &folder, limits, watch),
    };
    match outcome {
        Err(error) if error.is_of_one() => Ok(DownloadOutcome::Failed(error)),
        outcome => outcome,
    }
}

fn trace(
    client: &Client,
    job: &Planned,
    folder: &Path,
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<DownloadOutcome, Error> {
    let whole = folder.join(TRACE);
    if whole.is_file() {
        return Ok(DownloadOutcome::Had);
    }
    let mut part = Part::new(folder, "trace.log.part")?;
    let progress = |count| watch.bytes(count);
    let found =
        client.trace(&job.project, job.job.id, limits.trace, (&mut part.file, &part.path), &progress)?;
    Ok(match found {
        Found::Nothing => DownloadOutcome::Missing,
        Found::Bytes(bytes) => {
            let plain = Part::new(folder, "trace.plain.part")?;
            let mut out = BufWriter::new(&plain.file);
            let input = File::open(&part.path).map_err(at(&part.path))?;
            let mut trace = Unstamped::new(BufReader::new(input));
            io::copy(&mut trace, &mut out).and_then(|_| out.flush()).map_err(at(&plain.path))?;
            // First what is no longer needed: a run that is killed here fetches again, and leaves
            // no part behind.
            drop(part);
            fs::rename(&plain.path, &whole).map_err(at(&whole))?;
            DownloadOutcome::Fetched(bytes)
        }
    })
}

fn artifacts(
    client: &Client,
    job: &Planned,
    folder: &Path,
    limits: &Limits,
    watch: &dyn Watch,
) -> Result<DownloadOutcome, Error> {
    let whole = folder.join(ARTIFACTS);
    let refused = folder.join(REFUSED);
    if whole.is_dir() {
        return Ok(DownloadOutcome::Had);
    }
    if let Ok(reason) = fs::read_to_string(&refused) {
        return Ok(DownloadOutcome::Refused(reason.trim_end().to_owned()));
    }
    let mut part = Part::new(folder, "artifacts.zip.part")?;
    let progress = |count| watch.bytes(count);
    let into = (&mut part.file, part.path.as_path());
    let size = job.job.archive_size();
    let bytes = match client.archive(&job.project, job.job.id, limits.archive, size, into, &progress)? {
        Found::Nothing => return Ok(DownloadOutcome::Missing),
        Found::Bytes(bytes) => bytes,
    };
    let unpacked = folder.join("artifacts.part");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).map_err(at(&unpacked))?;
    }
    make(&unpacked)?;
    let result = archive::unpack(&part.path, &unpacked, limits);
    // As above: nothing may be whole while a part of it is left.
    drop(part);
    match result {
        Ok(()) => {
            fs::rename(&unpacked, &whole).map_err(at(&whole))?;
            Ok(DownloadOutcome::Fetched(bytes))
        }
        Err(Stop::Ours(error)) => Err(error),
        Err(Stop::Refused(reason)) => {
            fs::remove_dir_all(&unpacked).map_err(at(&unpacked))?;
            // Another run must not fetch it again only to refuse it again.
            let reason: String = reason.escape_default().collect();
            let mut part = Part::new(folder, "artifacts.refused.part")?;
            writeln!(part.file, "{reason}").map_err(at(&part.path))?;
            fs::rename(&part.path, &refused).map_err(at(&refused))?;
            Ok(DownloadOutcome::Refused(reason))
        }
    }
}

/// A file that is not whole yet. Unless it was renamed it goes away with this.
struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    fn new(folder: &Path, name: &str) -> Result<Self, Error> {
        make(folder)?;
        let path = folder.join(name);
        let file = File::create(&path).map_err(at(&path))?;
        Ok(Part { path, file })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
