//! What the linker makes of names: a `.ci` file knows GNU weak functions by their unit, as it knows
//! static ones, and aliases not at all. The image decides where it is there; else the objects say
//! what each exports.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_facts::{dwarf::Debug, image::Image, objects::Object};
use xenheap_model::same_file;

/// Where functions of a name are defined.
#[derive(Debug, Clone, Default)]
pub struct Linkage {
    exported: BTreeMap<String, Vec<Definition>>,
    /// Nothing tells: any function of the name is possible.
    unknown: bool,
}

/// A function that other units see.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Definition {
    /// The source of its unit.
    source: String,
    /// All its names.
    names: BTreeSet<String>,
}

impl Linkage {
    /// By what objects export. Of several weak functions of a name any can be linked.
    pub fn of_objects(objects: &[Object]) -> Self {
        let mut linkage = Linkage { unknown: objects.is_empty(), ..Linkage::default() };
        for object in objects.iter().filter(|object| !object.linked) {
            // A unit has one source.
            let Some(source) = object.sources.first() else { continue };
            for names in &object.functions {
                linkage.add(source, names, names.iter().filter(|name| object.exported.contains(*name)));
            }
        }
        linkage
    }

    /// By the image: of several weak functions of a name it has one.
    pub fn of_image(image: &Image, debug: &Debug) -> Self {
        let mut linkage = Linkage::default();
        for symbols in image.code().chunk_by(|a, b| a.address == b.address) {
            let Some((_, unit)) = symbols.first().and_then(|symbol| debug.unit_at(symbol.address)) else {
                continue;
            };
            let names = symbols.iter().map(|symbol| symbol.name.clone()).collect();
            let exported = symbols.iter().filter(|symbol| symbol.global).map(|symbol| &symbol.name);
            linkage.add(&unit.name, &names, exported);
        }
        linkage
    }

    fn add<'a>(
        &mut self,
        source: &str,
        names: &BTreeSet<String>,
        exported: impl Iterator<Item = &'a String>,
    ) {
        for name in exported {
            let definition = Definition { source: source.to_owned(), names: names.clone() };
            self.exported.entry(name.clone()).or_default().push(definition);
        }
    }

    /// Whether other units see the function of this name in a unit: it is weak then, if a `.ci`
    /// file calls it by its unit.
    pub(super) fn exports(&self, unit: &str, name: &str) -> bool {
        let definitions = self.exported.get(name).map(Vec::as_slice).unwrap_or_default();
        definitions.iter().any(|definition| same_file(unit, &definition.source))
    }

    /// Whether a function of a unit can be what another unit calls by `wanted`.
    pub(super) fn can_be(&self, wanted: &str, unit: &str, name: &str) -> bool {
        let definitions = self.exported.get(wanted).map(Vec::as_slice).unwrap_or_default();
        self.unknown && wanted == name
            || definitions.iter().any(|of| of.names.contains(name) && same_file(unit, &of.source))
    }

    /// Names by which a function can be called elsewhere than by its own: see [`Self::can_be`].
    pub(super) fn is_known(&self, wanted: &str) -> bool {
        self.unknown || self.exported.contains_key(wanted)
    }
}
