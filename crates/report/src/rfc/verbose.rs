//! The verbose file: every allocation with its stack.

use std::io::{self, Write};

use xenheap_model::RfcOp;

use super::{RULE, events::EventLog, stacks::Stacks};
use crate::{Render, Report};

/// The verbose file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verbose;

impl Render<[Report]> for Verbose {
    fn render(&self, reports: &[Report], out: &mut dyn Write) -> io::Result<()> {
        reports.iter().try_for_each(|report| one(report, out))
    }
}

fn one(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let empty = EventLog::new();
    let domains = report.events().unwrap_or(&empty).shown(report);
    let mut stacks = Stacks::new(report.run());
    let mut section = |title: &str, belongs: fn(RfcOp) -> bool, out: &mut dyn Write| -> io::Result<()> {
        writeln!(out, "{RULE}\n{title}\n{RULE}\n")?;
        for (domain, entries) in &domains {
            for entry in entries.iter().filter(|entry| belongs(entry.op)) {
                let uncertain = stacks.uncertain(entry.stack);
                write!(out, "{}", stacks.note(uncertain.as_slice(), 1))?;
                writeln!(out, "{}(size={}) [domain: {domain}]", entry.op.as_str(), entry.size)?;
                out.write_all(stacks.text(entry.stack, entry.op, entry.kind, 0).as_bytes())?;
            }
        }
        Ok(())
    };
    section("                      xmalloc() paths", RfcOp::is_xmalloc, out)?;
    writeln!(out)?;
    section("               alloc_domheap_pages() paths", |op| op == RfcOp::AllocDomheapPages, out)
}
