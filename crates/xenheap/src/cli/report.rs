//! `xenheap report`: its arguments.

use std::path::PathBuf;

use clap::Args;
use xenheap_model::{Charge, CheckId, Domain, Glob, Kind, View};
use xenheap_report::{Filter, TextOptions};
use xenheap_runs::{Options, Symbols};

use super::Color;
use crate::{
    failure::Failure,
    format::ReportFormat,
    run::report::{Config, Form},
};

#[derive(Debug, Args)]
#[command(after_help = "\
A RUN is a folder that `xenheap lab run` made, a console log (plain, .gz, .xz or .zst; `-` is standard input), \
or a file that --save wrote. Names of functions come from `xen-syms`, found beside the log or given with --symbols.

Examples:
  xenheap report run                                  what happened in the lab
  xenheap report serial.log.xz --symbols xen-syms     a log of your own machine
  xenheap report run --exclude 'arch_do_*' --current d1
  xenheap report logs/*.log --format rfc --out-dir parsed    one file each, by architecture")]
pub struct Arguments {
    /// Lab folder, console log or saved run; `-` is standard input
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<PathBuf>,

    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write files DIR/ARCH/JOB instead of standard output
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    out_dir: Option<PathBuf>,
    /// Also save the run, with its names, in one file that all commands can read
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Show file and line of every frame (text)
    #[arg(long)]
    lines: bool,
    /// Also show the stacks of memory that was freed (text)
    #[arg(long)]
    all: bool,
    /// Add the section of frees without an allocation (rfc)
    #[arg(long)]
    orphan_frees: bool,
    /// The image with the symbols of the Xen that ran: `xen-syms` of its build
    #[arg(long, value_name = "FILE", help_heading = "Names")]
    symbols: Option<PathBuf>,
    /// Use the image although it is of another build; names can be wrong
    #[arg(long, help_heading = "Names", conflicts_with = "no_symbols")]
    allow_mismatch: bool,
    /// Use only names that are in the log
    #[arg(long, help_heading = "Names", conflicts_with = "symbols")]
    no_symbols: bool,

    /// Which view to read: trace, warn or summary (default: the most complete one)
    #[arg(long, value_name = "VIEW", value_parser = parse_view, help_heading = "What is read")]
    view: Option<View>,
    /// Which boot of the log, from 1; without it the first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "What is read")]
    boot: Option<u32>,

    /// Show above each stack what this verdict file decides (docs/verdicts.md)
    #[arg(long, value_name = "FILE", help_heading = "Verdicts")]
    verdicts: Option<PathBuf>,
    /// Add an entry to the verdict file, UNDECIDED, for each stack that it lacks
    #[arg(long, requires = "verdicts", help_heading = "Verdicts")]
    add_unknown: bool,

    /// Exit with 1 if a self-check failed
    #[arg(long, help_heading = "Self-checks")]
    strict: bool,
    /// With --strict: a self-check that is allowed to fail; repeatable
    #[arg(long, value_name = "CHECK", value_parser = parse_check, requires = "strict", help_heading = "Self-checks")]
    allow: Vec<CheckId>,

    /// Leave out findings whose stack contains this function (`*` and `?` as in a shell);
    /// repeatable
    #[arg(long, value_name = "FUNCTION", help_heading = "Filters")]
    exclude: Vec<Glob>,
    /// Only what was allocated while this domain ran (d0, d[IDLE], NULL); repeatable
    #[arg(long, value_name = "DOMAIN", help_heading = "Filters")]
    current: Vec<Domain>,
    /// Only what is for this domain (NULL: the owner is not known); repeatable
    #[arg(long, value_name = "DOMAIN", help_heading = "Filters")]
    owner: Vec<Domain>,
    /// Only this kind: xmalloc, xenheap, domheap, vmalloc, pool-growth, domain-pool; repeatable
    #[arg(long, value_name = "KIND", help_heading = "Filters")]
    kind: Vec<Kind>,
    /// Only this charge: nobody, no-owner, no-refcount, domain; repeatable
    #[arg(long, value_name = "CHARGE", help_heading = "Filters")]
    charge: Vec<Charge>,
    /// Only findings that allocated at least this many bytes in total
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "Filters"
    )]
    min_bytes: u64,
}

impl Arguments {
    pub fn lower(self, color: Color) -> Result<Config, Failure> {
        let several = self.runs.len() > 1;
        if self.save.is_some() && several {
            return Err(Failure::usage("--save writes one run, and several were given")
                .help("save each of them with a command of its own"));
        }
        if self.runs.iter().filter(|run| run.as_os_str() == "-").count() > 1 {
            return Err(Failure::usage("standard input (`-`) can be read only once"));
        }
        if self.lines && self.format != ReportFormat::Text {
            return Err(Failure::usage("--lines belongs to --format text; JSON always has file and line"));
        }
        if self.all && self.format != ReportFormat::Text {
            return Err(Failure::usage("--all belongs to --format text; JSON always has all stacks"));
        }
        if self.orphan_frees && self.format != ReportFormat::Rfc {
            return Err(Failure::usage("--orphan-frees belongs to --format rfc"));
        }
        let format = match self.format {
            ReportFormat::Text => {
                let color = self.output.is_none() && self.out_dir.is_none() && color.is_wanted();
                Form::Text(TextOptions { lines: self.lines, all: self.all, color })
            }
            ReportFormat::Rfc if several && self.out_dir.is_none() => {
                return Err(Failure::usage(
                    "the rfc format has one file for each run, and several were given",
                )
                .help("name a folder for the files with --out-dir DIR"));
            }
            ReportFormat::Rfc => Form::Rfc { orphan_frees: self.orphan_frees },
            ReportFormat::Json => Form::Json,
        };
        let symbols = match (self.symbols, self.no_symbols) {
            (Some(file), _) => Symbols::File(file),
            (None, true) => Symbols::None,
            (None, false) => Symbols::Beside,
        };
        Ok(Config {
            runs: self.runs,
            format,
            output: self.output,
            out_dir: self.out_dir,
            options: Options {
                symbols,
                allow_mismatch: self.allow_mismatch,
                intake: xenheap_ledger::Config { boot: self.boot, view: self.view, format: None },
                events: matches!(format, Form::Rfc { .. }),
                trace: false,
                save: self.save,
            },
            verdicts: self.verdicts,
            add_unknown: self.add_unknown,
            strict: self.strict,
            allow: self.allow,
            filter: Filter {
                exclude: self.exclude,
                current: self.current,
                owner: self.owner,
                kinds: self.kind,
                charges: self.charge,
                min_bytes: self.min_bytes,
            },
        })
    }
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
