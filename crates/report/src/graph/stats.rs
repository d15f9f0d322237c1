//! What a graph contains, in numbers.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use xenheap_callgraph::{Facts, Functions, Stats};
use xenheap_output::{Escaped, word};

use crate::Render;

/// A number a line.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatsText;

impl Render<Stats> for StatsText {
    fn render(&self, stats: &Stats, out: &mut dyn Write) -> io::Result<()> {
        build(&stats.facts, out)?;
        writeln!(out)?;
        functions(&stats.functions, out)?;
        writeln!(out, "\nCall sites {:>20}", stats.sites.values().sum::<u64>())?;
        for (kind, count) in &stats.sites {
            row(out, &word(kind), *count)?;
        }
        let edges: u64 = stats.edges.values().flat_map(BTreeMap::values).sum();
        writeln!(out, "\nEdges {edges:>25}")?;
        for (evidence, by_certainty) in &stats.edges {
            for (certainty, count) in by_certainty {
                row(out, &format!("{}, {}", word(evidence), word(certainty)), *count)?;
            }
        }
        writeln!(out, "\nOpen sites {:>20}", stats.open.values().sum::<u64>())?;
        for (reason, count) in &stats.open {
            row(out, &word(reason), *count)?;
        }
        writeln!(out, "\nEntries {:>23}", stats.entries)?;
        writeln!(out, "Calls of allocators {:>11}", stats.allocations)?;
        writeln!(out, "\nWhat was read, skipped and lost")?;
        for (what, count) in &stats.facts.counts {
            writeln!(out, "{count:>8}  {}", Escaped(what))?;
        }
        Ok(())
    }
}

/// What the graph was made from.
fn build(facts: &Facts, out: &mut dyn Write) -> io::Result<()> {
    let said = |text: &Option<String>| Escaped(text.clone().unwrap_or_else(|| "not known".to_owned()));
    let architecture = match facts.architecture.as_str() {
        "" => "an unknown architecture",
        known => known,
    };
    writeln!(out, "Xen {} for {}", said(&facts.xen), Escaped(architecture))?;
    writeln!(out, "  build id  {}", said(&facts.build_id))?;
    writeln!(out, "  compiler  {}", said(&facts.compiler))?;
    writeln!(out, "  .config   {}", said(&facts.config_sha256))?;
    for (unit, lacks) in &facts.lacks {
        let lacks: Vec<&str> = lacks.iter().map(|lack| lack.describe()).collect();
        writeln!(out, "  without   {}: {}", Escaped(unit), lacks.join(", "))?;
    }
    Ok(())
}

fn functions(functions: &Functions, out: &mut dyn Write) -> io::Result<()> {
    let Functions {
        all,
        c,
        assembly,
        inlined,
        boot_only,
        in_pieces,
        landing,
        noreturn,
        with_owner,
        of_shared_names,
    } = *functions;
    writeln!(out, "Functions {all:>21}")?;
    for (what, count) in [
        ("C", c),
        ("assembly", assembly),
        ("only inlined", inlined),
        ("boot only", boot_only),
        ("in several pieces", in_pieces),
        ("with a landing pad", landing),
        ("that do not return", noreturn),
        ("with domain or vcpu", with_owner),
        ("of shared names", of_shared_names),
    ] {
        row(out, what, count)?;
    }
    Ok(())
}

fn row(out: &mut dyn Write, what: &str, count: u64) -> io::Result<()> {
    writeln!(out, "  {what:<20}{count:>9}")
}
