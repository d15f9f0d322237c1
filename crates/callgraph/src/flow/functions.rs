//! Which functions lie where in the image.

use std::collections::{BTreeSet, HashMap};

use xenheap_facts::{
    image::Image,
    types::{TypeId, Types},
};

use super::{Callee, Table, models};
use crate::{
    Evidence,
    program::{Program, Routine},
};

/// Which functions lie where.
pub(super) struct Functions {
    /// By where they begin.
    pub(super) by_address: HashMap<u64, Routine>,
    /// Where they begin.
    pub(super) addresses: HashMap<Routine, u64>,
    /// What each is, as far as its unit says it.
    pub(super) types: HashMap<Routine, TypeId>,
}

impl Functions {
    /// Those of the image.
    pub(super) fn new(program: &Program<'_>, types: &Types, image: &Image) -> Self {
        let mut functions =
            Functions { by_address: HashMap::new(), addresses: HashMap::new(), types: HashMap::new() };
        for function in &types.functions {
            let Some(id) = program.resolve(Some(function.unit), &function.name) else { continue };
            if program.get(id).is_some_and(|known| known.unit != Some(function.unit)) {
                continue;
            }
            functions.types.insert(id, function.ty);
            if let Some(address) = function.address {
                functions.by_address.insert(address, id);
                functions.addresses.entry(id).or_insert(address);
            }
        }
        for symbol in image.code() {
            if let Some(id) = program.resolve(None, &symbol.name)
                && program.get(id).is_some_and(|known| known.body.is_none())
            {
                functions.by_address.entry(symbol.address).or_insert(id);
                functions.addresses.entry(id).or_insert(symbol.address);
            }
        }
        functions
    }

    /// The functions whose addresses lie between two addresses.
    pub(super) fn between(&self, image: &Image, first: u64, end: u64) -> Vec<Routine> {
        let words = (first.next_multiple_of(8)..end).step_by(8);
        words.filter_map(|address| self.by_address.get(&image.word(address)?).copied()).collect()
    }

    /// A function as a graph can find it; none, if the program does not have it.
    pub(super) fn callee(
        &self,
        program: &Program<'_>,
        types: &Types,
        routine: Routine,
        evidence: Evidence,
    ) -> Option<Callee> {
        let known = program.get(routine)?;
        Some(Callee {
            name: known.name.to_owned(),
            unit: known.unit.and_then(|unit| types.units.get(unit as usize)).cloned(),
            address: self.addresses.get(&routine).copied(),
            evidence,
        })
    }

    /// What the tables hold that assembly calls through.
    pub(super) fn tables(&self, program: &Program<'_>, types: &Types, image: &Image) -> Vec<Table> {
        let mut found = Vec::new();
        for table in &models::ASSEMBLY_TABLES {
            let Some(start) = image.mark(table.table) else { continue };
            // It ends where a word is neither a function's address nor null.
            let mut callees = BTreeSet::new();
            for address in (start..).step_by(8) {
                let Some(word) = image.word(address) else { break };
                match self.by_address.get(&word) {
                    Some(routine) => {
                        callees.extend(self.callee(program, types, *routine, Evidence::Model));
                    }
                    None if word == 0 => {}
                    None => break,
                }
            }
            let callers = table.callers.iter().map(|name| (*name).to_owned()).collect();
            let callees = callees.into_iter().collect();
            found.push(Table { mechanism: table.mechanism.to_owned(), callers, callees });
        }
        found
    }
}
