//! The command lines in the blocks of README and docs that need nothing but what is in `testdata`
//! do what they are there for.

mod support;
#[path = "support/documents.rs"]
mod text_of_documents;

use std::{collections::BTreeSet, fs, os::unix::fs::symlink};

use support::{image, log, repository, run_in, text, write};
use tempfile::{TempDir, tempdir};
use text_of_documents::command_lines;

/// Subcommands that need a machine, a network, Xen's source or the build of a run.
const ELSEWHERE: [&str; 8] =
    ["lab", "sweep", "pull", "instrument", "coverage", "assess", "graph build", "graph recall"];

/// Subcommands that may refuse (exit code 1), and the option with which they do
/// (docs/exit-codes.md).
const MAY_REFUSE: [(&str, Option<&str>); 3] =
    [("check", None), ("report", Some("--strict")), ("verdict fmt", Some("--check"))];

/// Whether a command line is of a subcommand: its first words are those.
fn is_of(words: &[String], subcommand: &str) -> bool {
    let wanted: Vec<&str> = subcommand.split(' ').collect();
    words.len() >= wanted.len() && words.iter().zip(wanted).all(|(word, wanted)| word == wanted)
}

/// A folder in which the names of the documents are there: runs, verdicts, a graph.
fn desk() -> TempDir {
    let dir = tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name);
    for name in ["run", "run-1", "run-2", "old-run", "new-run"] {
        fs::create_dir(at(name)).expect("made");
        for file in ["config", "console.log.zst", "lab.json"] {
            let from = repository("testdata/boot-4.17-x86_64").join(file);
            fs::copy(from, at(name).join(file)).expect("copied");
        }
    }
    symlink(repository("testdata"), at("testdata")).expect("linked");
    write(dir.path(), "console.log", log(&["trace"]));
    fs::copy(image(), at("xen-syms")).expect("copied");
    write(dir.path(), "policy.toml", "format = 1\n");
    write(dir.path(), "verdicts.toml", "format = 1\n");
    write(
        dir.path(),
        "x.ci",
        "\
graph: { title: \"common/grant_table.c\"
node: { title: \"do_grant_table_op\" label: \"do_grant_table_op\\ncommon/grant_table.c:1:1\" }
node: { title: \"_xmalloc\" label: \"_xmalloc\\ncommon/x.c:1:1\" }
node: { title: \"alloc_domheap_pages\" label: \"alloc_domheap_pages\\ncommon/x.c:2:1\" }
edge: { sourcename: \"do_grant_table_op\" targetname: \"_xmalloc\" label: \"common/grant_table.c:2:5\" }
edge: { sourcename: \"_xmalloc\" targetname: \"alloc_domheap_pages\" label: \"common/x.c:1:5\" }
}
",
    );
    let built =
        ["graph", "build", "--sources", "ci", "--part", "--build", text(dir.path()), "--out-dir", "graph"];
    assert_eq!(run_in(dir.path(), &built).code, 0);
    let added = run_in(dir.path(), &["verdict", "add", "verdicts.toml", "run", "--all"]);
    assert_eq!(added.code, 0, "{}", added.err);
    let review = run_in(dir.path(), &["report", "--verdicts", "verdicts.toml", "run"]);
    write(dir.path(), "review.txt", review.out);
    dir
}

#[test]
fn command_lines_that_need_only_testdata() {
    let desk = desk();
    let (mut ran, mut left_out) = (Vec::new(), BTreeSet::new());
    let docs =
        fs::read_dir(repository("docs")).expect("documents").map(|entry| entry.expect("an entry").path());
    let mut documents: Vec<_> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    documents.push(repository("README.md"));
    documents.sort();
    for document in documents {
        for line in command_lines(&fs::read_to_string(&document).expect("a document")).0 {
            let place = format!("{}: {line}", document.display());
            // As a shell has them: quotes are not part of a word.
            let words = shlex::split(&line).unwrap_or_else(|| panic!("{place}: a quote has no end"));
            let words = words.get(1..).unwrap_or_default();
            if let Some(elsewhere) = ELSEWHERE.iter().find(|elsewhere| is_of(words, elsewhere)) {
                left_out.insert(*elsewhere);
                continue;
            }
            let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
            let done = run_in(desk.path(), &arguments);
            let may_refuse = |(subcommand, option): &(&str, Option<&str>)| {
                is_of(words, subcommand) && option.is_none_or(|option| arguments.contains(&option))
            };
            let most = i32::from(MAY_REFUSE.iter().any(may_refuse));
            assert!(done.code <= most, "{place}: exit code {}: {}", done.code, done.err);
            ran.push(line);
        }
    }
    assert_eq!(left_out, ELSEWHERE.into(), "each exception is one");
    for expected in [
        "xenheap graph why graph --from do_grant_table_op --to _xmalloc",
        "xenheap diff old-run new-run",
        "xenheap verdict list verdicts.toml --format json",
        "xenheap report run --exclude 'arch_*' --current d0",
        "xenheap report testdata/hvm-4.17-x86_64/full.xhr",
        "xenheap report console.log --symbols xen-syms",
    ] {
        assert!(ran.iter().any(|line| line == expected), "{expected}: {ran:?}");
    }
    assert!(ran.len() >= 12, "{ran:?}");
}

/// ARCHITECTURE.md stays short, and its paths are there.
#[test]
fn the_architecture_names_files_that_exist() {
    let document = fs::read_to_string(repository("ARCHITECTURE.md")).expect("a document");
    let lines: Vec<&str> = document.lines().collect();
    assert!(lines.len() < 150, "{} lines", lines.len());
    let long: Vec<_> = lines.iter().filter(|line| line.chars().count() > 100).collect();
    assert!(long.is_empty(), "longer than 100 characters: {long:?}");
    let code = lines.iter().flat_map(|line| line.split('`').skip(1).step_by(2));
    let paths: Vec<_> = code
        .filter(|code| {
            ["crates/", "docs/", "scripts/", "testdata/", ".github/"].iter().any(|at| code.starts_with(at))
        })
        // A name in capitals stands for any.
        .filter(|path| !path.contains("NAME"))
        .collect();
    let missing: Vec<_> = paths.iter().filter(|path| !repository(path).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(paths.len() > 30, "{paths:?}");
    let entry = fs::read_dir(repository("crates")).expect("crates");
    for name in entry.map(|entry| entry.expect("an entry").file_name()) {
        let name = name.to_str().expect("a name");
        assert!(document.contains(&format!("\n| `{name}` | ")), "{name} is no row");
    }
}

/// Each dependency has its reason.
#[test]
fn each_dependency_has_a_reason() {
    let reasons = fs::read_to_string(repository("docs/dependencies.md")).expect("a document");
    for entry in fs::read_dir(repository("crates")).expect("crates") {
        let manifest = entry.expect("an entry").path().join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("a manifest");
        let sections = manifest.split("\n[").filter(|section| section.contains("dependencies]\n"));
        for line in sections.flat_map(|section| section.lines().skip(1)) {
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !(name.is_empty() || name.starts_with('#') || name.starts_with("xenheap-")) {
                assert!(reasons.contains(&format!("`{name}`")), "{name}: {line}");
            }
        }
    }
}
