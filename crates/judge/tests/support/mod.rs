//! A small Xen: its call graph, and runs that were recorded with it.
//!
//! ```text
//! do_a      any guest        -> f => _xmalloc        seen by stack `a`
//!                            ~> g => alloc_xenheap   through a pointer
//!                            -> printk -> q => _xmalloc   what the cuts take out
//! do_ctl    control domain   -> h ->> j => _xmalloc  h ends by jumping to j
//! timer     a softirq        => _xmalloc
//! start     boot             -> k => _xmalloc, and => _xmalloc itself
//! dead      nobody           => _xmalloc
//! ```
#![allow(dead_code, reason = "each test uses some of it")]

use std::collections::BTreeMap;

use xenheap_callgraph::{
    Allocation, Anonymity, Certainty, Code, Draft, Edge, Entry, EntryClass, Evidence, Facts, Function,
    FunctionId, Graph, Location, Piece, Section, Site, SiteId, SiteKind, Who,
};
use xenheap_judge::{
    Assessment, Policy,
    coverage::{Coverage, Ground, Join, State, belongs},
};
use xenheap_model::{
    Arch, Charge, Check, CheckId, CheckOutcome, Counters, Domain, Facts as RunFacts, Frame, Kind, LogFormat,
    Owner, Row, RowKey, Run, Source, Stack, StackId,
};
use xenheap_verdicts::VerdictFile;

pub const BUILD: &str = "b0b0";

/// A graph in the making.
#[derive(Default)]
pub struct Mini {
    pub draft: Draft,
    ids: BTreeMap<String, FunctionId>,
    next: u64,
}

impl Mini {
    pub fn new() -> Self {
        let facts = Facts {
            architecture: "x86_64".to_owned(),
            xen: Some("4.17".to_owned()),
            build_id: Some(BUILD.to_owned()),
            config_sha256: Some("c0c0".to_owned()),
            ..Facts::default()
        };
        Mini { draft: Draft { facts, ..Draft::default() }, ids: BTreeMap::new(), next: 0x1000 }
    }

    /// A function, made when it is named first; one whose name begins with `init_` is given back
    /// after boot.
    pub fn function(&mut self, name: &str) -> FunctionId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let start = 0x10_0000 * (self.ids.len() as u64 + 1);
        let section = if name.starts_with("init_") { Section::Init } else { Section::Text };
        let id = self.draft.function(Function {
            name: name.to_owned(),
            unit: Some("common/mini.c".to_owned()),
            is_static: false,
            location: Some(Location { file: "common/mini.c".to_owned(), line: 1, column: 1 }),
            code: Code::C,
            pieces: vec![Piece { symbol: name.to_owned(), start, size: 0x1000, section, landing: false }],
            stack: None,
            owner: None,
            noreturn: false,
        });
        self.ids.insert(name.to_owned(), id);
        id
    }

    /// A call; its address is handed back.
    pub fn call(&mut self, caller: &str, callee: &str, kind: SiteKind) -> u64 {
        let (caller, callee) = (self.function(caller), self.function(callee));
        self.next += 0x10;
        let address = self.next;
        let line = u32::try_from(address / 0x10).unwrap_or(0);
        let site = self.draft.site(Site {
            caller,
            address: Some(address),
            location: Some(Location { file: "common/mini.c".to_owned(), line, column: 1 }),
            kind,
            inlined: Vec::new(),
            target: None,
            open: None,
        });
        let (evidence, certainty) = match kind {
            SiteKind::Indirect => (Evidence::Flow, Certainty::Resolved),
            _ => (Evidence::Image, Certainty::Certain),
        };
        self.draft.edges.push(Edge { site, callee, evidence, certainty });
        address
    }

    /// A call of an allocator.
    pub fn allocates(&mut self, caller: &str, allocator: &str, anonymity: Anonymity, kind: SiteKind) -> u64 {
        let address = self.call(caller, allocator, kind);
        let callee = self.function(allocator);
        let site = SiteId(u32::try_from(self.draft.sites.len() - 1).expect("few"));
        let evidence = String::new();
        self.draft.allocations.push(Allocation { site, callee, anonymity, evidence, condition: None });
        address
    }

    pub fn entry(&mut self, function: &str, class: EntryClass, who: Who) {
        let function_id = self.function(function);
        self.draft.entries.push(Entry {
            function: function_id,
            class,
            operation: function.trim_start_matches("do_").to_owned(),
            who,
            source: "a table".to_owned(),
        });
    }

    pub fn graph(self) -> Graph {
        let mut graph = self.draft.finish();
        graph.seal();
        graph
    }
}

/// The small Xen, with the addresses of its calls by `caller>callee`.
pub struct Small {
    pub graph: Graph,
    pub at: BTreeMap<&'static str, u64>,
}

pub fn small() -> Small {
    use SiteKind::{Call, Indirect, Tail};
    let mut mini = Mini::new();
    let mut at = BTreeMap::new();
    for (key, caller, callee, kind) in [
        ("entry>do_a", "entry", "do_a", Call),
        ("do_a>f", "do_a", "f", Call),
        ("do_a>g", "do_a", "g", Indirect),
        ("do_a>printk", "do_a", "printk", Call),
        ("printk>q", "printk", "q", Call),
        ("entry>do_ctl", "entry", "do_ctl", Call),
        ("do_ctl>h", "do_ctl", "h", Call),
        ("h>j", "h", "j", Tail),
        ("start>k", "init_start", "k", Call),
    ] {
        at.insert(key, mini.call(caller, callee, kind));
    }
    let always = Anonymity::Always;
    for (key, caller, allocator, anonymity, kind) in [
        ("f>", "f", "_xmalloc", always, Call),
        ("g>", "g", "alloc_xenheap_pages", always, Call),
        ("q>", "q", "_xmalloc", always, Call),
        ("j>", "j", "_xmalloc", always, Tail),
        ("timer>", "timer", "_xmalloc", always, Call),
        ("k>", "k", "_xmalloc", always, Call),
        ("start>", "init_start", "_xmalloc", always, Call),
        ("dead>", "dead", "_xmalloc", always, Call),
        ("charged>", "f", "alloc_domheap_pages", Anonymity::Never, Call),
        ("inner>", "_xmalloc", "alloc_xenheap_pages", always, Call),
    ] {
        at.insert(key, mini.allocates(caller, allocator, anonymity, kind));
    }
    mini.entry("do_a", EntryClass::Hypercall, Who::AnyGuest);
    mini.entry("do_ctl", EntryClass::Hypercall, Who::ControlDomain);
    mini.entry("timer", EntryClass::Softirq, Who::Hardware);
    mini.entry("init_start", EntryClass::Boot, Who::Boot);
    Small { graph: mini.graph(), at }
}

impl Small {
    /// A stack: each function with the call that it has made.
    pub fn stack(&self, frames: &[(&str, &str)]) -> Stack {
        let frames = frames.iter().map(|(function, call)| frame(function, self.at.get(call).copied()));
        Stack { frames: frames.collect(), ..Stack::default() }
    }

    /// `entry > do_a > f`, which allocates.
    pub fn by_a(&self) -> Stack {
        self.stack(&[("entry", "entry>do_a"), ("do_a", "do_a>f"), ("f", "f>")])
    }

    /// `entry > do_a > g`, through a pointer.
    pub fn by_g(&self) -> Stack {
        self.stack(&[("entry", "entry>do_a"), ("do_a", "do_a>g"), ("g", "g>")])
    }

    /// `entry > do_ctl`; what it calls jumps on until it is in the allocator.
    pub fn by_jumps(&self) -> Stack {
        self.stack(&[("entry", "entry>do_ctl"), ("do_ctl", "do_ctl>h")])
    }

    /// In a timer.
    pub fn by_timer(&self) -> Stack {
        self.stack(&[("timer", "timer>")])
    }
}

/// A frame whose call is at an address.
pub fn frame(function: &str, call: Option<u64>) -> Frame {
    let line = call.map_or(0, |call| u32::try_from(call / 0x10).unwrap_or(0));
    Frame {
        function: function.to_owned(),
        file: None,
        inlined: false,
        source: Some(Source { file: "common/mini.c".to_owned(), line }),
        // Recorded is where a call returns to.
        addr: call.map(|call| call + 5),
    }
}

/// A run without a fault, in which each stack has allocated and freed at once.
pub fn run(tag: &str, stacks: impl IntoIterator<Item = Stack>) -> Run {
    let stacks: BTreeMap<StackId, Stack> = (1..).map(StackId).zip(stacks).collect();
    let profile: Vec<Row> = stacks
        .keys()
        .map(|stack| Row {
            key: RowKey {
                stack: *stack,
                kind: Kind::Xmalloc,
                charge: Charge::Nobody,
                current: Domain::Id(0),
                owner: Owner::Unknown,
            },
            counters: Counters {
                allocs: 2,
                bytes: 64,
                freed: 2,
                freed_bytes: 64,
                peak: 32,
                min: 32,
                max: 32,
                bracketed: Some(2),
                ..Counters::default()
            },
        })
        .collect();
    Run {
        facts: RunFacts {
            format: LogFormat::Ha1,
            arch: Arch::X86_64,
            build_id: Some(BUILD.to_owned()),
            tag: Some(tag.to_owned()),
            events: 4 * profile.len() as u64,
            ..RunFacts::default()
        },
        stacks,
        profile,
        checks: vec![Check { id: CheckId::Ended, outcome: CheckOutcome::Ok, detail: String::new() }],
        ..Run::default()
    }
}

/// Lays runs on a graph.
pub fn coverage(graph: &Graph, runs: &[(&str, Run)]) -> Coverage {
    let ground = Ground::new(graph).expect("a graph");
    let verdicts = VerdictFile::default();
    let mut join = Join::new(&ground, &verdicts);
    for (name, run) in runs {
        join.add(name, run, &belongs(&graph.facts, &run.facts, None));
    }
    join.finish()
}

/// The statement that runs and verdicts support.
pub fn assess(graph: &Graph, runs: &[(&str, Run)], verdicts: &str) -> Assessment {
    let ground = Ground::new(graph).expect("a graph");
    let verdicts = VerdictFile::parse("verdicts.toml", verdicts).expect("a verdict file");
    let policy = Policy::default();
    let mut join = Join::with_policy(&ground, &verdicts, &policy);
    for (name, run) in runs {
        join.add(name, run, &belongs(&graph.facts, &run.facts, None));
    }
    join.assess()
}

/// The state of each site, by its function.
pub fn states(coverage: &Coverage) -> BTreeMap<String, State> {
    coverage.sites.iter().map(|site| (site.function.clone(), site.state)).collect()
}

/// The words of the notes.
pub fn notes(coverage: &Coverage) -> Vec<&'static str> {
    coverage.notes.iter().map(|note| note.code().as_str()).collect()
}
