//! `xenheap sweep`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use xenheap_lab::{Cache, RunConfig, ToolstackSource};
use xenheap_model::sweep::{Stack, Sweep, TrialResult};
use xenheap_output::printable;
use xenheap_report::{
    Render,
    sweep::{SweepJson, SweepText},
};
use xenheap_sweep::{Config, Shard, SweepError, Watch};

use crate::{
    cli::parse_parameter,
    failure::{Exit, Failure, say},
    format::Format,
    output,
    progress::LabProgress,
};

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  xenheap sweep run --workload guests --out-dir sweep")]
pub enum Command {
    /// Make the allocation of each stack fail once, in a boot of its own, and report what happens
    Run(Box<Arguments>),
    /// Put together the results of sweeps of the same build
    Merge(Merge),
}

#[derive(Debug, Args)]
#[command(after_help = "\
A stack that already has a result in DIR is not tried again: run the same command again to continue.

Examples:
  xenheap sweep run --workload guests --out-dir sweep
  xenheap sweep run --workload guests --base run-guests --machines 4 --max-time 2h --out-dir sweep
  xenheap sweep run --workload guests --shard 2/8 --out-dir sweep-2   one of eight hosts
  xenheap sweep merge sweep-* --format json                           what all of them found")]
pub struct Arguments {
    /// debian:4.17, debian:4.20, the path of a source tree, or GIT@REVISION; as for
    /// `xenheap lab run`
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

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  xenheap sweep merge sweep-1 sweep-2 sweep-3 > sweep.txt")]
pub struct Merge {
    /// Folders of sweeps of the same build and workload
    #[arg(value_name = "DIR", required = true)]
    dirs: Vec<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn parse_hash(text: &str) -> Result<u64, String> {
    xenheap_model::stack_hash(text).ok_or_else(|| "use 16 hexadecimal digits".to_owned())
}

/// A line for each boot.
struct Lines;

impl Watch for Lines {
    fn result(&self, done: usize, of: usize, stack: &Stack, result: &TrialResult) {
        let leak = if result.leaks.is_empty() { "" } else { ", leak" };
        let (hash, outcome, seconds) = (stack.hash, result.outcome.as_str(), result.seconds);
        say(format_args!("{done:4}/{of} {hash:016x} {outcome}{leak} ({seconds} s)"));
    }

    fn failed(&self, stack: &Stack, error: &SweepError) {
        say(format_args!("{:016x} was not tried: {}", stack.hash, printable(&error.to_string())));
    }
}

pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run(arguments) => sweep(*arguments),
        Command::Merge(arguments) => merge(&arguments),
    }
}

/// Sweeps, and prints what its folder has now.
fn sweep(arguments: Arguments) -> Result<Exit, Failure> {
    let format = arguments.format;
    let config = config(arguments)?;
    let progress = LabProgress::new();
    let swept = xenheap_sweep::sweep(&config, &progress, &Lines).map_err(failure)?;
    drop(progress);
    print(&swept, format)?;
    if swept.pending() > 0 {
        say(format_args!("{} stacks are still to be tried: give the same command again", swept.pending()));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}

/// Puts shards together.
fn merge(arguments: &Merge) -> Result<Exit, Failure> {
    print(&xenheap_sweep::merge(&arguments.dirs).map_err(failure)?, arguments.format)?;
    Ok(Exit::Done)
}

fn print(sweep: &Sweep, format: Format) -> Result<(), Failure> {
    let renderer: &dyn Render<Sweep> = match format {
        Format::Text => &SweepText,
        Format::Json => &SweepJson,
    };
    output::stdout(|out| renderer.render(sweep, out))
}

fn config(arguments: Arguments) -> Result<Config, Failure> {
    let usage = |error: xenheap_lab::Error| Failure::from_error(Exit::Usage, &error);
    Ok(Config {
        run: RunConfig {
            xen: arguments.xen.parse().map_err(usage)?,
            arch: arguments.arch.parse().map_err(usage)?,
            options: arguments.options,
            workload: arguments.workload,
            parameters: arguments.parameters,
            guest_programs: Vec::new(),
            toolstack: arguments.toolstack,
            dtb: None,
            loads: Vec::new(),
            // The trace says what each call did, the summary what is left if a line is lost.
            mode: Some("trace,summary".parse().map_err(usage)?),
            xen_args: arguments.xen_args,
            out_dir: arguments.out_dir.clone(),
            install: arguments.install,
            timeout: arguments.timeout,
            deterministic: false,
            jobs: arguments.build_jobs.filter(|jobs| *jobs > 0).unwrap_or_else(xenheap_lab::default_jobs),
            cache: Cache::from_environment(),
        },
        dir: arguments.out_dir,
        bases: arguments.bases,
        nth: arguments.nth,
        only: arguments.only,
        shard: arguments.shard,
        at_most: arguments.max_count,
        jobs: arguments.machines,
        limit: arguments.max_time,
    })
}

fn failure(error: SweepError) -> Failure {
    match error {
        SweepError::Lab(error) => crate::lab::failure(error),
        SweepError::NoStack(_) => Failure::from_error(Exit::Usage, &error)
            .help("`xenheap report --format json` shows the hashes of a run's stacks"),
        error => Failure::from_error(Exit::Input, &error),
    }
}
