//! The lab: from a Xen source to the log of a real machine that ran it.
//!
//! [`run`] does all of it: gets a Xen, puts the recorder into a copy, builds that, makes a dom0,
//! boots the machine under QEMU with a time limit, and leaves a [`RunFolder`] that the report
//! reads. Some steps can be taken by themselves: [`prepare`] does all but the boot, which can then
//! be done often; [`fetch`], [`source_tree`] and [`build`] go as far as a Xen. What is made is kept
//! in a [`Cache`].
//!
//! Nothing here prints; who wants to watch gives a [`Progress`].

mod accel;
mod apt;
mod boot;
mod build_env;
mod cache;
mod config;
mod count;
mod cpio;
mod deb;
mod debian;
mod domu;
mod ending;
mod error;
mod folder;
mod follow;
mod git;
mod guest_program;
mod hash;
mod image;
mod kconfig;
#[cfg(test)]
mod listing;
mod logged;
#[cfg(test)]
mod mirror_tests;
mod mode;
mod need;
mod origin;
mod package;
mod packages;
mod partition;
mod pins;
mod platform;
mod progress;
mod run_files;
mod run_tool;
mod source;
mod source_archive;
pub mod supervise;
mod text;
mod toolbuild;
mod toolstack;
mod unpack;
mod watch;
mod workload;
mod xen_source;
mod xen_tree;
mod xenbuild;

use std::{path::Path, time::Duration};

use guest_program::GuestProgram;
use image::{Image, image};
use partition::Partition;

pub use cache::Cache;
pub use config::{RunConfig, default_jobs};
pub use error::{
    BootFault, BuildError, Class, Error, MachineError, PackageError, Phase, SourceError, ToolstackError,
    WorkloadError,
};
pub use folder::{Exit, Record, RunFolder, WorkloadFacts, is_good_end};
pub use git::GitFacts;
pub use hash::file as file_sha256;
pub use mode::Mode;
pub use origin::Origin;
pub use packages::prepare_machine;
pub use progress::{Progress, Silent, Stage};
pub use run_files::{CONFIG, CONSOLE, XEN_SYMS};
pub use source::{fetch, source_tree};
pub use text::escape;
pub use toolstack::ToolstackSource;
pub use workload::{CYCLES, Workload};
pub use xen_source::XenSource;
pub use xenbuild::{Build, BuildConfig, BuildFacts, build};

/// Does a whole run.
pub fn run(config: &RunConfig, progress: &dyn Progress) -> Result<RunFolder, Error> {
    boot::check_arguments(&config.xen_args)?;
    folder::check_free(&config.out_dir)?;
    prepare(config, progress)?.boot(&config.xen_args, &config.out_dir, config.timeout, progress)
}

/// A machine that can be booted, as often as one likes.
#[derive(Debug)]
pub struct Prepared {
    /// Xen.
    pub build: Build,
    /// dom0.
    pub(crate) image: Image,
    /// What dom0 does.
    pub workload: Workload,
    /// Which guests Xen starts, where that is the user's to say.
    pub(crate) partition: Option<Partition>,
    cache: Cache,
    mode: Option<Mode>,
    deterministic: bool,
}

/// Does all of a run but the boot.
pub fn prepare(config: &RunConfig, progress: &dyn Progress) -> Result<Prepared, Error> {
    // First what is quickly said and would be annoying to hear after minutes of work.
    let mut workload = Workload::load(&config.workload)?;
    for (name, value) in &config.parameters {
        workload.set(name, value)?;
    }
    workload.check(config.arch)?;
    let partition = config.dtb.as_deref().map(|path| Partition::load(path, &config.loads)).transpose()?;
    boot::check_alone(&workload, partition.as_ref(), config.deterministic)?;
    let given =
        config.guest_programs.iter().map(|path| GuestProgram::load(path)).collect::<Result<Vec<_>, _>>()?;
    boot::check_arguments(&config.xen_args)?;
    prepare_machine(config.arch, config.install, progress)?;

    let origin = fetch(&config.cache, &config.xen, progress)?;
    let what = BuildConfig {
        arch: config.arch,
        recorder: config.mode.is_some(),
        options: config.options.clone(),
        jobs: config.jobs,
    };
    let build = build(&config.cache, &origin, &what, progress)?;
    // In this order: a program that the user gives takes the place of the lab's of that name.
    let programs = workload
        .guest_programs
        .iter()
        .map(|name| GuestProgram::compile(&config.cache, name, progress))
        .chain(given.into_iter().map(Ok))
        .collect::<Result<Vec<_>, _>>()?;
    let toolstack = toolstack::ToolstackConfig { origin: &origin, from: config.toolstack, jobs: config.jobs };
    let image = image(&config.cache, &build.facts, &toolstack, &workload, &programs, progress)?;
    Ok(Prepared {
        build,
        image,
        workload,
        partition,
        cache: config.cache.clone(),
        mode: config.mode.clone(),
        deterministic: config.deterministic,
    })
}

impl Prepared {
    /// Boots it; `timeout`: how long it may run, if not as long as the workload says.
    pub fn boot(
        &self,
        xen_args: &[String],
        out_dir: &Path,
        timeout: Option<Duration>,
        progress: &dyn Progress,
    ) -> Result<RunFolder, Error> {
        let plan = boot::BootPlan {
            build: &self.build,
            image: &self.image,
            workload: &self.workload,
            partition: self.partition.as_ref(),
            mode: self.mode.as_ref(),
            xen_args,
            deterministic: self.deterministic,
            timeout,
            out_dir,
        };
        boot::boot(&self.cache, &plan, progress)
    }
}
