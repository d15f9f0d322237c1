//! The symbol table of an image, read as Xen's own build reads it, so that names are those of Xen's
//! call traces.

use std::collections::BTreeSet;

use object::{Object, ObjectSymbol, SymbolKind, SymbolSection};

/// A function's name: with its file if it is local.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    pub(crate) addr: u64,
    pub(crate) name: String,
    pub(crate) file: Option<String>,
}

/// Symbols of the text, by address, one an address.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    sorted: Vec<Symbol>,
    /// `_stext` to `_etext`, and `_sinittext` to `_einittext`: only there Xen names an address.
    text: Option<(u64, u64)>,
    init: Option<(u64, u64)>,
    /// The files that the table names.
    files: BTreeSet<String>,
}

impl Symbols {
    pub(crate) fn read(file: &object::File<'_>) -> Self {
        let mut marks = [None; 4];
        let mut found: Vec<(u64, bool, Symbol)> = Vec::new();
        let mut current: Option<&str> = None;
        let mut files = BTreeSet::new();
        for symbol in file.symbols() {
            let Ok(name) = symbol.name() else { continue };
            if symbol.kind() == SymbolKind::File {
                current = Some(name).filter(|name| !name.is_empty());
                files.extend(current.map(str::to_owned));
                continue;
            }
            let mark = ["_stext", "_etext", "_sinittext", "_einittext"].iter().position(|mark| *mark == name);
            if let Some(slot) = mark.and_then(|at| marks.get_mut(at)) {
                *slot = Some(symbol.address());
            }
            let absolute = symbol.section() == SymbolSection::Absolute && mark.is_none();
            if symbol.is_undefined()
                || absolute
                || name.is_empty()
                || name.starts_with('$') // mapping symbols of Arm
                || name.contains("_compiled.")
                || symbol.kind() == SymbolKind::Section
            {
                continue;
            }
            let global = symbol.is_global();
            let symbol = Symbol {
                addr: symbol.address(),
                name: name.to_owned(),
                file: current.filter(|_| !global).map(str::to_owned),
            };
            found.push((symbol.addr, !global, symbol));
        }
        let [stext, etext, sinittext, einittext] = marks;
        let text = stext.zip(etext).filter(|(start, end)| start < end);
        let init = sinittext.zip(einittext).filter(|(start, end)| start < end);
        found.retain(|(addr, ..)| within(text, *addr) || within(init, *addr));
        // Of several at one address Xen prints the first in its table, where globals stand before
        // locals. The sort is stable: globals among themselves stay in the order of the file.
        found.sort_by_key(|(addr, local, _)| (*addr, *local));
        found.dedup_by_key(|(addr, ..)| *addr);
        Symbols { sorted: found.into_iter().map(|(.., symbol)| symbol).collect(), text, init, files }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    pub(crate) fn text(&self) -> Option<(u64, u64)> {
        self.text
    }

    /// What the table calls the source file `path`: its whole path, or less of it (Xen writes a
    /// path where it wants names to be unique).
    pub(crate) fn file(&self, path: &str) -> Option<&str> {
        let tails = path.match_indices('/').filter_map(|(at, _)| path.get(at + 1..));
        let known = |tail: &str| self.files.get(tail).map(String::as_str);
        std::iter::once(path).chain(tails).find_map(known)
    }

    /// The symbol whose code contains `probe`.
    pub(crate) fn at(&self, probe: u64) -> Option<&Symbol> {
        if !within(self.text, probe) && !within(self.init, probe) {
            return None;
        }
        let after = self.sorted.partition_point(|symbol| symbol.addr <= probe);
        self.sorted.get(after.checked_sub(1)?)
    }
}

fn within(range: Option<(u64, u64)>, addr: u64) -> bool {
    range.is_some_and(|(start, end)| (start..end).contains(&addr))
}
