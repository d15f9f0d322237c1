//! `xenheap report`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use xenheap_model::{CheckId, CheckOutcome, in_doubt};
use xenheap_output::printable;
use xenheap_report::{Filter, Json, Render, Report, Text, TextOptions, by_architecture, rfc};
use xenheap_runs::{Loaded, Options};

use super::verdict::add;
use crate::{
    failure::{Exit, Failure, say, say_always, warn},
    output, runs,
    store::Store,
};

/// What to report, and how.
#[derive(Debug)]
pub struct Config {
    pub runs: Vec<PathBuf>,
    pub format: Form,
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
pub enum Form {
    Text(TextOptions),
    Rfc { orphan_frees: bool },
    Json,
}

/// Reads all runs, writes their reports, judges the self-checks.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let mut reports = Vec::with_capacity(config.runs.len());
    for path in &config.runs {
        let Loaded { job, run, events, .. } = runs::load(path, &config.options)?;
        let report = Report::new(job, run, &config.filter);
        reports.push(match events {
            Some(events) => report.with_events(events),
            None => report,
        });
    }
    if let Some(path) = &config.verdicts {
        reports = decide(reports, path, config.add_unknown)?;
    }
    by_architecture(&mut reports);
    match &config.out_dir {
        Some(folder) => write_files(&reports, config.format, folder)?,
        None => {
            let renderer = renderer(config.format);
            output::to(config.output.as_deref(), |out| renderer.render(&reports, out))?;
        }
    }
    if matches!(config.format, Form::Rfc { .. }) {
        reports.iter().for_each(say_what_rfc_lacks);
    }
    Ok(judge(&reports, config))
}

/// Adds what people decided, and what is to be decided.
fn decide(reports: Vec<Report>, path: &Path, add_unknown: bool) -> Result<Vec<Report>, Failure> {
    let mut store = if add_unknown { Store::open_or_new(path)? } else { Store::open(path)? };
    if add_unknown {
        for report in &reports {
            let groups = report.numbered();
            let added = add::add(report, groups.iter(), None, &mut store)?;
            say(format_args!("{}: {added}", printable(report.name())));
        }
        store.save()?;
    }
    Ok(reports
        .into_iter()
        .map(|report| {
            let decisions = xenheap_judge::decide(report.run(), &store.file);
            report.with_decisions(decisions)
        })
        .collect())
}

fn renderer(format: Form) -> Box<dyn Render<[Report]>> {
    match format {
        Form::Text(options) => Box::new(Text(options)),
        Form::Rfc { orphan_frees } => Box::new(rfc::Parsed { orphan_frees }),
        Form::Json => Box::new(Json),
    }
}

/// The folder of the RFC's verbose files.
const VERBOSE: &str = "verbose";

fn write_files(reports: &[Report], format: Form, folder: &Path) -> Result<(), Failure> {
    let extension = match format {
        Form::Text(_) => ".txt",
        Form::Rfc { .. } => "",
        Form::Json => ".json",
    };
    // Beside the parsed files lies the folder of the verbose ones.
    let is_rfc = matches!(format, Form::Rfc { .. });
    let name = |report: &Report| match report.name() {
        VERBOSE if is_rfc => "verbose.parsed".to_owned(),
        name => format!("{name}{extension}"),
    };
    let mut names = BTreeSet::new();
    for report in reports {
        let arch = report.run().facts.arch.as_str();
        let name = name(report);
        if !names.insert((arch, name.clone())) {
            let text = format!("two runs would both be written to {arch}/{name}");
            return Err(Failure::usage(text)
                .help("rename one of them, or report them with a command and a folder each"));
        }
    }
    let main = renderer(format);
    for report in reports {
        let one = std::slice::from_ref(report);
        let arch = folder.join(report.run().facts.arch.as_str());
        output::file(&arch.join(name(report)), |out| main.render(one, out))?;
        if is_rfc {
            output::file(&arch.join(VERBOSE).join(report.name()), |out| rfc::Verbose.render(one, out))?;
        }
    }
    Ok(())
}

fn say_what_rfc_lacks(report: &Report) {
    if let Some(text) = output::message(&rfc::NoWord, report) {
        say(text);
    }
    if let Some(text) = output::message(&rfc::NoEvents, report) {
        warn(text);
    }
}

/// A failed self-check is an error with `--strict`, else a warning.
fn judge(reports: &[Report], config: &Config) -> Exit {
    let mut exit = Exit::Done;
    for report in reports {
        let run = report.run();
        let name = report.name();
        let failed =
            run.checks.iter().filter(|check| check.outcome == CheckOutcome::Failed).map(|check| check.id);
        let (allowed, failed): (Vec<CheckId>, Vec<CheckId>) =
            failed.partition(|id| config.allow.contains(id));
        let list = |ids: &[CheckId]| ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
        if !failed.is_empty() {
            let what = in_doubt(failed.iter().chain(&allowed).copied());
            let text =
                format!("{name}: failed self-checks: {}; the report's {what} may be wrong", list(&failed));
            if config.strict {
                exit = Exit::Refused;
                say_always(format_args!("error: {}", printable(&text)));
            } else {
                warn(text);
            }
        }
        if !allowed.is_empty() {
            warn(format_args!("{name}: failed self-checks, allowed: {}", list(&allowed)));
        }
    }
    exit
}
