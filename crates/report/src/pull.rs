//! What came of a pipeline, a format a module. Nothing in it depends on what an earlier run had
//! fetched already.

mod json;
mod text;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Serialize;
use xenheap_model::{Arch, NormalStack};

pub use json::SummaryJson;
pub use text::{SummaryText, concerns};

use crate::{Report, rfc};

/// Everything that is known of a pipeline.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Address of the GitLab.
    pub gitlab: String,
    /// The project, as it was asked for.
    pub project: String,
    /// Number of the pipeline.
    pub pipeline: u64,
    /// How many jobs.
    pub totals: Totals,
    /// Sums by architecture.
    pub architectures: BTreeMap<&'static str, Sums>,
    /// The jobs whose logs were wanted.
    pub jobs: Vec<Job>,
    /// The images that names come from.
    pub builds: Vec<Build>,
    /// What did not come of jobs that may have images.
    pub missing_builds: Vec<Problem>,
    /// Pipelines that were started, and that GitLab does not show.
    pub unseen: Vec<Unseen>,
    /// The stacks of the reports, by architecture: [`Sums::stacks`] counts them.
    #[serde(skip)]
    pub stacks: BTreeMap<&'static str, BTreeSet<NormalStack>>,
}

/// How many jobs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Whose logs were wanted.
    pub jobs: usize,
    /// With a report.
    pub reported: usize,
    /// Without a log that has records, although nothing went wrong.
    pub without_records: usize,
    /// Whose trace GitLab does not have.
    pub without_trace: usize,
    /// With a report whose image was not found.
    pub without_image: usize,
    /// That have not ended.
    pub not_ended: usize,
    /// With something that may come another time.
    pub not_fetched: usize,
    /// An archive that is not what it should be.
    pub refused: usize,
    /// A log that cannot be read, or does not belong to its image.
    pub unreadable: usize,
}

/// Sums over the reports of one architecture.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sums {
    /// How many reports.
    pub reports: usize,
    /// Of their events.
    pub events: u64,
    /// Of their findings.
    pub findings: usize,
    /// Stacks that are not the same, over all reports.
    pub stacks: usize,
    /// Of their leaks.
    pub leaks: usize,
}

/// A job whose log was wanted.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Job {
    /// What the pipeline calls it.
    pub name: String,
    /// GitLab's number.
    pub id: u64,
    /// The pipeline that it is of.
    pub pipeline: u64,
    /// Its stage.
    pub stage: String,
    /// GitLab's word for how it stands.
    pub status: String,
    /// Whether it has ended.
    pub ended: bool,
    /// Whether GitLab has no trace of it.
    pub without_trace: bool,
    /// Its logs that were reported.
    pub reports: Vec<Reported>,
    /// Logs that tell the same again.
    pub copies: Vec<String>,
    /// What may come another time.
    pub not_fetched: Vec<String>,
    /// What is not to be had.
    pub refused: Vec<String>,
    /// Logs that cannot be used.
    pub unreadable: Vec<String>,
}

impl Job {
    fn without_records(&self) -> bool {
        self.ended && self.reports.is_empty() && self.not_fetched.is_empty() && self.unreadable.is_empty()
    }

    fn without_image(&self) -> bool {
        self.reports.iter().any(|report| !report.image)
    }
}

/// A log that was reported.
#[derive(Clone, Debug, Serialize)]
pub struct Reported {
    /// Path of the report within the folder of the pipeline.
    pub report: String,
    /// Name of the log.
    pub log: String,
    /// What its Xen was built for.
    #[serde(serialize_with = "name")]
    pub arch: Arch,
    /// Its version of Xen.
    pub xen: Option<String>,
    /// The build id of its Xen.
    pub build_id: Option<String>,
    /// Whether the image of its build was found.
    pub image: bool,
    /// How many events it has.
    pub events: u64,
    /// How many findings.
    pub findings: usize,
    /// What is live at the end.
    pub live_bytes: u64,
    /// How many leaks.
    pub leaks: usize,
    /// Self-checks that failed.
    pub failed_checks: Vec<&'static str>,
    /// Parts of the recorder that its Xen had nothing for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<String>,
    /// What the RFC's format has no word for.
    pub left_out: BTreeMap<&'static str, u64>,
}

fn name<S: serde::Serializer>(arch: &Arch, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(arch.as_str())
}

impl Reported {
    /// Of a report that was written to `path`.
    pub fn new(report: &Report, arch: Arch, log: String, image: bool, path: &Path) -> Self {
        let run = report.run();
        let groups = report.numbered();
        let failed = run.checks.iter().filter(|check| check.outcome == xenheap_model::CheckOutcome::Failed);
        Reported {
            report: path.display().to_string(),
            log,
            arch,
            xen: run.facts.xen.clone(),
            build_id: run.facts.build_id.clone(),
            image,
            events: run.facts.events,
            findings: groups.len(),
            live_bytes: groups.iter().map(|group| group.counters.live_bytes).sum(),
            leaks: report.leftovers().len(),
            failed_checks: failed.map(|check| check.id.as_str()).collect(),
            lacks: run.facts.lacks.clone(),
            left_out: rfc::left_out(report),
        }
    }

    /// What it is called in tables.
    fn name<'a>(&'a self, job: &'a Job) -> &'a str {
        self.report.rsplit('/').next().unwrap_or(&job.name)
    }
}

/// An image, and who built it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Build {
    /// The job that built it.
    pub job: String,
    /// GitLab's number of that.
    pub id: u64,
    /// Its build id.
    pub build_id: String,
    /// What it was built for.
    #[serde(serialize_with = "name")]
    pub arch: Arch,
}

/// What did not come of a job.
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// The job.
    pub job: String,
    /// GitLab's number of that.
    pub id: u64,
    /// What happened.
    pub problem: String,
    /// Whether it may come another time.
    pub not_fetched: bool,
}

/// A pipeline that GitLab does not show.
#[derive(Clone, Debug, Serialize)]
pub struct Unseen {
    /// The job that started it.
    pub job: String,
    /// Its number.
    pub pipeline: u64,
}

impl Summary {
    /// The job of this number.
    pub fn job(&mut self, id: u64) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }

    /// Adds a report to the job of this number.
    pub fn add(&mut self, id: u64, report: &Report, reported: Reported) {
        let arch = reported.arch.as_str();
        let sums = self.architectures.entry(arch).or_default();
        sums.reports += 1;
        sums.events += reported.events;
        sums.findings += reported.findings;
        sums.leaks += reported.leaks;
        let stacks = self.stacks.entry(arch).or_default();
        stacks.extend(report.findings().iter().map(|finding| NormalStack::from(finding.stack)));
        sums.stacks = stacks.len();
        if let Some(job) = self.job(id) {
            job.reports.push(reported);
        }
    }

    /// Counts, when everything is known.
    pub fn count(&mut self) {
        // How many more images there are depends on how many were fetched at once.
        let reports = self.jobs.iter().flat_map(|job| &job.reports);
        let mut used: BTreeSet<String> =
            reports.filter(|report| report.image).filter_map(|report| report.build_id.clone()).collect();
        self.builds.retain(|build| used.remove(&build.build_id));
        let count = |is: &dyn Fn(&Job) -> bool| self.jobs.iter().filter(|job| is(job)).count();
        self.totals = Totals {
            jobs: self.jobs.len(),
            reported: count(&|job| !job.reports.is_empty()),
            without_records: count(&Job::without_records),
            without_trace: count(&|job| job.without_trace),
            without_image: count(&Job::without_image),
            not_ended: count(&|job| !job.ended),
            not_fetched: count(&|job| !job.not_fetched.is_empty())
                + self.missing_builds.iter().filter(|problem| problem.not_fetched).count(),
            refused: count(&|job| !job.refused.is_empty())
                + self.missing_builds.iter().filter(|problem| !problem.not_fetched).count(),
            unreadable: count(&|job| !job.unreadable.is_empty()),
        };
    }
}
