//! Which units of a build lack what the compiler writes of each: a graph without them looks like
//! one of a smaller Xen.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_facts::{
    build::File,
    ci::Unit,
    dwarf::{self, Debug},
    image::Image,
    objects::Object,
};
use xenheap_model::{relative, same_file};

use super::functions::base;
use crate::graph::Lack;

/// For each unit that lacks something what that is.
pub type Lacks = BTreeMap<String, BTreeSet<Lack>>;

/// The `.ci` files of a build beside its image.
pub(super) struct Compared<'a> {
    /// Those that say what the image says, with the names of their units, sorted.
    pub(super) own: Vec<(String, &'a Unit<'a>)>,
    /// How many are of units of the image.
    pub(super) of_the_image: usize,
    pub(super) lacks: Lacks,
}

/// Compares `.ci` files with the units that debug information names. A unit without code of its own
/// needs none.
pub fn of_image(image: &Image, debug: &Debug, files: &[Unit<'_>]) -> Lacks {
    compare(image, debug, files).lacks
}

pub(super) fn compare<'a>(image: &Image, debug: &Debug, files: &'a [Unit<'a>]) -> Compared<'a> {
    let folder = debug.units.iter().find_map(|unit| unit.folder.as_deref());
    let mut by_name: BTreeMap<String, Vec<&Unit<'_>>> = BTreeMap::new();
    for file in files {
        by_name.entry(relative(file.title, folder)).or_default().push(file);
    }
    let mut compared = Compared { own: Vec::new(), of_the_image: 0, lacks: Lacks::new() };
    let mut units: BTreeMap<&str, Vec<&dwarf::Unit>> = BTreeMap::new();
    for unit in debug.units.iter().filter(|unit| !unit.assembly) {
        units.entry(&unit.name).or_default().push(unit);
    }
    for (name, units) in &units {
        let files = by_name.remove(*name).unwrap_or_default();
        compared.of_the_image += files.len();
        compared.add(image, folder, name, units, files);
    }
    // What is left is of no unit that is described; it may be in the image all the same.
    let bare = undescribed(image, debug);
    for (name, files) in &by_name {
        if files.iter().any(|file| bare.has(name, file)) {
            compared.lacks.entry(name.clone()).or_default().insert(Lack::DebugInfo);
        }
    }
    for source in bare.sources {
        if !by_name.keys().any(|name| same_file(name, source)) {
            let lacks = compared.lacks.entry(source.to_owned()).or_default();
            lacks.extend([Lack::Ci, Lack::DebugInfo]);
        }
    }
    compared.own.sort_by(|(a, _), (b, _)| a.cmp(b));
    compared
}

impl<'a> Compared<'a> {
    /// The units of one source, each with the file that fits it best: one source can be compiled
    /// several times.
    fn add(
        &mut self,
        image: &Image,
        folder: Option<&str>,
        name: &str,
        units: &[&dwarf::Unit],
        mut files: Vec<&'a Unit<'a>>,
    ) {
        let mut units: Vec<(&dwarf::Unit, Vec<&dwarf::Function>)> =
            units.iter().map(|unit| (*unit, coded(image, unit))).collect();
        let several = units.len() > 1;
        // One without functions fits every file.
        units.sort_by_key(|(_, functions)| std::cmp::Reverse(functions.len()));
        units.retain(|(unit, functions)| {
            let mut all = files.iter();
            let own = all.position(|file| differences(unit, functions, file, folder) == 0);
            if let Some(own) = own {
                self.own.push((name.to_owned(), files.remove(own)));
            }
            own.is_none() && !functions.is_empty()
        });
        for (_, functions) in units {
            let lack = if files.pop().is_some() { Lack::OwnCi } else { Lack::Ci };
            let shown = match functions.first().filter(|_| several) {
                Some(function) => format!("{name} with {}", function.name),
                None => name.to_owned(),
            };
            self.lacks.entry(shown).or_default().insert(lack);
        }
    }
}

/// The functions of a unit that have code in the image.
fn coded<'u>(image: &Image, unit: &'u dwarf::Unit) -> Vec<&'u dwarf::Function> {
    let in_image = |function: &&dwarf::Function| {
        let mut ranges = function.bodies.iter().flat_map(|body| &body.ranges);
        ranges.any(|range| image.is_code(range.start))
    };
    unit.functions.iter().filter(in_image).collect()
}

/// How many of a unit's functions a file lacks, or has elsewhere in the source.
fn differences(
    unit: &dwarf::Unit,
    functions: &[&dwarf::Function],
    file: &Unit<'_>,
    folder: Option<&str>,
) -> usize {
    let defined: HashMap<&str, Option<(String, u32)>> = file
        .nodes
        .iter()
        .filter(|node| node.defined)
        .map(|node| (plain(node.label), node.place.map(|at| (relative(at.file, folder), at.line))))
        .collect();
    let differs = |function: &&&dwarf::Function| match defined.get(function.name.as_str()) {
        None => true,
        Some(None) => false,
        Some(Some((at, line))) => function
            .place
            .and_then(|place| Some((unit.file(place)?, place.line)))
            .is_some_and(|place| place != (at.as_str(), *line)),
    };
    functions.iter().filter(differs).count()
}

/// A name as the source has it.
fn plain(name: &str) -> &str {
    base(name.trim_start_matches('*'))
}

/// What the image has and debug information does not describe.
struct Bare<'i> {
    /// Functions that other units see.
    functions: BTreeSet<&'i str>,
    /// The sources of those that are static.
    sources: BTreeSet<&'i str>,
}

fn undescribed<'i>(image: &'i Image, debug: &Debug) -> Bare<'i> {
    let mut bare = Bare { functions: BTreeSet::new(), sources: BTreeSet::new() };
    for symbol in image.code().iter().filter(|symbol| symbol.function) {
        if debug.unit_at(symbol.address).is_some() {
            continue;
        }
        match symbol.file.as_deref() {
            Some(source) if source.ends_with(".c") => drop(bare.sources.insert(source)),
            Some(_) => {}
            None => drop(bare.functions.insert(&symbol.name)),
        }
    }
    bare
}

impl Bare<'_> {
    /// Whether a unit is in the image.
    fn has(&self, name: &str, file: &Unit<'_>) -> bool {
        let mut global = file.nodes.iter().filter(|node| node.defined && node.id.unit.is_none());
        global.any(|node| self.functions.contains(node.id.name.trim_start_matches('*')))
            || self.sources.iter().any(|source| same_file(name, source))
    }
}

/// Compares `.ci` files with the objects that were compiled; `files` are their paths, in the order
/// of `units`.
pub fn of_objects(objects: &[Object], files: &[File], units: &[Unit<'_>]) -> Lacks {
    let mut lacks = Lacks::new();
    let (linked, plain): (Vec<&Object>, Vec<&Object>) = objects.iter().partition(|object| object.linked);
    for object in plain {
        let of_folder = files.iter().zip(units).filter(|(of, _)| folder(&of.path) == object.folder());
        // Xen's makefiles give some objects the name of the source that a link leads to.
        let named = of_folder
            .filter(|(_, unit)| object.sources.iter().any(|source| file(source) == file(unit.title)));
        let missing: Vec<usize> = named.map(|(_, unit)| undefined(object, unit)).collect();
        let lack = match missing.iter().min() {
            _ if object.lto => Lack::Code,
            None => Lack::Ci,
            Some(0) => continue,
            Some(_) => Lack::OwnCi,
        };
        lacks.entry(object.path.clone()).or_default().insert(lack);
    }
    // What is linked from objects that are not there any more.
    for object in linked {
        for source in &object.sources {
            let known = objects.iter().filter(|other| !other.linked).flat_map(|other| &other.sources);
            let mut known = known.map(String::as_str).chain(units.iter().map(|unit| unit.title));
            if !known.any(|known| same_file(known, source)) {
                lacks.entry(format!("{} of {source}", object.path)).or_default().insert(Lack::Ci);
            }
        }
    }
    if objects.is_empty() {
        lacks.entry("the build".to_owned()).or_default().insert(Lack::Witness);
    }
    lacks
}

fn file(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| path.get(..=at).unwrap_or_default())
}

/// How many functions of an object a file does not define.
fn undefined(object: &Object, unit: &Unit<'_>) -> usize {
    let defined: BTreeSet<&str> =
        unit.nodes.iter().filter(|node| node.defined).map(|node| plain(node.id.name)).collect();
    let unknown = |names: &&BTreeSet<String>| !names.iter().any(|name| defined.contains(base(name)));
    object.functions.iter().filter(unknown).count()
}
