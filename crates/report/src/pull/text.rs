//! For people: `summary.txt`.

use std::{
    fmt::Display,
    io::{self, Write},
};

use xenheap_model::{Question, Untold};
use xenheap_output::Escaped;

use super::{Job, Reported, Summary, Sums, Totals};
use crate::{Render, write_untold};

/// A table of the reports of each architecture, then lists of what is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct SummaryText;

impl Render<Summary> for SummaryText {
    fn render(&self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let Totals { jobs, reported, .. } = summary.totals;
        writeln!(
            out,
            "Pipeline {} of {} at {}",
            summary.pipeline,
            Escaped(&summary.project),
            Escaped(&summary.gitlab)
        )?;
        writeln!(out, "{reported} of {jobs} jobs reported")?;
        for (arch, sums) in &summary.architectures {
            let Sums { reports, events, findings, stacks, leaks } = sums;
            writeln!(
                out,
                "\n{arch}: {reports} reports, {events} events, {findings} findings, \
                 {stacks} different stacks, {leaks} leaks\n"
            )?;
            let mut rows = vec![
                ["job", "events", "findings", "leaks", "live bytes", "failed self-checks", "names from"]
                    .map(str::to_owned),
            ];
            for (job, report) in
                summary.jobs.iter().flat_map(|job| job.reports.iter().map(move |report| (job, report)))
            {
                if report.arch.as_str() == *arch {
                    rows.push(row(job, report));
                }
            }
            table(&rows, out)?;
        }
        // Without them a number of leaks says less than it seems to.
        let reports = summary.jobs.iter().flat_map(|job| job.reports.iter().map(move |one| (job, one)));
        let lacks = reports.map(|(job, one)| (one.name(job), one.lacks.as_slice()));
        write_untold(&Untold::of(Question::Findings, lacks), out)?;
        for (title, jobs) in concerns(summary) {
            writeln!(out, "\n{title}: {}", jobs.len())?;
            for job in jobs {
                writeln!(out, "  {}", Escaped(job))?;
            }
        }
        if !summary.builds.is_empty() {
            writeln!(out, "\nimages: {}", summary.builds.len())?;
            for build in &summary.builds {
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

/// What is to be named, with the jobs it concerns.
pub fn concerns(summary: &Summary) -> Vec<(&'static str, Vec<String>)> {
    let jobs =
        |is: &dyn Fn(&Job) -> Vec<String>| -> Vec<String> { summary.jobs.iter().flat_map(is).collect() };
    let named = |is: fn(&Job) -> bool| {
        jobs(&move |job: &Job| if is(job) { vec![shown(job, "")] } else { Vec::new() })
    };
    let each = |of: fn(&Job) -> &Vec<String>| {
        jobs(&move |job: &Job| of(job).iter().map(|text| shown(job, &format!(": {text}"))).collect())
    };
    let builds = |not_fetched: bool| {
        let these = summary.missing_builds.iter().filter(move |problem| problem.not_fetched == not_fetched);
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
    let unseen = summary.unseen.iter().map(|unseen| format!("{} by {}", unseen.pipeline, unseen.job));
    let lists = [
        ("without records", named(Job::without_records)),
        ("without a trace", named(|job| job.without_trace)),
        ("without an image", images),
        ("job not finished", named(|job| !job.ended)),
        ("not fetched", each(|job| &job.not_fetched).into_iter().chain(builds(true)).collect()),
        ("artifacts refused or missing", each(|job| &job.refused).into_iter().chain(builds(false)).collect()),
        ("not readable", each(|job| &job.unreadable)),
        ("pipelines that GitLab does not show", unseen.collect()),
    ];
    lists.into_iter().filter(|(_, jobs)| !jobs.is_empty()).collect()
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
