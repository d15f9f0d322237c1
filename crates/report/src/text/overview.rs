//! What ran, how much there was of each kind, and whether it can be trusted.

use std::io::{self, Write};

use xenheap_model::{
    Arch, Check, CheckId, CheckOutcome, Clock, Facts, Kind, KindTotals, LogFormat, RefusalReason, View,
    in_doubt, not_told,
};
use xenheap_output::{
    Escaped,
    layout::{Paint, hanging, legend, table},
    size::{Bytes, Count, Date, Rough, Seconds, Several},
};

use crate::Report;

/// What ran, and whether it can be trusted. False: there is nothing to report.
pub(super) fn head(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<bool> {
    let run = report.run();
    facts(&run.facts, out)?;
    if run.facts.format == LogFormat::None {
        let altered = run
            .checks
            .iter()
            .find(|check| check.id == CheckId::Intact && check.outcome == CheckOutcome::Failed);
        let text = match altered {
            Some(check) => format!("No record of a heap recorder can be read in this log: {}.", Escaped(&check.detail)),
            None => "There is no record of a heap recorder in this log. Was Xen instrumented, and CONFIG_HEAP_AUDIT \
                     on? Was heap-audit=off? Does the log begin before dom0 ran?"
                .to_owned(),
        };
        hanging(out, &format!("  {} ", paint.bad("!!")), 5, &text)?;
        writeln!(out)?;
        return Ok(false);
    }
    banner(&run.checks, paint, out)?;
    Ok(true)
}

fn fact(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    hanging(out, &format!("  {name:<10} "), 13, text)
}

fn facts(facts: &Facts, out: &mut dyn Write) -> io::Result<()> {
    let arch = match facts.arch {
        Arch::Unknown => "an unknown architecture",
        arch => arch.as_str(),
    };
    let version = facts.xen.as_deref().unwrap_or("(version unknown)");
    fact(out, "Xen", &format!("{} on {arch}", Escaped(version)))?;
    if let Some(build) = &facts.build_id {
        fact(out, "Build", &Escaped(build).to_string())?;
    }
    let views = |views: &[View]| views.iter().map(|view| view.as_str()).collect::<Vec<_>>().join(", ");
    let recorder = match facts.format {
        LogFormat::Ha1 => {
            let mut text = "format HA1".to_owned();
            if let Some(tag) = &facts.tag {
                text.push_str(&format!(", boot tag {}", Escaped(tag)));
            }
            if !facts.modes.is_empty() {
                let plural = if facts.modes.len() == 1 { "" } else { "s" };
                text.push_str(&format!("; mode{plural} {}", views(&facts.modes)));
            }
            if let Some(view) = facts.view {
                text.push_str(&format!(" (read here: {view})"));
            }
            text
        }
        LogFormat::Rfc => "records of the RFC (DEBUG: lines with call traces)".to_owned(),
        LogFormat::None => "no record of any recorder was found".to_owned(),
    };
    fact(out, "Recorder", &recorder)?;
    for part in &facts.lacks {
        fact(out, "Lacks", &Escaped(not_told(part)).to_string())?;
    }
    let mut log = format!("{}, {}", Several(facts.lines, "line"), Rough(facts.log_bytes));
    if facts.boots > 1 {
        log.push_str(&format!("; boot {} of {}", facts.boot, facts.boots));
    }
    fact(out, "Log", &log)?;
    if facts.format != LogFormat::None {
        let mut events = Count(facts.events).to_string();
        if let (Some(first), Some(last)) = (facts.first_time, facts.last_time) {
            events.push_str(&match facts.clock {
                Clock::Boot => format!(", from {} to {} of Xen's clock", Seconds(first), Seconds(last)),
                Clock::Calendar => format!(", from {} to {}", Date(first), Date(last)),
            });
        }
        fact(out, "Events", &events)?;
    }
    writeln!(out)
}

fn banner(checks: &[Check], paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let failed: Vec<CheckId> =
        checks.iter().filter(|check| check.outcome == CheckOutcome::Failed).map(|check| check.id).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = failed.iter().map(|id| id.as_str()).collect();
    let text = format!("{} FAILED: {}.", Several(names.len() as u64, "self-check"), names.join(", "));
    let what = in_doubt(failed);
    hanging(
        out,
        &format!("  {} ", paint.bad("!!")),
        5,
        &format!("{text} The {what} below may be wrong, see SELF-CHECKS."),
    )?;
    writeln!(out)
}

/// What filters left out.
pub(super) fn filtered(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    if report.filter().is_none() {
        return Ok(());
    }
    let left_out = report.left_out();
    let by: Vec<String> =
        left_out.by.iter().map(|(option, count)| format!("{} by --{option}", Count(*count))).collect();
    let by = if by.is_empty() { String::new() } else { format!(" ({})", by.join(", ")) };
    let charged = match left_out.charged {
        0 => String::new(),
        count => format!(" Of charged memory they left out {}.", Several(count, "row")),
    };
    let text = format!(
        "Filters left out {}{by}, which allocated {}, of which {} live. The totals by kind contain them.{charged}",
        Several(left_out.findings, "finding"),
        Bytes(left_out.bytes),
        Bytes(left_out.live_bytes),
    );
    hanging(out, "  ", 2, &text)?;
    writeln!(out)
}

/// A line of the table of totals: its name, and its cell for a kind, if this is known.
type Line = (&'static str, fn(&KindTotals) -> Option<String>);

const LINES: [Line; 9] = [
    ("allocated", |of| Some(pair(of.counters.allocs, of.counters.bytes))),
    ("taken", |of| Some(pair(of.counters.taken, of.counters.taken_bytes))),
    ("freed", |of| Some(pair(of.counters.freed, of.counters.freed_bytes))),
    ("  within call", |of| of.counters.bracketed.map(|count| Count(count).to_string())),
    ("given away", |of| Some(pair(of.counters.given, of.counters.given_bytes))),
    ("live", |of| Some(pair(of.counters.live, of.counters.live_bytes))),
    ("peak", |of| Some(if of.counters.peak == 0 { "0".to_owned() } else { exact(of.counters.peak) })),
    ("failed", |of| Some(Count(of.counters.failed).to_string())),
    ("orphan frees", |of| Some(pair(of.orphans, of.orphan_bytes))),
];

/// How often, and how much in sum.
pub(super) fn pair(count: u64, bytes: u64) -> String {
    if (count, bytes) == (0, 0) { "0".to_owned() } else { format!("{} / {}", Count(count), exact(bytes)) }
}

/// Only the exact number: those of a line are to be compared.
pub(super) fn exact(bytes: u64) -> String {
    format!("{} B", Count(bytes))
}

pub(super) fn totals(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} (how often / how much)\n",
        paint.bold("ANONYMOUS MEMORY ALLOCATED AT RUN TIME, BY KIND")
    )?;
    let totals = report.run().totals;
    let lines = LINES.iter().filter_map(|(name, cell)| {
        let cells = Kind::ANONYMOUS.map(|kind| cell(&totals.of(kind)));
        let [a, b, c, d, e] = cells.iter().any(Option::is_some).then_some(cells)?;
        let text = |cell: Option<String>| cell.unwrap_or_default();
        Some([(*name).to_owned(), text(a), text(b), text(c), text(d), text(e)])
    });
    let [a, b, c, d, e] = Kind::ANONYMOUS.map(Kind::as_str);
    table(out, ["", a, b, c, d, e], 1, &lines.collect::<Vec<_>>())?;
    let sums = Kind::ANONYMOUS.map(|kind| totals.of(kind));
    let words = [
        (sums.iter().any(|of| of.counters.taken > 0), "Taken: pages of a domain that became anonymous."),
        (
            sums.iter().any(|of| of.counters.bracketed.is_some()),
            "Within call: freed before the call that allocated the memory returned.",
        ),
        (
            sums.iter().any(|of| of.counters.given > 0),
            "Given away: anonymous pages that became pages of a domain.",
        ),
        (sums.iter().any(|of| of.orphans > 0), "Orphan frees: frees of memory that no record allocated."),
    ];
    let words: Vec<&str> =
        words.into_iter().filter(|(is_there, _)| *is_there).map(|(_, text)| text).collect();
    legend(out, &words)
}

pub(super) fn checks(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let checks = &report.run().checks;
    let count = |outcome| checks.iter().filter(|check| check.outcome == outcome).count();
    let mut summary = format!("{} ok", count(CheckOutcome::Ok));
    if count(CheckOutcome::Failed) > 0 {
        summary.push_str(&format!(", {} FAILED", count(CheckOutcome::Failed)));
    }
    if count(CheckOutcome::NotApplicable) > 0 {
        summary.push_str(&format!(", {} not applicable", count(CheckOutcome::NotApplicable)));
    }
    writeln!(out, "{}: {summary}\n", paint.bold("SELF-CHECKS"))?;
    let (failed, rest): (Vec<&Check>, Vec<&Check>) =
        checks.iter().partition(|check| check.outcome == CheckOutcome::Failed);
    for check in failed.into_iter().chain(rest) {
        let outcome = match check.outcome {
            CheckOutcome::Ok => paint.good("ok    "),
            CheckOutcome::Failed => paint.bad("FAILED"),
            CheckOutcome::NotApplicable => paint.dim("n.a.  "),
        };
        let first = format!("  {outcome} {:<15} ", check.id.as_str());
        hanging(out, &first, 25, &Escaped(&check.detail).to_string())?;
    }
    writeln!(out)
}

pub(super) fn refused(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let refused = &report.run().refused;
    if refused.values().all(|count| *count == 0) {
        return Ok(());
    }
    writeln!(out, "{}\n", paint.bold("RECORDS THAT DID NOT COUNT"))?;
    for (reason, count) in refused.iter().filter(|(_, count)| **count > 0) {
        let first = format!("  {:<15} {:>8}  ", reason.as_str(), Count(*count));
        hanging(out, &first, 27, why(*reason))?;
    }
    writeln!(out)
}

/// What the names of the reasons mean.
fn why(reason: RefusalReason) -> &'static str {
    match reason {
        RefusalReason::Guest => "on a line that is marked as a guest's",
        RefusalReason::Damaged => "of this boot, cut off, interleaved or altered: the check does not fit",
        RefusalReason::DamagedReplay => "damaged, among records that were printed again",
        RefusalReason::DamagedOther => "damaged, of another boot or of an unknown one",
        RefusalReason::Malformed => "of this boot, with a good check and a content that makes no sense",
        RefusalReason::MalformedOther => {
            "with a content that makes no sense, of another boot or of an unknown one"
        }
        RefusalReason::WrongTag => "with the tag of no boot: an imitation, or the header is not in the log",
        RefusalReason::OtherBoot => "of another boot than the one reported",
        RefusalReason::TooManyBoots => "headers of more boots than are told apart",
        RefusalReason::Replayed => "printed again (xl dmesg), with the same bytes",
        RefusalReason::ReplayedOld => "printed again, so late that the bytes could not be compared",
        RefusalReason::Conflict => "printed again with other bytes; the first one counts",
        RefusalReason::Late => "so late that the number had already been counted as missing",
        RefusalReason::FarAhead => "with a number far beyond those around it",
        RefusalReason::OutsideDump => "part of a dump whose beginning or end is missing",
        RefusalReason::TooMany => "stacks or rows beyond what a recorder can have",
        RefusalReason::RfcDamaged => "of the RFC's recorder, not readable",
        RefusalReason::RfcUnmarked => "of the RFC's recorder, without (XEN) before it",
        RefusalReason::Base64 => "the log begins in base64",
        RefusalReason::RfcLayered => "of the RFC's recorder, the inner half of a pair: the outer one counts",
        RefusalReason::OtherFormat => "of another recorder than the one reported",
    }
}

/// Used by the findings too: a quantity with its number.
pub(super) fn bytes_in(bytes: u64, count: u64) -> String {
    format!("{} in {}", Bytes(bytes), Several(count, "allocation"))
}
