//! Putting a graph together from what a build says.
//!
//! With an image, the image decides which calls there are: its instructions are what runs. `.ci`
//! files say where in the source they stand, and how much of the stack each function takes. Both
//! are held against each other, and what does not agree is counted. Without an image there is a
//! graph of what the compiler said of each unit, and no more.

mod ci;
mod ci_only;
mod code;
mod error;
mod functions;
mod linkage;
pub mod units;

use std::collections::BTreeMap;

use xenheap_facts::{build::File, dwarf::Debug, image::Image};

pub use ci::parse as parse_ci;
pub use error::Error;
pub use linkage::Linkage;

use crate::{draft::Draft, graph::Facts};

/// What a graph is made from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// The image with its debug information.
    pub image: Option<(&'a Image, &'a Debug)>,
    /// What the linker makes of names, where there is no image.
    pub linkage: Option<&'a Linkage>,
    /// The `.ci` files of the build; those that do not belong to the image are passed over.
    pub ci: &'a [File],
}

/// A graph whose indirect calls are still open.
#[derive(Debug)]
pub struct Assembled {
    /// The graph.
    pub draft: Draft,
    /// For calls through a variable at a fixed address: that address, by the call's.
    pub slots: BTreeMap<u64, u64>,
}

/// Makes a graph. Every indirect call in it is open, for `flow` and `models` to find its targets.
pub fn assemble(sources: Sources<'_>) -> Result<Assembled, Error> {
    let units = ci::parse(sources.ci)?;
    let mut draft = Draft::default();
    let Some((image, debug)) = sources.image else {
        if units.is_empty() {
            return Err(Error::Nothing);
        }
        ci_only::add(&mut draft, &units, sources.linkage.unwrap_or(&Linkage::default()));
        return Ok(Assembled { draft, slots: BTreeMap::new() });
    };
    draft.facts = Facts {
        architecture: image.arch().to_string(),
        build_id: image.build_id().map(str::to_owned),
        compiler: compiler(debug),
        ..Facts::default()
    };
    let mut functions = functions::Functions::find(&mut draft, image, debug);
    let slots = code::add(&mut draft, image, debug, &mut functions);
    ci::add(&mut draft, (image, debug), &functions, &units)?;
    Ok(Assembled { draft, slots })
}

/// The compiler of the first unit in C, without its options.
pub fn compiler(debug: &Debug) -> Option<String> {
    let unit = debug.units.iter().find(|unit| !unit.assembly && !unit.producer.is_empty())?;
    Some(unit.producer.split(" -").next().unwrap_or(&unit.producer).to_owned())
}
