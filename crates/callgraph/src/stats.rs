//! What a graph contains, in numbers.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use xenheap_output::word;

use crate::graph::{Certainty, Code, Evidence, Facts, Graph, Open, SiteKind};

/// The numbers of a graph.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// What it was made from.
    pub facts: Facts,
    /// Its functions.
    pub functions: Functions,
    /// Call sites, by kind.
    pub sites: BTreeMap<SiteKind, u64>,
    /// Edges, by what says so and how sure it is.
    pub edges: BTreeMap<Evidence, BTreeMap<Certainty, u64>>,
    /// Sites not all of whose targets are known, by reason.
    pub open: BTreeMap<Open, u64>,
    /// Ways in.
    pub entries: u64,
    /// Calls of allocators.
    pub allocations: u64,
}

/// Functions, by what they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Functions {
    /// All.
    pub all: u64,
    /// Written in C, with machine code of their own.
    pub c: u64,
    /// Written in assembly, or not described.
    pub assembly: u64,
    /// Only within others.
    pub inlined: u64,
    /// Gone after boot.
    pub boot_only: u64,
    /// With more than one piece: clones, and cold parts.
    pub in_pieces: u64,
    /// That begin with a landing pad for indirect calls.
    pub landing: u64,
    /// From which control does not come back.
    pub noreturn: u64,
    /// With a domain or vCPU as a parameter.
    pub with_owner: u64,
    /// Whose name another function has too.
    pub of_shared_names: u64,
}

impl Graph {
    /// Counts.
    pub fn stats(&self) -> Stats {
        let mut functions = Functions::default();
        let mut names: BTreeMap<&str, u64> = BTreeMap::new();
        for function in &self.functions {
            let machine = !function.pieces.is_empty();
            let count = |what: &mut u64, counts: bool| *what += u64::from(counts);
            count(&mut functions.all, true);
            count(&mut functions.c, function.code == Code::C && machine);
            count(&mut functions.assembly, function.code == Code::Assembly);
            count(&mut functions.inlined, function.code == Code::C && !machine);
            count(&mut functions.boot_only, function.boot_only());
            count(&mut functions.in_pieces, function.pieces.len() > 1);
            count(&mut functions.landing, function.pieces.iter().any(|piece| piece.landing));
            count(&mut functions.noreturn, function.noreturn);
            count(&mut functions.with_owner, function.owner.is_some());
            *names.entry(&function.name).or_default() += 1;
        }
        functions.of_shared_names = names.values().filter(|count| **count > 1).sum();
        let mut sites = BTreeMap::new();
        let mut open = BTreeMap::new();
        for site in &self.sites {
            *sites.entry(site.kind).or_default() += 1;
            if let Some(reason) = site.open {
                *open.entry(reason).or_default() += 1;
            }
        }
        let mut edges: BTreeMap<Evidence, BTreeMap<Certainty, u64>> = BTreeMap::new();
        for edge in &self.edges {
            *edges.entry(edge.evidence).or_default().entry(edge.certainty).or_default() += 1;
        }
        let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        Stats {
            facts: self.facts.clone(),
            functions,
            sites,
            edges,
            open,
            entries: number(self.entries.len()),
            allocations: number(self.allocations.len()),
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = &self.facts;
        let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "not known".to_owned());
        writeln!(f, "Xen {} for {}", said(&facts.xen), or(&facts.architecture, "an unknown architecture"))?;
        writeln!(f, "  build id  {}", said(&facts.build_id))?;
        writeln!(f, "  compiler  {}", said(&facts.compiler))?;
        writeln!(f, "  .config   {}", said(&facts.config_sha256))?;
        for (unit, lacks) in &facts.lacks {
            let lacks: Vec<&str> = lacks.iter().map(|lack| lack.describe()).collect();
            writeln!(f, "  without   {unit}: {}", lacks.join(", "))?;
        }
        writeln!(f)?;
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
        } = self.functions;
        writeln!(f, "Functions {all:>21}")?;
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
            row(f, what, count)?;
        }
        writeln!(f, "\nCall sites {:>20}", self.sites.values().sum::<u64>())?;
        for (kind, count) in &self.sites {
            row(f, &word(kind), *count)?;
        }
        let edges: u64 = self.edges.values().flat_map(BTreeMap::values).sum();
        writeln!(f, "\nEdges {edges:>25}")?;
        for (evidence, by_certainty) in &self.edges {
            for (certainty, count) in by_certainty {
                row(f, &format!("{}, {}", word(evidence), word(certainty)), *count)?;
            }
        }
        writeln!(f, "\nOpen sites {:>20}", self.open.values().sum::<u64>())?;
        for (reason, count) in &self.open {
            row(f, &word(reason), *count)?;
        }
        writeln!(f, "\nEntries {:>23}", self.entries)?;
        writeln!(f, "Calls of allocators {:>11}", self.allocations)?;
        writeln!(f, "\nWhat was read, skipped and lost")?;
        for (what, count) in &facts.counts {
            writeln!(f, "{count:>8}  {what}")?;
        }
        Ok(())
    }
}

fn or<'a>(text: &'a str, otherwise: &'a str) -> &'a str {
    if text.is_empty() { otherwise } else { text }
}

fn row(f: &mut fmt::Formatter<'_>, what: &str, count: u64) -> fmt::Result {
    writeln!(f, "  {what:<20}{count:>9}")
}
