//! Leaks, apart from what is live at the end.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use xenheap_model::{GROWING, Growing, Kind, LogFormat, Rise, Run, View, nothing_for};
use xenheap_output::{
    Escaped,
    layout::{Paint, hanging},
    size::{Bytes, Count, Several},
};

use super::{domains::Names, findings::Findings, overview::bytes_in};
use crate::{LeftOut, Leftover, Report};

pub(super) fn write(
    report: &Report,
    findings: &mut Findings<'_>,
    paint: Paint,
    out: &mut dyn Write,
) -> io::Result<()> {
    let run = report.run();
    // Neither the RFC's recorder nor an early one of ours tells when domains end.
    let knows = run.facts.tables.is_some_and(|tables| tables.domains.is_some());
    let leftovers = report.leftovers();
    if run.facts.format != LogFormat::Ha1 || !knows && leftovers.is_empty() && !run.facts.lacks("owners") {
        return Ok(());
    }
    let doubt = run.doubt();
    let title = if doubt.is_some() { "LEFT AND GROWING" } else { "LEAKS" };
    let left_out = report.left_out();
    let summary = match leftovers.len() {
        0 if left_out.leftovers > 0 => {
            let none = if doubt.is_some() { "nothing" } else { "none" };
            format!("{none} that passes the filters; {}", refused(left_out))
        }
        0 if doubt.is_some() => "nothing".to_owned(),
        0 if run.facts.lacks("owners") && run.cycles.completed <= GROWING => "cannot be told".to_owned(),
        0 if ended(run) == 0 && run.cycles.completed <= GROWING => "this run cannot show any".to_owned(),
        0 => "none".to_owned(),
        count => {
            let left = leftovers.iter().fold(0u64, |sum, one| sum.saturating_add(one.left().bytes));
            let rest = match (left_out.leftovers, left_out.left_bytes) {
                (0, 0) => String::new(),
                _ => format!("; {}", refused(left_out)),
            };
            format!("{}, {} left{rest}", Several(count as u64, "path"), Bytes(left))
        }
    };
    let title = if leftovers.is_empty() { paint.bold(title) } else { paint.bad(title) };
    writeln!(out, "{title}: {summary}\n")?;
    hanging(out, "  ", 2, &basis(report))?;
    if let Some(doubt) = doubt {
        let text = format!(
            "Nothing is called a leak here, because this run has a gap or stopped early: {}",
            Escaped(&doubt)
        );
        hanging(out, &format!("  {} ", paint.bad("!!")), 5, &text)?;
    }
    writeln!(out)?;
    let names = Names::of(report);
    for leftover in &leftovers {
        let mut facts = Vec::new();
        if !leftover.left.is_empty() {
            facts.push(("left", left(leftover, &names)));
        }
        facts.extend(leftover.growing.map(|growing| ("growing", rise(growing))));
        findings.leftover(leftover, &facts, &names, out)?;
    }
    Ok(())
}

/// What the filters left out here.
fn refused(left_out: &LeftOut) -> String {
    let paths = match left_out.leftovers {
        0 => "of these paths".to_owned(),
        paths => Several(paths, "path").to_string(),
    };
    format!("filters left out {paths}, {} left", Bytes(left_out.left_bytes))
}

fn ended(run: &Run) -> u64 {
    run.domains.iter().filter(|domain| domain.ended.is_some()).count() as u64
}

/// What the verdict rests on.
fn basis(report: &Report) -> String {
    let run = report.run();
    let cycles = run.cycles.completed;
    let mut text = match ended(run) {
        _ if run.facts.lacks("owners") => {
            let why = nothing_for("owners");
            format!("It is unknown which domains ended and what is left of them, because {why}")
        }
        0 if run.facts.view == Some(View::Summary) => {
            "The summary view does not tell which domains ended".to_owned()
        }
        0 => "No domain ended, so no memory can be left over".to_owned(),
        ended => format!("{} ended", Several(ended, "domain")),
    };
    let needed = GROWING + 1;
    text.push_str(&match cycles {
        0 => {
            "; no cycle was marked (a dump by the debug key y ends one), so growth cannot be seen.".to_owned()
        }
        _ if cycles < needed => {
            format!("; {}, too few to see something grow ({needed}).", marked(cycles))
        }
        _ => format!("; {}.", marked(cycles)),
    });
    if run.cycles.missed > 0 {
        text.push_str(&format!(" The numbers of {} are not known.", Several(run.cycles.missed, "cycle")));
    }
    // Pages of the xmalloc pool hold xmallocs that are counted.
    let unowned = report.unowned(|kind| kind != Kind::PoolGrowth);
    if let Some(live) = unowned.map(|sums| sums.live).filter(|live| !live.is_zero()) {
        text.push_str(&format!(
            " Live for an unknown owner: {}. If the owner is unknown, the memory cannot be reported as left.",
            bytes_in(live.bytes, live.count)
        ));
    }
    text
}

/// Whoever presses that key ends a cycle, with a workload that has cycles or without.
fn marked(cycles: u64) -> String {
    format!("{} completed (a dump by the debug key y ends one)", Several(cycles, "cycle"))
}

/// What is left, of whom.
fn left(leftover: &Leftover<'_>, names: &Names) -> String {
    let sum = leftover.left();
    let each: BTreeSet<u64> = leftover.left.iter().map(|left| left.live.bytes).collect();
    let each = match (leftover.left.len(), each.first(), each.last()) {
        (0 | 1, ..) | (_, None, _) | (_, _, None) => String::new(),
        (_, Some(least), Some(most)) if least == most => format!(", {} of each domain", Bytes(*most)),
        (_, Some(least), Some(most)) => format!(", {} to {} of each domain", Bytes(*least), Bytes(*most)),
    };
    let ids = leftover.left.iter().filter_map(|left| left.owner.id());
    format!("{}{each}, although {} ended", bytes_in(sum.bytes, sum.count), names.of_all(ids))
}

fn rise(growing: &Growing) -> String {
    format!(
        "by {} B and {} a cycle, in each of the last {}; live after the last one {}",
        range(growing.bytes),
        match range(growing.allocs).as_str() {
            "1" => "1 allocation".to_owned(),
            more => format!("{more} allocations"),
        },
        Several(growing.rises, "cycle"),
        bytes_in(growing.live.bytes, growing.live.count),
    )
}

fn range(rise: Rise) -> String {
    let signed = |number: i64| {
        let sign = if number < 0 { "-" } else { "" };
        format!("{sign}{}", Count(number.unsigned_abs()))
    };
    if rise.min == rise.max {
        signed(rise.max)
    } else {
        format!("{} to {}", signed(rise.min), signed(rise.max))
    }
}
