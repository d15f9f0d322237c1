//! The file: read with the place of each mistake, edited without touching what an edit does not
//! mean.

use std::collections::BTreeSet;

use toml_edit::{Array, ArrayOfTables, Document, DocumentMut, InlineTable, Item, Table, TableLike, Value};
use xenheap_model::{Arch, Kind, Verdict};

use crate::{
    Bound, ChargeTo, Entry, Pattern, Per, VerdictError,
    error::EditError,
    id,
    lines::{self, Ends},
};

/// The version of the format that this reads and writes.
const FORMAT: i64 = 1;

/// Keys of an entry, in the order in which `fmt` and `add` write them.
const KEYS: [&str; 13] = [
    "id",
    "verdict",
    "by",
    "assumption",
    "comment",
    "kind",
    "allocator",
    "arch",
    "bound",
    "charge",
    "revision",
    "uncertain",
    "stack",
];

/// A verdict file in memory.
#[derive(Clone, Debug)]
pub struct VerdictFile {
    document: DocumentMut,
    ends: Ends,
    entries: Vec<Entry>,
    retired: BTreeSet<String>,
}

/// What an edit changes of an entry; `None` leaves it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What was decided.
    pub verdict: Option<Verdict>,
    /// Who; an empty text removes it.
    pub by: Option<String>,
    /// Under which assumption; an empty text removes it.
    pub assumption: Option<String>,
    /// Why.
    pub comment: Option<String>,
}

impl Default for VerdictFile {
    fn default() -> Self {
        let mut document = DocumentMut::new();
        document.insert("format", toml_edit::value(FORMAT));
        VerdictFile { document, ends: Ends::default(), entries: Vec::new(), retired: BTreeSet::new() }
    }
}

impl VerdictFile {
    /// Reads a file; `name` is for messages. A mistake anywhere refuses the whole file.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, VerdictError> {
        Self::parse(name, lines::decode(name, bytes)?)
    }

    /// Reads a file's text.
    pub fn parse(name: &str, text: &str) -> Result<Self, VerdictError> {
        let (text, ends) = lines::read(name, text)?;
        let text = text.as_ref();
        let document = Document::parse(text.to_owned()).map_err(|error| {
            let position = error.span().map_or(0, |span| span.start);
            VerdictError::at(name, text, position, error.message().trim())
        })?;
        let reader = Reader { name, text };
        let root = document.as_table();
        reader.keys(root, &["format", "retired", "verdict"])?;
        match root.get("format") {
            None => return Err(reader.error(None, "it does not say `format = 1`, as verdict files do")),
            Some(item) if item.as_integer() == Some(FORMAT) => {}
            Some(item) => {
                let what = "this xenheap reads format 1 only; a newer one may read this file";
                return Err(reader.error(Some(item), what));
            }
        }
        let retired = reader.retired(root.get("retired"))?;
        let mut entries: Vec<Entry> = Vec::new();
        for table in reader.tables(root.get("verdict"))? {
            let entry = reader.entry(table)?;
            if retired.contains(&entry.id) || entries.iter().any(|other| other.id == entry.id) {
                let what = format!("the id {:?} was used before: ids are permanent", entry.id);
                return Err(reader.error(table.get("id"), what));
            }
            entries.push(entry);
        }
        Ok(VerdictFile { document: document.into_mut(), ends, entries, retired })
    }

    /// The decisions, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// One of them.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }

    /// An id for an entry of this kind and stack: a stable hash of both, so that two people who add
    /// different stacks on two branches do not draw the same one.
    pub fn fresh_id(&self, kind: Option<Kind>, pattern: &Pattern) -> String {
        id::fresh(kind, pattern, |id| self.is_taken(id))
    }

    /// Adds an entry at the end.
    pub fn add(&mut self, entry: Entry) -> Result<(), EditError> {
        if self.is_taken(&entry.id) {
            return Err(EditError::Taken(entry.id));
        }
        visible(&[
            ("by", entry.by.as_deref()),
            ("assumption", entry.assumption.as_deref()),
            ("comment", Some(&entry.comment)),
            ("allocator", entry.allocator.as_deref()),
            ("revision", entry.revision.as_deref()),
            ("uncertain", entry.uncertain.as_deref()),
            ("stack", Some(&entry.stack)),
        ])?;
        let mut table = Table::new();
        write(&mut table, &entry);
        // What stands at the end of the file stays before what is added.
        let end = self.document.trailing().as_str().unwrap_or_default().to_owned();
        table.decor_mut().set_prefix(format!("{end}\n"));
        self.document.set_trailing("");
        match self.document.entry("verdict").or_insert(Item::ArrayOfTables(ArrayOfTables::new())) {
            Item::ArrayOfTables(tables) => tables.push(table),
            // `parse` lets nothing else through but an empty array.
            other => *other = Item::ArrayOfTables([table].into_iter().collect()),
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Changes what a person decided. Everything else of the file stays as it is, to the byte.
    pub fn change(&mut self, id: &str, change: &Change) -> Result<(), EditError> {
        let none = || EditError::NoEntry(id.to_owned());
        visible(&[
            ("by", change.by.as_deref()),
            ("assumption", change.assumption.as_deref()),
            ("comment", change.comment.as_deref()),
        ])?;
        let at = self.entries.iter().position(|entry| entry.id == id).ok_or_else(none)?;
        let entry = self.entries.get_mut(at).ok_or_else(none)?;
        let tables = self.document.get_mut("verdict").and_then(Item::as_array_of_tables_mut);
        let table = tables.and_then(|tables| tables.get_mut(at)).ok_or_else(none)?;
        if let Some(verdict) = change.verdict.filter(|verdict| *verdict != entry.verdict) {
            entry.verdict = verdict;
            replace(table, "verdict", verdict.as_str().into());
        }
        if let Some(by) = &change.by {
            optional(table, "by", &mut entry.by, by);
        }
        if let Some(assumption) = &change.assumption {
            optional(table, "assumption", &mut entry.assumption, assumption);
        }
        if let Some(comment) = change.comment.as_ref().filter(|comment| **comment != entry.comment) {
            entry.comment.clone_from(comment);
            replace(table, "comment", text_value(comment));
        }
        Ok(())
    }

    /// Takes an entry out; its id is never used again.
    pub fn retire(&mut self, id: &str) -> Result<(), EditError> {
        let none = || EditError::NoEntry(id.to_owned());
        let at = self.entries.iter().position(|entry| entry.id == id).ok_or_else(none)?;
        self.document.get_mut("verdict").and_then(Item::as_array_of_tables_mut).ok_or_else(none)?.remove(at);
        self.entries.remove(at);
        self.retired.insert(id.to_owned());
        let retired = self.document.entry("retired").or_insert(toml_edit::value(Array::new()));
        if let Some(array) = retired.as_array_mut() {
            array.push(id);
        }
        Ok(())
    }

    /// The same in the usual form: keys in their usual order, stacks indented. Comments and the
    /// order of entries stay.
    pub fn format(&mut self) {
        let tables = self.document.get_mut("verdict").and_then(Item::as_array_of_tables_mut);
        for (table, entry) in tables.into_iter().flat_map(ArrayOfTables::iter_mut).zip(&mut self.entries) {
            let indented = indent(&entry.stack);
            if indented != entry.stack {
                replace(table, "stack", text_value(&indented));
                entry.stack = indented;
            }
            table.sort_values_by(|a, _, b, _| place(a.get()).cmp(&place(b.get())));
        }
    }

    fn is_taken(&self, id: &str) -> bool {
        self.retired.contains(id) || self.get(id).is_some()
    }
}

impl std::fmt::Display for VerdictFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.ends.write(&self.document.to_string()))
    }
}

/// The text with each line two spaces deeper than the one before, as the RFC's files have it.
pub fn indent(stack: &str) -> String {
    let lines = stack.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.enumerate().map(|(level, line)| format!("{:width$}{line}\n", "", width = 2 * level)).collect()
}

/// Where `fmt` puts a key.
fn place(key: &str) -> usize {
    KEYS.iter().position(|known| *known == key).unwrap_or(KEYS.len())
}

/// Writes an entry's keys, those that say something, in their usual order.
fn write(table: &mut Table, entry: &Entry) {
    table.insert("id", toml_edit::value(entry.id.as_str()));
    table.insert("verdict", toml_edit::value(entry.verdict.as_str()));
    for (key, value) in [("by", &entry.by), ("assumption", &entry.assumption)] {
        if let Some(value) = value {
            table.insert(key, Item::Value(text_value(value)));
        }
    }
    table.insert("comment", Item::Value(text_value(&entry.comment)));
    let words = [
        ("kind", entry.kind.map(|kind| kind.as_str().to_owned())),
        ("allocator", entry.allocator.clone()),
        ("arch", entry.arch.map(|arch| arch.as_str().to_owned())),
    ];
    for (key, value) in words {
        if let Some(value) = value {
            table.insert(key, toml_edit::value(value));
        }
    }
    if let Some(bound) = entry.bound {
        let mut claims = InlineTable::new();
        for (key, value) in [("size", bound.size), ("allocations", bound.allocations), ("live", bound.live)] {
            if let Some(value) = value.and_then(|value| i64::try_from(value).ok()) {
                claims.insert(key, value.into());
            }
        }
        claims.insert("per", bound.per.as_str().into());
        table.insert("bound", toml_edit::value(claims));
    }
    let words = [
        ("charge", entry.charge.map(ChargeTo::as_str)),
        ("revision", entry.revision.as_deref()),
        ("uncertain", entry.uncertain.as_deref()),
    ];
    for (key, value) in words {
        if let Some(value) = value {
            table.insert(key, toml_edit::value(value));
        }
    }
    table.insert("stack", Item::Value(text_value(&entry.stack)));
}

/// A text as people like to read it: over several lines where it has some.
fn text_value(text: &str) -> Value {
    let plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    if text.contains('\n') && text.chars().all(plain) {
        let escaped = text.replace('\\', r"\\").replace("\"\"\"", "\"\"\\\"");
        // A quote at the end would run into the closing ones.
        let escaped = match escaped.strip_suffix('"') {
            Some(most) => format!("{most}\\\""),
            None => escaped,
        };
        // A line of somebody's words that looks like one of git's marks would be taken for one.
        let escaped: String = escaped
            .split_inclusive('\n')
            .map(|line| match (lines::is_mark(line), line.chars().next(), line.get(1..)) {
                (true, Some(first), Some(rest)) => format!("\\u{:04X}{rest}", u32::from(first)),
                _ => line.to_owned(),
            })
            .collect();
        if let Ok(value) = format!("\"\"\"\n{escaped}\"\"\"").parse::<Value>()
            && value.as_str() == Some(text)
        {
            return value;
        }
    }
    Value::from(text)
}

/// Puts another value where one stands, with the comment behind it kept.
fn replace(table: &mut Table, key: &str, mut value: Value) {
    match table.get_mut(key) {
        Some(Item::Value(old)) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        _ => {
            table.insert(key, Item::Value(value));
        }
    }
}

/// Sets a key that may be missing; an empty text removes it.
fn optional(table: &mut Table, key: &str, old: &mut Option<String>, new: &str) {
    let new = Some(new).filter(|new| !new.is_empty());
    if old.as_deref() == new {
        return;
    }
    *old = new.map(str::to_owned);
    match new {
        Some(new) => replace(table, key, text_value(new)),
        None => drop(table.remove(key)),
    }
}

/// Characters that a terminal or an editor obeys rather than shows; reports print what people
/// write.
fn is_hidden(c: char) -> bool {
    let turns = ['\u{200e}', '\u{200f}', '\u{61c}'].contains(&c);
    let direction = ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
    turns || direction || c.is_control() && c != '\n' && c != '\t'
}

/// Refuses texts that would make a file that cannot be read.
fn visible(texts: &[(&'static str, Option<&str>)]) -> Result<(), EditError> {
    let hidden = |(key, text): &(&'static str, Option<&str>)| {
        let character = text.unwrap_or_default().chars().find(|c| is_hidden(*c))?;
        Some(EditError::Hidden { key, character })
    };
    texts.iter().find_map(hidden).map_or(Ok(()), Err)
}

/// Reads with the place of what is wrong.
struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, item: Option<&Item>, what: impl Into<String>) -> VerdictError {
        let position = item.and_then(Item::span).map_or(0, |span| span.start);
        VerdictError::at(self.name, self.text, position, what)
    }

    /// A key that nobody knows is a mistake in typing, and what it says would be lost in silence.
    fn keys(&self, table: &dyn TableLike, known: &[&str]) -> Result<(), VerdictError> {
        match table.iter().find(|(key, _)| !known.contains(key)) {
            Some((key, item)) => {
                let what = format!("unknown key {key:?}; known ones are {}", known.join(", "));
                Err(self.error(Some(item), what))
            }
            None => Ok(()),
        }
    }

    fn retired(&self, item: Option<&Item>) -> Result<BTreeSet<String>, VerdictError> {
        let Some(item) = item else { return Ok(BTreeSet::new()) };
        let bad = || self.error(Some(item), "`retired` is a list of ids");
        let array = item.as_array().ok_or_else(bad)?;
        array.iter().map(|id| id.as_str().map(str::to_owned).ok_or_else(bad)).collect()
    }

    fn tables<'i>(&self, item: Option<&'i Item>) -> Result<Vec<&'i Table>, VerdictError> {
        match item {
            None => Ok(Vec::new()),
            Some(Item::ArrayOfTables(tables)) => Ok(tables.iter().collect()),
            Some(Item::Value(Value::Array(array))) if array.is_empty() => Ok(Vec::new()),
            Some(item) => Err(self.error(Some(item), "entries are written as `[[verdict]]`")),
        }
    }

    fn entry(&self, table: &Table) -> Result<Entry, VerdictError> {
        self.keys(table, &KEYS)?;
        let missing = |key: &str| {
            let position = table.span().map_or(0, |span| span.start);
            VerdictError::at(self.name, self.text, position, format!("this entry has no `{key}`"))
        };
        let id = self.word(table, "id", id::is_valid, "of letters, digits, `-`, `_` and `.`")?;
        let id = id.ok_or_else(|| missing("id"))?;
        let verdict = self.parsed(
            table,
            "verdict",
            |word| word.parse::<Verdict>().ok(),
            &Verdict::ALL.map(Verdict::as_str),
        )?;
        let kind = self.parsed(table, "kind", |word| word.parse().ok(), &Kind::ALL.map(Kind::as_str))?;
        let archs = [Arch::X86_64, Arch::Arm64, Arch::Arm32];
        let arch = |word: &str| archs.into_iter().find(|arch| arch.as_str() == word);
        let arch = self.parsed(table, "arch", arch, &archs.map(Arch::as_str))?;
        let charge = |word: &str| ChargeTo::ALL.into_iter().find(|charge| charge.as_str() == word);
        let charge = self.parsed(table, "charge", charge, &ChargeTo::ALL.map(ChargeTo::as_str))?;
        let stack = self.string(table, "stack")?.ok_or_else(|| missing("stack"))?;
        Ok(Entry {
            id,
            verdict: verdict.ok_or_else(|| missing("verdict"))?,
            by: self.string(table, "by")?,
            assumption: self.string(table, "assumption")?,
            comment: self.string(table, "comment")?.unwrap_or_default(),
            kind,
            allocator: self.string(table, "allocator")?,
            arch,
            bound: self.bound(table.get("bound"))?,
            charge,
            revision: self.string(table, "revision")?,
            uncertain: self.string(table, "uncertain")?,
            pattern: Pattern::parse(&stack),
            stack,
        })
    }

    fn string(&self, table: &dyn TableLike, key: &str) -> Result<Option<String>, VerdictError> {
        match table.get(key) {
            None => Ok(None),
            Some(item) => match item.as_str() {
                Some(text) => match text.chars().find(|c| is_hidden(*c)) {
                    None => Ok(Some(text.to_owned())),
                    Some(c) => {
                        let what = format!("`{key}` contains the control character {}", c.escape_unicode());
                        Err(self.error(Some(item), what))
                    }
                },
                None => Err(self.error(Some(item), format!("`{key}` is a text"))),
            },
        }
    }

    fn word(
        &self,
        table: &dyn TableLike,
        key: &str,
        valid: impl Fn(&str) -> bool,
        of: &str,
    ) -> Result<Option<String>, VerdictError> {
        match self.string(table, key)? {
            Some(word) if !valid(&word) => {
                Err(self.error(table.get(key), format!("`{key}` is a word {of}, not {word:?}")))
            }
            word => Ok(word),
        }
    }

    fn parsed<T>(
        &self,
        table: &dyn TableLike,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
        known: &[&str],
    ) -> Result<Option<T>, VerdictError> {
        let Some(word) = self.string(table, key)? else { return Ok(None) };
        match parse(&word) {
            Some(value) => Ok(Some(value)),
            None => {
                Err(self
                    .error(table.get(key), format!("`{key}` is one of {}, not {word:?}", known.join(", "))))
            }
        }
    }

    fn bound(&self, item: Option<&Item>) -> Result<Option<Bound>, VerdictError> {
        let Some(item) = item else { return Ok(None) };
        let table = item.as_table_like().ok_or_else(|| {
            self.error(Some(item), "`bound` is like { size = 392, allocations = 2, per = \"domain\" }")
        })?;
        self.keys(table, &["size", "allocations", "live", "per"])?;
        let number = |key: &str| match table.get(key) {
            None => Ok(None),
            Some(item) => match item.as_integer().and_then(|number| u64::try_from(number).ok()) {
                Some(number) => Ok(Some(number)),
                None => Err(self.error(Some(item), format!("`{key}` is a number, not less than 0"))),
            },
        };
        let pers = [Per::Domain, Per::Run];
        let per = |word: &str| pers.into_iter().find(|per| per.as_str() == word);
        let per = self.parsed(table, "per", per, &pers.map(Per::as_str))?;
        let bound = Bound {
            size: number("size")?,
            allocations: number("allocations")?,
            live: number("live")?,
            per: per.unwrap_or_default(),
        };
        if (bound.size, bound.allocations, bound.live) == (None, None, None) {
            return Err(self.error(Some(item), "`bound` claims nothing: it needs size, allocations or live"));
        }
        Ok(Some(bound))
    }
}
