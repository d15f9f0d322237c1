//! Names with escape sequences and marks of direction reach no terminal and no page, whatever is asked and in whichever form.

mod support;

use std::{fs, path::Path};

use support::{Ran, repository, run, text};
use tempfile::{TempDir, tempdir};

/// An escape sequence, a mark of direction, a C1 control.
const HOSTILE: [&str; 3] = ["\u{1b}[31m", "\u{202e}", "\u{9b}2J"];

fn is_harmless(c: char) -> bool {
    let directs =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (!c.is_control() || c == '\n' || c == '\t') && !directs
}

#[track_caller]
fn harmless(what: &str, shown: &str) {
    let bad = shown.chars().position(|c| !is_harmless(c));
    let around = |at: usize| shown.chars().skip(at.saturating_sub(40)).take(80).collect::<String>();
    assert!(bad.is_none(), "{what}: {:?}", bad.map(around));
}

/// Runs a command that may refuse, but must understand, and look at what it says and writes.
#[track_caller]
fn asked(arguments: &[&str], files: &Path) -> String {
    let _ = fs::remove_dir_all(files);
    let Ran { code, out, err } = run(arguments);
    assert!(code <= 1, "{arguments:?}: {err}");
    harmless(&format!("{arguments:?}"), &out);
    harmless(&format!("{arguments:?}, standard error"), &err);
    let mut waiting = vec![files.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting
                .extend(fs::read_dir(&path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if let Ok(written) = fs::read_to_string(&path) {
            harmless(&format!("{arguments:?}, {}", path.display()), &written);
        }
    }
    out + &err
}

/// A graph of which every name is hostile.
fn graph() -> TempDir {
    let dir = tempdir().expect("a folder");
    let mut ci = String::from("graph: { title: \"common/\u{202e}x.c\"\n");
    for (at, name) in HOSTILE.iter().enumerate() {
        ci += &format!(
            "node: {{ title: \"do_{at}{name}\" label: \"do_{at}{name}\\ncommon/{name}.c:{}:5\\n16 bytes (static)\" }}\n",
            at + 1
        );
        ci += &format!(
            "edge: {{ sourcename: \"do_{at}{name}\" targetname: \"middle{name}\" label: \"common/{name}.c:7:5\" }}\n"
        );
        ci += &format!(
            "node: {{ title: \"middle{name}\" label: \"middle{name}\\ncommon/{name}.c:20:5\\n16 bytes (static)\" }}\n"
        );
        ci += &format!(
            "edge: {{ sourcename: \"middle{name}\" targetname: \"_xmalloc\" label: \"common/{name}.c:21:5\" }}\n"
        );
        ci += &format!(
            "edge: {{ sourcename: \"middle{name}\" targetname: \"__indirect_call\" label: \"common/{name}.c:22:5\" }}\n"
        );
    }
    ci += "node: { title: \"_xmalloc\" label: \"_xmalloc\\ncommon/xmalloc.c:1:1\\n8 bytes (static)\" }\n}\n";
    fs::create_dir(dir.path().join("build")).expect("made");
    fs::write(dir.path().join("build/x.ci"), ci).expect("written");
    let (build, out) = (dir.path().join("build"), dir.path().join("graph"));
    let ran = run(&[
        "graph",
        "build",
        "--sources",
        "ci",
        "--part",
        "--build",
        text(&build),
        "--out-dir",
        text(&out),
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    dir
}

#[test]
fn graphs() {
    let dir = graph();
    let graph = dir.path().join("graph");
    let graph = text(&graph);
    let out = dir.path().join("out");
    let from = format!("do_0{}", HOSTILE[0]);
    let run_file = saved(dir.path());
    let questions: Vec<Vec<&str>> = vec![
        vec!["graph", "stats", graph],
        vec!["graph", "sites", graph],
        vec!["graph", "sites", "--open", graph],
        vec!["graph", "recall", graph],
        vec!["graph", "reach", "--to", "_xmalloc", graph],
        vec!["graph", "funnels", "--to", "_xmalloc", graph],
        vec!["graph", "cut", "--to", "_xmalloc", graph],
        vec!["graph", "why", graph, "--from", &from, "--to", "_xmalloc"],
        vec!["graph", "allocations", graph],
        vec!["graph", "paths", "--to", "_xmalloc", graph],
        vec!["graph", "paths", "--to", "_xmalloc", "--locations", "--stack", graph],
        vec!["coverage", "--allow-mismatch", graph, text(&run_file)],
        vec!["assess", "--allow-mismatch", graph, text(&run_file)],
    ];
    for question in &questions {
        let shown = asked(question, &out);
        assert!(!shown.is_empty(), "{question:?}");
        asked(&[&question[..], &["--format", "json"]].concat(), &out);
    }
    assert!(asked(&questions[9], &out).contains("middle"), "the names are there");
    for form in ["dot", "json", "graphml"] {
        assert!(asked(&["graph", "export", "--format", form, graph], &out).contains("middle"), "{form}");
    }
    // The tables of `--format csv` are data, in which names stand as they are (docs/graph-csv.md).
}

/// A saved run of which many names are hostile.
fn saved(dir: &Path) -> std::path::PathBuf {
    let bytes = fs::read(repository("testdata/boot-4.17-x86_64/full.xhr")).expect("a run file");
    let plain = zstd::decode_all(bytes.as_slice()).expect("zstd");
    let mut plain = String::from_utf8(plain).expect("UTF-8");
    for (name, hostile) in
        ["do_event_channel_op", "memory_exchange", "pirq_get_info"].into_iter().zip(HOSTILE)
    {
        assert!(plain.contains(name), "{name}");
        let json = serde_json::to_string(&format!("{name}{hostile}")).expect("JSON");
        plain = plain.replace(name, json.trim_matches('"'));
    }
    plain = plain.replace("xmalloc_tlsf.c", "xmalloc\\u001b[31m\\u202etlsf.c");
    let path = dir.join("hostile.xhr");
    fs::write(&path, zstd::encode_all(plain.as_bytes(), 3).expect("zstd")).expect("written");
    path
}

#[test]
fn runs() {
    let dir = tempdir().expect("a folder");
    let path = saved(dir.path());
    let path = text(&path);
    let (out, verdicts) = (dir.path().join("out"), dir.path().join("v.toml"));
    let (out, verdicts) = (out.as_path(), text(&verdicts));
    let file = out.join("file");
    for form in ["text", "json", "rfc"] {
        assert!(asked(&["report", "--format", form, path], out).contains("do_event_channel_op"), "{form}");
        asked(&["report", "--format", form, "--out-dir", text(out), path], out);
    }
    asked(&["report", "--all", "--lines", path], out);
    // No stack of Xen's has such a name: there is no verdict on it.
    let refused = run(&["verdict", "add", verdicts, path, "--all"]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    harmless("a refusal", &refused.err);
    fs::write(verdicts, "format = 1\n").expect("written");
    asked(&["report", "--verdicts", verdicts, path], out);
    for option in ["--details", "--junit", "--sarif", "--code-quality", "--markdown"] {
        asked(&["check", option, text(&file), path], out);
        let _ = fs::create_dir_all(out);
        asked(&["check", "--verdicts", verdicts, option, text(&file), path], out);
    }
    for form in ["text", "json"] {
        asked(
            &["diff", "--format", form, path, text(&repository("testdata/boot-4.17-x86_64/full.xhr"))],
            out,
        );
        asked(&["plan", "--format", form, path], out);
    }
}
