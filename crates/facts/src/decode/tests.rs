use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
    write::{Object, Symbol, SymbolSection},
};
use proptest::prelude::*;

use super::*;

/// An image with the functions of one section, of which object files say that it begins at 0. Real
/// ones begin elsewhere.
fn image(architecture: Architecture, functions: &[(&str, &[u8])]) -> Image {
    let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    let text = object.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    for (name, code) in functions {
        let at = object.append_section_data(text, code, 1);
        object.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value: at,
            size: code.len() as u64,
            kind: SymbolKind::Text,
            scope: SymbolScope::Linkage,
            weak: false,
            section: SymbolSection::Section(text),
            flags: SymbolFlags::None,
        });
    }
    Image::parse(std::path::Path::new("xen-syms"), object.write().expect("it is written"))
        .expect("it is an image")
}

fn code(architecture: Architecture, functions: &[(&str, &[u8])]) -> Code {
    let image = image(architecture, functions);
    let first = functions.first().map_or(0, |(_, code)| code.len() as u64);
    Decoder::new(&image).code(0..first)
}

fn transfers(code: &Code) -> Vec<(u64, bool, Target)> {
    code.transfers.iter().map(|transfer| (transfer.address, transfer.call, transfer.target)).collect()
}

#[test]
fn calls_and_jumps_of_x86() {
    let code = code(
        Architecture::X86_64,
        &[
            (
                "f",
                &[
                    0xe8, 0x1b, 0, 0, 0, // call g
                    0xe8, 0x17, 0, 0, 0, // call __x86_indirect_thunk_rax
                    0xff, 0x15, 0, 0, 0, 0, // call *slot(%rip)
                    0xff, 0xd0, // call *%rax
                    0x0f, 0x01, 0xc3, // vmresume: no call
                    0x74, 0x00, // je to the next instruction
                    0x0f, 0x84, 0x03, 0, 0, 0,    // je g
                    0xc3, // ret
                    0x90, 0x90, // padding
                ],
            ),
            ("g", &[0xc3]),
            ("__x86_indirect_thunk_rax", &[0xff, 0xe0]),
        ],
    );
    assert_eq!(
        transfers(&code),
        [
            (0, true, Target::Direct(0x20)),
            (5, true, Target::Computed),
            (10, true, Target::Slot(16)),
            (16, true, Target::Computed),
            (23, false, Target::Direct(0x20)),
        ]
    );
    assert_eq!((code.end, code.unknown), (End::Stops, 0));
}

#[test]
fn the_end_of_x86_code() {
    let end = |bytes: &[u8]| code(Architecture::X86_64, &[("f", bytes), ("g", &[0xc3])]).end;
    assert_eq!(end(&[0x48, 0x89, 0xe5]), End::Falls);
    assert_eq!(end(&[0x48, 0x89, 0xe5, 0x90]), End::Falls);
    assert_eq!(end(&[0xe8, 0, 0x10, 0, 0]), End::AfterCall(0x1005));
    assert_eq!(end(&[0x0f, 0x0b]), End::Stops, "ud2");
    assert_eq!(end(&[0xc3, 0x90, 0xcc]), End::Stops, "padding");
    assert_eq!(end(&[0xc3, 0x48, 0x89, 0xe5]), End::Falls, "somebody jumps behind the ret");
}

/// Xen's bug frames are `udb` from 4.22 on; what stands behind one is reached by a jump.
#[test]
fn a_bug_frame_of_one_byte_hides_nothing_behind_it() {
    let bytes = [0xeb, 0x01, 0xd6, 0xe8, 0x02, 0, 0, 0, 0xd6, 0xd6];
    let code = code(Architecture::X86_64, &[("f", &bytes), ("g", &[0xc3])]);
    assert_eq!(transfers(&code), [(3, true, Target::Direct(0xa))]);
    assert_eq!((code.end, code.unknown), (End::Stops, 0));
}

#[test]
fn jump_tables_are_no_calls() {
    // add %rcx,%rax; jmp *%rax, and: jmp *table(,%rax,8)
    let code = code(
        Architecture::X86_64,
        &[("f", &[0x48, 0x01, 0xc8, 0xff, 0xe0, 0xff, 0x24, 0xc5, 0, 0, 0, 0x10]), ("g", &[0xc3])],
    );
    assert_eq!((code.transfers.len(), code.switches), (0, 2));
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn calls_and_jumps_of_arm64() {
    let f = words(&[
        0x9400_000a, // bl g
        0xd63f_0020, // blr x1
        0x5400_0100, // b.eq g
        0x3400_0020, // cbz w0, to the next instruction
        0x1000_0000, // adr x0, .
        0x8b22_a802, // add x2, x0, w2, sxth #2
        0xd61f_0040, // br x2: a switch
        0x5800_0020, // ldr x0, the next instructions
        0xd61f_0000, // br x0
        0x1400_0001, // b g
    ]);
    let code = code(Architecture::Aarch64, &[("f", &f), ("g", &words(&[0xd65f_03c0]))]);
    assert_eq!(
        transfers(&code),
        [
            (0, true, Target::Direct(0x28)),
            (4, true, Target::Computed),
            (8, false, Target::Direct(0x28)),
            (0x20, false, Target::Slot(0x20)),
            (0x24, false, Target::Direct(0x28)),
        ]
    );
    assert_eq!((code.switches, code.end), (1, End::Stops));
}

#[test]
fn a_constant_is_handed_on_in_a_register() {
    let f = words(&[
        0x5800_0041, // ldr x1, the word behind the next instruction
        0x1400_0003, // b g
        0x1234_5678,
        0x0000_0000,
    ]);
    let g = words(&[0xd61f_0020]); // br x1
    let image = image(Architecture::Aarch64, &[("f", &f), ("g", &g)]);
    let decoder = Decoder::new(&image);
    let f = decoder.code(0..8);
    assert_eq!(f.handed, [Handed { to: 0x10, register: 1, slot: 8 }]);
    assert_eq!(decoder.code(0x10..0x14).registers, [(0x10, 1)]);
}

#[test]
fn what_is_no_image_is_refused() {
    let parse = |bytes: Vec<u8>| Image::parse(std::path::Path::new("xen-syms"), bytes).map(drop);
    let told = |bytes| parse(bytes).expect_err("it is none").to_string();
    assert!(told(b"Xen".to_vec()).starts_with("xen-syms is not an ELF image ("));
    let empty = |architecture| {
        Object::new(BinaryFormat::Elf, architecture, Endianness::Little).write().expect("it is written")
    };
    assert_eq!(
        told(empty(Architecture::X86_64)),
        "xen-syms has no symbols: it is stripped, or not Xen; pass the file `xen-syms` of the build, which lies beside `xen`"
    );
    assert_eq!(
        told(empty(Architecture::Riscv64)),
        "xen-syms is an image for Riscv64; call graphs are made for x86_64 and arm64"
    );
    let without = image(Architecture::X86_64, &[("f", &[0xc3])]);
    assert_eq!(
        crate::dwarf::Debug::read(&without).expect_err("there is none").to_string(),
        "xen-syms has no debug information: build with CONFIG_DEBUG_INFO=y (a build of the lab has it)"
    );
}

proptest! {
    #[test]
    fn any_bytes_can_be_decoded(bytes in prop::collection::vec(any::<u8>(), 1..200), arm in any::<bool>()) {
        let architecture = if arm { Architecture::Aarch64 } else { Architecture::X86_64 };
        let code = code(architecture, &[("f", &bytes), ("g", &[0xc3])]);
        let range = 0..bytes.len() as u64;
        for transfer in &code.transfers {
            prop_assert!(range.contains(&transfer.address));
            let inside = matches!(transfer.target, Target::Direct(to) if range.contains(&to));
            prop_assert!(transfer.call || !inside);
        }
    }

    #[test]
    fn a_damaged_image_is_an_error_or_an_image(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = image(Architecture::X86_64, &[("f", &[0xe8, 0, 0, 0, 0, 0xc3])]).bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(image) = Image::parse(std::path::Path::new("xen-syms"), bytes) {
            let decoder = Decoder::new(&image);
            for symbol in image.code() {
                decoder.code(symbol.address..symbol.address.saturating_add(symbol.size.min(64)));
            }
        }
    }
}
