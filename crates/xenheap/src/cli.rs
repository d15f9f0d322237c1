//! The arguments, as the user types them.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use xenheap_lab::ToolstackSource;
use xenheap_model::{Charge, Charging, CheckId, Domain, Glob, Kind, Target, View};

use crate::{
    check::Check,
    diff::Diff,
    failure::{EXIT_CODES, Exit, Failure},
    format::ReportFormat,
    plan::Plan,
    pull::Pull,
    verdict::Verdict,
};

/// Find memory that Xen allocates at run time and charges to no domain: by which path, for whom,
/// and whether it is freed
///
/// Memory that Xen allocates from its common heap while guests run, and charges to nobody, is
/// shared by all guests. xenheap adds a recorder to Xen, boots it, and reports each such allocation
/// with its stack.
#[derive(Debug, Parser)]
#[command(name = "xenheap", version, max_term_width = 100, override_usage = "xenheap [OPTIONS] COMMAND ...")]
#[command(
    help_template = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}{options}{after-help}"
)]
#[command(before_help = TASKS, after_help = format!("Example:\n  xenheap lab run --out-dir run && xenheap report run\n\n{EXIT_CODES}"))]
pub struct Cli {
    /// Use colour: auto (only on a terminal and if NO_COLOR is not set), always, never
    #[arg(
        long,
        global = true,
        display_order = 999,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = true
    )]
    pub color: Color,
    /// Write more to standard error; repeat for still more
    #[arg(short, long, global = true, display_order = 1000, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Write only errors to standard error
    #[arg(short, long, global = true, display_order = 1001, conflicts_with = "verbose")]
    pub quiet: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands by what they are for; a test compares them with those that there are.
const TASKS: &str = "\
Record what Xen allocates
  instrument      add the recorder to a Xen source tree, or remove it
  lab run         build an instrumented Xen, boot it under QEMU, and run a workload
  lab fetch       get a Xen source tree
  sweep run       make the allocation of one stack fail in each boot
  sweep merge     combine the results of sweeps
  pull gitlab     download the logs of a GitLab pipeline, and report them

Read runs
  report          report what a log, a lab folder or a saved run contains
  diff            compare two runs
  plan            calculate the memory and the settings that each domain would need if it paid

Analyse a build
  graph build     make the call graph of a build of Xen
  graph paths     count and list the paths to or from functions
  graph reach, funnels, cut, why, sites, allocations, stats, recall, export
                  answer other questions about a graph

Review and decide
  verdict         record and look up what reviewers decided about stacks
  check           accept or refuse runs, for a CI pipeline
  coverage        find the calls of allocators that no run has shown
  assess          state whether a configuration is supported

Set up
  completions     print a script that completes the arguments in a shell
  man             write manual pages

";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put the recorder into a Xen source tree, or take it out again
    Instrument(Instrument),
    /// Build an instrumented Xen and boot it under QEMU
    #[command(subcommand)]
    Lab(Lab),
    /// Make one allocation fail in each boot, and report what happens
    #[command(subcommand)]
    Sweep(crate::sweep::Command),
    /// Report what a log, a lab folder or a saved run contains
    Report(Report),
    /// Make the call graph of a build of Xen, and query it
    #[command(subcommand)]
    Graph(crate::graph::Graph),
    /// List the allocator calls of a build that the runs did and did not reach
    Coverage(crate::coverage::Arguments),
    /// Report whether a configuration is fully covered and reviewed
    Assess(crate::assess::Arguments),
    /// Compare two runs
    Diff(Diff),
    /// Accept or refuse runs by a policy: verdicts, lifetimes, bounds, coverage
    Check(Check),
    /// Record and look up what reviewers decided about stacks
    #[command(subcommand)]
    Verdict(Verdict),
    /// Calculate how much memory each domain would need if it paid for anonymous memory, and the
    /// settings for it
    Plan(Plan),
    /// Download the logs of a pipeline with their images, and report them all
    #[command(subcommand)]
    Pull(Pull),
    /// Print a script that makes a shell complete the arguments
    #[command(after_help = "Example:\n  xenheap completions bash > /etc/bash_completion.d/xenheap")]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write manual pages
    #[command(after_help = "Example:\n  xenheap man /usr/local/share/man/man1")]
    Man {
        /// The folder for them
        dir: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap instrument ~/src/xen                       put the recorder in
  xenheap instrument ~/src/xen --undo                take it out, byte for byte
  xenheap instrument xen.git@staging --check         would it apply to that branch?
  xenheap instrument ~/src/xen --patch heap-audit.patch   the same change for `git am`")]
pub struct Instrument {
    /// The folder that contains `xen/`; with --check or --patch also GIT@REVISION (a commit of a
    /// repository, bare or not)
    #[arg(value_name = "TREE")]
    pub tree: String,
    /// Report whether the recorder can be added; change nothing
    #[arg(long, group = "what")]
    pub check: bool,
    /// Remove the recorder
    #[arg(long, group = "what")]
    pub undo: bool,
    /// Write the change as a series of patches for `git am` (`-`: standard output); the tree does
    /// not change
    #[arg(long, value_name = "FILE", group = "what")]
    pub patch: Option<PathBuf>,
    /// The patch's author, `Full Name <address>`; without it the one git would use in the tree
    #[arg(long, value_name = "NAME", requires = "patch")]
    pub author: Option<String>,
    /// Date of the patch, in seconds since 1970 (default: now). With a fixed date the output is
    /// always the same
    #[arg(long, value_name = "SECONDS", requires = "patch", allow_negative_numbers = true)]
    pub date: Option<i64>,
    /// Add the author's Signed-off-by to the patch
    #[arg(long, requires = "patch")]
    pub signoff: bool,
    /// Overwrite or remove files of the recorder that somebody changed by hand
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  xenheap lab run debian:4.20 --out-dir run && xenheap report run")]
pub enum Lab {
    /// Fetch, instrument and build Xen, boot it with a Linux dom0 under QEMU, and keep the log
    Run(Box<LabRun>),
    /// Download a Xen source tree and print its path
    #[command(after_help = "\
Examples:
  xenheap lab fetch debian:4.20
  xenheap lab fetch ../xen.git@RELEASE-4.20.0")]
    Fetch {
        /// debian:4.17, debian:4.20, the path of a source tree, or GIT@REVISION (a commit of a
        /// repository, bare or not)
        #[arg(value_name = "TREE", default_value = "debian:4.17")]
        xen: String,
    },
}

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
  xenheap lab run --workload guests --charge current:4M --out-dir run-charged
  xenheap lab run --workload churn --cycles 20 --set type=pvh --set vcpus=2 --out-dir run-churn")]
pub struct LabRun {
    /// debian:4.17, debian:4.20, the path of a source tree (which is copied, never changed), or
    /// GIT@REVISION (a commit of a repository, bare or not). A tree's own xen/.config is taken,
    /// with what the recorder needs
    #[arg(value_name = "TREE", default_value = "debian:4.17")]
    pub xen: String,
    /// What it is built for: x86_64, or arm64 (with a cross compiler)
    #[arg(long, value_name = "ARCH", default_value = "x86_64")]
    pub arch: String,
    /// A line for Xen's configuration, such as CONFIG_EVTCHN_FIFO=n; repeatable. It is an error if
    /// the final configuration differs
    #[arg(long = "config", value_name = "LINE")]
    pub options: Vec<String>,
    /// What dom0 does: a built-in workload, or the path of a script
    #[arg(long, value_name = "NAME", default_value = "boot")]
    pub workload: String,
    /// A parameter of the workload, such as type=pvh; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
    /// Number of cycles, for a workload that has cycles (such as churn); same as --set cycles=N
    #[arg(long, value_name = "N")]
    pub cycles: Option<u32>,
    /// A statically linked program that guests find in their /bin; repeatable
    #[arg(long = "guest-program", value_name = "FILE")]
    pub guest_programs: Vec<PathBuf>,
    /// Where dom0's toolstack comes from: debian, or tree (built from the same source as Xen).
    /// Default: debian, if Debian has a toolstack for this version; otherwise tree
    #[arg(long, value_name = "FROM")]
    pub toolstack: Option<ToolstackSource>,
    /// Device tree of the machine (arm64), for a workload without dom0. Xen starts the guests that
    /// it describes. Each run of such a workload writes one that you can edit: RUN/machine.dtb
    #[arg(long, value_name = "FILE")]
    pub dtb: Option<PathBuf>,
    /// Put FILE at an ADDRESS that the device tree names, instead of the lab's kernel or initramfs;
    /// repeatable
    #[arg(long = "load", value_name = "ADDRESS=FILE", value_parser = parse_load, requires = "dtb")]
    pub loads: Vec<(u64, PathBuf)>,
    /// What the recorder prints: off, or a comma-separated list of trace, warn, summary
    #[arg(long, value_name = "MODES", default_value = "trace")]
    pub mode: String,
    /// Build and boot Xen without the recorder, for comparison. The log contains no records
    #[arg(long, conflicts_with = "mode")]
    pub no_recorder: bool,
    /// Charge anonymous memory to a domain: current (whose call Xen serves) or owner (which the
    /// memory is for). `:LIMIT` refuses what exceeds it, such as owner:4M. `,no-hwdom`: dom0 does
    /// not pay (docs/charging.md)
    #[arg(long, value_name = "WHOM[:LIMIT]", conflicts_with = "no_recorder")]
    pub charge: Option<Charging>,
    /// Make allocation K of the stack with this hash fail once, as if there were no memory
    /// (docs/sweep.md)
    #[arg(long, value_name = "HASH:K", conflicts_with = "no_recorder")]
    pub fail: Option<Target>,
    /// The folder to make for the results; it becomes a RUN for `xenheap report`
    #[arg(long, value_name = "DIR")]
    pub out_dir: PathBuf,
    /// Install what is missing on this machine (needs root)
    #[arg(long)]
    pub install: bool,
    /// Time limit of the machine, such as 5m or 300s. Default: the limit of the workload
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
    /// One CPU and virtual time. Two such runs write the same bytes. A run takes several times
    /// longer
    #[arg(long)]
    pub deterministic: bool,
    /// A further argument for Xen, such as the size of a table of the recorder; repeatable
    #[arg(long = "xen-arg", value_name = "ARG")]
    pub xen_args: Vec<String>,
    /// How many compilers run at once; without it one for each processor
    #[arg(long, value_name = "N")]
    pub build_jobs: Option<usize>,
}

/// When there is colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A RUN is a folder that `xenheap lab run` made, a console log (plain, .gz, .xz or .zst; `-` is standard input), \
or a file that --save wrote. Names of functions come from `xen-syms`, found beside the log or given with --symbols.

Examples:
  xenheap report run                                  what happened in the lab
  xenheap report serial.log.xz --symbols xen-syms     a log of your own machine
  xenheap report run --exclude 'arch_do_*' --current d1
  xenheap report logs/*.log --format rfc --out-dir parsed    one file each, by architecture")]
pub struct Report {
    /// Lab folder, console log or saved run; `-` is standard input
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<PathBuf>,

    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write files DIR/ARCH/JOB instead of standard output
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub out_dir: Option<PathBuf>,
    /// Also save the run, with its names, in one file that all commands can read
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// Show file and line of every frame (text)
    #[arg(long)]
    pub lines: bool,
    /// Show whole stacks also of what was freed again (text)
    #[arg(long)]
    pub all: bool,
    /// Add the section of frees without an allocation (rfc)
    #[arg(long)]
    pub orphan_frees: bool,
    /// The image with the symbols of the Xen that ran: `xen-syms` of its build
    #[arg(long, value_name = "FILE", help_heading = "Names")]
    pub symbols: Option<PathBuf>,
    /// Use the image although it is of another build; names can be wrong
    #[arg(long, help_heading = "Names", conflicts_with = "no_symbols")]
    pub allow_mismatch: bool,
    /// Use only names that are in the log
    #[arg(long, help_heading = "Names", conflicts_with = "symbols")]
    pub no_symbols: bool,

    /// Which view to read: trace, warn or summary (default: the most complete one)
    #[arg(long, value_name = "VIEW", value_parser = parse_view, help_heading = "What is read")]
    pub view: Option<View>,
    /// Which boot of the log, from 1; without it the first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "What is read")]
    pub boot: Option<u32>,

    /// Show above each stack what this verdict file decides (docs/verdicts.md)
    #[arg(long, value_name = "FILE", help_heading = "Verdicts")]
    pub verdicts: Option<PathBuf>,
    /// Add an entry to the verdict file, UNDECIDED, for each stack that it lacks
    #[arg(long, requires = "verdicts", help_heading = "Verdicts")]
    pub add_unknown: bool,

    /// Exit with 1 if a self-check failed
    #[arg(long, help_heading = "Self-checks")]
    pub strict: bool,
    /// With --strict: a self-check that is allowed to fail; repeatable
    #[arg(long, value_name = "CHECK", value_parser = parse_check, requires = "strict", help_heading = "Self-checks")]
    pub allow: Vec<CheckId>,

    /// Leave out findings whose stack contains this function (`*` and `?` as in a shell);
    /// repeatable
    #[arg(long, value_name = "FUNCTION", help_heading = "Filters")]
    pub exclude: Vec<Glob>,
    /// Only what was allocated while this domain ran (d0, d[IDLE], NULL); repeatable
    #[arg(long, value_name = "DOMAIN", help_heading = "Filters")]
    pub current: Vec<Domain>,
    /// Only what is for this domain (NULL: the owner is not known); repeatable
    #[arg(long, value_name = "DOMAIN", help_heading = "Filters")]
    pub owner: Vec<Domain>,
    /// Only this kind: xmalloc, xenheap, domheap, vmalloc, pool-growth, domain-pool; repeatable
    #[arg(long, value_name = "KIND", help_heading = "Filters")]
    pub kind: Vec<Kind>,
    /// Only this charge: nobody, no-owner, no-refcount, domain; repeatable
    #[arg(long, value_name = "CHARGE", help_heading = "Filters")]
    pub charge: Vec<Charge>,
    /// Only findings that allocated at least this many bytes in total
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Filters"
    )]
    pub min_bytes: u64,
}

pub fn parse_parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("use NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
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

fn parse_view(text: &str) -> Result<View, String> {
    let all = [View::Trace, View::Warn, View::Summary];
    all.into_iter()
        .find(|view| view.as_str() == text)
        .ok_or_else(|| "use one of trace, warn, summary".to_owned())
}

fn parse_check(text: &str) -> Result<CheckId, String> {
    let known = || CheckId::ALL.map(CheckId::as_str).join(", ");
    CheckId::ALL.into_iter().find(|id| id.as_str() == text).ok_or_else(|| format!("use one of {}", known()))
}

/// Prints a script for a shell.
pub fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "xenheap", &mut script);
    crate::output::print(&script)?;
    Ok(Exit::Done)
}

/// Writes a manual page for each command.
pub fn man(dir: &Path) -> Result<Exit, Failure> {
    std::fs::create_dir_all(dir)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), dir))
        .map_err(|error: io::Error| Failure::write(dir, &error))?;
    Ok(Exit::Done)
}

#[cfg(test)]
#[path = "../tests/support/documents.rs"]
mod documents;

#[cfg(test)]
mod tests {
    use super::*;
    use documents::command_lines;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_line_of_a_document_is_one() {
        use clap::error::ErrorKind::{
            DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument, MissingSubcommand,
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut documents =
            vec![root.join("README.md"), root.join("CONTRIBUTING.md"), root.join("ARCHITECTURE.md")];
        let docs = std::fs::read_dir(root.join("docs"))
            .expect("documents")
            .map(|entry| entry.expect("an entry").path());
        documents.extend(docs.filter(|path| path.extension().is_some_and(|end| end == "md")));
        let (mut seen, mut wrong) = (0, Vec::new());
        for path in documents {
            let text = std::fs::read_to_string(&path).expect("a document");
            let (whole, named) = command_lines(&text);
            for (line, may_lack) in
                whole.iter().map(|line| (line, false)).chain(named.iter().map(|line| (line, true)))
            {
                // In sentences: `reach | funnels` for either, `RUN…` and `[RUN...]` for some.
                let first = line.split(" | ").next().unwrap_or(line).replace(['…', '[', ']'], "");
                // Words in capitals stand for values, and these for such of a certain form.
                let first =
                    [("...", ""), ("PIPELINE", "1"), ("HASH:K", "0123456789abcdef:1"), ("K/N", "1/2")]
                        .into_iter()
                        .fold(first, |line, (word, value)| line.replace(word, value));
                let words = shlex::split(&first).expect("words");
                let Err(error) = Cli::try_parse_from(words) else {
                    seen += 1;
                    continue;
                };
                let lacks =
                    [MissingRequiredArgument, MissingSubcommand, DisplayHelpOnMissingArgumentOrSubcommand];
                if !(may_lack && lacks.contains(&error.kind())) {
                    wrong.push(format!("{}: {line}\n{error}", path.display()));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(seen > 40, "{seen} command lines");
    }

    /// Every command that does something, with its words: `graph why`.
    fn commands() -> Vec<(String, clap::Command)> {
        fn walk(words: &str, command: &clap::Command, all: &mut Vec<(String, clap::Command)>) {
            for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
                let words = format!("{words} {}", sub.get_name()).trim_start().to_owned();
                if sub.has_subcommands() {
                    walk(&words, sub, all);
                } else {
                    all.push((words, sub.clone()));
                }
            }
        }
        let mut root = Cli::command().term_width(100);
        root.build();
        let mut all = Vec::new();
        walk("", &root, &mut all);
        all
    }

    #[test]
    fn help_pages() {
        for (words, mut command) in commands() {
            let page = command.render_long_help().to_string();
            insta::assert_snapshot!(format!("help {words}").replace(' ', "_"), page);
            // An example is a command line.
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let lines = command_lines(&format!("```\n{examples}\n```")).0;
            assert!(!lines.is_empty(), "{words}");
            for line in lines {
                let words = shlex::split(&line).expect("words");
                assert!(Cli::try_parse_from(words).is_ok(), "{line}");
            }
        }
    }

    /// `xenheap --help` names each command, and no other.
    #[test]
    fn the_table_of_commands_is_whole() {
        let mut named = std::collections::BTreeSet::new();
        for line in TASKS.lines().filter_map(|line| line.strip_prefix("  ")) {
            // Names stand before two spaces, or alone on a line.
            let names = line.split("  ").next().unwrap_or_default().trim();
            match names.split_once(' ') {
                Some((group, rest)) => named.extend(rest.split(", ").map(|name| format!("{group} {name}"))),
                None if names.is_empty() => {}
                None => _ = named.insert(names.to_owned()),
            }
        }
        let there = commands().into_iter().map(|(words, _)| match words.split_once(' ') {
            Some(("verdict", _)) => "verdict".to_owned(),
            _ => words,
        });
        assert_eq!(named, there.collect());
    }

    #[test]
    fn every_command_has_an_example() {
        fn walk(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let group = command.has_subcommands();
            assert!(group || help.contains("xenheap "), "{} has no example", command.get_name());
            command.get_subcommands().filter(|command| command.get_name() != "help").for_each(walk);
        }
        walk(&Cli::command());
    }
}
