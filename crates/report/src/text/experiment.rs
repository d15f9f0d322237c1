//! What was made different in a run, and what domains were charged.

use std::io::{self, Write};

use xenheap_model::{Bill, Experiment, Payer};
use xenheap_output::{
    layout::{Paint, hanging, table},
    size::{Bytes, Count, Several},
};

use crate::Report;

pub(super) fn write(report: &Report, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let run = report.run();
    purpose(&run.facts.experiment, paint, out)?;
    let bills = run.dump.as_ref().map_or(&[][..], |dump| &dump.bills);
    if bills.is_empty() {
        return Ok(());
    }
    let whom = match run.facts.experiment.charge.map(|charge| charge.payer) {
        Some(Payer::Current) => "the domain whose call was served",
        Some(Payer::Owner) => "the domain that it is for, else the one whose call was served",
        None => "somebody",
    };
    writeln!(out, "{} (anonymous memory, to {whom})\n", paint.bold("CHARGED"))?;
    if let Some(limit) = run.facts.experiment.charge.and_then(|charge| charge.limit) {
        writeln!(out, "  Each domain may have {}.\n", Bytes(limit))?;
    }
    if run.facts.experiment.charge.is_some_and(|charge| charge.no_hwdom) {
        writeln!(out, "  The hardware domain pays for nothing.\n")?;
    }
    let titles =
        ["domain", "allocations", "bytes", "at most", "pages", "at most", "both, at most", "refused"];
    let lines: Vec<[String; 8]> = bills.iter().map(line).collect();
    table(out, titles, 1, &lines)
}

fn line(bill: &Bill) -> [String; 8] {
    let payer = bill.payer.map_or("nobody".to_owned(), |payer| payer.to_string());
    let numbers =
        [bill.allocs, bill.bytes, bill.bytes_peak, bill.pages, bill.pages_peak, bill.peak, bill.refused];
    let [allocs, bytes, bytes_peak, pages, pages_peak, peak, refused] = numbers.map(|n| Count(n).to_string());
    [payer, allocs, bytes, bytes_peak, pages, pages_peak, peak, refused]
}

fn purpose(experiment: &Experiment, paint: Paint, out: &mut dyn Write) -> io::Result<()> {
    let Some(fail) = experiment.fail else { return Ok(()) };
    let text = match &experiment.failed {
        Some(failed) => format!(
            "An allocation was failed on purpose: number {} of the stack {:016x}, {} of kind {} while {} ran.",
            fail.nth,
            fail.hash,
            Several(failed.bytes, "byte"),
            failed.kind.as_str(),
            failed.current
        ),
        None => format!(
            "Allocation {} of the stack {:016x} was selected to fail, but was never requested.",
            fail.nth, fail.hash
        ),
    };
    hanging(out, &format!("  {} ", paint.bold("!!")), 5, &text)?;
    writeln!(out)
}
