//! The normalized form of a call graph, for other programs and from them: a folder with
//! `functions.csv`, `edges.csv` and `metadata.json`; `docs/graph-csv.md` says what the columns
//! mean.
//!
//! What has no column stands in the notes as `key=value`. Notes that are not ours are passed over,
//! so that graphs of other tools can be read. Inlined frames are not kept.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use xenheap_output::{word, write_whole};

use crate::{
    draft::Draft,
    graph::{
        Allocation, Anonymity, Certainty, Code, Context, ContextId, Edge, Entry, EntryClass, Evidence, Facts,
        Function, FunctionId, Graph, Location, Open, Owner, Piece, Section, Site, SiteId, SiteKind, StackUse,
        Way, Who,
    },
};

/// The callee of a call whose targets are not known.
const INDIRECT: &str = "__indirect_call";

/// The names of the three files.
const FUNCTIONS: &str = "functions.csv";
const EDGES: &str = "edges.csv";
const METADATA: &str = "metadata.json";

/// A graph that cannot be read from its normalized form, or written in it.
#[derive(Debug, Error)]
pub enum CsvError {
    /// A file cannot be read or written.
    #[error("cannot access {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A table is damaged.
    #[error("{}: {source}", path.display())]
    Csv {
        /// Which.
        path: PathBuf,
        /// What is wrong, with its line.
        source: csv::Error,
    },
    /// The metadata is damaged.
    #[error("{}: {source}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Two rows define one function.
    #[error("{}, line {line}: the function `{function}` stands here a second time", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// Which.
        function: String,
    },
    /// A call is said to be possible in a context that does not exist.
    #[error("{}: there is no context {number} in `contexts`", path.display())]
    NoContext {
        /// The file.
        path: PathBuf,
        /// Which one.
        number: u32,
    },
    /// A value that no column or note can have.
    #[error("{}, line {line}: `{value}` is no {what}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What should be there.
        what: &'static str,
        /// What is there.
        value: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct FunctionRow {
    function: String,
    #[serde(default)]
    source_file: String,
    line: Option<u32>,
    #[serde(default)]
    module: String,
    #[serde(default)]
    backend: String,
    #[serde(default)]
    linkage: String,
    #[serde(default)]
    visibility: String,
    #[serde(default)]
    notes: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct EdgeRow {
    caller: String,
    callee: String,
    #[serde(default)]
    source_file: String,
    line: Option<u32>,
    edge_kind: EdgeKind,
    #[serde(default)]
    backend: String,
    #[serde(default)]
    module: String,
    #[serde(default)]
    notes: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EdgeKind {
    Direct,
    UnresolvedIndirect,
    Synthetic,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Metadata {
    #[serde(default)]
    tool: String,
    #[serde(default)]
    facts: Facts,
    #[serde(default)]
    entries: Vec<EntryRow>,
    #[serde(default)]
    allocations: Vec<AllocationRow>,
    #[serde(default)]
    contexts: Vec<ContextRow>,
    #[serde(default)]
    ways: Vec<WayRow>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EntryRow {
    function: String,
    class: EntryClass,
    operation: String,
    who: Who,
    source: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct AllocationRow {
    site: u32,
    callee: String,
    anonymity: Anonymity,
    evidence: String,
    condition: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ContextRow {
    function: String,
    says: String,
    closed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct WayRow {
    site: u32,
    callee: String,
    /// Positions in `contexts`.
    within: Option<u32>,
    into: Option<u32>,
}

/// Whether a folder has a graph in this form.
pub fn is_normalized(folder: &Path) -> bool {
    folder.join(FUNCTIONS).is_file() && folder.join(EDGES).is_file()
}

impl Graph {
    /// Writes it into a folder. `tool` says who did.
    pub fn write_csv(&self, folder: &Path, tool: &str) -> Result<(), CsvError> {
        let ids = ids(&self.functions);
        let id = |function: FunctionId| ids.get(index(function.0)).map_or("", String::as_str);
        table(
            folder,
            FUNCTIONS,
            self.functions.iter().zip(&ids).map(|(function, id)| function_row(function, id)),
        )?;
        let mut edges = self.edges.chunk_by(|a, b| (a.site, a.callee) == (b.site, b.callee)).peekable();
        let mut rows = Vec::new();
        for (at, site) in (0..).zip(&self.sites) {
            let at = SiteId(at);
            while let Some(of_callee) =
                edges.next_if(|edges| edges.first().is_some_and(|edge| edge.site == at))
            {
                if let Some(edge) = of_callee.first() {
                    rows.push(edge_row(self, at, site, id(site.caller), id(edge.callee), of_callee));
                }
            }
            if site.open.is_some() {
                rows.push(edge_row(self, at, site, id(site.caller), INDIRECT, &[]));
            }
        }
        table(folder, EDGES, rows.into_iter())?;
        let metadata = Metadata {
            tool: tool.to_owned(),
            facts: self.facts.clone(),
            entries: self
                .entries
                .iter()
                .map(|entry| EntryRow {
                    function: id(entry.function).to_owned(),
                    class: entry.class,
                    operation: entry.operation.clone(),
                    who: entry.who,
                    source: entry.source.clone(),
                })
                .collect(),
            allocations: self
                .allocations
                .iter()
                .map(|one| AllocationRow {
                    site: one.site.0,
                    callee: id(one.callee).to_owned(),
                    anonymity: one.anonymity,
                    evidence: one.evidence.clone(),
                    condition: one.condition.clone(),
                })
                .collect(),
            contexts: self
                .contexts
                .iter()
                .map(|context| ContextRow {
                    function: id(context.function).to_owned(),
                    says: context.says.clone(),
                    closed: context.closed,
                })
                .collect(),
            ways: self
                .ways
                .iter()
                .map(|way| WayRow {
                    site: way.site.0,
                    callee: id(way.callee).to_owned(),
                    within: way.within.map(|context| context.0),
                    into: way.into.map(|context| context.0),
                })
                .collect(),
        };
        let path = folder.join(METADATA);
        write_whole(&path, |out| Ok(serde_json::to_writer_pretty(out, &metadata)?))
            .map_err(|source| CsvError::Io { path, source })
    }

    /// Reads it from a folder. Functions that only edges name are known by their name alone.
    pub fn read_csv(folder: &Path) -> Result<Self, CsvError> {
        let described = folder.join(METADATA);
        let metadata: Metadata = match File::open(&described) {
            Ok(file) => serde_json::from_reader(io::BufReader::new(file))
                .map_err(|source| CsvError::Metadata { path: described.clone(), source })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Metadata::default(),
            Err(source) => return Err(CsvError::Io { path: described, source }),
        };
        let mut draft = Draft { facts: metadata.facts, ..Draft::default() };
        let mut known: HashMap<String, FunctionId> = HashMap::new();
        let path = folder.join(FUNCTIONS);
        for (line, row) in rows::<FunctionRow>(&path)? {
            let at = Cell { path: &path, line };
            let name = row.function.clone();
            let function = draft.function(function_of(row, at)?);
            if known.insert(name.clone(), function).is_some() {
                return Err(CsvError::Twice { path, line, function: name });
            }
        }
        let mut sites: HashMap<u32, SiteId> = HashMap::new();
        let path = folder.join(EDGES);
        for (line, row) in rows::<EdgeRow>(&path)? {
            let at = Cell { path: &path, line };
            let mut find = |draft: &mut Draft, name: &str| match known.get(name) {
                Some(id) => *id,
                None => {
                    let id = draft.function(unknown(name));
                    known.insert(name.to_owned(), id);
                    id
                }
            };
            let notes = Notes::read(&row.notes);
            let caller = find(&mut draft, &row.caller);
            let number = notes.parsed("site", "site", at)?;
            let site = match number.and_then(|number: u32| sites.get(&number)) {
                Some(site) => *site,
                None => {
                    let site = draft.site(site_of(&row, &notes, caller, at)?);
                    if let Some(number) = number {
                        sites.insert(number, site);
                    }
                    site
                }
            };
            if row.edge_kind == EdgeKind::UnresolvedIndirect {
                // Other rows of the site may have come before.
                if let Some(site) = draft.sites.get_mut(index(site.0)) {
                    site.open.get_or_insert(Open::Unknown);
                }
                continue;
            }
            let callee = find(&mut draft, &row.callee);
            let (evidence, certainty) = match row.edge_kind {
                EdgeKind::Direct => (Evidence::Ci, Certainty::Certain),
                _ => (Evidence::Model, Certainty::Resolved),
            };
            let Some(all) = notes.get("evidence") else {
                draft.edges.push(Edge { site, callee, evidence, certainty });
                continue;
            };
            for one in all.split('+') {
                let (evidence, certainty) = one.split_once(':').ok_or_else(|| at.no("evidence", one))?;
                let evidence = at.word("evidence", evidence)?;
                let certainty = at.word("certainty", certainty)?;
                draft.edges.push(Edge { site, callee, evidence, certainty });
            }
        }
        for entry in metadata.entries {
            if let Some(function) = known.get(&entry.function).copied() {
                let EntryRow { class, operation, who, source, .. } = entry;
                draft.entries.push(Entry { function, class, operation, who, source });
            }
        }
        for one in metadata.allocations {
            if let (Some(site), Some(callee)) = (sites.get(&one.site), known.get(&one.callee)) {
                draft.allocations.push(Allocation {
                    site: *site,
                    callee: *callee,
                    anonymity: one.anonymity,
                    evidence: one.evidence,
                    condition: one.condition,
                });
            }
        }
        let mut contexts = Vec::with_capacity(metadata.contexts.len());
        for ContextRow { function, says, closed } in metadata.contexts {
            // Of a function that is not in the tables there are no calls either.
            contexts.push(known.get(&function).copied().map(|function| {
                draft.contexts.push(Context { function, says, closed });
                ContextId(u32::try_from(draft.contexts.len() - 1).unwrap_or(u32::MAX))
            }));
        }
        for way in metadata.ways {
            let context = |number: Option<u32>| match number {
                None => Ok(Some(None)),
                Some(number) => contexts
                    .get(index(number))
                    .map(|context| context.map(Some))
                    .ok_or_else(|| CsvError::NoContext { path: described.clone(), number }),
            };
            let (within, into) = (context(way.within)?, context(way.into)?);
            if let (Some(site), Some(callee), Some(within), Some(into)) =
                (sites.get(&way.site), known.get(&way.callee), within, into)
            {
                draft.ways.push(Way { site: *site, callee: *callee, within, into });
            }
        }
        Ok(draft.finish())
    }
}

/// What tells functions apart: as in `.ci` files the name, with the unit where it is static; where
/// that is not enough, with the place.
fn ids(functions: &[Function]) -> Vec<String> {
    let plain = |function: &Function| match &function.unit {
        Some(unit) if function.is_static => format!("{unit}:{}", function.name),
        _ => function.name.clone(),
    };
    let all: HashSet<String> = functions.iter().map(plain).collect();
    let mut count: BTreeMap<String, u32> = BTreeMap::new();
    functions
        .iter()
        .map(|function| {
            let id = plain(function);
            let seen = count.entry(id.clone()).or_default();
            loop {
                *seen += 1;
                if *seen == 1 {
                    return id;
                }
                let other = format!("{id}@{seen}");
                // A function can be called so by itself.
                if !all.contains(&other) {
                    return other;
                }
            }
        })
        .collect()
}

fn function_row(function: &Function, id: &str) -> FunctionRow {
    let mut notes = Notes::default();
    notes.add("name", &function.name);
    if function.code == Code::Assembly {
        notes.add("code", "assembly");
    }
    if function.noreturn {
        notes.add("noreturn", "yes");
    }
    if let Some(stack) = function.stack {
        notes.add("stack", &stack.bytes.to_string());
        if stack.dynamic {
            notes.add("dynamic", "yes");
        }
    }
    if let Some(owner) = &function.owner {
        notes.add("owner", &format!("{}:{}", owner.parameter, owner.holds));
    }
    if let Some(column) = function.location.as_ref().map(|at| at.column) {
        notes.add("column", &column.to_string());
    }
    for piece in &function.pieces {
        let landing = if piece.landing { "/landing" } else { "" };
        let text =
            format!("{}@{:#x}+{}/{}{landing}", piece.symbol, piece.start, piece.size, word(&piece.section));
        notes.add("piece", &text);
    }
    let visibility = match (function.pieces.is_empty(), function.is_static) {
        (true, _) => "none",
        (false, true) => "unit",
        (false, false) => "image",
    };
    FunctionRow {
        function: id.to_owned(),
        source_file: function.location.as_ref().map(|at| at.file.clone()).unwrap_or_default(),
        line: function.location.as_ref().map(|at| at.line),
        module: function.unit.clone().unwrap_or_default(),
        backend: if function.pieces.is_empty() { "ci" } else { "image" }.to_owned(),
        linkage: if function.is_static { "static" } else { "external" }.to_owned(),
        visibility: visibility.to_owned(),
        notes: notes.to_string(),
    }
}

fn edge_row(graph: &Graph, at: SiteId, site: &Site, caller: &str, callee: &str, edges: &[Edge]) -> EdgeRow {
    let mut notes = Notes::default();
    notes.add("site", &at.0.to_string());
    notes.add("kind", &word(&site.kind));
    if let Some(address) = site.address {
        notes.add("address", &format!("{address:#x}"));
    }
    if let Some(column) = site.location.as_ref().map(|at| at.column) {
        notes.add("column", &column.to_string());
    }
    if let Some(target) = &site.target {
        notes.add("target", target);
    }
    if let Some(open) = &site.open {
        notes.add("open", &word(open));
    }
    let evidence = |edge: &Edge| format!("{}:{}", word(&edge.evidence), word(&edge.certainty));
    if !edges.is_empty() {
        notes.add("evidence", &edges.iter().map(evidence).collect::<Vec<_>>().join("+"));
    }
    let edge_kind = match edges.first() {
        None => EdgeKind::UnresolvedIndirect,
        Some(edge) if matches!(edge.evidence, Evidence::Image | Evidence::Ci) => EdgeKind::Direct,
        Some(_) => EdgeKind::Synthetic,
    };
    let caller_function = graph.functions.get(index(site.caller.0));
    EdgeRow {
        caller: caller.to_owned(),
        callee: callee.to_owned(),
        source_file: site.location.as_ref().map(|at| at.file.clone()).unwrap_or_default(),
        line: site.location.as_ref().map(|at| at.line),
        edge_kind,
        backend: edges.first().map_or_else(|| "image".to_owned(), |edge| word(&edge.evidence)),
        module: caller_function.and_then(|function| function.unit.clone()).unwrap_or_default(),
        notes: notes.to_string(),
    }
}

fn function_of(row: FunctionRow, at: Cell<'_>) -> Result<Function, CsvError> {
    let notes = Notes::read(&row.notes);
    let column = notes.parsed("column", "column", at)?.unwrap_or(0);
    let is_static = row.linkage == "static";
    let unit = Some(row.module).filter(|unit| !unit.is_empty());
    let plain = |id: &str| id.rsplit_once(':').map_or(id, |(_, name)| name).to_owned();
    let pieces = notes.all("piece").map(|text| piece(text).ok_or_else(|| at.no("piece", text)));
    let owner = notes.get("owner").and_then(|owner| owner.split_once(':'));
    Ok(Function {
        name: notes.get("name").map_or_else(|| plain(&row.function), str::to_owned),
        unit,
        is_static,
        location: row.line.filter(|_| !row.source_file.is_empty()).map(|line| Location {
            file: row.source_file.clone(),
            line,
            column,
        }),
        code: if notes.get("code") == Some("assembly") { Code::Assembly } else { Code::C },
        pieces: pieces.collect::<Result<_, _>>()?,
        stack: notes
            .parsed("stack", "stack use", at)?
            .map(|bytes| StackUse { bytes, dynamic: notes.get("dynamic").is_some() }),
        owner: owner
            .map(|(parameter, holds)| Owner { parameter: parameter.to_owned(), holds: holds.to_owned() }),
        noreturn: notes.get("noreturn").is_some(),
    })
}

/// `symbol@0xstart+size/section/landing`
fn piece(text: &str) -> Option<Piece> {
    let (symbol, rest) = text.rsplit_once('@')?;
    let (start, rest) = rest.split_once('+')?;
    let mut parts = rest.split('/');
    let size = parts.next()?.parse().ok()?;
    let section: Section = serde_json::from_value(parts.next()?.into()).ok()?;
    let start = u64::from_str_radix(start.strip_prefix("0x")?, 16).ok()?;
    Some(Piece { symbol: symbol.to_owned(), start, size, section, landing: parts.next() == Some("landing") })
}

/// A function of which only the name is known.
fn unknown(id: &str) -> Function {
    let (unit, name) = id.rsplit_once(':').map_or((None, id), |(unit, name)| (Some(unit.to_owned()), name));
    Function {
        name: name.to_owned(),
        is_static: unit.is_some(),
        unit,
        location: None,
        code: Code::Assembly,
        pieces: Vec::new(),
        stack: None,
        owner: None,
        noreturn: false,
    }
}

fn site_of(row: &EdgeRow, notes: &Notes<'_>, caller: FunctionId, at: Cell<'_>) -> Result<Site, CsvError> {
    let column = notes.parsed("column", "column", at)?.unwrap_or(0);
    let kind: Option<SiteKind> = notes.word("kind", "kind of a call", at)?;
    let unresolved = row.edge_kind == EdgeKind::UnresolvedIndirect;
    let open: Option<Open> = notes.word("open", "reason", at)?;
    let address = notes.get("address").map(|text| {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        u64::from_str_radix(digits, 16).map_err(|_| at.no("address", text))
    });
    Ok(Site {
        caller,
        address: address.transpose()?,
        location: row.line.filter(|_| !row.source_file.is_empty()).map(|line| Location {
            file: row.source_file.clone(),
            line,
            column,
        }),
        kind: kind.unwrap_or(match row.edge_kind {
            EdgeKind::Direct => SiteKind::Call,
            EdgeKind::UnresolvedIndirect => SiteKind::Indirect,
            EdgeKind::Synthetic => SiteKind::Synthetic,
        }),
        inlined: Vec::new(),
        target: notes.get("target").map(str::to_owned),
        open: open.or(unresolved.then_some(Open::Unknown)),
    })
}

/// Notes as `key=value`, with `; ` between; a value has neither.
#[derive(Default)]
struct Notes<'a>(Vec<(std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>);

impl<'a> Notes<'a> {
    fn add(&mut self, key: &'static str, value: &str) {
        self.0.push((key.into(), value.replace(';', ",").into()));
    }

    fn read(text: &'a str) -> Self {
        let note = |note: &'a str| note.split_once('=').map(|(key, value)| (key.into(), value.into()));
        Notes(text.split("; ").filter_map(note).collect())
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(own, _)| own == key).map(|(_, value)| value.as_ref())
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    fn parsed<T: std::str::FromStr>(
        &self,
        key: &str,
        what: &'static str,
        at: Cell<'_>,
    ) -> Result<Option<T>, CsvError> {
        self.get(key).map(|text| text.parse().map_err(|_| at.no(what, text))).transpose()
    }

    fn word<T: DeserializeOwned>(
        &self,
        key: &str,
        what: &'static str,
        at: Cell<'_>,
    ) -> Result<Option<T>, CsvError> {
        self.get(key).map(|text| at.word(what, text)).transpose()
    }
}

impl std::fmt::Display for Notes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (key, value)) in self.0.iter().enumerate() {
            write!(f, "{}{key}={value}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// Where something was read.
#[derive(Clone, Copy)]
struct Cell<'a> {
    path: &'a Path,
    line: u64,
}

impl Cell<'_> {
    fn no(self, what: &'static str, value: &str) -> CsvError {
        CsvError::Value { path: self.path.to_owned(), line: self.line, what, value: value.to_owned() }
    }

    /// One of the words of the graph file.
    fn word<T: DeserializeOwned>(self, what: &'static str, text: &str) -> Result<T, CsvError> {
        serde_json::from_value(text.into()).map_err(|_| self.no(what, text))
    }
}

fn table<T: Serialize>(folder: &Path, name: &str, rows: impl Iterator<Item = T>) -> Result<(), CsvError> {
    let path = folder.join(name);
    let write = |out: &mut dyn io::Write| {
        let mut writer = csv::Writer::from_writer(out);
        for row in rows {
            writer.serialize(row)?;
        }
        writer.flush()
    };
    write_whole(&path, write).map_err(|source| CsvError::Io { path, source })
}

/// The rows of a table, each with its line.
fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<(u64, T)>, CsvError> {
    let fail = |source| CsvError::Csv { path: path.to_owned(), source };
    let mut reader = csv::Reader::from_path(path).map_err(fail)?;
    let headers = reader.headers().map_err(fail)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(fail)?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push((line, record.deserialize(Some(&headers)).map_err(fail)?));
    }
    Ok(rows)
}

fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
