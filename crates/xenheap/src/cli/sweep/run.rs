//! `xenheap sweep run`: its arguments.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use xenheap_lab::{Cache, RunConfig, ToolstackSource};
use xenheap_sweep::Shard;

use crate::{
    cli::values::{jobs, parse_parameter, source, usage},
    failure::Failure,
    format::Format,
    run::sweep::run::Config,
};

#[derive(Debug, Args)]
#[command(after_help = "\
A stack that already has a result in DIR is not tried again: run the same command again to continue.

Examples:
  xenheap sweep run --workload guests --out-dir sweep
  xenheap sweep run --workload guests --base run-guests --machines 4 --max-time 2h --out-dir sweep
  xenheap sweep run --workload guests --shard 2/8 --out-dir sweep-2   one of eight hosts
  xenheap sweep merge sweep-* --format json                           what all of them found")]
pub struct Arguments {
    /// debian:4.17, debian:4.20, the path of a source tree, or GIT@REVISION; as for `xenheap lab
    /// run`
    #[arg(value_name = "TREE", default_value = "debian:4.17")]
    xen: String,
    /// What it is built for: x86_64 or arm64
    #[arg(long, value_name = "ARCH", default_value = "x86_64")]
    arch: String,
    /// A line for Xen's configuration, such as CONFIG_EVTCHN_FIFO=n; repeatable
    #[arg(long = "config", value_name = "LINE")]
    options: Vec<String>,
    /// What dom0 does: a built-in workload, or the path of a script
    #[arg(long, value_name = "NAME", default_value = "boot")]
    workload: String,
    /// A parameter of the workload, such as type=pvh; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    parameters: Vec<(String, String)>,
    /// Where dom0's tools for guests come from: debian or tree; as for `xenheap lab run`
    #[arg(long, value_name = "FROM")]
    toolstack: Option<ToolstackSource>,
    /// A further argument for Xen; repeatable
    #[arg(long = "xen-arg", value_name = "ARG")]
    xen_args: Vec<String>,
    /// A run of the same build and workload without a failure. Stacks are taken from it, and
    /// results are compared with it; repeatable, so that normal differences are known. Default:
    /// make one
    #[arg(long = "base", value_name = "RUN")]
    bases: Vec<PathBuf>,
    /// Which allocation of each stack fails, from 1
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    nth: u64,
    /// Only the stack with this hash (`report --format json` shows it); repeatable
    #[arg(long = "stack", value_name = "HASH", value_parser = parse_hash)]
    only: Vec<u64>,
    /// Try at most N stacks, in the order in which they first occurred
    #[arg(long, value_name = "N")]
    max_count: Option<usize>,
    /// Try only part K of N of the stacks, to share the work between hosts
    #[arg(long, value_name = "K/N")]
    shard: Option<Shard>,
    /// The sweep's folder
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
    /// How many machines run at once
    #[arg(long, value_name = "N", default_value_t = 1)]
    machines: usize,
    /// How many compilers run at once; without it one for each processor
    #[arg(long, value_name = "N")]
    build_jobs: Option<usize>,
    /// Time limit of one boot. Default: three times the base run, and three minutes
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Time limit of the whole sweep. The next start continues with the remaining stacks
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    max_time: Option<Duration>,
    /// Install what is missing on this machine (needs root)
    #[arg(long)]
    install: bool,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        let sweep = xenheap_sweep::Config {
            run: RunConfig {
                xen: source(&self.xen)?,
                arch: self.arch.parse().map_err(Failure::usage)?,
                options: self.options,
                workload: self.workload,
                parameters: self.parameters,
                guest_programs: Vec::new(),
                toolstack: self.toolstack,
                dtb: None,
                loads: Vec::new(),
                // The trace says what each call did, the summary what is left if a line is lost.
                mode: Some("trace,summary".parse().map_err(usage)?),
                xen_args: self.xen_args,
                out_dir: self.out_dir.clone(),
                install: self.install,
                timeout: self.timeout,
                deterministic: false,
                jobs: jobs(self.build_jobs),
                cache: Cache::from_environment(),
            },
            dir: self.out_dir,
            bases: self.bases,
            nth: self.nth,
            only: self.only,
            shard: self.shard,
            at_most: self.max_count,
            jobs: self.machines,
            limit: self.max_time,
        };
        Ok(Config { sweep, format: self.format })
    }
}

fn parse_hash(text: &str) -> Result<u64, String> {
    xenheap_model::stack_hash(text).ok_or_else(|| "use 16 hexadecimal digits".to_owned())
}
