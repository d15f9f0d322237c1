//! The command lines in the blocks of README and docs that need nothing but what is in `testdata` do what they are there for.

mod support;
#[path = "support/documents.rs"]
mod text_of_documents;

use std::{fs, path::Path};

use support::{repository, run_in, text, write};
use tempfile::{TempDir, tempdir};
use text_of_documents::command_lines;

/// Commands that need a machine, a network, Xen's source or the build of a run.
const ELSEWHERE: [&str; 10] = [
    "lab",
    "sweep",
    "pull",
    "instrument",
    "coverage",
    "assess",
    "graph build",
    "graph recall",
    "debian:",
    "xen-syms",
];

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
    let mut ran = Vec::new();
    let docs =
        fs::read_dir(repository("docs")).expect("documents").map(|entry| entry.expect("an entry").path());
    let mut documents: Vec<_> = docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    documents.push(repository("README.md"));
    documents.sort();
    for document in documents {
        for line in command_lines(&fs::read_to_string(&document).expect("a document")).0 {
            let words: Vec<&str> = line.split_whitespace().skip(1).collect();
            let here =
                |word: &&str| !desk.path().join(word).exists() && Path::new(word).extension().is_some();
            if ELSEWHERE.iter().any(|word| line.contains(word)) || words.iter().any(here) {
                continue;
            }
            let done = run_in(desk.path(), &words);
            assert!(done.code <= 1, "{}: {line}: {}", document.display(), done.err);
            ran.push(line);
        }
    }
    for expected in [
        "xenheap graph why graph --from do_grant_table_op --to _xmalloc",
        "xenheap diff old-run new-run",
        "xenheap verdict list verdicts.toml --format json",
    ] {
        assert!(ran.iter().any(|line| line == expected), "{expected}: {ran:?}");
    }
    assert!(ran.len() >= 12, "{ran:?}");
}
