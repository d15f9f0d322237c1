//! The small image of `testdata/`, which `testdata/build.sh` made.

use std::path::{Path, PathBuf};

use xenheap_model::{Arch, Facts, Mark, Pc, RawStack, Stack, TraceFrame};
use xenheap_symbols::{Hints, Image, ImageError, Mismatch, Symbolizer};

const ID: &str = "0123456789abcdef0123456789abcdef01234567";
const TEXT: u64 = 0xffff_82d0_4020_0000;
const LENGTH: u64 = 0x6e;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/mini-xen-syms")
}

fn image() -> Image {
    Image::open(&path()).expect("the committed image")
}

fn back(offset: u64) -> Pc {
    Pc { addr: TEXT + offset, exact: false }
}

fn addresses(pcs: Vec<Pc>) -> RawStack {
    RawStack::Addresses { hash: 7, pcs, truncated: false }
}

/// One line a frame: name, whether inlined, place.
fn lines(stack: &Stack) -> Vec<String> {
    let line = |frame: &xenheap_model::Frame| {
        let source = frame.source.as_ref().map_or(String::new(), |at| format!(" {}:{}", at.file, at.line));
        format!("{}{}{source}", if frame.inlined { "+" } else { "" }, frame.name())
    };
    stack.frames.iter().map(line).collect()
}

#[test]
fn what_the_image_says_of_itself() {
    let image = image();
    assert_eq!(image.build_id(), Some(ID));
    assert_eq!(image.arch(), Arch::X86_64);
    assert_eq!(image.text(), Some((TEXT, TEXT + LENGTH)));
    assert!(image.has_debug_info());
}

#[test]
fn a_stack_has_names_inlined_functions_and_lines() {
    // allocator() called by zalloc(), inlined into service.c's refill(), called by service(),
    // called by entry code.
    let raw = addresses(vec![back(0x12), back(0x22), back(0x06)]);
    let stack = Symbolizer::new(Some(image()), Hints::default(), None).stack(&raw);
    assert_eq!(
        lines(&stack),
        [
            "entry.o#local_entry entry.S:7",
            "service service.c:19",
            "service.c#refill service.c:13",
            "+zalloc service.c:7",
        ]
    );
    assert_eq!(stack.hash, Some(7));
    assert!(!stack.truncated);
    assert_eq!(stack.frames.last().and_then(|frame| frame.addr), Some(TEXT + 0x12));
}

#[test]
fn the_recorders_wrappers_are_not_seen() {
    // domain_kill() and complete_domain_destroy(), each as a wrapper that calls its renamed
    // original.
    let pcs = [0x5d, 0x52, 0x6b, 0x47, 0x06].map(back).to_vec();
    let stack = Symbolizer::new(Some(image()), Hints::default(), None).stack(&addresses(pcs));
    assert_eq!(
        lines(&stack),
        [
            "entry.o#local_entry entry.S:7",
            "domain_kill common/domain.c:13",
            "common/domain.c#complete_domain_destroy common/domain.c:7",
        ]
    );
}

#[test]
fn a_return_address_behind_the_last_instruction_belongs_to_the_caller() {
    let image = image();
    let name = |pc| image.frames(pc).first().map(|frame| frame.name().into_owned());
    assert_eq!(name(back(0x31)).as_deref(), Some("service"));
    // Two global names of one address: Xen prints the first of the symbol table.
    assert_eq!(name(Pc { addr: TEXT + 0x31, exact: true }).as_deref(), Some("allocator_alias"));
    assert_eq!(name(Pc { addr: TEXT + 0x32, exact: true }).as_deref(), Some("lib/other.c#refill"));
}

#[test]
fn outside_of_the_text_there_are_no_names() {
    let mut symbolizer = Symbolizer::new(Some(image()), Hints::default(), None);
    for addr in [0, TEXT, TEXT + LENGTH + 1, u64::MAX] {
        let stack = symbolizer.stack(&addresses(vec![Pc { addr, exact: false }]));
        assert_eq!(lines(&stack), [format!("{addr:#x}")]);
    }
}

#[test]
fn an_image_linked_elsewhere_is_moved() {
    let run = TEXT + 0x1000_0000;
    let mut symbolizer = Symbolizer::new(Some(image()), Hints::default(), Some((run, run + LENGTH)));
    let stack = symbolizer.stack(&addresses(vec![Pc { addr: run + 0x06, exact: false }]));
    assert_eq!(lines(&stack), ["entry.o#local_entry entry.S:7"]);
    assert_eq!(stack.frames[0].addr, Some(run + 0x06));
}

fn printed(offset: Option<u64>, name: &str, mark: Mark) -> TraceFrame {
    TraceFrame { addr: offset.map(|at| TEXT + at), name: name.to_owned(), offset: None, mark }
}

#[test]
fn a_printed_trace_gets_lines_where_the_image_agrees() {
    let trace = RawStack::Trace {
        uncertain: None,
        frames: vec![
            printed(Some(0x0d), "service.c#refill", Mark::R),
            printed(Some(0x22), "somebody_else", Mark::F),
            printed(None, "unreadable", Mark::F),
            printed(Some(0x06), "entry.o#local_entry", Mark::F),
        ],
    };
    let with = Symbolizer::new(Some(image()), Hints::default(), None).stack(&trace);
    assert_eq!(
        lines(&with),
        [
            "entry.o#local_entry entry.S:7",
            "unreadable",
            "somebody_else",
            "service.c#refill service.c:13",
            "+zalloc service.c:7"
        ]
    );
    let without = Symbolizer::new(None, Hints::default(), None).stack(&trace);
    assert_eq!(lines(&without), ["entry.o#local_entry", "unreadable", "somebody_else", "service.c#refill"]);
    assert_eq!(without.frames[0].file.as_deref(), Some("entry.o"));
}

#[test]
fn without_an_image_the_names_of_the_log_help() {
    let frame = TraceFrame {
        addr: Some(TEXT + 0x22),
        name: "service".to_owned(),
        offset: Some((0x0e, 0x1d)),
        mark: Mark::F,
    };
    let hints: Hints = [&frame].into_iter().collect();
    let stack =
        Symbolizer::new(None, hints, None).stack(&addresses(vec![back(0x12), back(0x2c), back(0x31)]));
    assert_eq!(lines(&stack), ["service", "service", "0xffff82d040200012"]);
}

#[test]
fn another_build_is_noticed() {
    let image = image();
    let facts = |build_id: Option<&str>, arch, text| Facts {
        build_id: build_id.map(str::to_owned),
        arch,
        text,
        ..Facts::default()
    };
    let text = Some((0x1000, 0x1000 + LENGTH));
    assert_eq!(image.check(&facts(Some(ID), Arch::X86_64, None)), Ok(()));
    assert_eq!(image.check(&facts(None, Arch::Unknown, text)), Ok(()));
    assert_eq!(
        image.check(&facts(Some("feed"), Arch::X86_64, text)),
        Err(Mismatch::BuildId { log: "feed".to_owned(), image: ID.to_owned() })
    );
    assert_eq!(
        image.check(&facts(None, Arch::Arm64, None)),
        Err(Mismatch::Arch { log: Arch::Arm64, image: Arch::X86_64 })
    );
    assert_eq!(
        image.check(&facts(None, Arch::X86_64, Some((0, 99)))),
        Err(Mismatch::Text { log: 99, image: LENGTH })
    );
}

#[test]
fn what_is_not_an_image_is_refused_with_a_reason() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let missing = dir.path().join("none");
    assert!(matches!(Image::open(&missing), Err(ImageError::Io { .. })));
    let text = dir.path().join("text");
    std::fs::write(&text, "HA1 not an image").expect("write");
    assert!(matches!(Image::open(&text), Err(ImageError::NotElf { .. })));

    use object::{Architecture, BinaryFormat, Endianness, write::Object};
    let empty = |arch| Object::new(BinaryFormat::Elf, arch, Endianness::Little).write().expect("an object");
    let parsed = |arch| Image::parse(Path::new("x"), &empty(arch));
    assert!(matches!(parsed(Architecture::Riscv64), Err(ImageError::Machine { .. })));
    assert!(matches!(parsed(Architecture::X86_64), Err(ImageError::NoSymbols { .. })));
}

#[test]
fn a_damaged_image_never_panics() {
    let bytes = std::fs::read(path()).expect("the committed image");
    for cut in (0..bytes.len()).step_by(97) {
        let mut damaged = bytes.clone();
        damaged.truncate(cut);
        drop(Image::parse(Path::new("x"), &damaged));
        let mut altered = bytes.clone();
        altered[cut..].iter_mut().take(16).for_each(|byte| *byte = !*byte);
        if let Ok(image) = Image::parse(Path::new("x"), &altered) {
            (0..LENGTH + 2).for_each(|offset| drop(image.frames(back(offset))));
        }
    }
}
