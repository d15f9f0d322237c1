//! The debug information of an image: inlined functions and source lines.

use std::{borrow::Cow, sync::Arc};

use addr2line::Context;
use gimli::{EndianArcSlice, RunTimeEndian, SectionId};
use object::{Object, ObjectSection};
use xenheap_model::{Source, relative};

type Reader = EndianArcSlice<RunTimeEndian>;

/// One step of the inlining at an address.
pub(crate) struct Level {
    /// The function as DWARF names it.
    pub(crate) function: Option<String>,
    pub(crate) source: Option<Source>,
}

pub(crate) struct Debug {
    context: Context<Reader>,
    /// Where the compiler ran.
    root: Option<String>,
}

impl Debug {
    /// `None` if the image has no debug information.
    pub(crate) fn read(file: &object::File<'_>) -> Result<Option<Self>, gimli::Error> {
        let endian = if file.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let load = |id: SectionId| -> Result<Reader, gimli::Error> {
            let data = file
                .section_by_name(id.name())
                .and_then(|section| section.uncompressed_data().ok())
                .unwrap_or(Cow::Borrowed(&[]));
            Ok(EndianArcSlice::new(Arc::from(data), endian))
        };
        let dwarf = Arc::new(gimli::Dwarf::load(load)?);
        let Some(header) = dwarf.units().next()? else { return Ok(None) };
        let unit = dwarf.unit(header)?;
        let root = unit.comp_dir.as_ref().map(|dir| String::from_utf8_lossy(dir.bytes()).into_owned());
        Ok(Some(Debug { context: Context::from_arc_dwarf(dwarf)?, root }))
    }

    /// The functions that `probe` is in, innermost first; the last one is not inlined. Damaged
    /// debug information of one place costs that place its lines, not the reader the report.
    pub(crate) fn levels(&self, probe: u64) -> Vec<Level> {
        let mut levels = Vec::new();
        let Ok(mut frames) = self.context.find_frames(probe).skip_all_loads() else { return levels };
        while let Ok(Some(frame)) = frames.next() {
            let function = frame.function.and_then(|name| name.raw_name().map(Cow::into_owned).ok());
            let source = frame.location.and_then(|location| {
                Some(Source {
                    file: relative(location.file?, self.root.as_deref()),
                    line: location.line.unwrap_or(0),
                })
            });
            levels.push(Level { function, source });
        }
        join_split(&mut levels);
        levels
    }
}

/// gcc splits functions, and may then inline one part of a function into the other: that is one
/// level, not two.
fn join_split(levels: &mut Vec<Level>) {
    levels.dedup_by(|outer, inner| inner.function.is_some() && outer.function == inner.function);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_not_inlined_into_itself() {
        let level = |name: Option<&str>, line| Level {
            function: name.map(str::to_owned),
            source: Some(Source { file: "a.c".into(), line }),
        };
        let mut levels = vec![
            level(Some("p2m_alloc_page"), 35),
            level(Some("p2m_alloc_page"), 24),
            level(None, 3),
            level(None, 2),
            level(Some("p2m_alloc_page"), 1),
        ];
        join_split(&mut levels);
        // What is left of the two is the call's own line.
        let lines: Vec<_> = levels.iter().filter_map(|level| Some(level.source.as_ref()?.line)).collect();
        assert_eq!(lines, [35, 3, 2, 1]);
    }
}
