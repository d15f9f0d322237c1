//! Putting the recorder into a small tree and taking it out again.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{EDITED, FILES, Fixture, RENAMES, STATICS, commit_all, contents, git, info, stdout};
use xenheap_recorder::{
    Action, Applied, Change, Error, LocalChanges, Problem, State, Tree, plan, recorder_id,
};

fn state(root: &Path) -> State {
    plan(&Tree::open(root).unwrap()).unwrap().state()
}

fn apply(root: &Path, local: LocalChanges) -> Result<Applied, Error> {
    plan(&Tree::open(root)?)?.apply(local)
}

fn undo(root: &Path, local: LocalChanges) -> Result<Applied, Error> {
    plan(&Tree::open(root)?)?.undo(local)
}

fn patch(root: &Path, author: &str) -> Vec<u8> {
    let mut mail = Vec::new();
    plan(&Tree::open(root).unwrap()).unwrap().patch(&info(author), &mut mail).unwrap();
    mail
}

/// Nothing changes, and the error is as expected.
fn refused(fixture: &Fixture, expected: impl Fn(&Error) -> bool) -> String {
    let before = contents(fixture.root());
    let error = apply(fixture.root(), LocalChanges::Keep).unwrap_err();
    assert!(expected(&error), "{error:?}");
    assert_eq!(contents(fixture.root()), before);
    let checked = plan(&Tree::open(fixture.root()).unwrap()).unwrap().check(LocalChanges::Keep).unwrap_err();
    assert_eq!(checked.to_string(), error.to_string(), "--check says what doing it would say");
    error.to_string()
}

#[test]
fn in_and_out_again() {
    let fixture = Fixture::new();
    let before = contents(fixture.root());
    assert_eq!(state(fixture.root()), State::Clean);

    let outcome = apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(
        outcome.created,
        [
            "xen/common/heap-audit.c",
            "xen/common/heap-audit-core.c",
            "xen/include/xen/heap-audit.h",
            "xen/include/xen/heap-audit-tree.h"
        ]
    );
    assert_eq!((outcome.changed.len(), outcome.removed.len()), (EDITED, 0));
    assert_eq!(state(fixture.root()), State::Instrumented);
    let instrumented = contents(fixture.root());
    assert_eq!(instrumented.len(), before.len() + 4);
    let all = FILES.iter().map(|(name, _)| fixture.read(name)).collect::<String>();
    // Two more are in the macro's own definition, one in its comment, one in the other macro's
    // definition.
    assert_eq!(all.matches("HEAP_AUDITED(").count(), RENAMES - STATICS + 4);
    assert_eq!(all.matches("\nAUDITED_STATIC(").count(), STATICS);
    assert!(all.contains("\nvoid *HEAP_AUDITED(_xmalloc)(unsigned long size, unsigned long align)\n"));
    assert!(all.contains("\nint HEAP_AUDITED(assign_pages)(\n"));
    assert!(all.contains("\nAUDITED_STATIC(void, hap_free, (struct domain *d, mfn_t mfn))\n"));
    assert!(all.contains("\n    pg = hap_alloc(d);\n"), "callers keep the public name");
    for (name, content) in FILES.iter().filter(|(name, _)| name.ends_with(".c")) {
        assert_eq!(fixture.read(name).lines().count(), content.lines().count(), "{name}");
    }

    assert!(apply(fixture.root(), LocalChanges::Keep).unwrap().is_empty(), "twice is harmless");
    assert_eq!(contents(fixture.root()), instrumented);

    let outcome = undo(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!((outcome.created.len(), outcome.changed.len(), outcome.removed.len()), (0, EDITED, 4));
    assert_eq!(contents(fixture.root()), before);
    assert!(undo(fixture.root(), LocalChanges::Keep).unwrap().is_empty());
}

#[test]
fn the_xen_folder_itself_will_do() {
    let (a, b) = (Fixture::new(), Fixture::new());
    apply(a.root(), LocalChanges::Keep).unwrap();
    apply(&b.path("xen"), LocalChanges::Keep).unwrap();
    assert_eq!(contents(a.root()), contents(b.root()));
    assert_eq!(patch(a.root(), "A <a@b>"), patch(&b.path("xen"), "A <a@b>"));
}

#[test]
fn the_plan_says_everything() {
    let fixture = Fixture::new();
    let description = plan(&Tree::open(fixture.root()).unwrap()).unwrap().describe();
    assert_eq!(description.version.to_string(), "4.17.5");
    assert_eq!(description.state, State::Clean);
    assert!(!description.next_steps.is_empty());
    let renames = |c: &&Change| matches!(c, Change::Rename { .. });
    assert_eq!(description.files.iter().flat_map(|f| &f.changes).filter(renames).count(), RENAMES);
    let xmalloc = description.files.iter().find(|f| f.path == "xen/common/xmalloc_tlsf.c").unwrap();
    assert_eq!(xmalloc.action, Action::Change);
    assert_eq!(
        xmalloc.changes,
        [("xmem_pool_alloc", 1), ("_xmalloc", 5), ("_xrealloc", 10), ("xfree", 15)]
            .map(|(function, line)| Change::Rename { function, line })
    );
    let makefile = description.files.iter().find(|f| f.path == "xen/common/Makefile").unwrap();
    assert!(matches!(makefile.changes.as_slice(), [Change::Insert { line: 3, lines: 1, .. }]));

    apply(fixture.root(), LocalChanges::Keep).unwrap();
    let after = plan(&Tree::open(fixture.root()).unwrap()).unwrap().describe();
    assert!(after.files.iter().all(|file| file.action == Action::Nothing));
    let changes = |d: &xenheap_recorder::Description| -> Vec<_> {
        d.files.iter().map(|file| file.changes.clone()).collect()
    };
    assert_eq!(changes(&after), changes(&description));
}

/// Readers give a static function the name that it has in Xen, with its file.
#[test]
fn readers_know_which_hooks_are_static() {
    let fixture = Fixture::new();
    let files = plan(&Tree::open(fixture.root()).unwrap()).unwrap().describe().files;
    let mut statics = 0;
    for file in files {
        let text = FILES.iter().find(|(name, _)| *name == file.path).map_or("", |(_, text)| text);
        for change in &file.changes {
            let Change::Rename { function, line } = change else { continue };
            let is_static = text.lines().nth(line - 1).unwrap().starts_with("static ");
            assert_eq!(xenheap_model::is_static_in_xen(function), is_static, "{function}");
            statics += usize::from(is_static);
        }
    }
    assert_eq!(statics, STATICS);
}

#[test]
fn what_else_was_changed_stays() {
    let fixture = Fixture::new();
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    fixture.edit("xen/common/shutdown.c", "{\n", "{\n    /* mine: HEAP_AUDITED(hwdom_shutdown) */\n");
    fixture.edit("xen/common/Makefile", "obj-y += argo.o\n", "obj-y += argo.o\nobj-y += mine.o\n");
    fixture.edit("xen/include/xen/config.h", "#define B\n", "#define MINE\n");
    undo(fixture.root(), LocalChanges::Keep).unwrap();
    let mut expected = contents(Fixture::new().root());
    expected.insert(
        "xen/common/shutdown.c".into(),
        b"void hwdom_shutdown(unsigned char reason)\n{\n    /* mine: HEAP_AUDITED(hwdom_shutdown) */\n}\n"
            .into(),
    );
    let text = |name: &str| FILES.iter().find(|(n, _)| *n == name).unwrap().1;
    expected.insert(
        "xen/common/Makefile".into(),
        text("xen/common/Makefile").replace("argo.o\n", "argo.o\nobj-y += mine.o\n").into(),
    );
    expected.insert(
        "xen/include/xen/config.h".into(),
        text("xen/include/xen/config.h").replace("#define B\n", "#define MINE\n").into(),
    );
    assert_eq!(contents(fixture.root()), expected);
}

#[test]
fn our_files_are_not_lost_when_somebody_changed_them() {
    let fixture = Fixture::new();
    let before = contents(fixture.root());
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    let name = "xen/common/heap-audit-core.c";
    let mine = format!("/* mine */\n{}", fixture.read(name));
    fixture.write(name, &mine);
    let message = refused(&fixture, |e| matches!(e, Error::LocalChanges { .. }));
    assert!(message.contains(name), "{message}");
    let error = undo(fixture.root(), LocalChanges::Keep).unwrap_err();
    assert!(matches!(&error, Error::LocalChanges { files } if *files == [name]), "{error}");
    assert_eq!(fixture.read(name), mine);

    apply(fixture.root(), LocalChanges::Discard).unwrap();
    assert_eq!(state(fixture.root()), State::Instrumented);
    fixture.write(name, &mine);
    undo(fixture.root(), LocalChanges::Discard).unwrap();
    assert_eq!(contents(fixture.root()), before);
}

#[test]
fn a_file_that_only_has_our_name_is_not_ours() {
    let fixture = Fixture::new();
    fixture.write("xen/common/heap-audit.c", "int somebody_elses;\n");
    let before = contents(fixture.root());
    assert_eq!(state(fixture.root()), State::Clean);
    refused(&fixture, |e| matches!(e, Error::LocalChanges { .. }));
    for local in [LocalChanges::Keep, LocalChanges::Discard] {
        assert!(undo(fixture.root(), local).unwrap().is_empty());
    }
    assert_eq!(contents(fixture.root()), before);
}

#[test]
fn half_instrumented_is_an_error_that_names_the_files() {
    let clean = Fixture::new();
    let whole = Fixture::new();
    apply(whole.root(), LocalChanges::Keep).unwrap();
    let touched = FILES.iter().map(|(name, _)| *name).filter(|name| *name != "xen/Makefile");
    for reverted in touched.chain(["xen/common/heap-audit.c"]) {
        let fixture = Fixture::new();
        apply(fixture.root(), LocalChanges::Keep).unwrap();
        match fs::read(clean.path(reverted)) {
            Ok(content) => fs::write(fixture.path(reverted), content).unwrap(),
            Err(_) => fs::remove_file(fixture.path(reverted)).unwrap(),
        }
        assert_eq!(state(fixture.root()), State::Half, "{reverted}");
        let message = refused(&fixture, |error| match error {
            Error::HalfInstrumented { present, absent } => {
                *absent == [reverted] && present.len() == EDITED + 3
            }
            _ => false,
        });
        assert!(message.contains(reverted), "{message}");
        // The way out that the message names.
        undo(fixture.root(), LocalChanges::Keep).unwrap();
        assert_eq!(contents(fixture.root()), contents(clean.root()));
        apply(fixture.root(), LocalChanges::Keep).unwrap();
        assert_eq!(contents(fixture.root()), contents(whole.root()));
    }
}

#[test]
fn one_rename_too_few_is_half_too() {
    let fixture = Fixture::new();
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    fixture.edit("xen/common/xmalloc_tlsf.c", "HEAP_AUDITED(xfree)", "xfree");
    let file = "xen/common/xmalloc_tlsf.c";
    refused(&fixture, |error| matches!(error, Error::HalfInstrumented { absent, .. } if *absent == [file]));
    undo(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(contents(fixture.root()), contents(Fixture::new().root()));
}

#[test]
fn another_version_s_recorder_is_brought_up_to_date() {
    use sha2::{Digest, Sha256};
    let fixture = Fixture::new();
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    let whole = contents(fixture.root());
    // What a release with another core, and one function fewer, would have left.
    let old = "int an_older_core;\n";
    let hash: String = Sha256::digest(old).iter().take(16).map(|b| format!("{b:02x}")).collect();
    let stamp = format!("/* xenheap recorder; sha256 of the above: {hash} */\n");
    fixture.write("xen/common/heap-audit-core.c", &format!("{old}{stamp}"));
    fixture.edit("xen/arch/x86/mm.c", "HEAP_AUDITED(steal_page)", "steal_page");
    let older = contents(fixture.root());

    assert_eq!(state(fixture.root()), State::OtherVersion);
    let outcome = apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(outcome.changed, ["xen/common/heap-audit-core.c", "xen/arch/x86/mm.c"]);
    assert_eq!(contents(fixture.root()), whole);

    for (path, content) in older {
        fs::write(fixture.root().join(path), content).unwrap();
    }
    undo(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(contents(fixture.root()), contents(Fixture::new().root()));
}

/// What the C code is told of a tree.
fn header(fixture: &Fixture) -> String {
    fixture.read("xen/include/xen/heap-audit-tree.h")
}

/// The parts that are left out, each with the functions that were not found.
fn lacks(fixture: &Fixture) -> Vec<(&'static str, Vec<&'static str>)> {
    let description = plan(&Tree::open(fixture.root()).unwrap()).unwrap().describe();
    let names = |lack: &xenheap_recorder::Lack| lack.missing.iter().map(|missing| missing.function).collect();
    description.lacks.iter().map(|lack| (lack.part, names(lack))).collect()
}

#[test]
fn an_allocator_that_is_not_there_is_refused_by_name() {
    for (name, from, to, said) in [
        ("xen/common/xmalloc_tlsf.c", "void xfree(", "void xfree_(", "`void xfree(void *p)`"),
        ("xen/common/xmalloc_tlsf.c", "void xfree(", " void xfree(", "`void xfree(void *p)`"),
        ("xen/common/xmalloc_tlsf.c", "void xfree(void *p)", "int xfree(void *p)", "another at {name}:15"),
        ("xen/common/xmalloc_tlsf.c", "xfree(void *p)", "xfree(void *p, int a)", "another at {name}:15"),
        (
            "xen/common/page_alloc.c",
            "void free_domheap_pages(",
            "void free_domheap_page(",
            "free_domheap_pages(struct page_info *pg, unsigned int order)`",
        ),
    ] {
        let fixture = Fixture::new();
        fixture.edit(name, from, to);
        let message = refused(&fixture, |error| match error {
            Error::Refused { problems } => matches!(
                problems.as_slice(),
                [Problem::NoAllocator(missing)] if missing.files == [name] && from.contains(missing.function)
            ),
            _ => false,
        });
        let said = said.replace("{name}", name);
        assert!(message.contains(name) && message.contains(&said), "{message}");
        assert!(undo(fixture.root(), LocalChanges::Keep).unwrap().is_empty());
    }
    let fixture = Fixture::new();
    fs::remove_file(fixture.path("xen/common/xmalloc_tlsf.c")).unwrap();
    refused(&fixture, |e| matches!(e, Error::Refused { problems } if problems.len() == 4));
}

#[test]
fn any_other_hook_that_is_not_there_is_a_lost_part() {
    for (name, from, to, part, function) in [
        ("xen/common/shutdown.c", "hwdom_shutdown", "machine_shutdown", "shutdown", "hwdom_shutdown"),
        ("xen/arch/x86/traps.c", "do_page_fault", "handle_PF", "calls", "do_page_fault"),
        ("xen/common/domain.c", "int domain_kill", "int  domain_end", "owners", "domain_kill"),
        (
            "xen/common/domain.c",
            "struct domain *d)\n{\n}",
            "struct domain *d, bool a)\n{\n}",
            "owners",
            "domain_kill",
        ),
        (
            "xen/arch/x86/mm/hap/hap.c",
            "static void hap_free",
            "static inline void hap_free",
            "pools-hap",
            "hap_free",
        ),
        ("xen/arch/arm/traps.c", "leave_hypervisor", "leave_xen", "calls", "leave_hypervisor_to_guest"),
        ("xen/common/page_alloc.c", "int assign_pages(", "int give_pages(", "given", "assign_pages"),
        // Another one in another branch of an #if is not as it should be.
        ("xen/common/shutdown.c", "}\n", "}\nint hwdom_shutdown(void)\n{\n}\n", "shutdown", "hwdom_shutdown"),
    ] {
        let fixture = Fixture::new();
        assert!(lacks(&fixture).is_empty());
        fixture.edit(name, from, to);
        let before = contents(fixture.root());
        assert_eq!(lacks(&fixture), [(part, vec![function])]);
        apply(fixture.root(), LocalChanges::Keep).unwrap();
        assert_eq!(lacks(&fixture), [(part, vec![function])], "also known afterwards");
        assert_eq!(state(fixture.root()), State::Instrumented);
        let header = header(&fixture);
        assert!(header.contains(&format!("#define HA_LACKS \"{part}\"")), "{header}");
        assert!(!header.contains(&format!("#define HA_HAS_{function} ")), "{header}");
        assert!(header.contains("#define HA_HAS_xfree 1\n"), "{header}");
        undo(fixture.root(), LocalChanges::Keep).unwrap();
        assert_eq!(contents(fixture.root()), before);
    }
}

#[test]
fn a_part_is_left_out_as_a_whole_and_where_its_architecture_is() {
    let fixture = Fixture::new();
    fixture.edit("xen/arch/x86/mm/hap/hap.c", "static void hap_free(", "static void hap_release(");
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert!(
        !fixture.read("xen/arch/x86/mm/hap/hap.c").contains("AUDITED"),
        "hap_alloc is not renamed either"
    );
    let header = header(&fixture);
    let (x86, arm) = header.split_once("#ifdef CONFIG_ARM").unwrap();
    assert!(x86.contains("#define HA_LACKS \"pools-hap\"\n") && arm.contains("#define HA_LACKS \"\"\n"));
    assert!(!x86.contains("HA_CAN_pools_hap") && x86.contains("#define HA_CAN_pools_shadow 1\n"));
    assert!(!header.contains("hap_alloc"), "{header}");
}

/// On a processor with FRED, handlers of all that a PV guest does are called from one function. All
/// of them begin and end a call because that one does; a tree that has FRED but not this function
/// has handlers of which the recorder does not know.
#[test]
fn handlers_are_reached_through_the_entry_that_fred_has() {
    let fixture = Fixture::new();
    fixture.write("xen/arch/x86/x86_64/entry-fred.S", "FUNC(entry_FRED_R3)\n        call    entry_from_pv\n");
    assert_eq!(lacks(&fixture), [("calls", vec!["entry_from_pv"])]);
    fixture.edit(
        "xen/arch/x86/traps.c",
        "void do_page_fault",
        "void asmlinkage entry_from_pv(struct cpu_user_regs *regs)\n{\n    do_page_fault(regs);\n}\n\nvoid do_page_fault",
    );
    assert_eq!(lacks(&fixture), []);
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert!(header(&fixture).contains("#define HA_HAS_entry_from_pv 1\n"));
    let traps = fixture.read("xen/arch/x86/traps.c");
    assert!(traps.contains("void asmlinkage HEAP_AUDITED(entry_from_pv)(struct"), "{traps}");
    // Assembly goes on calling the public name.
    assert!(fixture.read("xen/arch/x86/x86_64/entry-fred.S").contains("call    entry_from_pv\n"));
}

#[test]
fn a_tree_that_changes_is_brought_up_to_date() {
    let fixture = Fixture::new();
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    // What a merge from upstream does.
    fixture.edit("xen/arch/x86/traps.c", "HEAP_AUDITED(do_page_fault)", "handle_PF_IDT");
    fixture.edit(
        "xen/arch/x86/mm/hap/hap.c",
        "AUDITED_STATIC(void, hap_free, (struct",
        "static void hap_end((struct",
    );
    assert_eq!(lacks(&fixture), [("pools-hap", vec!["hap_free"])]);
    assert_eq!(state(fixture.root()), State::OtherVersion);
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert!(fixture.read("xen/arch/x86/traps.c").contains("void HEAP_AUDITED(handle_PF_IDT)(struct"));
    assert!(header(&fixture).contains("#define HA_NAME_do_page_fault handle_PF_IDT\n"));
    assert!(!fixture.read("xen/arch/x86/mm/hap/hap.c").contains("AUDITED"));
    assert_eq!(state(fixture.root()), State::Instrumented);
}

#[test]
fn what_differs_between_versions_is_read_from_the_tree() {
    let fixture = Fixture::new();
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    let newer = header(&fixture);
    assert!(
        newer.contains("#define HA_TREE_ASSIGN_PAGES_NR 1\n") && !newer.contains("HA_TREE_BUILD_ID"),
        "{newer}"
    );
    assert!(newer.contains("#define HA_TREE_INT82_NEEDS_PV32 1\n"), "{newer}");
    assert!(newer.contains("#define HA_PARAMS_svm_vmexit_handler 0\n#define HA_ARGS_svm_vmexit_handler\n"));

    let fixture = Fixture::new();
    fixture.edit(
        "xen/common/page_alloc.c",
        "    struct page_info *pg,\n    unsigned int nr,\n    struct domain *d,\n",
        "    struct domain *owner,\n    struct page_info *pg, /* the first */\n    unsigned int order,\n",
    );
    fixture.edit(
        "xen/arch/x86/hvm/svm/svm.c",
        "asmlinkage svm_vmexit_handler(void)",
        "svm_vmexit_handler(struct cpu_user_regs *r)",
    );
    // Xen 4.14 has it in another file, without a condition.
    fixture.edit("xen/arch/x86/pv/hypercall.c", "void do_entry_int82", "void another");
    fixture.write(
        "xen/arch/x86/pv/traps.c",
        "#ifdef CONFIG_PV32\n#endif\nvoid do_entry_int82(struct cpu_user_regs *regs)\n{\n}\n",
    );
    fixture.write("xen/include/xen/version.h", "extern const void *xen_build_id;\n");
    fixture.write("xen/arch/x86/hvm/Kconfig", "config AMD_SVM\n\tbool\n");
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    let other = header(&fixture);
    for line in [
        "#define HA_TREE_BUILD_ID_VARIABLE 1",
        "#define HA_TREE_CONFIG_AMD_SVM 1",
        // The wrapper's names, whatever they are in the tree.
        "#define HA_ARGS_assign_pages d, pg, order, memflags",
        "    int fn_(struct domain *d, struct page_info *pg, unsigned int order, \\",
        "    void fn_(struct cpu_user_regs *regs)",
        "#define HA_ARGS_svm_vmexit_handler regs",
    ] {
        assert!(other.lines().any(|l| l == line), "{line}\n{other}");
    }
    assert!(!other.contains("INT82_NEEDS_PV32"), "{other}");
    assert!(!other.contains("ASSIGN_PAGES_NR") && !other.contains("INTEL_VMX"), "{other}");
    assert!(other.lines().all(|line| line.len() < 80), "{other}");
}

#[test]
fn a_static_function_in_another_form_comes_back_as_it_was() {
    let name = "xen/arch/x86/mm/hap/hap.c";
    for (from, to) in [
        ("hap_free(struct", "hap_free (struct"),
        ("static void hap_free", "static void\nhap_free"),
        ("static void hap_free", "static /* why */ void hap_free"),
        // In another version it can be known to others.
        ("static void hap_free", "void hap_free"),
        ("d, mfn_t mfn)\n{", "d,\n                     mfn_t mfn /* which */)\n{"),
    ] {
        let fixture = Fixture::new();
        fixture.edit(name, from, to);
        let before = fixture.read(name);
        apply(fixture.root(), LocalChanges::Keep).unwrap();
        assert_eq!(lacks(&fixture), []);
        let after = fixture.read(name);
        assert!(after.contains("hap_free") && after != before);
        assert_eq!(after.lines().count(), before.lines().count());
        undo(fixture.root(), LocalChanges::Keep).unwrap();
        assert_eq!(fixture.read(name), before);
    }
}

#[test]
fn a_file_that_has_moved_is_found_where_it_is() {
    let (old, new) = ("xen/arch/arm/p2m.c", "xen/arch/arm/mmu/p2m.c");
    let fixture = Fixture::new();
    fixture.write(new, &fixture.read(old));
    fixture.write(old, "int what_both_have_in_common;\n");
    let before = contents(fixture.root());
    let outcome = apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert!(outcome.changed.iter().any(|name| name == new), "{outcome:?}");
    assert!(!outcome.changed.iter().any(|name| name == old), "{outcome:?}");
    assert!(
        fixture.read(new).contains("AUDITED_STATIC(struct page_info *, p2m_alloc_page, (struct domain *d))")
    );
    undo(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(contents(fixture.root()), before);

    for name in [old, new] {
        fs::remove_file(fixture.path(name)).unwrap();
    }
    assert_eq!(lacks(&fixture), [("pools-p2m", vec!["p2m_alloc_page", "p2m_free_page"])]);
}

#[test]
fn the_release_before_static_functions_is_brought_up_to_date_and_undone() {
    let fixture = Fixture::new();
    let before = contents(fixture.root());
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    let whole = contents(fixture.root());
    // What that release left alone, it left as it was.
    let renamed_before = [
        "xen/common/page_alloc.c",
        "xen/common/xmalloc_tlsf.c",
        "xen/common/shutdown.c",
        "xen/arch/x86/acpi/power.c",
        "xen/arch/x86/mm.c",
    ];
    for (name, content) in FILES.iter().filter(|(name, _)| name.ends_with(".c")) {
        if !renamed_before.contains(name) {
            fixture.write(name, content);
        }
    }
    let config = "xen/include/xen/config.h";
    let text = fixture.read(config);
    let (head, rest) = text.split_once(" *\n * AUDITED_STATIC(").unwrap();
    let rest = rest.split_once(" */\n").unwrap().1;
    let kept = rest.lines().filter(|line| !line.starts_with("#define AUDITED_STATIC"));
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    fixture.write(config, &format!("{head} */\n{kept}"));
    let older = contents(fixture.root());

    assert_eq!(state(fixture.root()), State::OtherVersion);
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(contents(fixture.root()), whole);

    for (path, content) in older {
        fs::write(fixture.root().join(path), content).unwrap();
    }
    undo(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(contents(fixture.root()), before);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let fixture = Fixture::new();
    fs::remove_file(fixture.path("xen/include/xen/config.h")).unwrap();
    fixture.edit("xen/common/xmalloc_tlsf.c", "void *_xmalloc(", "void *xalloc(");
    fixture.write("xen/Kconfig.debug", "config A\n");
    fixture.write("xen/common/Makefile", "obj-y += a.o\r\n");
    let message = refused(&fixture, |e| matches!(e, Error::Refused { problems } if problems.len() == 4));
    for name in [
        "config.h is missing",
        "does not define _xmalloc as",
        "no if that has the entry FRAME_POINTER",
        "CRLF",
    ] {
        assert!(message.contains(name), "{name}: {message}");
    }
}

#[test]
fn a_block_that_was_changed_by_hand_is_not_touched() {
    let fixture = Fixture::new();
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    fixture.edit("xen/Kconfig.debug", "\tselect FRAME_POINTER\n", "");
    let before = contents(fixture.root());
    for local in [LocalChanges::Keep, LocalChanges::Discard] {
        let error = undo(fixture.root(), local).unwrap_err();
        assert!(error.to_string().contains("xen/Kconfig.debug:9 looks like the recorder's"), "{error}");
        assert_eq!(contents(fixture.root()), before);
    }
}

#[test]
fn what_is_not_xen_is_said_to_be_not_xen() {
    let empty = tempfile::tempdir().unwrap();
    let error = Tree::open(empty.path()).unwrap_err();
    assert!(matches!(error, Error::NotXen { .. }), "{error:?}");
    assert!(error.to_string().contains("is not a Xen source tree"), "{error}");
    assert!(matches!(Tree::open(empty.path().join("nowhere")), Err(Error::Read { .. })));
    let file = empty.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Tree::open(&file), Err(Error::NotXen { .. })));

    let fixture = Fixture::new();
    assert!(matches!(Tree::open(fixture.path("xen/common")), Err(Error::NotXen { .. })));
    fixture.write("xen/Makefile", "VERSION = 6\n");
    let error = Tree::open(fixture.root()).unwrap_err();
    assert!(error.to_string().contains("XEN_VERSION"), "{error}");
    fs::remove_file(fixture.path("xen/Makefile")).unwrap();
    assert!(matches!(Tree::open(fixture.root()), Err(Error::NotXen { .. })));
}

#[test]
fn modes_and_links_survive() {
    let fixture = Fixture::new();
    let name = "xen/common/shutdown.c";
    fs::set_permissions(fixture.path(name), fs::Permissions::from_mode(0o440)).unwrap();
    fs::rename(fixture.path("xen/arch/x86/mm.c"), fixture.path("elsewhere.c")).unwrap();
    std::os::unix::fs::symlink("../../../elsewhere.c", fixture.path("xen/arch/x86/mm.c")).unwrap();
    let before = contents(fixture.root());
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    let mode = |name: &str| fs::metadata(fixture.path(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(name), 0o440);
    assert!(fs::symlink_metadata(fixture.path("xen/arch/x86/mm.c")).unwrap().is_symlink());
    assert!(fixture.read("elsewhere.c").contains("HEAP_AUDITED(steal_page)"));
    undo(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(mode(name), 0o440);
    assert_eq!(contents(fixture.root()), before);
}

#[test]
fn a_hard_linked_copy_is_left_alone() {
    // `cp -al` is how people keep several trees.
    let (fixture, copy) = (Fixture::new(), tempfile::tempdir().unwrap());
    let linked = copy.path().join("shutdown.c");
    fs::hard_link(fixture.path("xen/common/shutdown.c"), &linked).unwrap();
    let before = fs::read(&linked).unwrap();
    apply(fixture.root(), LocalChanges::Keep).unwrap();
    assert_eq!(fs::read(&linked).unwrap(), before);
}

#[test]
fn a_write_that_fails_changes_nothing() {
    let fixture = Fixture::new();
    // The folder of one new file is not there, which nobody can write through, not even root.
    fs::remove_dir_all(fixture.path("xen/include")).unwrap();
    fs::create_dir(fixture.path("target")).unwrap();
    fixture.write("target/config.h", "#ifndef G\n#endif\n");
    fs::create_dir_all(fixture.path("xen/include/xen")).unwrap();
    std::os::unix::fs::symlink("../../../target/config.h", fixture.path("xen/include/xen/config.h")).unwrap();
    std::os::unix::fs::symlink("nowhere.h", fixture.path("xen/include/xen/heap-audit.h")).unwrap();
    let links = |root: &Path| fs::read_dir(root.join("xen/include/xen")).unwrap().count();
    let before: Vec<_> = FILES.iter().filter_map(|(name, _)| fs::read(fixture.path(name)).ok()).collect();
    let error = apply(fixture.root(), LocalChanges::Keep).unwrap_err();
    assert!(matches!(error, Error::Write { .. }), "{error}");
    assert!(error.to_string().contains("everything is as it was before"), "{error}");
    let after: Vec<_> = FILES.iter().filter_map(|(name, _)| fs::read(fixture.path(name)).ok()).collect();
    assert_eq!(after, before);
    assert_eq!(links(fixture.root()), 2, "no temporary file stays");
    assert!(!fixture.path("xen/common/heap-audit.c").exists());
}

#[test]
fn the_patch_makes_the_same_tree() {
    for author in [
        "Ada Example <ada@example.org>",
        "Zo\u{eb} \u{160}t\u{11b}p\u{e1}nkov\u{e1}-Ond\u{159}ejov\u{e1} <z@example.org>",
    ] {
        let by_hand = Fixture::new();
        apply(by_hand.root(), LocalChanges::Keep).unwrap();

        let by_mail = Fixture::new();
        commit_all(by_mail.root());
        let mail = patch(by_mail.root(), author);
        assert_eq!(patch(by_hand.root(), author), mail, "the same from an instrumented tree");
        assert_eq!(stdout(git(by_mail.root(), &["status", "--porcelain"])), "", "nothing was written");
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), &mail).unwrap();
        git(by_mail.root(), &["am", "-q", file.path().to_str().unwrap()]);
        fs::remove_file(by_mail.path("docs/misc/heap-audit-records.md")).unwrap();
        assert!(contents(by_mail.root()) == contents(by_hand.root()));
        assert_eq!(state(by_mail.root()), State::Instrumented);

        let log = |format: &str| stdout(git(by_mail.root(), &["log", "-1", &format!("--format={format}")]));
        assert_eq!(log("%an <%ae>").trim_end(), author);
        assert_eq!(log("%at").trim_end(), "1767225600");
        let subjects = stdout(git(by_mail.root(), &["log", "--format=%s", "-8"]));
        let subjects: Vec<&str> = subjects.lines().rev().collect();
        assert_eq!(subjects.len(), 8, "a commit for each concern, after the first: {subjects:?}");
        assert_eq!(subjects[1], "xen: add the core of a recorder of run-time heap allocations");
        assert_eq!(subjects[5], "xen/heap-audit: mark the calls of guests");
        assert!(log("%b").trim_end().ends_with(&format!("\n\nSigned-off-by: {author}")), "{}", log("%b"));

        // Undoing what a mail brought is the same, too.
        undo(by_mail.root(), LocalChanges::Keep).unwrap();
        assert_eq!(contents(by_mail.root()), contents(Fixture::new().root()));
    }
}

#[test]
fn the_patch_is_as_git_would_write_it() {
    let fixture = Fixture::new();
    commit_all(fixture.root());
    let mail = patch(fixture.root(), "A <a@example.org>");
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &mail).unwrap();
    let mail = String::from_utf8_lossy(&mail);
    git(fixture.root(), &["am", "-q", file.path().to_str().unwrap()]);
    let index = |text: &str| -> Vec<String> {
        let line = |l: &&str| l.starts_with("index ") || l.starts_with("diff ");
        text.lines().filter(line).map(str::to_owned).collect()
    };
    let mails: Vec<&str> = mail.split("From 0000").skip(1).collect();
    assert_eq!(mails.len(), 7);
    for (mail, back) in mails.iter().zip((0..7).rev()) {
        let (old, new) = (format!("HEAD~{}", back + 1), format!("HEAD~{back}"));
        let numbers = stdout(git(fixture.root(), &["diff", "--shortstat", &old, &new]));
        assert!(mail.contains(&numbers), "{numbers}{mail}");
        // Contents by name, as git knows them.
        let raw = stdout(git(fixture.root(), &["diff", "--full-index", "--no-renames", &old, &new]));
        assert_eq!(index(mail), index(&raw));
        assert!(mail.ends_with(&format!("\n-- \nxenheap {}\n\n", env!("CARGO_PKG_VERSION"))));
    }
    assert!(mails[0].contains("\n create mode 100644 xen/common/heap-audit-core.c\n"), "{}", mails[0]);
    assert!(mails[1].contains("\n create mode 100644 xen/common/heap-audit.c\n"), "{}", mails[1]);
    assert!(mails[6].contains("\nSubject: [PATCH 7/7] "), "{}", mails[6]);
}

#[test]
fn each_commit_of_the_patch_adds_the_hooks_and_the_code_of_its_concern() {
    let fixture = Fixture::new();
    commit_all(fixture.root());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), patch(fixture.root(), "A <a@example.org>")).unwrap();
    git(fixture.root(), &["am", "-q", file.path().to_str().unwrap()]);
    let at = |back: usize, name: &str| stdout(git(fixture.root(), &["show", &format!("HEAD~{back}:{name}")]));
    let (code, header) = ("xen/common/heap-audit.c", "xen/include/xen/heap-audit-tree.h");
    for (back, hook, file, macro_name) in [
        (5, "alloc_domheap_pages", "xen/common/page_alloc.c", "HA_CAN_page_allocator"),
        (4, "_xmalloc", "xen/common/xmalloc_tlsf.c", "HA_CAN_xmalloc"),
        (3, "domain_kill", "xen/common/domain.c", "HA_CAN_owners"),
        (2, "pv_hypercall", "xen/arch/x86/pv/hypercall.c", "HA_CAN_calls"),
        (1, "hap_alloc", "xen/arch/x86/mm/hap/hap.c", "HA_CAN_pools_hap"),
        (0, "", "xen/common/softirq.c", "HA_CAN_refusals"),
    ] {
        assert!(at(back, header).contains(&format!("#define {macro_name} 1\n")), "{macro_name}");
        assert!(at(back, file).contains("AUDITED"), "{file}");
        if back < 5 {
            assert!(!at(back + 1, header).contains(&format!("#define {macro_name} 1\n")), "{macro_name}");
            assert!(!at(back + 1, code).contains(macro_name), "{macro_name}");
            assert_eq!(at(back + 1, file).contains(&format!("AUDITED({hook})")), hook.is_empty() && back > 0);
        }
    }
    // What is not there yet is said to be lacking.
    assert!(
        at(5, header).contains("HA_LACKS \"vmalloc,security,owners,domctls,moves,calls,pools-hap"),
        "{}",
        at(5, header)
    );
    assert!(at(0, header).contains("#define HA_LACKS \"\"\n"));
    assert!(at(6, "xen/common/Makefile").contains("+= heap-audit-core.o\n"));
}

#[test]
fn the_patch_has_entries_in_xen_s_documents() {
    let fixture = Fixture::new();
    fixture.write("MAINTAINERS", "Maintainers List (a)\n\nACPI\nM:\ta\n\nHYPFS\nM:\tc\n\nTHE REST\nM:\td\n");
    fixture.write(
        "CHANGELOG.md",
        "# C\n\n## [2]\n\n### Changed\n - a\n\n### Added\n - b\n\n## [1]\n\n### Added\n",
    );
    fixture.write("docs/misc/xen-command-line.pandoc", "### hap (x86)\n### hest_disable\n### xsm\n");
    let before = contents(fixture.root());
    commit_all(fixture.root());
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), patch(fixture.root(), "Ada Example <ada@example.org>")).unwrap();
    git(fixture.root(), &["am", "-q", file.path().to_str().unwrap()]);
    let maintainers = fixture.read("MAINTAINERS");
    assert!(
        maintainers.contains("a\n\nHEAP AUDIT\nM:\tAda Example <ada@example.org>\nS:\t"),
        "{maintainers}"
    );
    assert!(maintainers.contains("heap-audit*.h\n\nHYPFS\n"), "{maintainers}");
    let changes = fixture.read("CHANGELOG.md");
    assert!(changes.contains("### Added\n - Optional recording of run-time heap"), "{changes}");
    let options = fixture.read("docs/misc/xen-command-line.pandoc");
    let names: Vec<&str> = options.lines().filter(|line| line.starts_with("### ")).collect();
    assert_eq!(
        names,
        [
            "### hap (x86)",
            "### heap-audit",
            "### heap-audit-charge",
            "### heap-audit-fail",
            "### heap-audit-live",
            "### heap-audit-ring",
            "### heap-audit-rows",
            "### heap-audit-stacks",
            "### hest_disable",
            "### xsm"
        ]
    );
    let earlier = stdout(git(fixture.root(), &["show", "HEAD~1:docs/misc/xen-command-line.pandoc"]));
    assert!(earlier.contains("### heap-audit\n") && !earlier.contains("### heap-audit-fail"), "{earlier}");
    assert!(fixture.read("docs/misc/heap-audit-records.md").starts_with("# The recorder's lines: format"));
    // They are the patch's only: taking the recorder out leaves them.
    undo(fixture.root(), LocalChanges::Keep).unwrap();
    let left: Vec<_> =
        contents(fixture.root()).into_iter().filter(|(path, text)| before.get(path) != Some(text)).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[test]
fn a_revision_can_be_checked_and_patched_without_a_checkout() {
    let fixture = Fixture::new();
    commit_all(fixture.root());
    let mail = patch(fixture.root(), "A <a@example.org>");
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare");
    git(fixture.root(), &["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let tree = Tree::at_revision(&bare, "HEAD").unwrap();
    assert_eq!(tree.version().to_string(), "4.17.5");
    let planned = plan(&tree).unwrap();
    planned.check(LocalChanges::Keep).unwrap();
    let mut same = Vec::new();
    planned.patch(&info("A <a@example.org>"), &mut same).unwrap();
    assert!(same == mail);
    assert!(matches!(planned.apply(LocalChanges::Keep), Err(Error::ReadOnly { .. })));
    for (repository, revision) in [(bare.as_path(), "nowhere"), (folder.path(), "HEAD")] {
        let error = Tree::at_revision(repository, revision).unwrap_err();
        assert!(matches!(error, Error::Git(_)), "{error}");
    }
}

#[test]
fn a_patch_for_a_branch_that_moved_on_applies_with_3way() {
    let fixture = Fixture::new();
    commit_all(fixture.root());
    let mail = patch(fixture.root(), "A <a@example.org>");
    // A line of the context: without the contents' names in the patch, git could only refuse.
    fixture.edit("xen/common/Makefile", "obj-y += argo.o", "obj-y += another.o");
    git(fixture.root(), &["commit", "-q", "-a", "-m", "moved on"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &mail).unwrap();
    git(fixture.root(), &["am", "-q", "--3way", file.path().to_str().unwrap()]);
    assert_eq!(state(fixture.root()), State::Instrumented);
    assert!(fixture.read("xen/common/Makefile").starts_with("obj-y += another.o\n"));
}

#[test]
fn no_patch_from_a_tree_that_does_not_fit() {
    let fixture = Fixture::new();
    fixture.edit("xen/common/xmalloc_tlsf.c", "void xfree(", "void x_free(");
    let plan = plan(&Tree::open(fixture.root()).unwrap()).unwrap();
    let mut mail = Vec::new();
    assert!(matches!(plan.patch(&info("A <a@b>"), &mut mail), Err(Error::Refused { .. })));
    assert!(mail.is_empty());
}

#[test]
fn the_author_comes_from_git() {
    let fixture = Fixture::new();
    git(fixture.root(), &["init", "-q"]);
    git(fixture.root(), &["config", "user.name", "Ada Example"]);
    git(fixture.root(), &["config", "user.email", "ada@example.org"]);
    let author = xenheap_recorder::Author::from_git(fixture.root()).unwrap();
    assert_eq!(author.to_string(), "Ada Example <ada@example.org>");
    let nowhere = fixture.path("nowhere");
    let error = xenheap_recorder::Author::from_git(&nowhere).unwrap_err();
    assert!(matches!(error, Error::NoAuthor { key: "user.name", .. }), "{error}");
}

#[test]
fn the_recorder_s_id_is_a_hash() {
    let id = recorder_id();
    assert!(id.len() == 64 && id.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    assert_eq!(id, recorder_id());
}
