//! The table of entries against real sources: a name that no version has is an error.

use std::collections::BTreeMap;
#[cfg(feature = "real-run")]
use std::collections::BTreeSet;
#[cfg(feature = "real-run")]
use std::path::{Path, PathBuf};

use xenheap_callgraph::{Code, Function, entries};

/// In which versions' sources each name of the table stands. Written by the second test.
const KNOWN: &str = include_str!("../testdata/entries-known.txt");

#[test]
fn every_name_of_the_table_is_known_from_a_version() {
    let known: BTreeMap<&str, usize> = KNOWN
        .lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(name, versions)| (name, versions.len()))
        .collect();
    let names = entries::table_names().expect("a table");
    assert!(names.len() > 300);
    let unknown: Vec<&String> =
        names.iter().filter(|name| known.get(name.as_str()).is_none_or(|versions| *versions == 0)).collect();
    assert!(
        unknown.is_empty(),
        "no version has these (see `the_known_names_are_those_of_the_sources`): {unknown:?}"
    );
    assert_eq!(known.len(), names.len(), "entries-known.txt is stale");
}

/// XENHEAP_XEN_SOURCES="4.17=TREE 4.20=TREE" \
///     cargo test -p xenheap-callgraph --features real-run --test entries
#[cfg(feature = "real-run")]
#[test]
fn the_known_names_are_those_of_the_sources() {
    let sources = std::env::var("XENHEAP_XEN_SOURCES").expect("XENHEAP_XEN_SOURCES: VERSION=TREE, by spaces");
    let trees: Vec<(&str, PathBuf)> = sources
        .split_whitespace()
        .filter_map(|source| source.split_once('='))
        .map(|(version, tree)| (version, Path::new(tree).join("xen")))
        .collect();
    let known: Vec<BTreeSet<String>> = trees.iter().map(|(_, tree)| words_of_tree(tree)).collect();
    let mut found = String::new();
    for name in entries::table_names().expect("a table") {
        let has = |tree: &Path, all: &BTreeSet<String>| match name.split_once('#') {
            Some((file, name)) => {
                std::fs::read(tree.join(file)).is_ok_and(|text| words(&text).contains(name))
            }
            None => all.contains(&name) || is_generated(&name, all),
        };
        let versions: Vec<&str> = trees
            .iter()
            .zip(&known)
            .filter(|((_, tree), all)| has(tree, all))
            .map(|((version, _), _)| *version)
            .collect();
        found.push_str(&format!("{name} {}\n", versions.join(" ")));
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/entries-known.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(file, found).expect("written");
    } else {
        assert_eq!(found, KNOWN, "UPDATE_GOLDEN=1 writes it anew");
    }
}

/// `compat_xen_version` is made from `xen_version` in hypercall-defs.c, and stands nowhere as a
/// word.
#[cfg(feature = "real-run")]
fn is_generated(name: &str, words: &BTreeSet<String>) -> bool {
    ["do_", "compat_", "hvm_"]
        .iter()
        .any(|prefix| name.strip_prefix(prefix).is_some_and(|rest| words.contains(rest)))
}

#[cfg(feature = "real-run")]
fn words(text: &[u8]) -> BTreeSet<String> {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    text.split(|byte| !word(byte)).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

#[cfg(feature = "real-run")]
fn words_of_tree(tree: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let path = entry.path();
            if entry.file_type().expect("a type").is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|ending| ["c", "h", "S"].iter().any(|known| ending == *known))
            {
                all.extend(words(&std::fs::read(&path).expect("a file")));
            }
        }
    }
    all
}

#[test]
fn a_build_has_the_entries_that_it_has_functions_for() {
    let function = |name: &str, unit: &str| Function {
        name: name.to_owned(),
        unit: Some(unit.to_owned()),
        is_static: true,
        location: None,
        code: Code::C,
        pieces: Vec::new(),
        stack: None,
        owner: None,
        noreturn: false,
    };
    let functions = [
        function("do_memory_op", "common/memory.c"),
        function("idle_loop", "arch/x86/domain.c"),
        function("populate_physmap", "common/other.c"),
        function("vmx_vmexit_handler", "arch/x86/hvm/vmx/vmx.c"),
    ];
    let of = |architecture| {
        let entries = entries::entries(&functions, architecture).expect("a table");
        entries.into_iter().map(|entry| (entry.function.0, entry.operation)).collect::<Vec<_>>()
    };
    let own =
        |list: &[(u32, &str)]| list.iter().map(|(id, name)| (*id, (*name).to_owned())).collect::<Vec<_>>();
    assert_eq!(of("x86_64"), own(&[(0, "memory_op"), (1, "idle"), (3, "vmx")]));
    assert_eq!(of("arm64"), own(&[(0, "memory_op"), (1, "idle")]));
}
