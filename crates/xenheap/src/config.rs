//! The arguments, checked and made into what the commands need.

use std::{io::IsTerminal, path::PathBuf};

use clap_complete::Shell;
use xenheap_lab::{Cache, RunConfig, XenSource};
use xenheap_model::CheckId;
use xenheap_recorder::LocalChanges;
use xenheap_report::{Filter, TextOptions};
use xenheap_runs::{Options, Symbols};

use crate::{
    cli::{self, Cli, Color},
    failure::{Exit, Failure},
    format::ReportFormat,
};

/// A command that makes sense.
#[derive(Debug)]
pub enum Command {
    Report(Report),
    Diff(crate::diff::Diff),
    Check(crate::check::Check),
    Verdict(crate::verdict::Verdict),
    Plan(crate::plan::Plan),
    Pull(crate::pull::Pull),
    Instrument(Instrument),
    LabRun(Box<RunConfig>),
    LabFetch(XenSource),
    Sweep(crate::sweep::Command),
    Graph(crate::graph::Graph),
    Coverage(crate::coverage::Arguments),
    Assess(crate::assess::Arguments),
    Completions(Shell),
    Man(PathBuf),
}

/// What to report, and how.
#[derive(Debug)]
pub struct Report {
    pub runs: Vec<PathBuf>,
    pub format: FormatConfig,
    pub output: Option<PathBuf>,
    pub out_dir: Option<PathBuf>,
    /// How each run is read.
    pub options: Options,
    pub strict: bool,
    pub allow: Vec<CheckId>,
    pub filter: Filter,
    pub verdicts: Option<PathBuf>,
    pub add_unknown: bool,
}

/// The output format with what belongs to it.
#[derive(Clone, Copy, Debug)]
pub enum FormatConfig {
    Text(TextOptions),
    Rfc { orphan_frees: bool },
    Json,
}

/// What to do with a tree.
#[derive(Debug)]
pub struct Instrument {
    pub tree: XenSource,
    pub what: What,
    pub local: LocalChanges,
}

/// The four things that one can do with a tree.
#[derive(Debug)]
pub enum What {
    Apply,
    Check,
    Undo,
    Patch { file: PathBuf, author: Option<String>, date: Option<i64>, sign_off: bool },
}

/// Checks the arguments.
pub fn lower(cli: Cli) -> Result<Command, Failure> {
    Ok(match cli.command {
        cli::Command::Report(args) => Command::Report(report(args, cli.color)?),
        cli::Command::Diff(args) => Command::Diff(args),
        cli::Command::Check(args) => Command::Check(args),
        cli::Command::Verdict(args) => Command::Verdict(args),
        cli::Command::Plan(args) => Command::Plan(args),
        cli::Command::Pull(args) => Command::Pull(args),
        cli::Command::Instrument(args) => Command::Instrument(instrument(args)?),
        cli::Command::Lab(cli::Lab::Run(args)) => Command::LabRun(Box::new(lab_run(*args)?)),
        cli::Command::Sweep(command) => Command::Sweep(command),
        cli::Command::Lab(cli::Lab::Fetch { xen }) => Command::LabFetch(source(&xen)?),
        cli::Command::Graph(command) => Command::Graph(command),
        cli::Command::Assess(arguments) => Command::Assess(arguments),
        cli::Command::Coverage(arguments) => Command::Coverage(arguments),
        cli::Command::Completions { shell } => Command::Completions(shell),
        cli::Command::Man { dir } => Command::Man(dir),
    })
}

fn report(args: cli::Report, color: Color) -> Result<Report, Failure> {
    let several = args.runs.len() > 1;
    if args.save.is_some() && several {
        return Err(Failure::usage("--save writes one run, and several were given")
            .help("save each of them with a command of its own"));
    }
    if args.runs.iter().filter(|run| run.as_os_str() == "-").count() > 1 {
        return Err(Failure::usage("standard input (`-`) can be read only once"));
    }
    if args.lines && args.format != ReportFormat::Text {
        return Err(Failure::usage("--lines belongs to --format text; JSON always has file and line"));
    }
    if args.all && args.format != ReportFormat::Text {
        return Err(Failure::usage("--all belongs to --format text; JSON always has all stacks"));
    }
    if args.orphan_frees && args.format != ReportFormat::Rfc {
        return Err(Failure::usage("--orphan-frees belongs to --format rfc"));
    }
    let format = match args.format {
        ReportFormat::Text => {
            let color = args.output.is_none() && args.out_dir.is_none() && use_color(color);
            FormatConfig::Text(TextOptions { lines: args.lines, all: args.all, color })
        }
        ReportFormat::Rfc if several && args.out_dir.is_none() => {
            return Err(Failure::usage("the rfc format has one file for each run, and several were given")
                .help("name a folder for the files with --out-dir DIR"));
        }
        ReportFormat::Rfc => FormatConfig::Rfc { orphan_frees: args.orphan_frees },
        ReportFormat::Json => FormatConfig::Json,
    };
    let symbols = match (args.symbols, args.no_symbols) {
        (Some(file), _) => Symbols::File(file),
        (None, true) => Symbols::None,
        (None, false) => Symbols::Beside,
    };
    Ok(Report {
        runs: args.runs,
        format,
        output: args.output,
        out_dir: args.out_dir,
        options: Options {
            symbols,
            allow_mismatch: args.allow_mismatch,
            intake: xenheap_ledger::Config { boot: args.boot, view: args.view, format: None },
            events: matches!(format, FormatConfig::Rfc { .. }),
            trace: false,
            save: args.save,
        },
        verdicts: args.verdicts,
        add_unknown: args.add_unknown,
        strict: args.strict,
        allow: args.allow,
        filter: Filter {
            exclude: args.exclude,
            current: args.current,
            owner: args.owner,
            kinds: args.kind,
            charges: args.charge,
            min_bytes: args.min_bytes,
        },
    })
}

fn use_color(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

fn instrument(args: cli::Instrument) -> Result<Instrument, Failure> {
    let what = match (args.check, args.undo, args.patch) {
        (true, ..) => What::Check,
        (_, true, _) => What::Undo,
        (.., Some(file)) => {
            What::Patch { file, author: args.author, date: args.date, sign_off: args.signoff }
        }
        (.., None) => What::Apply,
    };
    let local = if args.force { LocalChanges::Discard } else { LocalChanges::Keep };
    let tree = source(&args.tree)?;
    if matches!(tree, XenSource::Path(_)) || matches!(what, What::Check | What::Patch { .. }) {
        return Ok(Instrument { tree, what, local });
    }
    Err(Failure::usage(format!("{tree} is no tree that could be changed: it can be asked with --check or --patch"))
        .help("`git worktree add` makes a tree of a revision, `xenheap lab fetch` prints where one lies that can be copied"))
}

fn source(xen: &str) -> Result<XenSource, Failure> {
    xen.parse().map_err(|error: xenheap_lab::Error| Failure::from_error(Exit::Usage, &error))
}

fn lab_run(args: cli::LabRun) -> Result<RunConfig, Failure> {
    let mut xen_args = args.xen_args;
    xen_args.extend(args.charge.map(|charge| format!("heap-audit-charge={}", charge.option())));
    xen_args.extend(args.fail.map(|fail| format!("heap-audit-fail={fail}")));
    Ok(RunConfig {
        xen: source(&args.xen)?,
        arch: args
            .arch
            .parse()
            .map_err(|error: xenheap_lab::Error| Failure::from_error(Exit::Usage, &error))?,
        options: args.options,
        workload: args.workload,
        guest_programs: args.guest_programs,
        toolstack: args.toolstack,
        parameters: args
            .parameters
            .into_iter()
            .chain(args.cycles.map(|cycles| (xenheap_lab::CYCLES.to_owned(), cycles.to_string())))
            .collect(),
        dtb: args.dtb,
        loads: args.loads,
        mode: match args.no_recorder {
            true => None,
            false => Some(
                args.mode
                    .parse()
                    .map_err(|error: xenheap_lab::Error| Failure::from_error(Exit::Usage, &error))?,
            ),
        },
        xen_args,
        out_dir: args.out_dir,
        install: args.install,
        timeout: args.timeout,
        deterministic: args.deterministic,
        jobs: args.build_jobs.filter(|jobs| *jobs > 0).unwrap_or_else(xenheap_lab::default_jobs),
        cache: Cache::from_environment(),
    })
}
