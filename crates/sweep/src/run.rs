//! Doing it: the base, then boot after boot.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use xenheap_lab::{CONSOLE, Exit, Prepared, RunConfig, RunFolder, Stage, XEN_SYMS};
use xenheap_model::{
    RawStack, Target,
    sweep::{Stack, Sweep, TrialResult},
};
use xenheap_symbols::{Hints, Image, Symbolizer};

use crate::{
    Shard, SweepError,
    outcome::{result_of, tells},
    read::{BootLog, read},
    stacks::{choose, stacks},
    store,
};

/// What to sweep.
#[derive(Debug, Clone)]
pub struct Config {
    /// How the boots are made. Its folder is not used; its time limit is that of one boot.
    pub run: RunConfig,
    /// The sweep's folder.
    pub dir: PathBuf,
    /// Runs without a failure to take the stacks from and to compare with; without any, one is
    /// made.
    pub bases: Vec<PathBuf>,
    /// Which allocation of a stack fails, from 1.
    pub nth: u64,
    /// Only these stacks.
    pub only: Vec<u64>,
    /// Only this part.
    pub shard: Option<Shard>,
    /// Not more than so many stacks.
    pub at_most: Option<usize>,
    /// How many machines run at once.
    pub jobs: usize,
    /// No boot begins after this time, and what runs then is stopped and not counted.
    pub limit: Option<Duration>,
}

/// An observer of the boots. They run at once, so it is asked by several threads.
pub trait Watch: Sync {
    /// `done` of `of` have a result. This one just got its own.
    fn result(&self, done: usize, of: usize, stack: &Stack, result: &TrialResult) {
        let _ = (done, of, stack, result);
    }
    /// A boot came to nothing, by a fault of the lab's or the host's. The stack stays to be tried.
    fn failed(&self, stack: &Stack, error: &SweepError) {
        let _ = (stack, error);
    }
}

/// Sweeps: what has a result already is not tried again. `progress` sees what comes before the
/// boots.
pub fn sweep(
    config: &Config,
    progress: &dyn xenheap_lab::Progress,
    watch: &dyn Watch,
) -> Result<Sweep, SweepError> {
    let begin = Instant::now();
    let prepared = xenheap_lab::prepare(&config.run, progress)?;
    let bases = bases(config, &prepared, progress)?;
    let first = bases.first().ok_or_else(|| base_error(&config.dir, "there is none"))?;
    let identity = store::identity(&first.folder.record, &config.run.xen_args, config.nth);
    let mut names = Names::new(&first.folder.path.join(XEN_SYMS), &first.seen)?;
    let mut run = first.run.clone();
    run.stacks = run_stacks(&mut names, &bases)?;
    let chosen = choose(stacks(&run), &config.only, config.shard, config.at_most, &first.seen.first)?;
    store::begin(&config.dir, &identity, &chosen)?;

    // A guest that does not come up is waited for, for longer than a run takes where all is well.
    let longest = bases.iter().map(|base| base.folder.record.boot_seconds).fold(0.0, f64::max);
    let timeout = config.run.timeout.unwrap_or(Duration::from_secs_f64(3.0 * longest + 180.0));
    let seen: Vec<BootLog> = bases.into_iter().map(|base| base.seen).collect();
    let queue: VecDeque<&Stack> =
        chosen.iter().filter(|stack| !store::has(&config.dir, stack.hash)).collect();
    let done = chosen.len() - queue.len();
    let boots = Boots {
        config,
        prepared: &prepared,
        bases: &seen,
        names: Mutex::new(names),
        timeout,
        deadline: config.limit.map(|limit| begin + limit),
        watch,
        of: chosen.len(),
        state: Mutex::new(State { queue, done }),
    };
    std::thread::scope(|scope| {
        for _ in 0..config.jobs.max(1) {
            scope.spawn(|| boots.work());
        }
    });
    store::merge(std::slice::from_ref(&config.dir))
}

/// A run without a failure.
struct Base {
    folder: RunFolder,
    seen: BootLog,
    run: xenheap_model::Run,
}

fn base_error(path: &Path, reason: impl ToString) -> SweepError {
    SweepError::Base { path: path.to_owned(), reason: reason.to_string() }
}

fn bases(
    config: &Config,
    prepared: &Prepared,
    progress: &dyn xenheap_lab::Progress,
) -> Result<Vec<Base>, SweepError> {
    let own = config.dir.join("base");
    let folders = match config.bases.as_slice() {
        [] if own.is_dir() => vec![RunFolder::open(&own)?],
        [] => vec![prepared.boot(&config.run.xen_args, &own, config.run.timeout, progress)?],
        given => given.iter().map(|path| RunFolder::open(path)).collect::<Result<_, _>>()?,
    };
    folders.into_iter().map(|folder| base(folder, prepared)).collect()
}

fn base(folder: RunFolder, prepared: &Prepared) -> Result<Base, SweepError> {
    let record = &folder.record;
    let wrong = [
        (record.xen.key != prepared.build.facts.key, "it is of another build of Xen"),
        (record.workload.sha256 != prepared.workload.sha256(), "it is of another workload"),
        (record.workload.parameters != prepared.workload.parameters, "its workload had other parameters"),
        (!xenheap_lab::is_good_end(&record.exit.reason), "it did not come to its end"),
    ];
    if let Some((_, reason)) = wrong.iter().find(|(wrong, _)| *wrong) {
        return Err(base_error(&folder.path, reason));
    }
    let (seen, run) = read(&folder.path.join(CONSOLE))?;
    if !seen.facts.experiment.is_none() {
        return Err(base_error(&folder.path, "it was an experiment itself"));
    }
    if let Some(doubt) = &seen.doubt {
        return Err(base_error(&folder.path, doubt));
    }
    Ok(Base { folder, seen, run })
}

/// Names of the stacks of all bases, by the numbers of the first.
fn run_stacks(
    names: &mut Names,
    bases: &[Base],
) -> Result<BTreeMap<xenheap_model::StackId, xenheap_model::Stack>, SweepError> {
    let Some(first) = bases.first() else { return Ok(BTreeMap::new()) };
    let ids = first.seen.ids.iter();
    Ok(ids.filter_map(|(id, hash)| Some((*id, names.stack(first.seen.stacks.get(hash)?)))).collect())
}

/// Functions of the image.
struct Names(Symbolizer);

impl Names {
    fn new(image: &Path, seen: &BootLog) -> Result<Self, SweepError> {
        let none = Hints::default();
        Ok(Names(Symbolizer::new(Some(Image::open(image)?), none, seen.facts.text)))
    }

    fn stack(&mut self, raw: &RawStack) -> xenheap_model::Stack {
        self.0.stack(raw)
    }
}

struct State<'a> {
    queue: VecDeque<&'a Stack>,
    done: usize,
}

/// All boots.
struct Boots<'a> {
    config: &'a Config,
    prepared: &'a Prepared,
    bases: &'a [BootLog],
    names: Mutex<Names>,
    timeout: Duration,
    deadline: Option<Instant>,
    watch: &'a dyn Watch,
    of: usize,
    state: Mutex<State<'a>>,
}

/// Stops a boot when the time for all of them is over.
struct Deadline(Option<Instant>);

impl Deadline {
    fn is_over(&self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}

impl xenheap_lab::Progress for Deadline {
    fn start(&self, _: Stage, _: &str) {}

    fn cancelled(&self) -> bool {
        self.is_over()
    }
}

impl<'a> Boots<'a> {
    fn state(&self) -> std::sync::MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Boots until there is nothing more to boot, or no time.
    fn work(&self) {
        let deadline = Deadline(self.deadline);
        while !deadline.is_over() {
            let Some(stack) = self.state().queue.pop_front() else { return };
            let tried = self.boot(stack, &deadline).and_then(|result| {
                store::keep(&self.config.dir, stack.hash, &result)?;
                Ok(result)
            });
            match tried {
                Ok(result) => {
                    let done = {
                        let mut state = self.state();
                        state.done += 1;
                        state.done
                    };
                    self.watch.result(done, self.of, stack, &result);
                }
                Err(SweepError::Lab(xenheap_lab::Error::Cancelled)) => return,
                Err(error) => self.watch.failed(stack, &error),
            }
        }
    }

    fn boot(&self, stack: &Stack, deadline: &Deadline) -> Result<TrialResult, SweepError> {
        let target = Target { hash: stack.hash, nth: self.config.nth };
        let goal = self.config.dir.join("boots").join(format!("{:016x}", stack.hash));
        let mut xen_args = self.config.run.xen_args.clone();
        xen_args.push(format!("heap-audit-fail={target}"));
        let folder = match self.prepared.boot(&xen_args, &goal, Some(self.timeout), deadline) {
            Ok(folder) => folder,
            Err(xenheap_lab::Error::Machine(xenheap_lab::MachineError::Boot { log, .. })) => {
                RunFolder::open(log.parent().unwrap_or(Path::new(".")))?
            }
            Err(error) => return Err(error.into()),
        };
        let result = self.read_result(&folder);
        // An image for each boot would fill the disk; the log is enough to look into it.
        let log = store::log_file(&self.config.dir, stack.hash);
        let kept = log.parent().map_or(Ok(()), fs::create_dir_all);
        kept.and_then(|()| fs::rename(folder.path.join(CONSOLE), &log))
            .map_err(SweepError::io("write", &log))?;
        fs::remove_dir_all(&folder.path).map_err(SweepError::io("remove", &folder.path))?;
        let result = result?;
        if tells(&result) {
            Ok(result)
        } else {
            Err(SweepError::Early(result.message.unwrap_or(result.ended)))
        }
    }

    fn read_result(&self, folder: &RunFolder) -> Result<TrialResult, SweepError> {
        let exit: &Exit = &folder.record.exit;
        let (seen, _) = read(&folder.path.join(CONSOLE))?;
        let mut result = result_of(exit, folder.record.boot_seconds, &seen, self.bases);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        for leak in &mut result.leaks {
            if let Some(raw) = seen.stacks.get(&leak.hash) {
                leak.frames = crate::stacks::functions(&names.stack(raw));
            }
        }
        Ok(result)
    }
}
