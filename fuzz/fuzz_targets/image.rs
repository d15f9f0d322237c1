//! Any bytes as an image: an error, or functions whose code and debug information can be read.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xenheap_facts::{decode::Decoder, dwarf::Debug, image::Image};

fuzz_target!(|data: &[u8]| {
    if let Ok(image) = Image::parse(Path::new("fuzz"), data.to_vec()) {
        let decoder = Decoder::new(&image);
        for symbol in image.code() {
            decoder.code(symbol.address..symbol.address.saturating_add(symbol.size.min(256)));
        }
        if let Ok(debug) = Debug::read(&image) {
            for symbol in image.code() {
                debug.unit_at(symbol.address).map(|(_, unit)| unit.line(symbol.address));
            }
        }
    }
});
