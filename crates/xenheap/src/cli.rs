//! The arguments, as the user types them, a file a command; each file also makes of them what the
//! command needs, or says what is wrong with them.

mod assess;
mod check;
mod completions;
mod coverage;
mod diff;
mod graph;
mod instrument;
mod joined;
mod lab;
mod man;
mod plan;
mod pull;
mod report;
mod sweep;
mod values;
mod verdict;

use std::io::IsTerminal;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    failure::{EXIT_CODES, Failure},
    run,
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
    Instrument(instrument::Arguments),
    /// Build an instrumented Xen and boot it under QEMU
    #[command(subcommand)]
    Lab(lab::Command),
    /// Make one allocation fail in each boot, and report what happens
    #[command(subcommand)]
    Sweep(sweep::Command),
    /// Report what a log, a lab folder or a saved run contains
    Report(Box<report::Arguments>),
    /// Make the call graph of a build of Xen, and query it
    #[command(subcommand)]
    Graph(graph::Command),
    /// List the allocator calls of a build that the runs did and did not reach
    Coverage(coverage::Arguments),
    /// Report whether a configuration is fully covered and reviewed
    Assess(assess::Arguments),
    /// Compare two runs
    Diff(diff::Arguments),
    /// Accept or refuse runs by a policy: verdicts, lifetimes, bounds, coverage
    Check(check::Arguments),
    /// Record and look up what reviewers decided about stacks
    #[command(subcommand)]
    Verdict(verdict::Command),
    /// Calculate how much memory each domain would need if it paid for anonymous memory, and the
    /// settings for it
    Plan(plan::Arguments),
    /// Download the logs of a pipeline with their images, and report them all
    #[command(subcommand)]
    Pull(pull::Command),
    /// Print a script that makes a shell complete the arguments
    Completions(completions::Arguments),
    /// Write manual pages
    Man(man::Arguments),
}

impl Cli {
    /// Checks the arguments.
    pub fn lower(self) -> Result<run::Command, Failure> {
        Ok(match self.command {
            Command::Instrument(arguments) => run::Command::Instrument(arguments.lower()?),
            Command::Lab(command) => run::Command::Lab(command.lower()?),
            Command::Sweep(command) => run::Command::Sweep(command.lower()?),
            Command::Report(arguments) => run::Command::Report(Box::new(arguments.lower(self.color)?)),
            Command::Graph(command) => run::Command::Graph(command.lower()?),
            Command::Coverage(arguments) => run::Command::Coverage(arguments.lower()?),
            Command::Assess(arguments) => run::Command::Assess(arguments.lower()),
            Command::Diff(arguments) => run::Command::Diff(arguments.lower()),
            Command::Check(arguments) => run::Command::Check(arguments.lower()),
            Command::Verdict(command) => run::Command::Verdict(command.lower()?),
            Command::Plan(arguments) => run::Command::Plan(arguments.lower()?),
            Command::Pull(command) => run::Command::Pull(command.lower()?),
            Command::Completions(arguments) => run::Command::Completions(arguments.lower()),
            Command::Man(arguments) => run::Command::Man(arguments.lower()),
        })
    }
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

impl Color {
    /// Whether it is wanted on standard output.
    fn is_wanted(self) -> bool {
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                std::io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        }
    }
}

#[cfg(test)]
#[path = "../tests/support/documents.rs"]
mod documents;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;
    use documents::command_lines;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    fn lowered(line: &str) -> run::Command {
        let words = shlex::split(line).expect("words");
        Cli::try_parse_from(words).expect("a command line").lower().expect("it makes sense")
    }

    #[test]
    fn options_of_the_recorder_become_arguments_of_xen() {
        let command =
            lowered("xenheap lab run --payer owner --fail 00000000000000aa:2 --xen-arg a --out-dir x");
        let run::Command::Lab(run::lab::Command::Run(config)) = command else { panic!("{command:?}") };
        assert_eq!(config.xen_args, ["a", "heap-audit-charge=owner", "heap-audit-fail=00000000000000aa:2"]);
        let command = lowered("xenheap lab run --no-recorder --workload churn --cycles 3 --out-dir x");
        let run::Command::Lab(run::lab::Command::Run(config)) = command else { panic!("{command:?}") };
        assert_eq!((config.mode, config.parameters), (None, vec![("cycles".to_owned(), "3".to_owned())]));
    }

    /// The configuration of a sweep is the one that `lab run` would boot.
    #[test]
    fn a_sweep_takes_lines_of_the_configuration() {
        let options = "--config CONFIG_EVTCHN_FIFO=n --config CONFIG_SYSCTL=n --out-dir x";
        let sweep = lowered(&format!("xenheap sweep run {options}"));
        let run::Command::Sweep(run::sweep::Command::Run(sweep)) = sweep else { panic!("{sweep:?}") };
        let lab = lowered(&format!("xenheap lab run {options}"));
        let run::Command::Lab(run::lab::Command::Run(lab)) = lab else { panic!("{lab:?}") };
        assert_eq!(sweep.sweep.run.options, lab.options);
        assert_eq!(lab.options.len(), 2);
    }

    #[test]
    fn the_build_of_a_graph_is_beside_its_commands() {
        use run::graph::build::Origin;
        for (arguments, folder) in [
            ("--commands compile_commands.json", "."),
            ("--commands xen/compile_commands.json", "xen"),
            ("--commands xen/compile_commands.json --build other", "other"),
        ] {
            let command = lowered(&format!("xenheap graph build {arguments} --out-dir x"));
            let run::Command::Graph(run::graph::Command::Build(config)) = command else {
                panic!("{command:?}")
            };
            assert!(
                matches!(&config.origin, Origin::Folder(path) if path == Path::new(folder)),
                "{:?}",
                config.origin
            );
        }
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
