//! The recorder fits real Xen sources. See `common/trees.rs` for where they come from.

mod common;
#[path = "common/trees.rs"]
mod trees;

use std::fs;
use std::path::Path;

use common::{FILES, RENAMES, commit_all, contents, git, info};
use xenheap_recorder::{Change, LocalChanges, State, Tree, plan};

/// The files of a real tree that the recorder touches, in a folder of their own.
fn fragment(tree: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("xen/include/xen")).unwrap();
    // Arm's file is in one of two places. Where it has moved, the old place still has another part
    // of it.
    let moved = "xen/arch/arm/mmu/p2m.c";
    let moved = tree.join(moved).exists().then_some(moved);
    for name in FILES.iter().map(|(name, _)| *name).chain(moved) {
        trees::copy(&tree.join(name), folder.path().join(name).parent().unwrap());
    }
    folder
}

#[test]
fn it_goes_in_and_out_again() {
    for tree in trees::trees() {
        let folder = fragment(&tree);
        let before = contents(folder.path());
        let opened = Tree::open(folder.path()).unwrap();
        assert!(opened.version().is_supported(), "{}: {}", tree.display(), opened.version());
        let planned = plan(&opened).unwrap();
        assert_eq!(planned.state(), State::Clean, "{}", tree.display());
        let files = planned.describe().files;
        let renames: Vec<_> = files
            .iter()
            .flat_map(|file| file.changes.iter().map(move |change| (file, change)))
            .filter_map(|(file, change)| match change {
                Change::Rename { function, line } => Some((&file.path, *function, *line)),
                _ => None,
            })
            .collect();
        // In 4.14 do_entry_int82 is in a file that is not in the fragment, so all of its part is
        // left out.
        if !opened.version().to_string().starts_with("4.14.") {
            let lacks = planned.describe().lacks;
            assert!(lacks.is_empty(), "{}: {lacks:?}", tree.display());
            assert!(renames.len() >= RENAMES, "{}: {}", tree.display(), renames.len());
        }
        planned.apply(LocalChanges::Keep).unwrap_or_else(|error| panic!("{}: {error}", tree.display()));

        let after = contents(folder.path());
        assert_eq!(after.len(), before.len() + 4);
        for (path, old) in &before {
            let (old, new) = (lines(old), lines(&after[path]));
            let name = path.to_str().unwrap();
            if !name.ends_with(".c") {
                // Whole lines went in at one place, and nothing else changed.
                let at = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
                let inserted = new.len() - old.len();
                assert_eq!(old[at..], new[at + inserted..], "{name}");
                assert_eq!(inserted == 0, name == "xen/Makefile", "{name}");
                continue;
            }
            assert_eq!(old.len(), new.len(), "no line of {name} moves");
            for (index, (old, new)) in old.iter().zip(&new).enumerate().filter(|(_, (old, new))| old != new) {
                let rename = renames.iter().find(|(file, _, line)| *file == name && *line == index + 1);
                let (_, function, _) = rename.unwrap_or_else(|| panic!("{name}:{}", index + 1));
                let Some(head) = old.strip_prefix("static ") else {
                    assert_eq!(*new, old.replacen(function, &format!("HEAP_AUDITED({function})"), 1));
                    continue;
                };
                let (kind, args) = head.split_once(&format!("{function}(")).unwrap();
                assert_eq!(*new, format!("AUDITED_STATIC({}, {function}, ({args})", kind.trim_end()));
                assert!(new.len() <= 80, "{new}");
            }
        }

        assert!(plan(&opened).unwrap().apply(LocalChanges::Keep).unwrap().is_empty());
        plan(&opened).unwrap().undo(LocalChanges::Keep).unwrap();
        assert_eq!(contents(folder.path()), before);
    }
}

fn lines(content: &[u8]) -> Vec<String> {
    content.split(|&b| b == b'\n').map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

#[test]
fn the_patch_makes_the_same_tree() {
    for tree in trees::trees() {
        let (by_hand, by_mail) = (fragment(&tree), fragment(&tree));
        plan(&Tree::open(by_hand.path()).unwrap()).unwrap().apply(LocalChanges::Keep).unwrap();
        commit_all(by_mail.path());
        let mail = tempfile::NamedTempFile::new().unwrap();
        let planned = plan(&Tree::open(by_mail.path()).unwrap()).unwrap();
        planned.patch(&info("Ada Example <ada@example.org>"), &mut mail.as_file()).unwrap();
        git(by_mail.path(), &["am", "-q", mail.path().to_str().unwrap()]);
        fs::remove_dir_all(by_mail.path().join("docs")).unwrap();
        assert!(contents(by_mail.path()) == contents(by_hand.path()), "{}", tree.display());
    }
}
