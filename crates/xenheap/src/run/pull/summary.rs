//! Collecting what comes of a pipeline, and telling it.

use std::path::Path;

use xenheap_gitlab::{DownloadOutcome, Planned, Project, PullPlan, Role, Task, What};
use xenheap_model::Arch;
use xenheap_output::printable;
use xenheap_report::{
    Render, Report,
    pull::{Build, Job, Problem, Reported, Summary, SummaryJson, SummaryText, Unseen, concerns},
};

use crate::{
    failure::{Exit, Failure, say, warn},
    output,
};

/// A summary that is not complete yet.
pub struct Collected(Summary);

impl Collected {
    pub fn new(plan: &PullPlan, asked: &Project) -> Self {
        let jobs = plan.with_role(Role::Log).map(|planned| Job {
            name: planned.job.name.clone(),
            id: planned.job.id,
            pipeline: planned.pipeline,
            stage: planned.job.stage.clone(),
            status: planned.job.status.clone(),
            ended: planned.job.has_ended(),
            ..Job::default()
        });
        let unseen = |(job, pipeline): &(String, u64)| Unseen { job: job.clone(), pipeline: *pipeline };
        Collected(Summary {
            gitlab: plan.site.to_string(),
            project: asked.to_string(),
            pipeline: plan.pipeline,
            jobs: jobs.collect(),
            unseen: plan.unseen.iter().map(unseen).collect(),
            ..Summary::default()
        })
    }

    /// What became of a download.
    pub fn outcome(&mut self, task: &Task<'_>, outcome: &DownloadOutcome) {
        let what = match task.what {
            What::Trace => "trace",
            What::Archive => "artifacts",
        };
        let (text, not_fetched) = match outcome {
            DownloadOutcome::Fetched(_) | DownloadOutcome::Had => return,
            DownloadOutcome::Missing => ("GitLab does not have them (any more)".to_owned(), false),
            DownloadOutcome::Refused(reason) => (format!("refused: {reason}"), false),
            DownloadOutcome::Failed(error) => (error.to_string(), true),
        };
        let text = format!("{what}: {text}");
        let Some(job) = self.0.job(task.job.job.id) else {
            let (job, id) = (task.job.job.name.clone(), task.job.job.id);
            self.0.missing_builds.push(Problem { job, id, problem: text, not_fetched });
            return;
        };
        match outcome {
            DownloadOutcome::Missing if task.what == What::Trace => job.without_trace = true,
            DownloadOutcome::Failed(_) => job.not_fetched.push(text),
            _ => job.refused.push(text),
        }
    }

    /// A log that cannot be used.
    pub fn unreadable(&mut self, planned: &Planned, problem: &str) {
        warn(format_args!("{}: {problem}", planned.job.name));
        if let Some(job) = self.0.job(planned.job.id) {
            job.unreadable.push(problem.to_owned());
        }
    }

    /// A log that was reported.
    pub fn reported(&mut self, planned: &Planned, report: &Report, reported: Reported) {
        self.0.add(planned.job.id, report, reported);
    }

    /// A log that tells what another one tells.
    pub fn copy(&mut self, planned: &Planned, log: String) {
        if let Some(job) = self.0.job(planned.job.id) {
            job.copies.push(log);
        }
    }

    /// Everything is known.
    pub fn finish(mut self, builds: Vec<Build>) -> Summary {
        self.0.builds = builds;
        self.0.count();
        self.0
    }
}

/// An image that a job built.
pub fn build(planned: &Planned, build_id: &str, arch: Arch) -> Build {
    Build { job: planned.job.name.clone(), id: planned.job.id, build_id: build_id.to_owned(), arch }
}

/// How the command ends. `strict`: a job without a record is not passed over.
pub fn exit(summary: &Summary, strict: bool) -> Exit {
    let totals = &summary.totals;
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
pub fn write(summary: &Summary, folder: &Path) -> Result<(), Failure> {
    let forms: [(&str, &dyn Render<Summary>); 2] =
        [("summary.txt", &SummaryText), ("summary.json", &SummaryJson)];
    for (name, renderer) in forms {
        output::file(&folder.join(name), |out| renderer.render(summary, out))?;
    }
    Ok(())
}

/// Says the most important of it on standard error.
pub fn tell(summary: &Summary, folder: &Path) {
    let totals = &summary.totals;
    say(format_args!(
        "{} of {} jobs reported: {}",
        totals.reported,
        totals.jobs,
        printable(&folder.join("summary.txt").display().to_string())
    ));
    for (title, jobs) in concerns(summary) {
        say(format_args!("{title}: {}", jobs.len()));
    }
    if totals.reported == 0 {
        warn(
            "no job of this pipeline has a log with records: was Xen built with the recorder (`xenheap instrument`)?",
        );
    }
}
