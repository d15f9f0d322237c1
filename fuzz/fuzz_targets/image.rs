//! Any bytes as an image: an error, or symbols in order, sections that give as many bytes as are
//! asked for, and code of which every transfer lies in what was read. What its debug information
//! says of places, types and inlined functions refers to what is there.
#![no_main]

use std::{ops::Range, path::Path};

use libfuzzer_sys::fuzz_target;
use xenheap_facts::{
    decode::{Code, Decoder},
    dwarf::{At, Debug, Unit},
    image::Image,
    types::{Type, TypeId, Types},
};

/// As much of a function, and so many functions, are enough.
const BYTES: u64 = 256;
const FUNCTIONS: usize = 64;

fn code_fits(code: &Code, range: &Range<u64>) {
    assert!(code.transfers.is_sorted());
    assert!(code.transfers.iter().all(|transfer| range.contains(&transfer.address)));
    assert!(code.registers.iter().all(|(address, _)| range.contains(address)));
    assert!(code.unknown <= range.end - range.start);
}

/// A place names a file of its unit, or one that the line table does not have, which is no file at
/// all.
fn place_fits(unit: &Unit, at: At) {
    assert_eq!(unit.file(at).is_some(), (at.file as usize) < unit.files.len());
}

fn debug_fits(image: &Image, debug: &Debug) {
    for unit in &debug.units {
        for function in unit.functions.iter().take(FUNCTIONS) {
            function.place.into_iter().for_each(|at| place_fits(unit, at));
            for body in &function.bodies {
                assert!(body.ranges.iter().all(|range| range.start < range.end));
                for inlined in &body.inlined {
                    assert!((inlined.function as usize) < unit.functions.len());
                    assert!(inlined.ranges.iter().all(|range| range.start < range.end));
                }
                let Some(range) = body.ranges.first() else { continue };
                let around = body.inlined_at(range.start);
                assert!(around.iter().enumerate().all(|(depth, inlined)| inlined.depth as usize == depth));
            }
        }
    }
    for symbol in image.code().iter().take(FUNCTIONS) {
        if let Some((at, unit)) = debug.unit_at(symbol.address) {
            assert!((at as usize) < debug.units.len());
            unit.line(symbol.address).into_iter().for_each(|at| place_fits(unit, at));
        }
    }
}

fn types_fit(types: &Types) {
    let there = |id: &TypeId| (id.0 as usize) < types.types.len();
    for ty in &types.types {
        assert!(match ty {
            Type::Void | Type::Number(_) => true,
            Type::Struct(id) => types.structure(*id).is_some(),
            Type::Pointer(inner) | Type::Array(inner) => there(inner),
            Type::Function { result, parameters } => there(result) && parameters.iter().all(there),
        });
    }
    for structure in &types.structs {
        assert!(structure.fields.iter().all(|field| there(&field.ty)));
    }
    for variable in types.variables.iter().take(FUNCTIONS) {
        assert!(there(&variable.ty) && (variable.unit as usize) < types.units.len());
        assert!(!types.show(variable.ty).is_empty());
        for (structure, _) in types.fields_at(variable.ty, 8).unwrap_or_default() {
            assert!(types.structure(structure).is_some());
        }
    }
    for function in &types.functions {
        assert!(matches!(types.get(function.ty), Type::Function { .. }));
    }
    assert!(types.variables.is_sorted_by_key(|variable| variable.address));
    assert_eq!(types.units.len(), types.producers.len());
}

fuzz_target!(|data: &[u8]| {
    if let Ok(types) = Types::read(data) {
        types_fit(&types);
    }
    let Ok(image) = Image::parse(Path::new("fuzz"), data.to_vec()) else { return };
    assert!(image.code().is_sorted_by_key(|symbol| symbol.address));
    assert!(image.data().is_sorted_by_key(|symbol| symbol.address));
    let symbols = image.code().iter().chain(image.data());
    assert!(symbols.clone().all(|symbol| symbol.section < image.sections().len()));
    for symbol in symbols.take(FUNCTIONS) {
        if let Some(bytes) = image.read(symbol.address, symbol.size) {
            assert_eq!(bytes.len() as u64, symbol.size);
        }
        if let Some(found) = image.variable_at(symbol.address) {
            assert!(found.address <= symbol.address);
        }
        assert_eq!(image.word(symbol.address).is_some(), image.read(symbol.address, 8).is_some());
    }
    let decoder = Decoder::new(&image);
    for symbol in image.code().iter().take(FUNCTIONS) {
        let range = symbol.address..symbol.address.saturating_add(symbol.size.min(BYTES));
        code_fits(&decoder.code(range.clone()), &range);
        code_fits(&decoder.out_of_line(range.clone()), &range);
    }
    if let Ok(debug) = Debug::read(&image) {
        debug_fits(&image, &debug);
    }
});
