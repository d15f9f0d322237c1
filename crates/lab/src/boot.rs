//! Running the machine.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant, SystemTime};

use crate::accel;
use crate::arch::{Arch, Domus};
use crate::cache::{self, Cache};
use crate::config::Mode;
use crate::count::{self, Count};
use crate::ending::{self, Ending, Next};
use crate::error::{BootFault, Error, MachineError, WorkloadError};
use crate::folder::{
    self, ENDED_BY_KEY, Exit, Machine, POWERED_OFF, Partial, Record, RunFolder, WorkloadFacts,
};
use crate::follow::Follow;
use crate::image::Image;
use crate::partition::{Content, Partition};
use crate::progress::{Progress, Stage};
use crate::run_tool::stdout;
use crate::supervise::{Job, describe};
use crate::text;
use crate::watch::Watch;
use crate::workload::{self, Until, Workload};
use crate::xenbuild::Build;

/// Virtual time runs several times slower than the host's.
const DETERMINISTIC_FACTOR: u32 = 4;

/// After a panic the reason and a stack still come.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What to run, and how.
#[derive(Debug)]
pub struct BootPlan<'a> {
    /// Xen.
    pub build: &'a Build,
    /// dom0.
    pub image: &'a Image,
    /// What dom0 does.
    pub workload: &'a Workload,
    /// Which guests Xen starts, if not those of the workload.
    pub partition: Option<&'a Partition>,
    /// What the recorder does, if there is one.
    pub mode: Option<&'a Mode>,
    /// Further arguments for Xen.
    pub xen_args: &'a [String],
    /// One CPU and virtual time.
    pub deterministic: bool,
    /// How long it may take, if not as long as the workload says.
    pub timeout: Option<Duration>,
    /// The results' folder.
    pub out_dir: &'a Path,
}

impl BootPlan<'_> {
    fn limit(&self) -> Duration {
        self.timeout.unwrap_or_else(|| {
            let factor = if self.deterministic { DETERMINISTIC_FACTOR } else { 1 };
            self.workload.limit().saturating_mul(factor)
        })
    }

    fn arch(&self) -> Arch {
        self.build.facts.architecture
    }

    /// How guests of Xen's own are made, if there are to be some.
    fn domus(&self) -> Option<&'static Domus> {
        let wanted = !self.workload.dom0 || !self.workload.domus.is_empty();
        self.arch().platform().domus.as_ref().filter(|_| wanted)
    }

    /// How many there are.
    fn guests(&self) -> u8 {
        let own = u8::try_from(self.workload.domus.len()).unwrap_or(u8::MAX);
        self.partition.map_or(own, |partition| partition.guests)
    }

    /// How the machine is ended, if it does not end by itself.
    fn ending(&self) -> Option<ending::EndingConfig> {
        let totals = self.mode.is_some_and(|mode| mode.as_str() != "off");
        let plan = ending::EndingConfig { guests: self.guests(), until: self.workload.until, totals };
        (!self.workload.dom0).then_some(plan)
    }

    /// What guests are started from where there is no dom0; the tree is made in `place`, an empty
    /// folder.
    fn partition(&self, place: &Path) -> Result<Option<Partition>, Error> {
        let Some(domus) = self.domus().filter(|_| !self.workload.dom0) else { return Ok(None) };
        if let Some(given) = self.partition {
            given.check(&Content::Kernel, &self.image.kernel)?;
            given.check(&Content::Initrd, &self.image.initrd)?;
            return Ok(Some(given.clone()));
        }
        let size = |path: &Path| path.metadata().map(|meta| meta.len()).map_err(Error::io("read", path));
        let sizes = [size(&self.image.kernel)?, size(&self.image.initrd)?];
        let machine = machine_command(self.arch(), self.workload, self.deterministic, accel::THREADS);
        let tree = (domus.alone)(&machine, place, &self.workload.domus, sizes)?;
        Partition::parse(tree).map(Some).map_err(|why| Error::Machine(MachineError::DeviceTree(why)))
    }

    fn machine(&self, partition: Option<&Partition>) -> Result<Machine, Error> {
        let platform = self.arch().platform();
        let kept = partition.is_some().then(|| ending::KEEP_INPUT.to_owned());
        let more: Vec<&str> =
            self.workload.xen.iter().chain(&kept).chain(self.xen_args).map(String::as_str).collect();
        // Of an argument that comes twice Xen takes the last: what the lab needs comes after what
        // the tree has.
        let of_tree = partition.map(|partition| partition.xen_arguments.clone()).unwrap_or_default();
        let xen_arguments = [of_tree, vec![xen_arguments(self.arch(), self.mode, &more)]].concat().join(" ");
        let linux: Vec<&str> = self.workload.linux.iter().map(String::as_str).collect();
        // Instructions can be counted in one thread only, and without being told.
        let accelerator =
            if self.deterministic { accel::THREADS } else { accel::for_now(self.workload.cpus) };
        let mut command = machine_command(self.arch(), self.workload, self.deterministic, accelerator);
        let linux_arguments = match (self.domus(), partition) {
            (Some(domus), Some(partition)) => {
                command.extend((domus.load)(&xen_arguments, &partition.modules));
                // Those of each guest stand in the tree.
                String::new()
            }
            _ => {
                let linux_arguments = linux_arguments(self.deterministic, &linux);
                command.extend((platform.load)(&xen_arguments, &linux_arguments));
                linux_arguments
            }
        };
        command.extend(self.domus().iter().flat_map(|domus| domus.arguments).map(|part| (*part).to_owned()));
        let version = stdout(platform.qemu, &["--version"], None)?;
        Ok(Machine {
            qemu: text::escape(version.lines().next().unwrap_or_default().as_bytes()),
            command,
            xen_arguments,
            linux_arguments,
            timeout_seconds: self.limit().as_secs(),
        })
    }
}

/// Whether a workload and a machine without dom0 fit together.
pub(crate) fn check_alone(
    workload: &Workload,
    partition: Option<&Partition>,
    deterministic: bool,
) -> Result<(), Error> {
    let reason = match (workload.dom0, partition) {
        (true, Some(_)) => "has a dom0; --dtb is for those without (`dom0 = false`), such as static",
        (false, None) if workload.domus.is_empty() => {
            "has neither dom0 nor guests: describe some (`domus`), or give a device tree (--dtb)"
        }
        (false, _) if deterministic => {
            "has no dom0: its machine is ended from outside, at a time that differs, so --deterministic cannot be"
        }
        (false, None) if !workload.linux.is_empty() => "has no dom0: `linux` is for dom0's kernel",
        (false, Some(partition)) if partition.cpus != usize::from(workload.cpus) => {
            &format!("has a machine of {} CPUs, and the device tree one of {}", workload.cpus, partition.cpus)
        }
        _ => return Ok(()),
    };
    Err(Error::Workload(WorkloadError::NotAlone {
        workload: text::escape(workload.name.as_bytes()),
        reason: reason.to_owned(),
    }))
}

/// Xen's arguments.
///
/// `sync_console`: else Xen drops what the console cannot take at once. `noreboot`: else a panic is
/// a reset.
fn xen_arguments(arch: Arch, mode: Option<&Mode>, more: &[&str]) -> String {
    let mode = mode.map(|mode| format!("heap-audit={mode}"));
    let base = ["loglvl=all", "guest_loglvl=all", "noreboot", "sync_console"];
    let base = base.into_iter().chain(mode.as_deref());
    let all = arch.platform().console.iter().copied().chain(base).chain(more.iter().copied());
    all.collect::<Vec<_>>().join(" ")
}

/// Linux' arguments.
///
/// Where instructions are counted the machine ends with a reset, at which QEMU stops it at once
/// (`-no-reboot`). After a power-off it goes on for as long as QEMU likes.
fn linux_arguments(deterministic: bool, more: &[&str]) -> String {
    let end: &[&str] = if deterministic { &["end=reboot"] } else { &[] };
    [&["console=hvc0"], end, more].concat().join(" ")
}

/// QEMU with the arguments that make a machine, which loads nothing yet.
fn machine_command(arch: Arch, workload: &Workload, deterministic: bool, accelerator: &str) -> Vec<String> {
    let cpus = if deterministic { 1 } else { workload.cpus };
    let cpus = cpus.to_string();
    let platform = arch.platform();
    let usual = [
        &["-m", &workload.memory, "-smp", &cpus],
        ["-display", "none", "-monitor", "none", "-serial", "stdio", "-nic", "none", "-no-reboot"].as_slice(),
    ];
    let virtual_time: &[&str] = match deterministic {
        true => &["-icount", "shift=1,sleep=off", "-rtc", "base=2026-01-01,clock=vm"],
        false => &[],
    };
    let counted: &[&str] = if deterministic { &count::ARGUMENTS } else { &[] };
    let machine =
        [&[platform.qemu, "-accel", accelerator], platform.machine, &usual.concat(), virtual_time, counted]
            .concat();
    machine.into_iter().map(str::to_owned).collect()
}

/// Whether each can be an argument of Xen's.
pub(crate) fn check_arguments(arguments: &[String]) -> Result<(), Error> {
    match arguments.iter().find(|one| !workload::is_argument(one)) {
        Some(bad) => Err(Error::Machine(MachineError::Argument { given: text::escape(bad.as_bytes()) })),
        None => Ok(()),
    }
}

/// Boots, waits for the end, and leaves the results' folder.
///
/// If the boot fails, the folder is left under its name with `.failed` behind it.
pub fn boot(cache: &Cache, plan: &BootPlan<'_>, progress: &dyn Progress) -> Result<RunFolder, Error> {
    check_arguments(plan.xen_args)?;
    progress.start(
        Stage::Boot,
        &format!(
            "booting Xen {} with the workload {}, at most {}",
            plan.build.facts.xen_version,
            plan.workload.name,
            humantime::format_duration(plan.limit())
        ),
    );
    let goal = std::path::absolute(plan.out_dir).map_err(Error::io("find", plan.out_dir))?;
    let name = format!("run-{}", crate::hash::key(&[("goal", &goal.to_string_lossy())]));
    let _lock = cache.lock(&name, Stage::Boot, progress)?;
    let place = cache.work_folder(&name)?;
    let partition = plan.partition(&place)?;
    let machine = plan.machine(partition.as_ref())?;
    if machine.command.iter().any(|part| part == accel::ONE_THREAD) {
        progress.note(Stage::Boot, "this computer is busy: the machine's CPUs share one thread");
    }
    let partial = Partial::begin(&goal)?;

    let started = SystemTime::now();
    let start = Instant::now();
    let ran = run_qemu(plan, &machine, partition.as_ref(), partial.path(), &place, progress);
    let boot_seconds = start.elapsed().as_secs_f64();
    if ran.is_ok() {
        let ended = if plan.workload.dom0 { "powered off" } else { "switched off, with its totals," };
        progress.finish(Stage::Boot, &format!("{ended} after {boot_seconds:.0} s"));
    }

    progress.start(Stage::Results, "writing the results");
    let record = Record {
        schema: folder::SCHEMA,
        tool: concat!("xenheap-lab ", env!("CARGO_PKG_VERSION")).to_owned(),
        xen: plan.build.facts.clone(),
        dom0: plan.image.facts.clone(),
        machine,
        workload: WorkloadFacts {
            name: plan.workload.name.clone(),
            sha256: plan.workload.sha256(),
            parameters: plan.workload.parameters.clone(),
        },
        mode: plan.mode.map(Mode::to_string),
        deterministic: plan.deterministic,
        started: humantime::format_rfc3339_seconds(started).to_string(),
        boot_seconds,
        exit: exit(plan, &ran),
    };
    for (from, to) in [(plan.build.xen_syms(), folder::XEN_SYMS), (plan.build.config(), folder::CONFIG)] {
        fs::copy(&from, partial.path().join(to)).map_err(Error::io("copy", &from))?;
    }
    cache::write_json(&partial.path().join(folder::RECORD), &record)?;
    match ran {
        Ok(_) => {
            let path = partial.finish()?;
            progress.finish(Stage::Results, &text::escape(path.as_os_str().as_encoded_bytes()));
            Ok(RunFolder { path, record })
        }
        Err(stop) => {
            let log = partial.fail()?.join(folder::CONSOLE);
            Err(match stop {
                Stop::Fault(fault, watch) => {
                    Error::Machine(MachineError::Boot { fault, lines: watch.tail(), log })
                }
                Stop::Error(error) => error,
            })
        }
    }
}

/// A run's end, for its record.
fn exit(plan: &BootPlan<'_>, ran: &Result<Ended, Stop>) -> Exit {
    let good = if plan.workload.dom0 { POWERED_OFF } else { ENDED_BY_KEY };
    let (reason, watch, message) = match ran {
        Ok(ended) => (good, Some(&ended.watch), None),
        Err(Stop::Fault(fault, watch)) => (fault.name(), Some(&**watch), Some(fault.to_string())),
        Err(Stop::Error(error)) => ("stopped", None, Some(error.to_string())),
    };
    Exit {
        reason: reason.to_owned(),
        workload_status: watch.and_then(Watch::workload_status),
        guests: watch.map(|watch| watch.guests().clone()).unwrap_or_default(),
        message,
        instructions: ran.as_ref().ok().and_then(|ended| ended.instructions),
    }
}

/// What there is to say of a machine that came to its end.
#[derive(Debug)]
struct Ended {
    /// What its console was.
    watch: Watch,
    /// How many instructions it executed, if they were counted.
    instructions: Option<u64>,
}

/// Why a machine did not come to its end.
enum Stop {
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

/// Boots in `place`, which is removed.
fn run_qemu(
    plan: &BootPlan<'_>,
    machine: &Machine,
    partition: Option<&Partition>,
    results: &Path,
    place: &Path,
    progress: &dyn Progress,
) -> Result<Ended, Stop> {
    for (file, name) in
        [(&plan.build.xen(), "xen"), (&plan.image.kernel, "vmlinuz"), (&plan.image.initrd, "initrd")]
    {
        symlink(file, place.join(name)).map_err(Error::io("link", file))?;
    }
    if let Some(domus) = plan.domus() {
        let tree = place.join(folder::DEVICE_TREE);
        if let Some(partition) = partition {
            for module in &partition.modules {
                if let Content::File(file) = &module.content {
                    symlink(file, place.join(module.name())).map_err(Error::io("link", file))?;
                }
            }
            cache::write_whole(&tree, &partition.with_arguments(&machine.xen_arguments)?)?;
            // Without the lab's arguments: it is there to be changed and given back.
            cache::write_whole(&results.join(folder::DEVICE_TREE), partition.tree())?;
        } else {
            let without = machine.command.len().saturating_sub(domus.arguments.len());
            let command = machine.command.get(..without).unwrap_or_default();
            (domus.beside_dom0)(command, place, &plan.workload.domus)?;
            fs::copy(&tree, results.join(folder::DEVICE_TREE)).map_err(Error::io("copy", &tree))?;
        }
    }
    let mut ending = plan.ending().map(|plan| Ending::new(plan, place)).transpose()?;
    let mut job = Job::new(plan.arch().platform().qemu, place).arguments(machine.command.iter().skip(1));
    if let Some(ending) = &ending {
        job = job.input(ending.input());
    }
    let mut count = plan.deterministic.then(|| Count::new(place));
    let watched = Watched { limit: plan.limit(), results, place, progress };
    let ran = watched.run(&job, count.as_mut(), ending.as_mut());
    let ran = match plan.workload.until {
        Until::Marks => ran.and_then(|watch| check_guests(watch, plan.guests())),
        Until::Time => ran,
    };
    cache::remove_tree(place)?;
    ran.map(|watch| Ended { watch, instructions: count.and_then(|count| count.instructions()) })
}

/// How a machine is watched.
struct Watched<'a> {
    limit: Duration,
    results: &'a Path,
    place: &'a Path,
    progress: &'a dyn Progress,
}

impl Watched<'_> {
    /// Runs a machine whose console is its standard output, to its end or to the limit.
    fn run(
        &self,
        job: &Job,
        mut count: Option<&mut Count>,
        mut ending: Option<&mut Ending>,
    ) -> Result<Watch, Stop> {
        let Self { limit, results, place, progress } = *self;
        let console = results.join(folder::CONSOLE);
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
fn check_guests(watch: Watch, count: u8) -> Result<Watch, Stop> {
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
    use crate::error::Phase;
    use crate::progress::Silent;

    type Result = std::result::Result<(), Box<dyn std::error::Error>>;

    fn command(arch: Arch, deterministic: bool) -> std::result::Result<String, Error> {
        let workload = Workload::load("boot")?;
        let mode = "trace,summary".parse()?;
        let xen = xen_arguments(arch, Some(&mode), &["dom0_mem=1G,max:1G"]);
        let linux = linux_arguments(deterministic, &["panic=0", "x=1,2"]);
        let mut command = machine_command(arch, &workload, deterministic, accel::THREADS);
        command.extend((arch.platform().load)(&xen, &linux));
        Ok(command.join("|"))
    }

    #[test]
    fn the_usual_machine() -> Result {
        assert_eq!(
            command(Arch::X86_64, false)?,
            "qemu-system-x86_64|-accel|tcg|-cpu|qemu64,+svm,+npt|-m|2G|-smp|2|-display|none|-monitor|none|-serial|stdio|-nic|none|\
             -no-reboot|-kernel|xen|-append|console=com1 loglvl=all guest_loglvl=all noreboot sync_console \
             heap-audit=trace,summary dom0_mem=1G,max:1G|-initrd|vmlinuz console=hvc0 panic=0 x=1,,2,initrd"
        );
        Ok(())
    }

    #[test]
    fn the_usual_machine_of_arm() -> Result {
        assert_eq!(
            command(Arch::Arm64, false)?,
            "qemu-system-aarch64|-accel|tcg|-machine|virt,virtualization=on,gic-version=3,dtb-randomness=off|-cpu|cortex-a57|\
             -m|2G|-smp|2|-display|none|-monitor|none|-serial|stdio|-nic|none|-no-reboot|-kernel|xen|-append|console=dtuart \
             dtuart=/pl011@9000000 loglvl=all guest_loglvl=all noreboot sync_console heap-audit=trace,summary \
             dom0_mem=1G,max:1G|-device|guest-loader,addr=0x50000000,kernel=vmlinuz,bootargs=console=hvc0 panic=0 x=1,,2|\
             -device|guest-loader,addr=0x58000000,initrd=initrd"
        );
        Ok(())
    }

    #[test]
    fn the_deterministic_machine() -> Result {
        let command = command(Arch::X86_64, true)?;
        assert!(command.contains("|-smp|1|"), "{command}");
        assert!(
            command.contains("|-icount|shift=1,sleep=off|-rtc|base=2026-01-01,clock=vm|-no-shutdown|-qmp|unix:qmp,server=on,wait=off|-kernel|xen|"),
            "{command}"
        );
        assert!(command.ends_with("vmlinuz console=hvc0 end=reboot panic=0 x=1,,2,initrd"), "{command}");
        Ok(())
    }

    #[test]
    fn an_argument_is_one_word() {
        assert!(check_arguments(&["heap-audit-ring=64".into(), "dom0_mem=1G,max:1G".into()]).is_ok());
        for bad in ["a b", "", "x\n", "\u{1b}"] {
            assert!(check_arguments(&[bad.to_owned()]).is_err(), "{bad:?}");
        }
    }

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

    #[test]
    fn what_does_not_fit_a_machine_without_dom0_is_said() -> Result {
        let header = "#: summary = \"s\"\n#: timeout = 9\n#: memory = \"1G\"\n#: cpus = 1\n";
        let says = |more: &str, deterministic| {
            let workload = Workload::parse("w", &format!("{header}{more}")).ok()?;
            check_alone(&workload, None, deterministic).err().map(|error| error.to_string())
        };
        assert_eq!(says("", true), None);
        assert_eq!(says("#: dom0 = false\n#: domus = 1\n", false), None);
        for (more, deterministic, part) in [
            ("#: dom0 = false\n", false, "neither dom0 nor guests"),
            ("#: dom0 = false\n#: domus = 1\n", true, "--deterministic cannot be"),
            ("#: dom0 = false\n#: domus = 1\n#: linux = [\"a\"]\n", false, "is for dom0's kernel"),
        ] {
            assert!(says(more, deterministic).is_some_and(|text| text.contains(part)), "{part}");
        }
        Ok(())
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
