//! `xenheap verdict add`: new entries, to be decided.

use std::path::PathBuf;

use xenheap_model::Glob;
use xenheap_report::{Group, Report};

use crate::{
    failure::{Exit, Failure, say, warn},
    runs,
    store::Store,
};

/// For which findings of a run, and of which revision.
#[derive(Debug)]
pub struct Config {
    pub file: PathBuf,
    pub run: PathBuf,
    /// By their numbers in the report of the run.
    pub finding: Vec<usize>,
    /// Those with such a function.
    pub function: Option<Glob>,
    pub all: bool,
    pub revision: Option<String>,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let mut store = Store::open_or_new(&config.file)?;
    let report = runs::report(&config.run)?;
    let numbered = report.numbered();
    if let Some(number) = config.finding.iter().find(|number| !(1..=numbered.len()).contains(number)) {
        return Err(Failure::usage(format!(
            "there is no finding {number}: the report has {}",
            numbered.len()
        )));
    }
    let wanted = |(at, group): (usize, &Group<'_>)| {
        config.all
            || config.finding.contains(&(at + 1))
            || config
                .function
                .as_ref()
                .is_some_and(|glob| group.stack.frames.iter().any(|frame| glob.is_frame(frame)))
    };
    let groups =
        numbered.iter().enumerate().filter(|(at, group)| wanted((*at, *group))).map(|(_, group)| group);
    let added = add(&report, groups, config.revision.as_deref(), &mut store)?;
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
        write!(f, "{} entries added as UNDECIDED; {} stacks already had an entry", self.new, self.known)?;
        if self.cut > 0 {
            write!(f, "; {} stacks left out, because the recorder did not see the whole stack", self.cut)?;
        }
        if self.uncertain > 0 {
            let uncertain = self.uncertain;
            write!(f, "; {uncertain} of the new entries have an uncertain stack (`uncertain`)")?;
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
