//! Running the machine.

mod command;
mod plan;
mod running;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Instant, SystemTime};

pub(crate) use command::check_arguments;
pub(crate) use plan::{BootPlan, check_alone};
use running::{Ended, Stop, Watched, check_guests};

use crate::accel;
use crate::cache::{self, Cache};
use crate::count::Count;
use crate::ending::Ending;
use crate::error::{Error, MachineError};
use crate::folder::{
    self, ENDED_BY_KEY, Exit, Machine, POWERED_OFF, Partial, Record, RunFolder, WorkloadFacts,
};
use crate::mode::Mode;
use crate::partition::{Content, Partition};
use crate::platform;
use crate::progress::{Progress, Stage};
use crate::run_files;
use crate::supervise::Job;
use crate::text;
use crate::watch::Watch;
use crate::workload::Until;

/// Boots, waits for the end, and leaves the results' folder.
///
/// If the boot fails, the folder is left under its name with `.failed` behind it.
pub(crate) fn boot(cache: &Cache, plan: &BootPlan<'_>, progress: &dyn Progress) -> Result<RunFolder, Error> {
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
    for (from, to) in [(plan.build.xen_syms(), run_files::XEN_SYMS), (plan.build.config(), run_files::CONFIG)]
    {
        fs::copy(&from, partial.path().join(to)).map_err(Error::io("copy", &from))?;
    }
    cache::write_json(&partial.path().join(run_files::RECORD), &record)?;
    match ran {
        Ok(_) => {
            let path = partial.finish()?;
            progress.finish(Stage::Results, &text::escape(path.as_os_str().as_encoded_bytes()));
            Ok(RunFolder { path, record })
        }
        Err(stop) => {
            let log = partial.fail()?.join(run_files::CONSOLE);
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
        let tree = place.join(run_files::DEVICE_TREE);
        if let Some(partition) = partition {
            for module in &partition.modules {
                if let Content::File(file) = &module.content {
                    symlink(file, place.join(module.name())).map_err(Error::io("link", file))?;
                }
            }
            cache::write_whole(&tree, &partition.with_arguments(&machine.xen_arguments)?)?;
            // Without the lab's arguments: it is there to be changed and given back.
            cache::write_whole(&results.join(run_files::DEVICE_TREE), partition.tree())?;
        } else {
            let without = machine.command.len().saturating_sub(domus.arguments.len());
            let command = machine.command.get(..without).unwrap_or_default();
            (domus.beside_dom0)(command, place, &plan.workload.domus)?;
            fs::copy(&tree, results.join(run_files::DEVICE_TREE)).map_err(Error::io("copy", &tree))?;
        }
    }
    let mut ending = plan.ending().map(|plan| Ending::new(plan, place)).transpose()?;
    let mut job = Job::new(platform::of(plan.arch()).qemu, place).arguments(machine.command.iter().skip(1));
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
