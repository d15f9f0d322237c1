//! `xenheap lab run`: its arguments.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use xenheap_lab::{Cache, RunConfig, ToolstackSource};
use xenheap_model::{Charging, Target};

use crate::{
    cli::values::{jobs, parse_parameter, source, usage},
    failure::Failure,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap lab run --out-dir run
  xenheap lab run debian:4.20 --mode trace,summary --out-dir run-4.20
  xenheap lab run ../xen --deterministic --out-dir run-mine
  xenheap lab run ../xen.git@staging --config CONFIG_EVTCHN_FIFO=n --out-dir run-staging
  xenheap lab run --arch arm64 --workload dom0less --out-dir run-arm
  xenheap lab run --arch arm64 --workload static --out-dir run-static
  xenheap lab run --arch arm64 --workload static --dtb mine.dtb --out-dir run-mine
  xenheap lab run --workload guests --out-dir run-guests
  xenheap lab run --workload guests --toolstack tree --out-dir run-own-tools
  xenheap lab run --workload guests --payer current:4M --out-dir run-charged
  xenheap lab run --workload churn --cycles 20 --set type=pvh --set vcpus=2 --out-dir run-churn")]
pub struct Arguments {
    /// debian:4.17, debian:4.20, the path of a source tree (which is copied, never changed), or
    /// GIT@REVISION (a commit of a repository, bare or not). If the tree has a xen/.config, it is
    /// used, with the options that the recorder needs
    #[arg(value_name = "TREE", default_value = "debian:4.17")]
    xen: String,
    /// What it is built for: x86_64, or arm64 (with a cross compiler)
    #[arg(long, value_name = "ARCH", default_value = "x86_64")]
    arch: String,
    /// A line for Xen's configuration, such as CONFIG_EVTCHN_FIFO=n; repeatable. It is an error if
    /// the final configuration differs
    #[arg(long = "config", value_name = "LINE")]
    options: Vec<String>,
    /// What dom0 does: a built-in workload, or the path of a script
    #[arg(long, value_name = "NAME", default_value = "boot")]
    workload: String,
    /// A parameter of the workload, such as type=pvh; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    /// Number of cycles, for a workload that has cycles (such as churn); same as --set cycles=N
    #[arg(long, value_name = "N")]
    cycles: Option<u32>,
    /// A statically linked program that guests find in their /bin; repeatable
    #[arg(long = "guest-program", value_name = "FILE")]
    guest_programs: Vec<PathBuf>,
    /// Where dom0's toolstack comes from: debian, or tree (built from the same source as Xen).
    /// Default: debian, if Debian has a toolstack for this version; otherwise tree
    #[arg(long, value_name = "FROM")]
    toolstack: Option<ToolstackSource>,
    /// Device tree of the machine (arm64), for a workload without dom0. Xen starts the guests that
    /// it describes. Each run of such a workload writes one that you can edit: RUN/machine.dtb
    #[arg(long, value_name = "FILE")]
    dtb: Option<PathBuf>,
    /// Put FILE at an ADDRESS that the device tree names, instead of the lab's kernel or initramfs;
    /// repeatable
    #[arg(long = "load", value_name = "ADDRESS=FILE", value_parser = parse_load, requires = "dtb")]
    loads: Vec<(u64, PathBuf)>,
    /// What the recorder prints: off, or a comma-separated list of trace, warn, summary
    #[arg(long, value_name = "MODES", default_value = "trace")]
    mode: String,
    /// Build and boot Xen without the recorder, for comparison. The log contains no records
    #[arg(long, conflicts_with = "mode")]
    no_recorder: bool,
    /// Charge anonymous memory to the domain whose call Xen serves (current), or to the domain that
    /// the memory is for (owner). With `:LIMIT`, such as owner:4M, allocations over the limit fail.
    /// `,no-hwdom`: dom0 does not pay (docs/charging.md)
    #[arg(long, value_name = "WHOM[:LIMIT]", conflicts_with = "no_recorder")]
    payer: Option<Charging>,
    /// Make allocation K of the stack with this hash fail once, as if there were no memory
    /// (docs/sweep.md)
    #[arg(long, value_name = "HASH:K", conflicts_with = "no_recorder")]
    fail: Option<Target>,
    /// The folder to make for the results; it becomes a RUN for `xenheap report`
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// Install what is missing on this machine (needs root)
    #[arg(long)]
    install: bool,
    /// Time limit of the machine, such as 5m or 300s. Default: the limit of the workload
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// One CPU and virtual time. Two such runs write the same bytes. A run takes several times
    /// longer
    #[arg(long)]
    deterministic: bool,
    /// A further argument for Xen, such as the size of a table of the recorder; repeatable
    #[arg(long = "xen-arg", value_name = "ARG")]
    xen_args: Vec<String>,
    /// How many compilers run at once; without it one for each processor
    #[arg(long, value_name = "N")]
    build_jobs: Option<usize>,
}

impl Arguments {
    pub fn lower(self) -> Result<RunConfig, Failure> {
        let mut xen_args = self.xen_args;
        xen_args.extend(self.payer.map(|charging| format!("heap-audit-charge={}", charging.option())));
        xen_args.extend(self.fail.map(|fail| format!("heap-audit-fail={fail}")));
        Ok(RunConfig {
            xen: source(&self.xen)?,
            arch: self.arch.parse().map_err(Failure::usage)?,
            options: self.options,
            workload: self.workload,
            guest_programs: self.guest_programs,
            toolstack: self.toolstack,
            parameters: self
                .parameters
                .into_iter()
                .chain(self.cycles.map(|cycles| (xenheap_lab::CYCLES.to_owned(), cycles.to_string())))
                .collect(),
            dtb: self.dtb,
            loads: self.loads,
            mode: match self.no_recorder {
                true => None,
                false => Some(self.mode.parse().map_err(usage)?),
            },
            xen_args,
            out_dir: self.out_dir,
            install: self.install,
            timeout: self.timeout,
            deterministic: self.deterministic,
            jobs: jobs(self.build_jobs),
            cache: Cache::from_environment(),
        })
    }
}

fn parse_load(text: &str) -> Result<(u64, PathBuf), String> {
    let place = text.split_once('=').and_then(|(address, file)| {
        let address = match address.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok()?,
            None => address.parse().ok()?,
        };
        (!file.is_empty()).then(|| (address, PathBuf::from(file)))
    });
    place.ok_or_else(|| "use ADDRESS=FILE, such as 0x50000000=zephyr.bin".to_owned())
}
