//! The debug information of an image: its translation units, their functions with what was inlined
//! into them, and where in the source each instruction comes from.

mod unit;

use std::{borrow::Cow, collections::BTreeSet, ops::Range};

use gimli::{EndianSlice, RunTimeEndian, SectionId};
use object::{Object, ObjectSection};
use rayon::prelude::*;

use crate::{Error, image::Image};

type Slice<'a> = EndianSlice<'a, RunTimeEndian>;

/// The debug information of an image.
#[derive(Debug)]
pub struct Debug {
    /// In the image's order.
    pub units: Vec<Unit>,
    /// Functions that are declared never to come back, by name.
    pub noreturn: BTreeSet<String>,
    /// By address: which unit has what code.
    ranges: Vec<(Range<u64>, u32)>,
}

/// A translation unit.
#[derive(Debug, Default)]
pub struct Unit {
    /// Its source file, as the compiler was told of it.
    pub name: String,
    /// Where the compiler ran.
    pub folder: Option<String>,
    /// The compiler, with its options.
    pub producer: String,
    /// Whether it is assembly.
    pub assembly: bool,
    /// The functions that it defines; those of headers too, if they are inlined.
    pub functions: Vec<Function>,
    /// Source files, as its line table has them.
    pub files: Vec<String>,
    /// Code, by address.
    ranges: Vec<Range<u64>>,
    lines: Vec<Line>,
    noreturn: Vec<String>,
}

/// A function of a unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Function {
    /// Its name in the source.
    pub name: String,
    /// Whether other units see it.
    pub external: bool,
    /// Whether it never comes back.
    pub noreturn: bool,
    /// Where it is defined: file (position in [`Unit::files`]), line, column.
    pub place: Option<At>,
    /// In order.
    pub parameters: Vec<Parameter>,
    /// Its own machine code, and that of each clone and split-off part. None if it is inlined
    /// everywhere.
    pub bodies: Vec<Body>,
}

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// The struct that it points to, if it is a pointer to one.
    pub points_to: Option<String>,
}

/// Machine code of a function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Where it lies: more than one range if a cold part was moved away.
    pub ranges: Vec<Range<u64>>,
    /// What was inlined, outer before inner.
    pub inlined: Vec<Inlined>,
}

/// A copy of a function within another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlined {
    /// Position of the function in [`Unit::functions`].
    pub function: u32,
    /// How deep: 0 is inlined into the body itself.
    pub depth: u32,
    /// Its machine code.
    pub ranges: Vec<Range<u64>>,
    /// Where it was called.
    pub call: Option<At>,
}

/// A place in the source of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// Position in [`Unit::files`].
    pub file: u32,
    /// From 1.
    pub line: u32,
    /// From 1; 0 if it is not known.
    pub column: u32,
}

#[derive(Debug, Clone, Copy)]
struct Line {
    start: u64,
    /// None behind the end of a sequence.
    at: Option<At>,
}

impl Debug {
    /// Reads it, on all processors.
    pub fn read(image: &Image) -> Result<Self, Error> {
        let fail = |source| Error::Dwarf { path: image.path().to_owned(), source };
        let sections = Sections::load(image)?;
        let dwarf = sections.dwarf();
        let mut headers = Vec::new();
        let mut iter = dwarf.units();
        while let Some(header) = iter.next().map_err(fail)? {
            headers.push(header);
        }
        if headers.is_empty() {
            return Err(Error::NoDebugInfo { path: image.path().to_owned() });
        }
        let units: Vec<Unit> = headers
            .into_par_iter()
            .map(|header| unit::read(&dwarf, header))
            .collect::<Result<_, _>>()
            .map_err(fail)?;
        let mut ranges: Vec<_> = (0_u32..)
            .zip(&units)
            .flat_map(|(at, unit)| unit.ranges.iter().map(move |range| (range.clone(), at)))
            .collect();
        ranges.sort_unstable_by_key(|(range, at)| (range.start, range.end, *at));
        let noreturn = units.iter().flat_map(|unit| unit.noreturn.iter().cloned()).collect();
        Ok(Debug { units, noreturn, ranges })
    }

    /// The unit whose code lies at an address.
    pub fn unit_at(&self, address: u64) -> Option<(u32, &Unit)> {
        let after = self.ranges.partition_point(|(range, _)| range.start <= address);
        let (range, at) = self.ranges.get(after.checked_sub(1)?)?;
        let unit = self.units.get(usize::try_from(*at).ok()?)?;
        range.contains(&address).then_some((*at, unit))
    }
}

impl Unit {
    /// Where in the source the instruction at an address comes from.
    pub fn line(&self, address: u64) -> Option<At> {
        let after = self.lines.partition_point(|line| line.start <= address);
        self.lines.get(after.checked_sub(1)?)?.at
    }

    /// The name of a file.
    pub fn file(&self, at: At) -> Option<&str> {
        Some(self.files.get(usize::try_from(at.file).ok()?)?.as_str())
    }
}

impl Body {
    /// What is inlined around an address, outermost first.
    pub fn inlined_at(&self, address: u64) -> Vec<&Inlined> {
        let mut found: Vec<&Inlined> = Vec::new();
        for inlined in &self.inlined {
            let depth = usize::try_from(inlined.depth).unwrap_or(usize::MAX);
            if depth == found.len() && inlined.ranges.iter().any(|range| range.contains(&address)) {
                found.push(inlined);
            }
        }
        found
    }
}

/// The sections, from which a reader can be made as often as needed.
struct Sections<'a>(gimli::DwarfSections<Cow<'a, [u8]>>);

impl<'a> Sections<'a> {
    fn load(image: &'a Image) -> Result<Self, Error> {
        let path = image.path();
        let file = object::File::parse(image.bytes())
            .map_err(|source| Error::NotElf { path: path.to_owned(), source })?;
        let load = |id: SectionId| -> Result<Cow<'a, [u8]>, gimli::Error> {
            let data = file.section_by_name(id.name()).and_then(|section| section.uncompressed_data().ok());
            Ok(data.unwrap_or_default())
        };
        let sections = gimli::DwarfSections::load(load)
            .map_err(|source| Error::Dwarf { path: path.to_owned(), source })?;
        Ok(Sections(sections))
    }

    fn dwarf(&self) -> gimli::Dwarf<Slice<'_>> {
        self.0.borrow(|section| EndianSlice::new(section, RunTimeEndian::Little))
    }
}
