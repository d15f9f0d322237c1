//! What came of a pipeline: `summary.txt` for people, `summary.json` for programs. Nothing in it depends on what an earlier
//! run had fetched already.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    io::{self, Write},
    path::Path,
};

use serde::Serialize;
use xenheap_gitlab::{Outcome, Plan, Planned, Project, Role, Task, What};
use xenheap_model::{Arch, NormalStack, Question, Untold};
use xenheap_output::printable;
use xenheap_output::{Escaped, write_json};
use xenheap_report::{Report, rfc, write_untold};

use crate::{
    failure::{Exit, Failure, say, warn},
    output,
};

/// Version of `summary.json`.
const SCHEMA: u32 = 1;

/// Everything that is known of a pipeline.
#[derive(Debug, Serialize)]
pub struct Summary {
    schema: u32,
    gitlab: String,
    project: String,
    pipeline: u64,
    totals: Totals,
    architectures: BTreeMap<&'static str, Sums>,
    jobs: Vec<Job>,
    /// The images that names come from.
    pub builds: Vec<Build>,
    /// What did not come of jobs that may have images.
    missing_builds: Vec<Problem>,
    /// Pipelines that were started, and that GitLab does not show.
    unseen: Vec<Unseen>,
    #[serde(skip)]
    stacks: BTreeMap<&'static str, BTreeSet<NormalStack>>,
}

/// How many jobs.
#[derive(Debug, Default, Serialize)]
struct Totals {
    /// Whose logs were wanted.
    jobs: usize,
    reported: usize,
    without_records: usize,
    without_trace: usize,
    without_image: usize,
    not_ended: usize,
    not_fetched: usize,
    /// An archive that is not what it should be.
    refused: usize,
    /// A log that cannot be read, or does not belong to its image.
    unreadable: usize,
}

/// Sums over the reports of one architecture.
#[derive(Debug, Default, Serialize)]
struct Sums {
    reports: usize,
    events: u64,
    findings: usize,
    /// Stacks that are not the same, over all reports.
    stacks: usize,
    leaks: usize,
}

/// A job whose log was wanted.
#[derive(Debug, Serialize)]
struct Job {
    name: String,
    id: u64,
    pipeline: u64,
    stage: String,
    status: String,
    ended: bool,
    without_trace: bool,
    reports: Vec<Reported>,
    /// Logs that tell the same again.
    copies: Vec<String>,
    not_fetched: Vec<String>,
    refused: Vec<String>,
    unreadable: Vec<String>,
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
#[derive(Debug, Serialize)]
pub struct Reported {
    report: String,
    log: String,
    #[serde(serialize_with = "name")]
    pub arch: Arch,
    xen: Option<String>,
    build_id: Option<String>,
    /// Whether the image of its build was found.
    image: bool,
    events: u64,
    findings: usize,
    live_bytes: u64,
    leaks: usize,
    failed_checks: Vec<&'static str>,
    /// Parts of the recorder that its Xen had nothing for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lacks: Vec<String>,
    /// What the RFC's format has no word for.
    left_out: BTreeMap<&'static str, u64>,
}

fn name<S: serde::Serializer>(arch: &Arch, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(arch.as_str())
}

impl Reported {
    /// What it is called in tables.
    fn name<'a>(&'a self, job: &'a Job) -> &'a str {
        self.report.rsplit('/').next().unwrap_or(&job.name)
    }

    pub fn new(report: &Report, arch: Arch, log: String, image: bool, path: &Path) -> Self {
        let run = report.run();
        let groups = report.numbered();
        let failed = run.checks.iter().filter(|check| check.outcome == xenheap_model::Outcome::Failed);
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
}

/// An image, and who built it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Build {
    job: String,
    id: u64,
    build_id: String,
    #[serde(serialize_with = "name")]
    pub arch: Arch,
}

impl Build {
    pub fn new(planned: &Planned, build_id: &str, arch: Arch) -> Self {
        Build { job: planned.job.name.clone(), id: planned.job.id, build_id: build_id.to_owned(), arch }
    }

    pub fn is_of(&self, planned: &Planned) -> bool {
        self.id == planned.job.id
    }
}

#[derive(Debug, Serialize)]
struct Problem {
    job: String,
    id: u64,
    problem: String,
    /// Whether it may come another time.
    not_fetched: bool,
}

#[derive(Debug, Serialize)]
struct Unseen {
    job: String,
    pipeline: u64,
}

impl Summary {
    pub fn new(plan: &Plan, asked: &Project) -> Self {
        let jobs = plan.with_role(Role::Log).map(|planned| Job {
            name: planned.job.name.clone(),
            id: planned.job.id,
            pipeline: planned.pipeline,
            stage: planned.job.stage.clone(),
            status: planned.job.status.clone(),
            ended: planned.job.has_ended(),
            without_trace: false,
            reports: Vec::new(),
            copies: Vec::new(),
            not_fetched: Vec::new(),
            refused: Vec::new(),
            unreadable: Vec::new(),
        });
        let unseen = |(job, pipeline): &(String, u64)| Unseen { job: job.clone(), pipeline: *pipeline };
        Summary {
            schema: SCHEMA,
            gitlab: plan.site.to_string(),
            project: asked.to_string(),
            pipeline: plan.pipeline,
            totals: Totals::default(),
            architectures: BTreeMap::new(),
            jobs: jobs.collect(),
            builds: Vec::new(),
            missing_builds: Vec::new(),
            unseen: plan.unseen.iter().map(unseen).collect(),
            stacks: BTreeMap::new(),
        }
    }

    fn job(&mut self, planned: &Planned) -> Option<&mut Job> {
        self.jobs.iter_mut().find(|job| job.id == planned.job.id)
    }

    /// What became of a download.
    pub fn outcome(&mut self, task: &Task<'_>, outcome: &Outcome) {
        let what = match task.what {
            What::Trace => "trace",
            What::Archive => "artifacts",
        };
        let (text, not_fetched) = match outcome {
            Outcome::Fetched(_) | Outcome::Had => return,
            Outcome::Missing => ("GitLab does not have them (any more)".to_owned(), false),
            Outcome::Refused(reason) => (format!("refused: {reason}"), false),
            Outcome::Failed(error) => (error.to_string(), true),
        };
        let text = format!("{what}: {text}");
        let Some(job) = self.job(task.job) else {
            let (job, id) = (task.job.job.name.clone(), task.job.job.id);
            self.missing_builds.push(Problem { job, id, problem: text, not_fetched });
            return;
        };
        match outcome {
            Outcome::Missing if task.what == What::Trace => job.without_trace = true,
            Outcome::Failed(_) => job.not_fetched.push(text),
            _ => job.refused.push(text),
        }
    }

    /// A log that cannot be used.
    pub fn unreadable(&mut self, planned: &Planned, problem: &str) {
        warn(format_args!("{}: {problem}", planned.job.name));
        if let Some(job) = self.job(planned) {
            job.unreadable.push(problem.to_owned());
        }
    }

    /// A log that was reported.
    pub fn reported(&mut self, planned: &Planned, report: &Report, reported: Reported) {
        let arch = reported.arch.as_str();
        let sums = self.architectures.entry(arch).or_default();
        sums.reports += 1;
        sums.events += reported.events;
        sums.findings += reported.findings;
        sums.leaks += reported.leaks;
        let stacks = self.stacks.entry(arch).or_default();
        stacks.extend(report.findings().iter().map(|finding| NormalStack::from(finding.stack)));
        sums.stacks = stacks.len();
        if let Some(job) = self.job(planned) {
            job.reports.push(reported);
        }
    }

    /// A log that tells what another one tells.
    pub fn copy(&mut self, planned: &Planned, log: String) {
        if let Some(job) = self.job(planned) {
            job.copies.push(log);
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

    /// How the command ends. `strict`: a job without a record is not passed over.
    pub fn exit(&self, strict: bool) -> Exit {
        let totals = &self.totals;
        if totals.not_fetched > 0 {
            Exit::Network
        } else if totals.unreadable > 0 || totals.reported == 0 {
            Exit::Input
        } else if strict && totals.without_records > 0 {
            Exit::Refused
        } else {
            Exit::Done
        }
    }

    /// Writes both files.
    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        output::file(&folder.join("summary.txt"), |out| self.text(out))?;
        output::file(&folder.join("summary.json"), |out| write_json(self, out))
    }

    /// Says the most important of it on standard error.
    pub fn tell(&self, folder: &Path) {
        let totals = &self.totals;
        say(format_args!(
            "{} of {} jobs reported: {}",
            totals.reported,
            totals.jobs,
            printable(&folder.join("summary.txt").display().to_string())
        ));
        for (title, jobs) in self.lists() {
            say(format_args!("{title}: {}", jobs.len()));
        }
        if totals.reported == 0 {
            warn(
                "no job of this pipeline has a log with records: was Xen built with the recorder (`xenheap instrument`)?",
            );
        }
    }

    /// What is to be named, with the jobs it concerns.
    fn lists(&self) -> Vec<(&'static str, Vec<String>)> {
        let jobs =
            |is: &dyn Fn(&Job) -> Vec<String>| -> Vec<String> { self.jobs.iter().flat_map(is).collect() };
        let named = |is: fn(&Job) -> bool| {
            jobs(&move |job: &Job| if is(job) { vec![shown(job, "")] } else { Vec::new() })
        };
        let each = |of: fn(&Job) -> &Vec<String>| {
            jobs(&move |job: &Job| of(job).iter().map(|text| shown(job, &format!(": {text}"))).collect())
        };
        let builds = |not_fetched: bool| {
            let these = self.missing_builds.iter().filter(move |problem| problem.not_fetched == not_fetched);
            these.map(|problem| format!("{} ({}): {}", problem.job, problem.id, problem.problem))
        };
        let images = jobs(&|job: &Job| {
            let without = job.reports.iter().filter(|report| !report.image);
            without
                .map(|report| match &report.build_id {
                    Some(id) => shown(job, &format!(": build id {id}")),
                    None => shown(job, ": the log names no build id"),
                })
                .collect()
        });
        let unseen = self.unseen.iter().map(|unseen| format!("{} by {}", unseen.pipeline, unseen.job));
        let lists = [
            ("without records", named(Job::without_records)),
            ("without a trace", named(|job| job.without_trace)),
            ("without an image", images),
            ("not run to an end", named(|job| !job.ended)),
            ("not fetched", each(|job| &job.not_fetched).into_iter().chain(builds(true)).collect()),
            ("artifacts not to be had", each(|job| &job.refused).into_iter().chain(builds(false)).collect()),
            ("not readable", each(|job| &job.unreadable)),
            ("pipelines that GitLab does not show", unseen.collect()),
        ];
        lists.into_iter().filter(|(_, jobs)| !jobs.is_empty()).collect()
    }

    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Totals { jobs, reported, .. } = self.totals;
        writeln!(
            out,
            "Pipeline {} of {} at {}",
            self.pipeline,
            Escaped(&self.project),
            Escaped(&self.gitlab)
        )?;
        writeln!(out, "{reported} of {jobs} jobs reported")?;
        for (arch, sums) in &self.architectures {
            let Sums { reports, events, findings, stacks, leaks } = sums;
            writeln!(
                out,
                "\n{arch}: {reports} reports, {events} events, {findings} findings, {stacks} different stacks, {leaks} leaks\n"
            )?;
            let mut rows = vec![
                ["job", "events", "findings", "leaks", "live bytes", "failed self-checks", "names from"]
                    .map(str::to_owned),
            ];
            for (job, report) in
                self.jobs.iter().flat_map(|job| job.reports.iter().map(move |report| (job, report)))
            {
                if report.arch.as_str() == *arch {
                    rows.push(row(job, report));
                }
            }
            table(&rows, out)?;
        }
        // Without them a number of leaks says less than it seems to.
        let reports = self.jobs.iter().flat_map(|job| job.reports.iter().map(move |one| (job, one)));
        let lacks = reports.map(|(job, one)| (one.name(job), one.lacks.as_slice()));
        write_untold(&Untold::of(Question::Findings, lacks), out)?;
        for (title, jobs) in self.lists() {
            writeln!(out, "\n{title}: {}", jobs.len())?;
            for job in jobs {
                writeln!(out, "  {}", Escaped(job))?;
            }
        }
        if !self.builds.is_empty() {
            writeln!(out, "\nimages: {}", self.builds.len())?;
            for build in &self.builds {
                writeln!(
                    out,
                    "  {} ({}): {} {}",
                    Escaped(&build.job),
                    build.id,
                    build.arch.as_str(),
                    Escaped(&build.build_id)
                )?;
            }
        }
        Ok(())
    }
}

fn shown(job: &Job, more: &str) -> String {
    format!("{} ({}){more}", job.name, job.id)
}

fn row(job: &Job, report: &Reported) -> [String; 7] {
    let checks = match report.failed_checks.as_slice() {
        [] => "-".to_owned(),
        failed => failed.join(","),
    };
    let text = |value: &dyn Display| value.to_string();
    [
        Escaped(report.name(job)).to_string(),
        text(&report.events),
        text(&report.findings),
        text(&report.leaks),
        text(&report.live_bytes),
        checks,
        if report.image { "image" } else { "log" }.to_owned(),
    ]
}

/// The first column to the left, numbers to the right, no space at the end of a line.
fn table(rows: &[[String; 7]], out: &mut dyn Write) -> io::Result<()> {
    let mut widths = [0; 7];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    for row in rows {
        let mut line = String::from(" ");
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            line.push_str(&match at {
                1..=4 => format!(" {cell:>width$} "),
                _ => format!(" {cell:width$} "),
            });
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
