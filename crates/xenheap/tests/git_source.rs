//! `GIT@REVISION` wherever a tree is taken, as its user gives it. That such a tree is built and
//! booted, `./check --full` shows.

mod support;

use std::{fs, path::Path, process::Command};

use support::{Ran, text, xenheap};
use tempfile::{TempDir, tempdir};

fn git(dir: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
    let done = Command::new("git").arg("-C").arg(dir).args(who).args(arguments).output().expect("git runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// A repository, bare, with a tag at something that looks like a Xen.
fn repository() -> TempDir {
    let dir = tempdir().expect("a temporary folder");
    let work = dir.path().join("work");
    for file in ["xen/common/page_alloc.c", "xen/Makefile", "Config.mk"] {
        let path = work.join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, file).expect("written");
    }
    git(dir.path(), &["init", "-q", "work"]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "one"]);
    git(&work, &["tag", "RELEASE-4.20.0"]);
    git(dir.path(), &["clone", "-q", "--bare", "work", "xen.git"]);
    dir
}

fn run(dir: &Path, arguments: &[&str]) -> Ran {
    let mut command = xenheap(arguments);
    command.current_dir(dir).env("XENHEAP_CACHE", dir.join("cache"));
    command.output().expect("xenheap runs").into()
}

#[test]
fn a_revision_is_fetched() {
    let dir = repository();
    let ran = run(dir.path(), &["lab", "fetch", "xen.git@RELEASE-4.20.0"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let tree = Path::new(ran.out.trim());
    assert_eq!(fs::read_to_string(tree.join("xen/Makefile")).expect("it is there"), "xen/Makefile");
    assert!(tree.starts_with(dir.path().join("cache")), "{}", ran.out);
}

#[test]
fn what_is_wrong_with_a_revision_is_said_everywhere() {
    let dir = repository();
    let place = dir.path();
    let out = place.join("out");
    for (given, code, part) in [
        ("xen.git@RELEASE-4.20", 3, "near names are RELEASE-4.20.0"),
        ("cache@HEAD", 3, "is no git repository"),
        ("none.git@HEAD", 3, "cannot find the git repository none.git"),
        ("xen.git@", 2, "or GIT@REVISION"),
        ("xen.git", 2, "such as xen.git@HEAD"),
    ] {
        fs::create_dir_all(place.join("cache")).expect("made");
        for command in [
            &["lab", "fetch", given][..],
            &["lab", "run", "--out-dir", text(&out), given],
            &["graph", "build", "--out-dir", text(&out), given],
            &["instrument", "--check", given],
        ] {
            // Not every command looks at the source before the machine, which may lack something,
            // or asks a tree as the recorder sees it.
            let ran = run(place, command);
            let other = ran.err.contains("missing on this machine")
                || (given == "xen.git" && command[0] == "instrument");
            let said = ran.err.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(other || (ran.code == code && said.contains(part)), "{command:?}: {} {said}", ran.code);
        }
    }
}

#[test]
fn a_revision_can_be_asked_but_not_changed() {
    let dir = repository();
    for option in [&[][..], &["--undo"]] {
        let ran = run(dir.path(), &[&["instrument", "xen.git@HEAD"], option].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        assert!(ran.err.contains("--check or --patch"), "{}", ran.err);
    }
    // What it says is of that tree, which is no Xen to the recorder.
    let ran = run(dir.path(), &["instrument", "--check", "xen.git@HEAD"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("xen/Makefile says no XEN_VERSION"), "{}", ran.err);
}

#[test]
fn the_environment_names_no_other_repository() {
    let dir = repository();
    let place = dir.path();
    // As in a hook of another repository, which does not have that tag.
    git(place, &["init", "-q", "other"]);
    let other = place.join("other");
    git(&other, &["commit", "-q", "--allow-empty", "-m", "one"]);
    let within = |arguments: &[&str]| -> Ran {
        let mut command = xenheap(arguments);
        command.current_dir(place).env("XENHEAP_CACHE", place.join("cache"));
        command.env("GIT_DIR", other.join(".git")).env("GIT_WORK_TREE", &other);
        command.env("GIT_INDEX_FILE", other.join(".git/index")).env("GIT_PREFIX", "");
        command.env("GIT_OBJECT_DIRECTORY", other.join(".git/objects"));
        command.output().expect("xenheap runs").into()
    };
    for repository in ["xen.git", "work"] {
        let source = format!("{repository}@RELEASE-4.20.0");
        let ran = within(&["lab", "fetch", &source]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(Path::new(ran.out.trim()).join("Config.mk").is_file(), "{}", ran.out);
        // It only comes to this when it reads the files of that revision.
        let ran = within(&["instrument", "--check", &source]);
        assert!(ran.err.contains("xen/Makefile says no XEN_VERSION"), "{}", ran.err);
    }
}
