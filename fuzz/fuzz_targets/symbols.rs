//! Any bytes as the image by which a report names addresses: an error, or names. An address has the
//! same name however often it is asked for, the outermost of its frames is not inlined and those
//! within are, and no address of the run is changed.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use xenheap_model::{Pc, RawStack};
use xenheap_symbols::{Hints, Image, Symbolizer};

/// Where to look: around the text, and anywhere.
fn addresses(image: &Image, data: &[u8]) -> Vec<u64> {
    let (start, end) = image.text().unwrap_or((0, u64::MAX));
    let anywhere = data
        .chunks_exact(8)
        .rev()
        .take(4)
        .filter_map(|eight| Some(u64::from_le_bytes(eight.try_into().ok()?)));
    let around = (0..16).map(|step| start.wrapping_add(step * 7));
    around.chain(anywhere).chain([0, end, end.wrapping_sub(1), u64::MAX]).collect()
}

fuzz_target!(|data: &[u8]| {
    let Ok(image) = Image::parse(Path::new("fuzz"), data) else { return };
    let addresses = addresses(&image, data);
    for &addr in &addresses {
        for exact in [false, true] {
            let frames = image.frames(Pc { addr, exact });
            assert_eq!(frames, image.frames(Pc { addr, exact }));
            assert!(frames.iter().enumerate().all(|(at, frame)| frame.inlined == (at > 0)));
            assert!(frames.iter().all(|frame| frame.addr == Some(addr) && !frame.function.contains('\n')));
        }
    }
    // Elsewhere in the run than it was linked to.
    let text = image.text().map(|(start, end)| (start.wrapping_add(0x1000), end.wrapping_add(0x1000)));
    let mut symbolizer = Symbolizer::new(Some(image), Hints::default(), text);
    let pcs: Vec<Pc> = addresses.iter().map(|&addr| Pc { addr, exact: false }).collect();
    let raw = RawStack::Addresses { hash: 1, pcs, truncated: false };
    let stack = symbolizer.stack(&raw);
    assert_eq!(stack, symbolizer.stack(&raw));
    assert!(stack.frames.iter().all(|frame| frame.addr.is_some_and(|addr| addresses.contains(&addr))));
});
