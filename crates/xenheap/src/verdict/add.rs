//! New entries, to be decided.

use std::path::PathBuf;

use clap::Args;
use xenheap_model::Glob;
use xenheap_report::{Group, Report};

use super::store::Store;
use crate::{
    failure::{Exit, Failure, say, warn},
    runs,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap verdict add verdicts.toml run --finding 3          the third finding of `xenheap report run`
  xenheap verdict add verdicts.toml run --function evtchn_*  findings with such a function
  xenheap verdict add verdicts.toml run --all                all findings without an entry")]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct Add {
    /// The verdict file; made if it is not there
    pub file: PathBuf,
    /// Lab folder, console log or saved run
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The number of a finding in the report of the run; repeatable
    #[arg(long, value_name = "N", group = "which")]
    pub finding: Vec<usize>,
    /// Findings whose stack contains this function (`*` and `?` as in a shell)
    #[arg(long, value_name = "FUNCTION", group = "which")]
    pub function: Option<Glob>,
    /// All findings
    #[arg(long, group = "which")]
    pub all: bool,
    /// The revision of Xen that is reviewed, for `verdict stale --tree`
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,
}

pub fn run(arguments: &Add) -> Result<Exit, Failure> {
    let mut store = Store::open_or_new(&arguments.file)?;
    let report = runs::report(&arguments.run)?;
    let numbered = report.numbered();
    if let Some(number) = arguments.finding.iter().find(|number| !(1..=numbered.len()).contains(number)) {
        return Err(Failure::usage(format!(
            "there is no finding {number}: the report has {}",
            numbered.len()
        )));
    }
    let wanted = |(at, group): (usize, &Group<'_>)| {
        arguments.all
            || arguments.finding.contains(&(at + 1))
            || arguments
                .function
                .as_ref()
                .is_some_and(|glob| group.stack.frames.iter().any(|frame| glob.is_frame(frame)))
    };
    let groups =
        numbered.iter().enumerate().filter(|(at, group)| wanted((*at, *group))).map(|(_, group)| group);
    let added = add(&report, groups, arguments.revision.as_deref(), &mut store)?;
    store.save()?;
    say(format_args!("{}", added));
    Ok(Exit::Done)
}

/// What came of adding.
#[derive(Debug, Default)]
pub struct Added {
    new: usize,
    known: usize,
    cut: usize,
    uncertain: usize,
}

impl std::fmt::Display for Added {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} entries added as UNDECIDED, {} stacks had one", self.new, self.known)?;
        if self.cut > 0 {
            write!(f, ", {} stacks left out that the recorder did not see whole", self.cut)?;
        }
        if self.uncertain > 0 {
            let uncertain = self.uncertain;
            write!(f, ", {uncertain} of the added of stacks that may not be what happened (`uncertain`)")?;
        }
        Ok(())
    }
}

/// Adds entries for groups that have none.
pub fn add<'a>(
    report: &Report,
    groups: impl Iterator<Item = &'a Group<'a>>,
    revision: Option<&str>,
    store: &mut Store,
) -> Result<Added, Failure> {
    let mut added = Added::default();
    for group in groups {
        match xenheap_judge::propose(report.run(), group.key(), &store.file) {
            xenheap_judge::Proposal::Known => added.known += 1,
            xenheap_judge::Proposal::Cut => added.cut += 1,
            xenheap_judge::Proposal::New(mut entry) => {
                entry.revision = revision.map(str::to_owned);
                if let Some(why) = &entry.uncertain {
                    // The entry keeps it, for whoever decides later.
                    warn(format_args!("{}: uncertain stack of {}, {why}", entry.id, report.name()));
                    added.uncertain += 1;
                }
                store.file.add(*entry).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
                added.new += 1;
            }
        }
    }
    Ok(added)
}
