//! What a graph contains, in numbers.

use std::collections::BTreeMap;

use serde::Serialize;

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
