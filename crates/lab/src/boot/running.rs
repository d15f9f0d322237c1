//! Running a machine to its end, and telling how it ended.

use std::fs::{self, File};
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use crate::count::Count;
use crate::ending::{Ending, Next};
use crate::error::{BootFault, Error};
use crate::follow::Follow;
use crate::progress::{Progress, Stage};
use crate::run_files;
use crate::supervise::{Job, describe};
use crate::text;
use crate::watch::Watch;

/// After a panic the reason and a stack still come.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What there is to say of a machine that came to its end.
#[derive(Debug)]
pub(super) struct Ended {
    /// What its console was.
    pub(super) watch: Watch,
    /// How many instructions it executed, if they were counted.
    pub(super) instructions: Option<u64>,
}

/// Why a machine did not come to its end.
pub(super) enum Stop {
    /// Something with the machine, and what its console was.
    Fault(BootFault, Box<Watch>),
    /// Something with us.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// How a machine is watched.
pub(super) struct Watched<'a> {
    /// How long the machine may run.
    pub(super) limit: Duration,
    /// Where its console goes.
    pub(super) results: &'a Path,
    /// The folder that it is started in.
    pub(super) place: &'a Path,
    pub(super) progress: &'a dyn Progress,
}

impl Watched<'_> {
    /// Runs a machine whose console is its standard output, to its end or to the limit.
    pub(super) fn run(
        &self,
        job: &Job,
        mut count: Option<&mut Count>,
        mut ending: Option<&mut Ending>,
    ) -> Result<Watch, Stop> {
        let Self { limit, results, place, progress } = *self;
        let console = results.join(run_files::CONSOLE);
        let messages = place.join("messages");
        let create = |path: &Path| File::create(path).map_err(Error::io("write", path));
        let mut machine = job
            .start(create(&console)?, create(&messages)?)
            .map_err(|source| Error::Spawn { program: "QEMU".to_owned(), source })?;
        let mut follow = Follow::new(&console)?;
        let mut watch = Watch::default();
        let start = Instant::now();
        let mut faulty_since = None;
        loop {
            // Asked first, so that what was written before its end is seen.
            let ended = machine.poll().map_err(Error::io("wait for the machine in", place))?;
            follow.read_rest(|bytes| watch.feed(bytes))?;
            if let Some(count) = &mut count {
                count.poll();
            }
            if let Some(line) = watch.take_last() {
                progress.line(Stage::Boot, &line);
            }
            if let Some(status) = ended {
                let said = fs::read(&messages).unwrap_or_default();
                let phase = watch.phase();
                let fault = match verdict(&watch, status, &said) {
                    // It was not to end by itself.
                    None if ending.is_some() => Some(BootFault::EndedEarly { phase }),
                    verdict => verdict,
                };
                return match fault {
                    None => Ok(watch),
                    Some(fault) => Err(Stop::Fault(fault, Box::new(watch))),
                };
            }
            if let Some(fault) = watch.fault() {
                let since = *faulty_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= LAST_WORDS {
                    return Err(Stop::Fault(fault.clone(), Box::new(watch)));
                }
            }
            let time_is_up = start.elapsed() >= limit;
            let next = match &mut ending {
                Some(ending) => ending.poll(&watch, time_is_up)?,
                None => Next::GoOn,
            };
            let phase = watch.phase();
            match next {
                Next::SwitchOff => {
                    machine.kill();
                    follow.read_rest(|bytes| watch.feed(bytes))?;
                    return Ok(watch);
                }
                Next::GiveUp => return Err(Stop::Fault(BootFault::NoTotals { phase }, Box::new(watch))),
                Next::GoOn if time_is_up && ending.is_none() => {
                    return Err(Stop::Fault(BootFault::Timeout { limit, phase }, Box::new(watch)));
                }
                Next::GoOn => {}
            }
            if progress.cancelled() {
                return Err(Stop::Error(Error::Cancelled));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whether the guests that Xen started have all done their part.
pub(super) fn check_guests(watch: Watch, count: u8) -> Result<Watch, Stop> {
    for domain in 1..=count {
        let status = watch.guest_status(domain);
        if status != Some(0) {
            return Err(Stop::Fault(BootFault::GuestFailed { domain, status }, Box::new(watch)));
        }
    }
    Ok(watch)
}

/// What a machine that has ended by itself ended with; nothing if all is well.
fn verdict(watch: &Watch, status: ExitStatus, messages: &[u8]) -> Option<BootFault> {
    let phase = watch.phase();
    if let Some(fault) = watch.fault() {
        return Some(fault.clone());
    }
    if !status.success() {
        return Some(BootFault::Qemu { status: describe(status), phase, messages: text::tail(messages, 10) });
    }
    match watch.workload_status() {
        Some(0) => None,
        Some(status) => Some(BootFault::WorkloadFailed { status }),
        None => Some(BootFault::EndedEarly { phase }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ending;
    use crate::error::Phase;
    use crate::progress::Silent;
    use crate::workload::Until;

    /// Runs a stand-in for the machine: a shell that writes a console.
    fn machine(script: &str, limit: Duration) -> std::result::Result<Watch, Stop> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder in", Path::new("/tmp")))?;
        let job = Job::new("sh", folder.path()).arguments(["-c", script]);
        watched(folder.path(), limit).run(&job, None, None)
    }

    fn watched(place: &Path, limit: Duration) -> Watched<'_> {
        Watched { limit, results: place, place, progress: &Silent }
    }

    /// The same for a machine without dom0, which has one guest.
    fn alone(script: &str, until: Until, limit: Duration) -> std::result::Result<Watch, Stop> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder in", Path::new("/tmp")))?;
        let plan = ending::EndingConfig { guests: 1, until, totals: true };
        let mut ending = Ending::new(plan, folder.path())?;
        let job = Job::new("sh", folder.path()).arguments(["-c", script]).input(ending.input());
        watched(folder.path(), limit).run(&job, None, Some(&mut ending))
    }

    /// Answers each `y` with totals, and says what it read.
    const ANSWERS: &str = "n=1; while key=$(dd bs=1 count=1 2>/dev/null); do echo \"read <$key>\"; \
        echo \"(XEN) HA1 t $n Z begin $n why=key\"; echo \"(XEN) HA1 t $n Z end $n stacks=0\"; \
        [ $n = 2 ] || echo '(XEN) HA1 t 2 A x 1'; n=2; done";

    #[test]
    fn a_machine_without_dom0_is_ended_with_the_key() {
        let mark = "echo '(XEN) DOM1: xenheap-lab: workload ended, status 0'";
        let ran = alone(&format!("{mark}; {ANSWERS}"), Until::Marks, Duration::from_secs(60));
        // After the first totals something happened.
        assert!(ran.is_ok_and(|watch| watch.totals().complete == 2 && watch.guest_status(1) == Some(0)));
        let start = Instant::now();
        let ran = alone(&format!("echo '(XEN) DOM1: x'; {ANSWERS}"), Until::Time, Duration::from_secs(2));
        assert!(ran.is_ok_and(|watch| watch.totals().complete == 2));
        assert!(start.elapsed() >= Duration::from_secs(2));
    }

    #[test]
    fn a_machine_without_dom0_must_not_end_by_itself() {
        let ran = alone("echo '(XEN) DOM1: x'", Until::Time, Duration::from_secs(60));
        let fault = BootFault::EndedEarly { phase: Phase::Guests };
        assert!(matches!(ran, Err(Stop::Fault(said, _)) if said == fault));
    }

    fn fault(script: &str) -> Option<BootFault> {
        match machine(script, Duration::from_secs(30)) {
            Err(Stop::Fault(fault, _)) => Some(fault),
            _ => None,
        }
    }

    #[test]
    fn a_good_run_has_ended_by_itself_after_the_workload() {
        let ran = machine(
            "echo '(XEN) Xen'; echo 'xenheap-lab: dom0 up'; sleep 0.2; echo 'xenheap-lab: workload ended, status 0'",
            Duration::from_secs(30),
        );
        assert!(ran.is_ok_and(|watch| watch.phase() == Phase::WorkloadEnded));
    }

    #[test]
    fn guests_must_have_done_their_part_too() {
        let ran = |line: &str| {
            machine(
                &format!("echo '{line}'; echo 'xenheap-lab: workload ended, status 0'"),
                Duration::from_secs(30),
            )
            .and_then(|watch| check_guests(watch, 1))
        };
        assert!(ran("(XEN) DOM1: xenheap-lab: workload ended, status 0").is_ok());
        for (line, status) in [("(XEN) DOM1: xenheap-lab: workload ended, status 2", Some(2)), ("", None)] {
            let fault = BootFault::GuestFailed { domain: 1, status };
            assert!(matches!(ran(line), Err(Stop::Fault(said, _)) if said == fault), "{line}");
        }
    }

    #[test]
    fn every_other_end_is_told_from_it() {
        assert_eq!(
            fault("echo 'xenheap-lab: workload ended, status 3'"),
            Some(BootFault::WorkloadFailed { status: 3 })
        );
        assert_eq!(fault("echo '(XEN) Xen'"), Some(BootFault::EndedEarly { phase: Phase::Xen }));
        assert_eq!(
            fault("printf 'qemu: no \\033 such\\n' >&2; exit 1"),
            Some(BootFault::Qemu {
                status: "exit status 1".into(),
                phase: Phase::Silent,
                messages: vec!["qemu: no \\x1b such".into()],
            })
        );
        // The shell that stands for QEMU may have something to say of it too.
        assert!(matches!(
            fault("echo 'xenheap-lab: workload ended, status 0'; kill -SEGV $$"),
            Some(BootFault::Qemu { status, phase: Phase::WorkloadEnded, .. }) if status == "killed by signal 11"
        ));
    }

    #[test]
    fn a_machine_that_panics_and_hangs_is_not_waited_for() {
        let start = Instant::now();
        assert_eq!(
            fault("echo '(XEN) Panic on CPU 0:'; echo '(XEN) bad'; sleep 600"),
            Some(BootFault::XenPanic { message: "bad".into() })
        );
        assert!(start.elapsed() < Duration::from_secs(25));
    }

    #[test]
    fn a_machine_that_hangs_is_stopped_at_the_limit() {
        let limit = Duration::from_millis(500);
        let ran = machine("echo '(XEN) Xen'; exec sleep 600", limit);
        assert!(matches!(ran, Err(Stop::Fault(BootFault::Timeout { phase: Phase::Xen, .. }, _))));
    }
}
