//! With `CONFIG_HEAP_AUDIT=n` the edited files compile to what they compiled to before; with `y`
//! the configuration is the one that the recorder needs. Builds with the real build system of real
//! trees (see
//! `common/trees.rs`), for x86 and Arm, on a copy in a fixed place: paths are in the objects.

#[path = "common/trees.rs"]
mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use object::read::elf::ElfFile64;
use object::{Architecture, Object, ObjectSection, ObjectSymbol, SectionFlags, elf};
use xenheap_recorder::{Action, LocalChanges, Tree, plan};

/// What Xen is built for.
struct Target {
    /// As Xen's makefiles call it.
    arch: &'static str,
    /// What the names of the compiler and its tools begin with.
    tools: &'static str,
    /// The other architectures' part of a tree.
    others: &'static str,
    /// One of them, and a static function in it.
    with_static: (&'static str, &'static str),
}

const X86: Target = Target {
    arch: "x86_64",
    tools: "",
    others: "arch/arm/",
    with_static: ("arch/x86/mm/hap/hap.o", "hap_alloc"),
};

const ARM: Target = Target {
    arch: "arm64",
    tools: "aarch64-linux-gnu-",
    others: "arch/x86/",
    with_static: ("common/domain.o", "complete_domain_destroy"),
};

/// What the build of the hypervisor reads.
const PARTS: &[&str] = &["xen", "config", "Config.mk"];

struct Build {
    folder: tempfile::TempDir,
    target: &'static Target,
    /// The objects of all files with code that are edited, but those of other configurations.
    names: Vec<String>,
}

impl Build {
    fn of(tree: &Path, target: &'static Target) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in PARTS {
            trees::copy(&tree.join(part), folder.path());
        }
        let plan = plan(&Tree::open(folder.path()).unwrap()).unwrap();
        let edited = plan.describe().files.into_iter().filter(|file| file.action == Action::Change);
        let names: Vec<String> = edited
            .filter_map(|file| Some(format!("{}.o", file.path.strip_prefix("xen/")?.strip_suffix(".c")?)))
            .filter(|name| !name.starts_with(target.others))
            .collect();
        assert!(names.len() > 6, "{names:?}");
        Self { folder, target, names }
    }

    fn xen(&self) -> PathBuf {
        self.folder.path().join("xen")
    }

    /// Runs make in `xen/` and gives its output and whether it succeeded.
    fn make(&self, args: &[&str]) -> (bool, String) {
        let jobs = std::thread::available_parallelism().map_or(1, |n| n.get());
        let output = Command::new("make")
            .arg("-C")
            .arg(self.xen())
            .arg(format!("-j{jobs}"))
            .args(["XEN_BUILD_DATE=never", "XEN_BUILD_HOST=nowhere"])
            .arg(format!("XEN_TARGET_ARCH={}", self.target.arch))
            .arg(format!("CROSS_COMPILE={}", self.target.tools))
            // Xen 4.14 is older than the compiler, which warns of sources that are not ours.
            .arg("EXTRA_CFLAGS_XEN_CORE=-Wno-error=array-bounds -fstack-usage")
            .args(args)
            // A make around the tests must not hand down its flags.
            .env_remove("MAKEFLAGS")
            .env_remove("MAKELEVEL")
            .output()
            .expect("these tests need make");
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn must_make(&self, args: &[&str]) -> String {
        let (done, text) = self.make(args);
        let tail: Vec<&str> = text.lines().rev().take(30).collect();
        assert!(done, "make {args:?}:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n"));
        text
    }

    /// Completes a configuration; gives the lines of the result and what kconfig said.
    fn configure(&self, options: &[&str]) -> (Vec<String>, String) {
        // Not everything that is compared is built by default in every version.
        let options = options.join("\n") + "\nCONFIG_SHADOW_PAGING=y\nCONFIG_XSM=y\nCONFIG_XSM_FLASK=y\n";
        fs::write(self.xen().join(".config"), options).unwrap();
        let said = self.must_make(&["olddefconfig"]);
        let config = fs::read_to_string(self.xen().join(".config")).unwrap();
        (config.lines().map(str::to_owned).collect(), said)
    }

    /// Generated headers are made on the way to the hypervisor only. Without objects to link the
    /// build stops right after them, with an error that is meant to happen.
    fn prepare(&self) {
        self.make(&["ALL_OBJS-y=", "ALL_LIBS-y=", "ALL_OBJS=", "ALL_LIBS="]);
    }

    fn names(&self) -> Vec<&str> {
        self.names.iter().map(String::as_str).collect()
    }

    /// Leaves only the objects that can be made of the tree as it is, which is untouched. A file
    /// can belong to another configuration: wait queues to Arm with VM events.
    fn leave_what_can_be_made(&mut self) {
        let names = std::mem::take(&mut self.names);
        let (made, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| self.make(&[name]).0);
        assert!(made.len() > 6, "{made:?} of {others:?}");
        println!("{}: not of this configuration: {others:?}", self.target.arch);
        self.names = made;
    }

    fn objects(&self) -> Vec<Summary> {
        let names = self.names();
        for object in &names {
            let _ = fs::remove_file(self.xen().join(object));
        }
        self.must_make(&names);
        names.iter().map(|object| summary(&self.xen().join(object))).collect()
    }
}

/// All of an object that ends in the image.
#[derive(Debug, PartialEq)]
struct Summary {
    object: PathBuf,
    sections: Vec<Section>,
    /// Name, value, size, section, and the rest as the file has it.
    symbols: Vec<String>,
}

#[derive(Debug, PartialEq)]
struct Section {
    name: String,
    flags: u64,
    align: u64,
    size: u64,
    data: Vec<u8>,
    relocations: Vec<String>,
}

fn summary(path: &Path) -> Summary {
    let data = fs::read(path).unwrap();
    let file = ElfFile64::<object::Endianness>::parse(&*data).unwrap();
    let section_name = |index: Option<object::SectionIndex>| {
        index.and_then(|i| file.section_by_index(i).ok()?.name().ok().map(str::to_owned)).unwrap_or_default()
    };
    let allocated = |flags: SectionFlags| match flags {
        SectionFlags::Elf { sh_flags, .. } if sh_flags.0 & elf::SHF_ALLOC.0 != 0 => Some(sh_flags.0),
        _ => None,
    };
    let mut sections = Vec::new();
    for section in file.sections() {
        let Some(flags) = allocated(section.flags()) else { continue };
        let relocations = section.relocations().map(|(offset, relocation)| {
            let target = match relocation.target() {
                object::RelocationTarget::Symbol(index) => {
                    let symbol = file.symbol_by_index(index).unwrap();
                    let (name, section) = (symbol.name().unwrap(), section_name(symbol.section_index()));
                    format!("{name}@{section}+{:#x}", symbol.address())
                }
                other => format!("{other:?}"),
            };
            format!("{offset:#x} {:?} {target} {:#x}", relocation.flags(), relocation.addend())
        });
        sections.push(Section {
            name: section.name().unwrap().to_owned(),
            flags,
            align: section.align(),
            size: section.size(),
            relocations: relocations.collect(),
            data: section.data().unwrap().to_vec(),
        });
    }
    let symbols = file.symbols().filter(|symbol| !symbol.name_bytes().unwrap_or_default().is_empty());
    let symbols = symbols.map(|symbol| {
        let (name, section) = (symbol.name().unwrap(), section_name(symbol.section_index()));
        format!("{name} {:#x} {:#x} {section} {:?}", symbol.address(), symbol.size(), symbol.flags())
    });
    Summary { object: path.to_owned(), sections, symbols: symbols.collect() }
}

/// How often code jumps to a function, and so does not stay on the stack below it.
fn jumps_to(path: &Path, function: &str) -> usize {
    let data = fs::read(path).unwrap();
    let file = ElfFile64::<object::Endianness>::parse(&*data).unwrap();
    let (mut calls, mut jumps) = (0, 0);
    for section in file.sections().filter(|section| section.name().unwrap().starts_with(".text")) {
        let code = section.data().unwrap();
        for (offset, relocation) in section.relocations() {
            let object::RelocationTarget::Symbol(index) = relocation.target() else { continue };
            if file.symbol_by_index(index).unwrap().name() != Ok(function) {
                continue;
            }
            let is_call = match relocation.flags() {
                object::RelocationFlags::Elf { r_type, .. }
                    if file.architecture() == Architecture::Aarch64 =>
                {
                    r_type == elf::R_AARCH64_CALL26
                }
                _ => offset > 0 && code.get(offset as usize - 1) == Some(&0xe8),
            };
            *(if is_call { &mut calls } else { &mut jumps }) += 1;
        }
    }
    assert!(calls + jumps > 0, "{} does not name {function}", path.display());
    jumps
}

/// What each function of an object calls, jumps to or takes the address of, in the order of its
/// code.
fn names_in(path: &Path, tools: &str) -> BTreeMap<String, Vec<String>> {
    let output = Command::new(format!("{tools}objdump"))
        .args(["-dr", "--no-show-raw-insn"])
        .arg(path)
        .output()
        .expect("these tests need objdump");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Of `dump.constprop.0+0x12`, `.text.dump-0x4`.
    let function = |name: &str| {
        let name = name.strip_prefix(".text.").unwrap_or(name);
        name.split(['.', '+', '-']).next().unwrap_or_default().to_owned()
    };
    let mut calls: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(">:").and_then(|line| line.split_once('<')) {
            current = function(name.1);
        } else if let Some((_, target)) = line.split_once(": R_").and_then(|(_, r)| r.split_once('\t')) {
            calls.entry(current.clone()).or_default().push(function(target));
        } else if let Some(target) = line.strip_suffix('>').and_then(|line| line.rsplit_once('<')) {
            calls.entry(current.clone()).or_default().push(function(target.1));
        }
    }
    calls
}

/// Whether a function calls two others one after the other.
fn calls_in_turn(calls: &BTreeMap<String, Vec<String>>, function: &str, first: &str, then: &str) -> bool {
    let all = calls.get(function).map_or(&[][..], Vec::as_slice);
    let after = all.iter().position(|name| name == first).and_then(|at| all.get(at..));
    after.is_some_and(|after| after.iter().any(|name| name == then))
}

fn reaches(calls: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(function) = next.pop() {
        if seen.insert(function) {
            next.extend(calls.get(function).into_iter().flatten().map(String::as_str));
        }
    }
    seen.contains(to)
}

/// Xen's stacks have 8 KiB, and the recorder comes on top of whatever allocates.
fn assert_small_frames(folder: &Path, what: &str) {
    const MOST: u64 = 256;
    let mut functions = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".su") || !name.contains("heap-audit") {
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            let mut fields = line.split('\t');
            let function = fields.next().unwrap();
            let bytes: u64 = fields.next().unwrap().parse().unwrap();
            assert!(bytes <= MOST, "{what}: {function} takes {bytes} bytes of the stack");
            functions += 1;
        }
    }
    assert!(functions > 50, "{what}: {functions} functions say what they take");
}

/// Says where two objects differ without printing them.
fn assert_same(before: &[Summary], after: &[Summary], what: &str) {
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        let object = before.object.display();
        let names = |summary: &Summary| summary.sections.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(before), names(after), "{what}: sections of {object}");
        for (old, new) in before.sections.iter().zip(&after.sections) {
            assert!(old == new, "{what}: section {} of {object} differs", old.name);
        }
        assert_eq!(before.symbols, after.symbols, "{what}: symbols of {object}");
    }
}

#[test]
fn switched_off_it_changes_no_object() {
    for tree in trees::trees() {
        for target in [&X86, &ARM] {
            let mut build = Build::of(&tree, target);
            let opened = Tree::open(build.folder.path()).unwrap();
            for debug in ["CONFIG_DEBUG=y", "# CONFIG_DEBUG is not set"] {
                let what = format!("{} for {} with {debug}", tree.display(), target.arch);
                let (config, _) = build.configure(&["CONFIG_EXPERT=y", debug]);
                assert!(config.iter().any(|line| line == debug), "{what}");
                // Once is enough: what is generated here does not see the recorder.
                build.prepare();
                build.leave_what_can_be_made();
                let before = build.objects();
                let text = |summary: &Summary| {
                    summary.sections.iter().any(|s| s.name.starts_with(".text") && s.size > 0)
                };
                assert!(before.iter().all(text), "{what}: objects without code prove nothing");

                plan(&opened).unwrap().apply(LocalChanges::Keep).unwrap();
                let (config, _) = build.configure(&["CONFIG_EXPERT=y", debug]);
                assert!(config.iter().any(|line| line == "# CONFIG_HEAP_AUDIT is not set"), "{what}");
                assert_same(&before, &build.objects(), &what);
                plan(&opened).unwrap().undo(LocalChanges::Keep).unwrap();

                // The comparison would notice a line that moves.
                if debug == "CONFIG_DEBUG=y" {
                    let file = build.xen().join("common/page_alloc.c");
                    let source = fs::read(&file).unwrap();
                    fs::write(&file, [b"\n".as_slice(), &source].concat()).unwrap();
                    build.must_make(&["common/page_alloc.o"]);
                    let moved = summary(&build.xen().join("common/page_alloc.o"));
                    assert!(before.first() != Some(&moved), "{what}: no object holds a line number");
                    fs::write(&file, &source).unwrap();
                }
            }
        }
    }
}

#[test]
fn switched_on_it_builds_with_frame_pointers() {
    for tree in trees::trees() {
        for target in [&X86, &ARM] {
            let mut build = Build::of(&tree, target);
            build.configure(&["CONFIG_EXPERT=y", "CONFIG_DEBUG=y"]);
            build.prepare();
            build.leave_what_can_be_made();
            plan(&Tree::open(build.folder.path()).unwrap()).unwrap().apply(LocalChanges::Keep).unwrap();
            for options in
                [["CONFIG_HEAP_AUDIT=y", "CONFIG_EXPERT=y"], ["CONFIG_HEAP_AUDIT=y", "CONFIG_DEBUG=y"]]
            {
                let what = format!("{} for {} with {options:?}", tree.display(), target.arch);
                let (config, said) = build.configure(&options);
                for wanted in ["CONFIG_HEAP_AUDIT=y", "CONFIG_FRAME_POINTER=y"] {
                    assert!(config.iter().any(|line| line == wanted), "{what}: no {wanted}");
                }
                let complaint = said.lines().find(|line| line.contains("Kconfig.debug:"));
                assert_eq!(complaint, None, "{what}");
            }
            // The last configuration is built: every warning is an error there.
            build.prepare();
            build.must_make(&["common/heap-audit.o", "common/heap-audit-core.o", "common/xmalloc_tlsf.o"]);
            build.must_make(&build.names());
            let what = format!("{} for {}", tree.display(), target.arch);
            let defines = |object: &str, name: &str| {
                let symbols = summary(&build.xen().join(object)).symbols;
                symbols
                    .iter()
                    .any(|symbol| symbol.starts_with(&format!("{name} ")) && symbol.contains(" .text"))
            };
            assert!(defines("common/xmalloc_tlsf.o", "heap_audited_xfree"), "{what}");
            assert!(!defines("common/xmalloc_tlsf.o", "xfree"), "{what}");
            assert!(defines("common/heap-audit.o", "xfree"), "{what}");
            // A static function can be linked, under the name that its callers do not use.
            let (object, function) = target.with_static;
            assert!(defines(object, &format!("heap_audited_{function}")), "{what}");
            assert!(!defines(object, function), "{what}");

            build.must_make(&["common/rangeset.o"]);
            assert_eq!(jumps_to(&build.xen().join("common/rangeset.o"), "xfree"), 0, "{what}");
            assert_small_frames(&build.xen().join("common"), &what);

            // The last dump's caller holds locks that softirqs want; the debug key's does not.
            let calls = names_in(&build.xen().join("common/heap-audit.o"), target.tools);
            assert!(reaches(&calls, "hwdom_shutdown", "ha_print_dump"), "{what}: {calls:?}");
            assert!(!reaches(&calls, "hwdom_shutdown", "process_pending_softirqs"), "{what}: {calls:?}");
            assert!(reaches(&calls, "run_softirqs", "process_pending_softirqs"), "{what}: {calls:?}");
            // It ends by the clock, and meanwhile the watchdog is off. A machine that does not
            // sleep after all goes on being recorded. Arm's code names no static function whose
            // address it takes, and has neither watchdog nor sleep.
            if target.arch == "x86_64" {
                assert!(reaches(&calls, "hwdom_shutdown", "look_at_clock"), "{what}: {calls:?}");
                assert!(reaches(&calls, "look_at_clock", "get_s_time"), "{what}: {calls:?}");
                for (function, first, then) in [
                    ("dump_last", "watchdog_disable", "watchdog_enable"),
                    ("enter_state_helper", "heap_audited_enter_state_helper", "ha_unseal"),
                ] {
                    assert!(calls_in_turn(&calls, function, first, then), "{what}: {calls:?}");
                }
            }
            // Whoever changes how many pages a domain has is counted: transfers of grants and
            // exchanges, too. Arm has neither: its steal_page() only fails.
            if target.arch == "x86_64" {
                let adjust = "domain_adjust_tot_pages";
                assert!(calls.contains_key(adjust), "{what}: {calls:?}");
                for object in ["common/grant_table.o", "common/memory.o"] {
                    build.must_make(&[object]);
                    let users = names_in(&build.xen().join(object), target.tools);
                    let uses = |name: &str| users.values().flatten().any(|used| used == name);
                    assert!(uses(adjust) && !uses(&format!("heap_audited_{adjust}")), "{what}: {object}");
                }
            }

            // What it selects is for developers only, so it is, too.
            let (config, said) = build.configure(&[
                "CONFIG_HEAP_AUDIT=y",
                "# CONFIG_EXPERT is not set",
                "# CONFIG_DEBUG is not set",
            ]);
            assert!(!config.iter().any(|line| line == "CONFIG_HEAP_AUDIT=y"), "{what}");
            assert_eq!(said.lines().find(|line| line.contains("unmet")), None, "{what}");

            let (config, _) = build.configure(&["CONFIG_EXPERT=y", "# CONFIG_DEBUG is not set"]);
            // The same file, as it is without the recorder: the check above can fail.
            if target.arch == "x86_64" {
                build.must_make(&["common/rangeset.o"]);
                assert!(jumps_to(&build.xen().join("common/rangeset.o"), "xfree") > 0, "{what}");
            }
            for wanted in ["# CONFIG_HEAP_AUDIT is not set", "# CONFIG_FRAME_POINTER is not set"] {
                assert!(config.iter().any(|line| line == wanted), "{what}: no {wanted}");
            }
        }
    }
}
