//! Which functions there are, and where they lie: DWARF for what is written in C, symbols for the
//! rest.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Range,
};

use xenheap_facts::{
    dwarf::{At, Debug, Function as DebugFunction, Unit},
    image::{Image, Symbol},
};
use xenheap_model::BuildArch;

use crate::{
    draft::Draft,
    graph::{Code, Function, FunctionId, Location, Owner, Piece, Section},
};

/// The functions of an image, for whoever looks for one.
pub(super) struct Functions {
    /// By address: code, and whose it is.
    pub(super) pieces: Vec<(Range<u64>, FunctionId)>,
    /// Symbols at the address of another function: the other one, and how much they add (nothing).
    pub(super) aliases: Vec<(FunctionId, u64)>,
    /// By unit's position and function's position in DWARF.
    by_debug: HashMap<(u32, u32), FunctionId>,
    /// What is only inlined: by name and file.
    inlined: HashMap<(String, Option<String>), FunctionId>,
    /// By unit and name.
    by_unit: HashMap<(String, String), FunctionId>,
    /// What other units see, by name.
    global: HashMap<String, FunctionId>,
}

impl Functions {
    pub(super) fn find(draft: &mut Draft, image: &Image, debug: &Debug) -> Self {
        let mut functions = Functions {
            pieces: Vec::new(),
            aliases: Vec::new(),
            by_debug: HashMap::new(),
            inlined: HashMap::new(),
            by_unit: HashMap::new(),
            global: HashMap::new(),
        };
        let mut taken = HashSet::new();
        for (at, unit) in (0..).zip(&debug.units) {
            if !unit.assembly {
                functions.of_unit(draft, image, at, unit, &mut taken);
            }
        }
        functions.pieces.sort_by_key(|(range, id)| (range.start, range.end, *id));
        functions.of_symbols(draft, image, debug, &taken);
        functions.pieces.sort_by_key(|(range, id)| (range.start, range.end, *id));
        functions
    }

    /// The function whose code an address is.
    pub(super) fn at(&self, address: u64) -> Option<FunctionId> {
        piece_at(&self.pieces, address).map(|(_, id)| *id)
    }

    /// A function as a unit names it.
    pub(super) fn named(&self, unit: Option<&str>, name: &str) -> Option<FunctionId> {
        match unit {
            Some(unit) => self.by_unit.get(&(unit.to_owned(), name.to_owned())).copied(),
            None => self.global.get(name).copied(),
        }
    }

    fn of_unit(&mut self, draft: &mut Draft, image: &Image, at: u32, unit: &Unit, taken: &mut HashSet<u64>) {
        for (position, function) in (0..).zip(&unit.functions) {
            if function.bodies.is_empty() {
                continue;
            }
            let mut pieces = Vec::new();
            for range in function.bodies.iter().flat_map(|body| &body.ranges) {
                if taken.insert(range.start) && image.is_code(range.start) {
                    pieces.push(piece(image, range.clone(), &function.name));
                }
            }
            if pieces.is_empty() {
                // Two units that share a body, or one that was thrown away.
                draft.count("image.functions-without-code", 1);
                continue;
            }
            pieces.sort_by_key(|piece| piece.start);
            let ranges: Vec<_> =
                pieces.iter().map(|piece| piece.start..piece.start.saturating_add(piece.size)).collect();
            let id =
                draft.function(Function { pieces, ..described(unit, function, Some(unit.name.clone())) });
            self.pieces.extend(ranges.into_iter().map(|range| (range, id)));
            self.by_debug.insert((at, position), id);
            self.by_unit.insert((unit.name.clone(), function.name.clone()), id);
            if function.external {
                self.global.insert(function.name.clone(), id);
            }
        }
    }

    /// Assembly, and what else DWARF does not describe.
    fn of_symbols(&mut self, draft: &mut Draft, image: &Image, debug: &Debug, taken: &HashSet<u64>) {
        let real_mode = real_mode(image);
        let described = self.pieces.clone();
        let code: Vec<&Symbol> = image
            .code()
            .iter()
            .filter(|symbol| {
                let in_assembly = debug.unit_at(symbol.address).is_some_and(|(_, unit)| unit.assembly);
                let known = taken.contains(&symbol.address);
                if real_mode.contains(&symbol.address) {
                    draft.count("image.symbols-of-16-bit-code", 1);
                    return false;
                }
                // What is no function, and in no unit of assembly, is a mark of the linker script
                // or a label in C.
                (symbol.function || in_assembly)
                    && (known || piece_at(&described, symbol.address).is_none())
                    && !is_mark(&symbol.name)
            })
            .collect();
        let mut first: BTreeMap<u64, FunctionId> =
            described.iter().map(|(range, id)| (range.start, *id)).collect();
        for (position, symbol) in code.iter().enumerate() {
            let unit = debug.unit_at(symbol.address).filter(|(_, unit)| unit.assembly);
            let name = || symbol.name.clone();
            if let Some(owner) = first.get(&symbol.address).copied() {
                let same = draft
                    .functions
                    .get(super::code::index(owner.0))
                    .is_some_and(|function| function.pieces.iter().any(|piece| piece.symbol == symbol.name));
                if !same {
                    let alias = self.add_symbol(draft, image, symbol, symbol.address..symbol.address, unit);
                    self.aliases.push((alias, symbol.address));
                    draft.count("image.aliases", 1);
                }
                continue;
            }
            let next = code
                .get(position + 1..)
                .unwrap_or_default()
                .iter()
                .map(|next| next.address)
                .find(|next| *next > symbol.address);
            let next_piece = described.partition_point(|(range, _)| range.start <= symbol.address);
            let next_piece = described.get(next_piece).map(|(range, _)| range.start);
            let next_data = image.data().partition_point(|data| data.address < symbol.address);
            let next_data = image.data().get(next_data).map(|data| data.address);
            let section = image.section_at(symbol.address).map(|section| section.range.end);
            let own = (symbol.size > 0).then(|| symbol.address.saturating_add(symbol.size));
            let end = [next, next_piece, next_data, section, own].into_iter().flatten().min();
            let end = end.filter(|end| *end > symbol.address).unwrap_or(symbol.address);
            let id = self.add_symbol(draft, image, symbol, symbol.address..end, unit);
            self.pieces.push((symbol.address..end, id));
            first.insert(symbol.address, id);
            self.global.entry(name()).or_insert(id);
        }
    }

    fn add_symbol(
        &self,
        draft: &mut Draft,
        image: &Image,
        symbol: &Symbol,
        range: Range<u64>,
        unit: Option<(u32, &Unit)>,
    ) -> FunctionId {
        let location = unit.and_then(|(_, unit)| unit.line(range.start).and_then(|at| location(unit, at)));
        draft.function(Function {
            name: symbol.name.clone(),
            unit: unit.map(|(_, unit)| unit.name.clone()).or_else(|| symbol.file.clone()),
            is_static: !symbol.global,
            location,
            code: Code::Assembly,
            pieces: std::iter::once(piece(image, range, &symbol.name)).collect(),
            stack: None,
            owner: None,
            noreturn: false,
        })
    }

    /// The function of a unit's description: one with code, or one that only exists within others.
    pub(super) fn of_debug(
        &mut self,
        draft: &mut Draft,
        at: u32,
        unit: &Unit,
        position: u32,
    ) -> Option<FunctionId> {
        if let Some(id) = self.by_debug.get(&(at, position)) {
            return Some(*id);
        }
        let function = unit.functions.get(super::code::index(position))?;
        // One of a header is the same in all units that include it.
        let file = function.place.and_then(|at| unit.file(at)).unwrap_or(&unit.name).to_owned();
        let key = (function.name.clone(), Some(file.clone()));
        if let Some(id) = self.inlined.get(&key) {
            return Some(*id);
        }
        let id = draft.function(described(unit, function, Some(file)));
        self.inlined.insert(key, id);
        Some(id)
    }
}

/// What DWARF says of a function, without its code.
fn described(unit: &Unit, function: &DebugFunction, file: Option<String>) -> Function {
    let owner = function.parameters.iter().find_map(|parameter| {
        let holds = parameter.points_to.as_deref().filter(|name| matches!(*name, "domain" | "vcpu"))?;
        Some(Owner { parameter: parameter.name.clone(), holds: holds.to_owned() })
    });
    Function {
        name: function.name.clone(),
        unit: file,
        is_static: !function.external,
        location: function.place.and_then(|at| location(unit, at)),
        code: Code::C,
        pieces: Vec::new(),
        stack: None,
        owner,
        noreturn: function.noreturn,
    }
}

/// A place of a unit as the graph has it.
pub(super) fn location(unit: &Unit, at: At) -> Option<Location> {
    Some(Location { file: unit.file(at)?.to_owned(), line: at.line, column: at.column })
}

fn piece(image: &Image, range: Range<u64>, name: &str) -> Piece {
    let code = image.code();
    let at = code.partition_point(|symbol| symbol.address < range.start);
    let here = code.get(at..).unwrap_or_default().iter().take_while(|symbol| symbol.address == range.start);
    // Of several symbols at one address the function's own one.
    let mut symbols: Vec<&Symbol> = here.collect();
    symbols.sort_by_key(|symbol| base(&symbol.name) != name);
    let section = match image.section_at(range.start).map(|section| section.name.as_str()) {
        Some(".text") => Section::Text,
        Some(".init.text") => Section::Init,
        _ => Section::Other,
    };
    Piece {
        symbol: symbols.first().map_or(name, |symbol| symbol.name.as_str()).to_owned(),
        start: range.start,
        size: range.end - range.start,
        section,
        landing: image.landing(range.start),
    }
}

/// The name without what the compiler adds to clones and pieces.
pub(super) fn base(name: &str) -> &str {
    name.split_once('.').map_or(name, |(base, _)| base)
}

fn piece_at(pieces: &[(Range<u64>, FunctionId)], address: u64) -> Option<&(Range<u64>, FunctionId)> {
    let after = pieces.partition_point(|(range, _)| range.start <= address);
    pieces.get(after.checked_sub(1)?).filter(|(range, _)| range.contains(&address))
}

/// x86 starts in 16-bit mode: what lies there is not read as code.
fn real_mode(image: &Image) -> Range<u64> {
    let bounds = image.mark("trampoline_start").zip(image.mark("trampoline_end"));
    match (image.arch(), bounds) {
        (BuildArch::X86_64, Some((start, end))) => start..end,
        _ => 0..0,
    }
}

/// The linker script's names for where something begins and ends.
fn is_mark(name: &str) -> bool {
    matches!(
        name,
        "_stext"
            | "_etext"
            | "_sinittext"
            | "_einittext"
            | "_stextentry"
            | "_etextentry"
            | "__image_base__"
            | "__init_begin"
    )
}
