//! The graph file, `NAME.xhg`: one graph, to be loaded in milliseconds; `docs/graph-file.md` is its
//! specification.
//!
//! A file is zstd over lines of JSON: a head, a table of strings, and one line for each table of
//! the graph. Rows are arrays, and refer to strings, functions and sites by position.

mod error;
mod rows;

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    io::{self, Read, Write},
    path::Path,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub use error::GraphFileError;
use rows::{AllocationRow, EntryRow, FunctionRow, SiteRow, Strings};
use xenheap_output::write_whole;

use crate::graph::{Context, ContextId, Edge, Facts, Function, FunctionId, Graph, SiteId, Way};

/// What the head of every graph file says that it is.
pub const MAGIC: &str = "xenheap-graph";

/// The version that is written. All versions from 1 on are read.
pub const VERSION: u32 = 2;

/// The name of the file in a folder that `xenheap graph build` made.
pub const NAME: &str = "graph.xhg";

/// Compression level: what writing takes is little beside a build.
const LEVEL: i32 = 9;

/// No file is longer when it is decompressed: a damaged one must not fill the memory.
const LONGEST: u64 = 1 << 31;

/// How everything that zstd has compressed begins.
const ZSTD: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// What can be told of every version.
#[derive(Deserialize)]
struct Stamp {
    magic: String,
    version: u32,
    #[serde(default)]
    tool: String,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Head {
    magic: String,
    version: u32,
    tool: String,
    facts: Facts,
    strings: u64,
    functions: u64,
    sites: u64,
    edges: u64,
    entries: u64,
    allocations: u64,
    /// From version 2 on.
    #[serde(default)]
    contexts: u64,
    /// The same.
    #[serde(default)]
    ways: u64,
}

/// Whether bytes (after decompression) are the beginning of a graph file.
pub fn is_graph_file(start: &[u8]) -> bool {
    start.starts_with(b"{\"magic\":\"xenheap-graph\"")
}

impl Graph {
    /// Writes it to a file, which is there as a whole or not at all. `tool` says who writes, for
    /// messages.
    pub fn save(&self, path: &Path, tool: &str) -> Result<(), GraphFileError> {
        let fail = |source| GraphFileError::Write { path: path.to_owned(), source };
        write_whole(path, |out| self.write(out, tool)).map_err(fail)
    }

    /// Writes it.
    pub fn write(&self, out: impl Write, tool: &str) -> io::Result<()> {
        let strings = self.strings();
        let at: HashMap<&str, u32> = strings.iter().copied().zip(0..).collect();
        let at = |text: &str| at.get(text).copied().unwrap_or(u32::MAX);
        let count = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        let mut out = zstd::Encoder::new(out, LEVEL)?;
        out.include_checksum(true)?;
        let head = Head {
            magic: MAGIC.to_owned(),
            version: VERSION,
            tool: tool.to_owned(),
            facts: self.facts.clone(),
            strings: count(strings.len()),
            functions: count(self.functions.len()),
            sites: count(self.sites.len()),
            edges: count(self.edges.len()),
            entries: count(self.entries.len()),
            allocations: count(self.allocations.len()),
            contexts: count(self.contexts.len()),
            ways: count(self.ways.len()),
        };
        line(&mut out, &head)?;
        line(&mut out, &strings)?;
        table(&mut out, self.functions.iter().map(|function| FunctionRow::new(function, &at)))?;
        table(&mut out, self.sites.iter().map(|site| SiteRow::new(site, &at)))?;
        table(
            &mut out,
            self.edges.iter().map(|edge| (edge.site, edge.callee, edge.evidence, edge.certainty)),
        )?;
        table(&mut out, self.entries.iter().map(|entry| EntryRow::new(entry, &at)))?;
        table(&mut out, self.allocations.iter().map(|allocation| AllocationRow::new(allocation, &at)))?;
        table(
            &mut out,
            self.contexts.iter().map(|context| (context.function, at(&context.says), context.closed)),
        )?;
        table(&mut out, self.ways.iter().map(|way| (way.site, way.callee, way.within, way.into)))?;
        out.finish()?.flush()
    }

    /// Reads a file, or the graph file of a folder.
    pub fn load(path: &Path) -> Result<Self, GraphFileError> {
        let inside;
        let path = if path.is_dir() {
            inside = path.join(NAME);
            inside.as_path()
        } else {
            path
        };
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|source| GraphFileError::Read { name: name.clone(), source })?;
        Self::read(&name, &bytes)
    }

    /// Reads a file that is in memory; `name` is for messages.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, GraphFileError> {
        let (text, cut) = decompress(name, bytes)?;
        let mut lines = Lines { name, rest: &text, number: 0 };
        let not = || GraphFileError::NotAGraphFile { name: name.to_owned() };
        let Some(first) = lines.next() else {
            let cut_in_head = cut && bytes.starts_with(&ZSTD) || is_graph_file(&text);
            return Err(if cut_in_head { lines.cut_off("head") } else { not() });
        };
        let stamp: Stamp = serde_json::from_slice(first).map_err(|_| not())?;
        if stamp.magic != MAGIC || stamp.version == 0 {
            return Err(not());
        }
        if stamp.version > VERSION {
            let tool = if stamp.tool.is_empty() { "it does not say which".to_owned() } else { stamp.tool };
            return Err(GraphFileError::Newer { name: name.to_owned(), found: stamp.version, tool });
        }
        let head: Head = lines.parse(1, first)?;
        let mut table =
            |what| lines.next().map(|line| (lines.number, line)).ok_or_else(|| lines.cut_off(what));
        let strings = table("strings")?;
        let functions = table("functions")?;
        let sites = table("sites")?;
        let edges = table("edges")?;
        let entries = table("entries")?;
        let allocations = table("allocations")?;
        let contexts = if head.version > 1 { Some((table("contexts")?, table("ways")?)) } else { None };
        if cut {
            return Err(lines.cut_off("end"));
        }
        if let Some(_more) = lines.next() {
            return Err(GraphFileError::Surplus { name: name.to_owned(), line: lines.number });
        }
        let tables = Tables { name, head: &head };
        let strings: Vec<String> = tables.rows("strings", strings, head.strings)?;
        let strings = Strings(&strings);
        let ((functions, sites), (edges, (entries, allocations))) = rayon::join(
            || {
                rayon::join(
                    || {
                        tables.read("functions", functions, head.functions, |row: FunctionRow| {
                            row.into(strings)
                        })
                    },
                    || {
                        tables.read("sites", sites, head.sites, |row: SiteRow| {
                            row.into(strings, &head_counts(&head))
                        })
                    },
                )
            },
            || {
                rayon::join(
                    || tables.edges(edges),
                    || {
                        (
                            tables.read("entries", entries, head.entries, |row: EntryRow| {
                                row.into(strings, &head_counts(&head))
                            }),
                            tables.read(
                                "allocations",
                                allocations,
                                head.allocations,
                                |row: AllocationRow| row.into(strings, &head_counts(&head)),
                            ),
                        )
                    },
                )
            },
        );
        let (contexts, ways) = match contexts {
            Some((contexts, ways)) => (tables.contexts(contexts, strings)?, tables.ways(ways)?),
            None => (Vec::new(), Vec::new()),
        };
        let graph = Graph {
            contexts,
            ways,
            facts: head.facts.clone(),
            functions: functions?,
            sites: sites?,
            edges: edges?,
            entries: entries?,
            allocations: allocations?,
        };
        tables.in_order(&graph)?;
        Ok(graph)
    }

    /// All strings, each once.
    fn strings(&self) -> Vec<&str> {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        for function in &self.functions {
            all.insert(&function.name);
            all.extend(function.unit.as_deref());
            all.extend(function.location.as_ref().map(|at| at.file.as_str()));
            all.extend(function.pieces.iter().map(|piece| piece.symbol.as_str()));
            if let Some(owner) = &function.owner {
                all.insert(&owner.parameter);
                all.insert(&owner.holds);
            }
        }
        for site in &self.sites {
            all.extend(site.location.as_ref().map(|at| at.file.as_str()));
            all.extend(site.inlined.iter().filter_map(|frame| Some(frame.location.as_ref()?.file.as_str())));
            all.extend(site.target.as_deref());
        }
        for entry in &self.entries {
            all.insert(&entry.operation);
            all.insert(&entry.source);
        }
        for allocation in &self.allocations {
            all.insert(&allocation.evidence);
            all.extend(allocation.condition.as_deref());
        }
        all.extend(self.contexts.iter().map(|context| context.says.as_str()));
        all.into_iter().collect()
    }
}

/// What positions a row may have.
#[derive(Clone, Copy)]
struct Counts {
    functions: u64,
    sites: u64,
}

impl Counts {
    fn function(self, id: FunctionId) -> Option<FunctionId> {
        (u64::from(id.0) < self.functions).then_some(id)
    }

    fn site(self, id: SiteId) -> Option<SiteId> {
        (u64::from(id.0) < self.sites).then_some(id)
    }
}

fn head_counts(head: &Head) -> Counts {
    Counts { functions: head.functions, sites: head.sites }
}

fn line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

fn table<T: Serialize>(out: &mut impl Write, rows: impl Iterator<Item = T>) -> io::Result<()> {
    let rows: Vec<T> = rows.collect();
    line(out, &rows)
}

/// The content, and whether it ends early.
fn decompress(name: &str, bytes: &[u8]) -> Result<(Vec<u8>, bool), GraphFileError> {
    let fail = |source| GraphFileError::Read { name: name.to_owned(), source };
    let mut text = Vec::new();
    let mut decoder = match zstd::Decoder::new(bytes) {
        Ok(decoder) => decoder.take(LONGEST),
        Err(source) => return Err(fail(source)),
    };
    match decoder.read_to_end(&mut text) {
        Ok(_) => Ok((text, false)),
        // Which line is missing says more.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok((text, true)),
        Err(_) if text.is_empty() => Err(GraphFileError::NotAGraphFile { name: name.to_owned() }),
        Err(source) => Err(fail(source)),
    }
}

struct Lines<'a> {
    name: &'a str,
    rest: &'a [u8],
    number: u64,
}

impl<'a> Lines<'a> {
    /// The next whole line.
    fn next(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(b'\n', self.rest)?;
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        self.number += 1;
        Some(line)
    }

    fn parse<T: DeserializeOwned>(&self, number: u64, line: &[u8]) -> Result<T, GraphFileError> {
        serde_json::from_slice(line).map_err(|source| GraphFileError::Line {
            name: self.name.to_owned(),
            line: number,
            source,
        })
    }

    fn cut_off(&self, what: &'static str) -> GraphFileError {
        GraphFileError::CutOff { name: self.name.to_owned(), what }
    }
}

#[derive(Clone, Copy)]
struct Tables<'a> {
    name: &'a str,
    head: &'a Head,
}

impl Tables<'_> {
    fn rows<'a, T: Deserialize<'a>>(
        &self,
        what: &'static str,
        (number, line): (u64, &'a [u8]),
        expected: u64,
    ) -> Result<Vec<T>, GraphFileError> {
        let rows: Vec<T> = serde_json::from_slice(line).map_err(|source| GraphFileError::Line {
            name: self.name.to_owned(),
            line: number,
            source,
        })?;
        let found = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        if found == expected {
            Ok(rows)
        } else {
            Err(GraphFileError::Count { name: self.name.to_owned(), what, found, expected })
        }
    }

    fn read<'a, R: Deserialize<'a>, T>(
        &self,
        what: &'static str,
        line: (u64, &'a [u8]),
        expected: u64,
        make: impl Fn(R) -> Option<T>,
    ) -> Result<Vec<T>, GraphFileError> {
        let rows = self.rows(what, line, expected)?;
        (0..).zip(rows).map(|(row, value)| make(value).ok_or_else(|| self.dangling(what, row))).collect()
    }

    fn edges(&self, line: (u64, &[u8])) -> Result<Vec<Edge>, GraphFileError> {
        let counts = head_counts(self.head);
        self.read("edges", line, self.head.edges, |(site, callee, evidence, certainty)| {
            Some(Edge { site: counts.site(site)?, callee: counts.function(callee)?, evidence, certainty })
        })
    }

    fn contexts(&self, line: (u64, &[u8]), strings: Strings<'_>) -> Result<Vec<Context>, GraphFileError> {
        let counts = head_counts(self.head);
        self.read("contexts", line, self.head.contexts, |(function, says, closed)| {
            Some(Context { function: counts.function(function)?, says: strings.get(says)?, closed })
        })
    }

    fn ways(&self, line: (u64, &[u8])) -> Result<Vec<Way>, GraphFileError> {
        let counts = head_counts(self.head);
        let context = |id: Option<ContextId>| match id {
            Some(id) => (u64::from(id.0) < self.head.contexts).then_some(Some(id)),
            None => Some(None),
        };
        self.read("ways", line, self.head.ways, |(site, callee, within, into)| {
            Some(Way {
                site: counts.site(site)?,
                callee: counts.function(callee)?,
                within: context(within)?,
                into: context(into)?,
            })
        })
    }

    fn dangling(&self, what: &'static str, row: u64) -> GraphFileError {
        GraphFileError::Dangling { name: self.name.to_owned(), what, row }
    }

    /// Others look things up in the tables by their order.
    fn in_order(&self, graph: &Graph) -> Result<(), GraphFileError> {
        let in_order = |a: &Function, b: &Function| (&a.name, &a.unit) <= (&b.name, &b.unit);
        let wrong = if !graph.functions.is_sorted_by(in_order) {
            "functions"
        } else if !graph.sites.is_sorted_by_key(|site| site.caller) {
            "sites"
        } else if !graph.edges.is_sorted() {
            "edges"
        } else if !graph.contexts.is_sorted() {
            "contexts"
        } else if !graph.ways.is_sorted() {
            "ways"
        } else {
            return Ok(());
        };
        Err(GraphFileError::Unsorted { name: self.name.to_owned(), what: wrong })
    }
}

#[cfg(test)]
mod tests;
