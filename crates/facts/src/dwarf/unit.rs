//! Reading one unit.

use std::{collections::HashMap, ops::Range};

use gimli::{
    Attribute, AttributeValue, DwAt, DwTag, Dwarf, EntriesRaw, Error, UnitHeader, UnitOffset, constants as dw,
};
use xenheap_model::relative;

use super::{At, Body, Function, Inlined, Line, Parameter, Slice, Unit};

type Raw<'a> = gimli::Unit<Slice<'a>>;

pub(super) fn read(dwarf: &Dwarf<Slice<'_>>, header: UnitHeader<Slice<'_>>) -> Result<Unit, Error> {
    let raw = dwarf.unit(header)?;
    let text = |slice: Option<Slice<'_>>| slice.map(|slice| slice.to_string_lossy().into_owned());
    let folder = text(raw.comp_dir);
    let mut ranges = dwarf.unit_ranges(&raw)?;
    let mut unit = Unit {
        name: relative(&text(raw.name).unwrap_or_default(), folder.as_deref()),
        folder,
        ranges: kept(|| ranges.next())?,
        ..Unit::default()
    };
    unit.ranges.sort_unstable_by_key(|range| (range.start, range.end));
    lines(dwarf, &raw, &mut unit)?;
    let mut walk = Walk { dwarf, raw: &raw, dies: Vec::new(), owners: HashMap::new() };
    walk.walk(&mut unit)?;
    walk.finish(&mut unit)?;
    Ok(unit)
}

/// Ranges of what the linker kept: what it threw away seems to lie at 0.
fn kept(mut next: impl FnMut() -> Result<Option<gimli::Range>, Error>) -> Result<Vec<Range<u64>>, Error> {
    let mut kept = Vec::new();
    while let Some(range) = next()? {
        if range.begin != 0 && range.begin < range.end {
            kept.push(range.begin..range.end);
        }
    }
    Ok(kept)
}

fn lines(dwarf: &Dwarf<Slice<'_>>, raw: &Raw<'_>, unit: &mut Unit) -> Result<(), Error> {
    let Some(program) = raw.line_program.clone() else { return Ok(()) };
    let header = program.header();
    // File numbers count from 0 or, in older versions of DWARF, from 1.
    let first = u64::from(header.version() < 5);
    if first == 1 {
        unit.files.push(String::new());
    }
    for file in header.file_names() {
        let mut path = String::new();
        if (file.directory_index() != 0 || header.version() < 5)
            && let Some(folder) = file.directory(header)
        {
            path.push_str(&dwarf.attr_string(raw, folder)?.to_string_lossy());
            path.push('/');
        }
        path.push_str(&dwarf.attr_string(raw, file.path_name())?.to_string_lossy());
        unit.files.push(relative(&path, unit.folder.as_deref()));
    }
    let mut sequences: Vec<Vec<Line>> = Vec::new();
    let mut current = Vec::new();
    let mut rows = program.rows();
    while let Some((_, row)) = rows.next_row()? {
        let at = (!row.end_sequence()).then(|| At {
            file: number(row.file_index()),
            line: row.line().map_or(0, |line| number(line.get())),
            column: match row.column() {
                gimli::ColumnType::LeftEdge => 0,
                gimli::ColumnType::Column(column) => number(column.get()),
            },
        });
        current.push(Line { start: row.address(), at });
        if at.is_none() {
            let sequence = std::mem::take(&mut current);
            if sequence.first().is_some_and(|line| line.start != 0) {
                sequences.push(sequence);
            }
        }
    }
    sequences.sort_by_key(|sequence| sequence.first().map(|line| line.start));
    unit.lines = sequences.concat();
    Ok(())
}

fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A subprogram as it stands in DWARF: what is said of one function can be spread over several.
#[derive(Default)]
struct Die {
    offset: usize,
    name: Option<String>,
    external: bool,
    noreturn: bool,
    declaration: bool,
    place: Option<At>,
    origin: Option<usize>,
    parameters: Vec<(String, Option<usize>)>,
    ranges: Vec<Range<u64>>,
    inlined: Vec<(usize, Inlined)>,
}

struct Walk<'w, 'a> {
    dwarf: &'w Dwarf<Slice<'a>>,
    raw: &'w Raw<'a>,
    dies: Vec<Die>,
    /// What pointer types point to, by the offset of the type.
    owners: HashMap<usize, Option<String>>,
}

/// What an open entry is.
#[derive(Clone, Copy)]
enum Scope {
    Function(usize),
    Inlined,
    Other,
}

impl<'a> Walk<'_, 'a> {
    fn walk(&mut self, unit: &mut Unit) -> Result<(), Error> {
        let mut entries = self.raw.entries_raw(None)?;
        let mut scopes: Vec<Scope> = Vec::new();
        let mut attributes: Vec<Attribute<Slice<'a>>> = Vec::new();
        while !entries.is_empty() {
            let offset = entries.next_offset();
            let Some(abbreviation) = entries.read_abbreviation()? else {
                scopes.pop();
                continue;
            };
            let tag = abbreviation.tag();
            let children = abbreviation.has_children();
            if !is_wanted(tag) {
                // Types and what is known of arguments are most of it.
                let skipped = children && tag != dw::DW_TAG_lexical_block;
                match pass(&mut entries, abbreviation.attributes(), &mut attributes)? {
                    Some(at) if skipped => entries = self.raw.entries_raw(Some(at))?,
                    _ if children => scopes.push(Scope::Other),
                    _ => {}
                }
                continue;
            }
            entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
            let function = scopes.iter().rev().find_map(|scope| match scope {
                Scope::Function(at) => Some(*at),
                _ => None,
            });
            let scope = match tag {
                dw::DW_TAG_compile_unit => {
                    self.unit(&attributes, unit)?;
                    Scope::Other
                }
                dw::DW_TAG_subprogram => {
                    let die = self.subprogram(offset, &attributes)?;
                    self.dies.push(die);
                    Scope::Function(self.dies.len() - 1)
                }
                dw::DW_TAG_inlined_subroutine => {
                    let depth = scopes.iter().rev().take_while(|scope| !matches!(scope, Scope::Function(_)));
                    let depth = depth.filter(|scope| matches!(scope, Scope::Inlined)).count();
                    if let Some(inlined) = self.inlined(depth, &attributes)?
                        && let Some(die) = function.and_then(|at| self.dies.get_mut(at))
                    {
                        die.inlined.push(inlined);
                    }
                    Scope::Inlined
                }
                dw::DW_TAG_formal_parameter => {
                    if let Some(Scope::Function(at)) = scopes.last()
                        && let Some(die) = self.dies.get_mut(*at)
                        && let Some(name) = string(self.dwarf, self.raw, find(&attributes, dw::DW_AT_name))?
                    {
                        die.parameters.push((name, reference(find(&attributes, dw::DW_AT_type))));
                    }
                    Scope::Other
                }
                _ => Scope::Other,
            };
            if children {
                scopes.push(scope);
            }
        }
        Ok(())
    }

    fn unit(&self, attributes: &[Attribute<Slice<'a>>], unit: &mut Unit) -> Result<(), Error> {
        unit.producer =
            string(self.dwarf, self.raw, find(attributes, dw::DW_AT_producer))?.unwrap_or_default();
        let language = find(attributes, dw::DW_AT_language);
        unit.assembly = matches!(language, Some(AttributeValue::Language(dw::DW_LANG_Mips_Assembler)));
        Ok(())
    }

    fn subprogram(&self, offset: UnitOffset, attributes: &[Attribute<Slice<'a>>]) -> Result<Die, Error> {
        let flag = |name| matches!(find(attributes, name), Some(AttributeValue::Flag(true)));
        Ok(Die {
            offset: offset.0,
            name: string(self.dwarf, self.raw, find(attributes, dw::DW_AT_name))?,
            external: flag(dw::DW_AT_external),
            noreturn: flag(dw::DW_AT_noreturn),
            declaration: flag(dw::DW_AT_declaration),
            place: place(attributes, dw::DW_AT_decl_file, dw::DW_AT_decl_line, dw::DW_AT_decl_column),
            origin: reference(find(attributes, dw::DW_AT_abstract_origin))
                .or_else(|| reference(find(attributes, dw::DW_AT_specification))),
            ranges: self.ranges(attributes)?,
            ..Die::default()
        })
    }

    fn inlined(
        &self,
        depth: usize,
        attributes: &[Attribute<Slice<'a>>],
    ) -> Result<Option<(usize, Inlined)>, Error> {
        let Some(origin) = reference(find(attributes, dw::DW_AT_abstract_origin)) else { return Ok(None) };
        let inlined = Inlined {
            function: 0,
            depth: number(depth as u64),
            ranges: self.ranges(attributes)?,
            call: place(attributes, dw::DW_AT_call_file, dw::DW_AT_call_line, dw::DW_AT_call_column),
        };
        Ok(Some((origin, inlined)))
    }

    fn ranges(&self, attributes: &[Attribute<Slice<'a>>]) -> Result<Vec<Range<u64>>, Error> {
        if let Some(value) = find(attributes, dw::DW_AT_ranges) {
            return self
                .dwarf
                .attr_ranges(self.raw, value)?
                .map_or(Ok(Vec::new()), |mut ranges| kept(|| ranges.next()));
        }
        let Some(low) = find(attributes, dw::DW_AT_low_pc) else { return Ok(Vec::new()) };
        let Some(low) = self.dwarf.attr_address(self.raw, low)? else { return Ok(Vec::new()) };
        let high = match find(attributes, dw::DW_AT_high_pc) {
            Some(value) => match value.udata_value() {
                Some(size) => low.saturating_add(size),
                None => self.dwarf.attr_address(self.raw, value)?.unwrap_or(low),
            },
            None => low,
        };
        Ok(if low != 0 && low < high { std::iter::once(low..high).collect() } else { Vec::new() })
    }

    /// Puts together what belongs to one function.
    fn finish(mut self, unit: &mut Unit) -> Result<(), Error> {
        let by_offset: HashMap<usize, usize> =
            self.dies.iter().enumerate().map(|(at, die)| (die.offset, at)).collect();
        // Where what is said of a function begins: gcc refers from a body to the function, and from
        // there to a declaration.
        let root = |mut at: usize, dies: &[Die]| {
            for _ in 0..4 {
                let next = dies.get(at).and_then(|die| die.origin).and_then(|origin| by_offset.get(&origin));
                match next {
                    Some(next) => at = *next,
                    None => break,
                }
            }
            at
        };
        let roots: Vec<usize> = (0..self.dies.len()).map(|at| root(at, &self.dies)).collect();
        // Defined here is what has a body, and what is inlined somewhere.
        let mut used = vec![false; self.dies.len()];
        for (die, root) in self.dies.iter().zip(&roots) {
            let inlined =
                die.inlined.iter().filter_map(|(origin, _)| roots.get(*by_offset.get(origin)?).copied());
            for at in inlined.chain((!die.ranges.is_empty()).then_some(*root)) {
                if let Some(used) = used.get_mut(at) {
                    *used = true;
                }
            }
        }
        let mut position = vec![0; self.dies.len()];
        for (at, used) in used.iter().enumerate() {
            if let (true, Some(slot)) = (used, position.get_mut(at)) {
                *slot = number(unit.functions.len() as u64);
                unit.functions.push(Function::default());
            }
        }
        let dies = std::mem::take(&mut self.dies);
        for (mut die, root) in dies.into_iter().zip(&roots) {
            if die.noreturn && die.declaration {
                unit.noreturn.extend(die.name.clone());
            }
            if used.get(*root) != Some(&true) {
                continue;
            }
            let Some(function) =
                position.get(*root).and_then(|at| unit.functions.get_mut(usize::try_from(*at).ok()?))
            else {
                continue;
            };
            if let Some(name) = die.name.take() {
                function.name = name;
            }
            function.external |= die.external;
            function.noreturn |= die.noreturn;
            // Of a declaration and a definition the definition counts.
            if die.place.is_some() && (function.place.is_none() || !die.declaration) {
                function.place = die.place;
            }
            if !die.parameters.is_empty() && (function.parameters.is_empty() || !die.declaration) {
                let mut parameters = Vec::with_capacity(die.parameters.len());
                for (name, ty) in die.parameters {
                    let points_to = match ty {
                        Some(ty) => self.points_to(ty)?,
                        None => None,
                    };
                    parameters.push(Parameter { name, points_to });
                }
                function.parameters = parameters;
            }
            if !die.ranges.is_empty() {
                let inlined = die.inlined.into_iter().filter_map(|(origin, mut inlined)| {
                    let root = roots.get(*by_offset.get(&origin)?)?;
                    inlined.function = *position.get(*root)?;
                    Some(inlined)
                });
                function.bodies.push(Body { ranges: die.ranges, inlined: inlined.collect() });
            }
        }
        Ok(())
    }

    /// The struct that a type points to.
    fn points_to(&mut self, ty: usize) -> Result<Option<String>, Error> {
        if let Some(known) = self.owners.get(&ty) {
            return Ok(known.clone());
        }
        let mut found = None;
        let mut pointed = false;
        let mut next = Some(ty);
        // Longer chains of typedefs and qualifiers are none of Xen's.
        for _ in 0..16 {
            let Some(at) = next else { break };
            let entry = self.raw.entry(UnitOffset(at))?;
            match entry.tag() {
                dw::DW_TAG_pointer_type if !pointed => pointed = true,
                dw::DW_TAG_typedef
                | dw::DW_TAG_const_type
                | dw::DW_TAG_volatile_type
                | dw::DW_TAG_restrict_type => {}
                dw::DW_TAG_structure_type if pointed => {
                    found = string(self.dwarf, self.raw, entry.attr_value(dw::DW_AT_name))?;
                    break;
                }
                _ => break,
            }
            next = reference(entry.attr_value(dw::DW_AT_type));
        }
        self.owners.insert(ty, found.clone());
        Ok(found)
    }
}

fn is_wanted(tag: DwTag) -> bool {
    matches!(
        tag,
        dw::DW_TAG_compile_unit
            | dw::DW_TAG_subprogram
            | dw::DW_TAG_inlined_subroutine
            | dw::DW_TAG_formal_parameter
    )
}

/// Passes over an entry; returns where the next one beside it begins, if that is known and behind
/// it.
fn pass<'a>(
    entries: &mut EntriesRaw<'_, Slice<'a>>,
    specifications: &[gimli::AttributeSpecification],
    attributes: &mut Vec<Attribute<Slice<'a>>>,
) -> Result<Option<UnitOffset>, Error> {
    if !specifications.iter().any(|one| one.name() == dw::DW_AT_sibling) {
        entries.skip_attributes(specifications)?;
        return Ok(None);
    }
    entries.read_attributes(specifications, attributes)?;
    let sibling = reference(find(attributes, dw::DW_AT_sibling)).map(UnitOffset);
    Ok(sibling.filter(|at| *at > entries.next_offset()))
}

fn find<'a>(attributes: &[Attribute<Slice<'a>>], name: DwAt) -> Option<AttributeValue<Slice<'a>>> {
    attributes.iter().find(|attribute| attribute.name() == name).map(Attribute::value)
}

/// A reference within the unit; with link-time optimization there are others, which a Xen built so
/// would need.
fn reference(value: Option<AttributeValue<Slice<'_>>>) -> Option<usize> {
    match value? {
        AttributeValue::UnitRef(at) => Some(at.0),
        _ => None,
    }
}

fn string(
    dwarf: &Dwarf<Slice<'_>>,
    raw: &Raw<'_>,
    value: Option<AttributeValue<Slice<'_>>>,
) -> Result<Option<String>, Error> {
    value.map(|value| Ok(dwarf.attr_string(raw, value)?.to_string_lossy().into_owned())).transpose()
}

fn place(attributes: &[Attribute<Slice<'_>>], file: DwAt, line: DwAt, column: DwAt) -> Option<At> {
    let value = |name| find(attributes, name).and_then(|value| value.udata_value()).map(number);
    let file = match find(attributes, file)? {
        AttributeValue::FileIndex(file) => number(file),
        other => number(other.udata_value()?),
    };
    Some(At { file, line: value(line)?, column: value(column).unwrap_or(0) })
}
