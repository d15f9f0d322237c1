//! All dumps of a build that belong to its image, with the names in them resolved.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;
use xenheap_facts::{build::Build, gimple, types::Types};

/// A build whose dumps cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the build.
    #[error(transparent)]
    Facts(#[from] xenheap_facts::Error),
    /// A dump.
    #[error(transparent)]
    Gimple(#[from] gimple::Error),
}

/// The texts of the dumps below a folder.
pub struct Dumps {
    /// Object and text, by object.
    texts: Vec<(String, String)>,
}

impl Dumps {
    /// Takes the dumps of a build.
    pub fn read(build: &Build) -> Result<Self, Error> {
        let texts = build.dumps()?.into_iter().filter_map(|file| {
            // String constants can hold any bytes.
            let text = String::from_utf8(file.text)
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            Some((gimple::object(&file.path)?, text))
        });
        Ok(Dumps { texts: texts.collect() })
    }

    /// Takes texts that are in memory, each with its object.
    pub fn of(texts: Vec<(String, String)>) -> Self {
        Dumps { texts }
    }

    /// Takes those of some objects out.
    pub fn drop_all(&mut self, objects: &BTreeSet<String>) {
        self.texts.retain(|(object, _)| !objects.contains(object));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

/// Position of a function in [`Program::functions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Routine(pub u32);

/// A function that can be called or pointed to.
#[derive(Debug, Clone)]
pub struct ProgramFunction<'t> {
    /// Its name.
    pub name: &'t str,
    /// The compile unit it is of, as DWARF counts them; none for assembly.
    pub unit: Option<u32>,
    /// Its body; none for assembly.
    pub body: Option<gimple::Function<'t>>,
}

/// All that the dumps say.
pub struct Program<'t> {
    /// Functions of the dumps in order of units, then those that only the image has.
    pub functions: Vec<ProgramFunction<'t>>,
    /// By unit and name.
    own: HashMap<(u32, &'t str), Routine>,
    /// Those that other units see, by name.
    shared: HashMap<&'t str, Vec<Routine>>,
    /// What was read and what was not.
    pub counts: BTreeMap<String, u64>,
    /// By unit, the object whose dump tells of it.
    pub dumps: HashMap<u32, &'t str>,
}

impl<'t> Program<'t> {
    /// Takes the dumps of an image's units. `assembly` are the names of functions that only the
    /// image has.
    pub fn new(
        dumps: &'t Dumps,
        types: &Types,
        assembly: impl Iterator<Item = &'t str>,
    ) -> Result<Self, Error> {
        for producer in types.producers.iter().filter(|producer| !producer.is_empty()) {
            gimple::understood(producer)?;
        }
        let parsed: Vec<_> =
            dumps.texts.par_iter().map(|(object, text)| (object.as_str(), gimple::parse(text))).collect();
        let external: HashMap<(u32, &str), bool> = types
            .functions
            .iter()
            .map(|function| ((function.unit, function.name.as_str()), function.external))
            .collect();
        let units = match_units(&parsed, types);
        let mut program = Program {
            functions: Vec::new(),
            own: HashMap::new(),
            shared: HashMap::new(),
            counts: BTreeMap::new(),
            dumps: HashMap::new(),
        };
        for ((object, unit), index) in parsed.into_iter().zip(units) {
            let Some(index) = index else {
                *program.counts.entry("dumps not of the image".to_owned()).or_default() += 1;
                continue;
            };
            if unit.functions.is_empty() && unit.statements == 0 && !unit.not_understood.is_empty() {
                return Err(gimple::Error::NotADump(object.to_owned()).into());
            }
            if let Some(function) = unit.cut_off {
                return Err(
                    gimple::Error::CutOff { dump: object.to_owned(), function: function.to_owned() }.into()
                );
            }
            *program.counts.entry("dumps".to_owned()).or_default() += 1;
            *program.counts.entry("GIMPLE statements".to_owned()).or_default() += unit.statements;
            for (shape, count) in unit.not_understood {
                *program.counts.entry(format!("GIMPLE not understood: {shape}")).or_default() += count;
            }
            program.dumps.insert(index, object);
            for body in unit.functions {
                let id = Routine(u32::try_from(program.functions.len()).unwrap_or(u32::MAX));
                let name = body.name;
                program.own.insert((index, name), id);
                if external.get(&(index, name)).copied().unwrap_or(false) {
                    program.shared.entry(name).or_default().push(id);
                }
                program.functions.push(ProgramFunction { name, unit: Some(index), body: Some(body) });
            }
        }
        // A dump that is cut off between two functions looks whole.
        for function in types.functions.iter().filter(|function| function.address.is_some()) {
            if let (Some(dump), None) =
                (program.dumps.get(&function.unit), program.own.get(&(function.unit, function.name.as_str())))
            {
                let (dump, function) = ((*dump).to_owned(), function.name.clone());
                return Err(gimple::Error::Lacks { dump, function }.into());
            }
        }
        for name in assembly {
            if !program.shared.contains_key(name) {
                let id = Routine(u32::try_from(program.functions.len()).unwrap_or(u32::MAX));
                program.shared.insert(name, vec![id]);
                program.functions.push(ProgramFunction { name, unit: None, body: None });
            }
        }
        Ok(program)
    }

    /// What a name means in a unit, if it is a function's.
    pub fn resolve(&self, unit: Option<u32>, name: &str) -> Option<Routine> {
        let own = unit.and_then(|unit| self.own.get(&(unit, name)));
        own.or_else(|| self.shared.get(name).and_then(|found| found.first())).copied()
    }

    /// Units that have code in the image, and no dump.
    pub fn without_dump(&self, types: &Types) -> BTreeSet<u32> {
        let coded = types.functions.iter().filter(|function| function.address.is_some());
        coded.map(|function| function.unit).filter(|unit| !self.dumps.contains_key(unit)).collect()
    }

    /// A function by its id.
    pub fn get(&self, id: Routine) -> Option<&ProgramFunction<'t>> {
        self.functions.get(id.0 as usize)
    }
}

/// Which compile unit a dump is of. An object has the name of its source, unless one source makes
/// several objects: then what it defines for others to see tells them apart.
fn match_units(parsed: &[(&str, gimple::Unit<'_>)], types: &Types) -> Vec<Option<u32>> {
    let mut by_name: HashMap<&str, Vec<u32>> = HashMap::new();
    for (index, name) in (0..).zip(&types.units) {
        by_name.entry(name.trim_start_matches("./")).or_default().push(index);
    }
    let mut defines: HashMap<u32, Vec<&str>> = HashMap::new();
    for function in types.functions.iter().filter(|function| function.external) {
        defines.entry(function.unit).or_default().push(&function.name);
    }
    let mut taken = HashSet::new();
    parsed
        .iter()
        .map(|(object, unit)| {
            let plain = object.strip_suffix(".o").unwrap_or(object).trim_start_matches("./");
            if let Some([one]) = by_name.get(format!("{plain}.c").as_str()).map(Vec::as_slice) {
                return Some(*one);
            }
            // The source that most functions stand in.
            let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
            for function in unit.functions.iter().filter(|function| function.at.file.ends_with(".c")) {
                *sources.entry(function.at.file.trim_start_matches("./")).or_default() += 1;
            }
            let candidates = sources
                .iter()
                .filter_map(|(source, count)| Some((count, by_name.get(source)?)))
                .max_by_key(|(count, _)| *count)?
                .1;
            let names: HashSet<&str> = unit.functions.iter().map(|function| function.name).collect();
            let common = |candidate: &u32| {
                defines
                    .get(candidate)
                    .map_or(0, |defined| defined.iter().filter(|name| names.contains(*name)).count())
            };
            let free = candidates.iter().filter(|candidate| !taken.contains(*candidate));
            let best = free.max_by_key(|candidate| (common(candidate), std::cmp::Reverse(**candidate)))?;
            taken.insert(*best);
            Some(*best)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use xenheap_facts::types::{Function, TypeId};

    use super::*;

    #[test]
    fn a_dump_that_was_cut_off_is_refused() {
        let whole = "void first ()\n[common/a.c:1:1] {\n}\n\n\nvoid second ()\n[common/a.c:2:1] {\n}\n";
        let function = |name: &str| Function {
            name: name.to_owned(),
            unit: 0,
            address: Some(16),
            external: true,
            ty: TypeId(0),
        };
        let mut types = Types::default();
        types.units.push("common/a.c".to_owned());
        types.functions.extend([function("first"), function("second")]);
        let read = |text: &str| {
            let dumps = Dumps::of(vec![("common/a.o".to_owned(), text.to_owned())]);
            Program::new(&dumps, &types, std::iter::empty()).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(read(whole), Ok(()));
        assert_eq!(
            read(&whole[..whole.len() - 2]).unwrap_err(),
            "common/a.o: the GIMPLE dump ends within the function second: build again"
        );
        assert_eq!(
            read(&whole[..whole.find("void second").unwrap()]).unwrap_err(),
            "common/a.o: the GIMPLE dump lacks the function second, which the image has: build again"
        );
    }
}
