//! Names with escape sequences and marks of direction reach no terminal and no page, whatever is
//! asked and in whichever form: names of functions and files from an image or a log, names of files
//! on disk, and what a server sends.
//!
//! The test walks the command's own tree of subcommands. What it neither feeds nor finds in
//! [`EXCEPTIONS`] is an error.

#[path = "support/commands.rs"]
mod commands;
#[path = "../../gitlab/tests/support/mod.rs"]
mod gitlab;
mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use commands::{Command, commands};
use gitlab::{FakeJob, FakePipeline, Server};
use support::{Ran, repository, run, text, write, xenheap};
use tempfile::{TempDir, tempdir};

/// An escape sequence, a mark of direction, a C1 control.
const HOSTILE: [&str; 3] = ["\u{1b}[31m", "\u{202e}", "\u{9b}2J"];

/// A part of a name of a file that has all of them.
const NAME: &str = "h\u{1b}[31m\u{202e}\u{9b}2J";

/// A saved run, of which the name stands in reports.
const RUN: &str = "run\u{1b}[31m\u{202e}\u{9b}2J.xhr";

/// What is not fed here, and why.
const EXCEPTIONS: [(&str, &str); 8] = [
    ("completions", "prints a script that is part of the command; it reads nothing"),
    ("man", "writes pages that are part of the command; it reads nothing"),
    ("graph export --format csv", "tables are data, in which names stand as they are (docs/trust.md)"),
    ("graph export --out-dir", "only the tables of csv are written to a folder"),
    ("graph export --format graph", "a graph file is data, compressed (docs/graph-file.md)"),
    ("report --save", "a run file is data, compressed (docs/run-file.md)"),
    ("lab run --load", "needs a device tree that names an address; the file is never shown"),
    ("graph build --commands", "its commands run a compiler, whose messages name files of its own"),
];

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

/// Asks, and keeps what was asked.
struct Asked {
    tree: Vec<Command>,
    /// A folder with a hostile name, in which all inputs are.
    home: PathBuf,
    /// Subcommands with their formats, and their options that take files, to which hostile names
    /// were fed.
    fed: BTreeSet<String>,
    _dir: TempDir,
}

impl Asked {
    fn new() -> Self {
        let dir = tempdir().expect("a folder");
        let home = dir.path().join(NAME);
        fs::create_dir(&home).expect("made");
        Asked { tree: commands(), home, fed: BTreeSet::new(), _dir: dir }
    }

    fn path(&self, name: &str) -> String {
        text(&self.home.join(name)).to_owned()
    }

    /// Runs a command that may refuse, but must understand, and looks at what it says and writes.
    #[track_caller]
    fn understood(&mut self, arguments: &[&str]) -> String {
        self.asked(arguments, 1)
    }

    /// The same for one that cannot do what it is asked to do, and says why.
    #[track_caller]
    fn refused(&mut self, arguments: &[&str]) -> String {
        self.asked(arguments, 4)
    }

    #[track_caller]
    fn asked(&mut self, arguments: &[&str], most: i32) -> String {
        let ran: Ran = xenheap(arguments)
            .env("XENHEAP_GITLAB_TOKEN", "secret")
            .env_remove("http_proxy")
            .env_remove("all_proxy")
            .output()
            .expect("xenheap runs")
            .into();
        assert!(ran.code <= most, "{arguments:?}: {}", ran.err);
        harmless(&format!("{arguments:?}"), &ran.out);
        harmless(&format!("{arguments:?}, standard error"), &ran.err);
        let mut shown = ran.out + &ran.err;
        // All files, whichever command wrote them.
        let out = self.home.join("out");
        let mut waiting = vec![out.clone()];
        while let Some(path) = waiting.pop() {
            if path.is_dir() {
                let entries = fs::read_dir(&path).expect("a folder");
                waiting.extend(entries.map(|entry| entry.expect("an entry").path()));
            } else if path.starts_with(out.join("6/jobs")) {
                // Logs that were downloaded stay what they are.
            } else if let Ok(written) = fs::read_to_string(&path) {
                harmless(&format!("{arguments:?}, {}", path.display()), &written);
                shown += &written;
            }
        }
        let _ = fs::remove_dir_all(&out);
        fs::create_dir(&out).expect("made");
        // Where no hostile name comes out in another form, none was fed.
        let forms = ["x1b", "u001b", "u{1b}", "u{202e}", "u202e", "x9b", "u009b"];
        if forms.iter().any(|form| shown.contains(form)) {
            let command = commands::of(&self.tree, arguments);
            self.fed.extend(command.parts(arguments));
        }
        shown
    }

    /// All that the command can be asked for, and that nobody fed.
    fn missing(&self) -> Vec<String> {
        let all = self.tree.iter().flat_map(Command::all_parts);
        let is_known = |part: &String| {
            self.fed.contains(part) || EXCEPTIONS.iter().any(|(exception, _)| exception == part)
        };
        all.filter(|part| !is_known(part)).collect()
    }
}

/// A build of which every name is hostile.
fn build(dir: &Path) {
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
    write(dir, &format!("x{NAME}.ci"), ci);
}

fn graphs(asked: &mut Asked) {
    let (graph, built) = (asked.path("graph"), asked.path("build"));
    build(Path::new(&built));
    let part = ["graph", "build", "--sources", "ci", "--part", "--build", &built, "--out-dir", &graph];
    asked.understood(&part);
    let (tree, out) = (asked.path("no-tree"), asked.path("out/graph"));
    asked.refused(&["graph", "build", &tree, "--out-dir", &out]);
    let from = format!("do_0{}", HOSTILE[0]);
    let (run_file, verdicts, policy) = (asked.path(RUN), asked.path("v.toml"), asked.path("policy.toml"));
    let judging = ["--allow-mismatch", "--verdicts", &verdicts, &graph, &run_file];
    let questions: Vec<Vec<&str>> = vec![
        vec!["graph", "stats", &graph],
        vec!["graph", "sites", &graph],
        vec!["graph", "sites", "--open", &graph],
        vec!["graph", "recall", "--allow-mismatch", &graph, &run_file],
        vec!["graph", "reach", "--to", "_xmalloc", &graph],
        vec!["graph", "funnels", "--to", "_xmalloc", &graph],
        vec!["graph", "cut", "--to", "_xmalloc", &graph],
        vec!["graph", "why", &graph, "--from", &from, "--to", "_xmalloc"],
        vec!["graph", "allocations", &graph],
        vec!["graph", "paths", "--to", "_xmalloc", &graph],
        vec!["graph", "paths", "--to", "_xmalloc", "--locations", "--stack", &graph],
        [&["coverage"], &judging[..]].concat(),
        [&["assess", "--policy", &policy], &judging[..]].concat(),
    ];
    for question in &questions {
        for form in ["text", "json"] {
            let shown = asked.understood(&[&question[..], &["--format", form]].concat());
            assert!(!shown.is_empty(), "{question:?}");
        }
    }
    asked.understood(&[&["assess", "--format", "markdown"], &judging[..]].concat());
    assert!(asked.understood(&questions[9]).contains("middle"), "the names are there");
    let out = asked.path("out/export");
    for form in ["dot", "json", "graphml"] {
        let shown = asked.understood(&["graph", "export", "--format", form, &graph, "-o", &out]);
        assert!(shown.contains("middle"), "{form}");
    }
    // Functions and files that are not there are named in the answer.
    asked.refused(&["graph", "why", &graph, "--from", NAME, "--to", NAME]);
    asked.refused(&["graph", "stats", &asked.path("no-graph")]);
}

/// A saved run of which many names are hostile.
fn saved() -> Vec<u8> {
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
    zstd::encode_all(plain.as_bytes(), 3).expect("zstd")
}

fn runs(asked: &mut Asked) {
    let (path, verdicts, policy) = (asked.path(RUN), asked.path("v.toml"), asked.path("policy.toml"));
    let (file, folder) = (asked.path("out/file"), asked.path("out/folder"));
    let plain = asked.path("plain.xhr");
    fs::copy(repository("testdata/boot-4.17-x86_64/full.xhr"), &plain).expect("copied");
    for form in ["text", "json", "rfc"] {
        let report = ["report", "--format", form, "--verdicts", &verdicts, &path];
        assert!(asked.understood(&report).contains("do_event_channel_op"), "{form}");
        asked.understood(&[&report[..], &["--out-dir", &folder]].concat());
        asked.understood(&[&report[..], &["-o", &file]].concat());
    }
    asked.understood(&["report", "--all", "--lines", &path]);
    asked.refused(&["report", "--symbols", &asked.path("no-image"), &path]);
    asked.refused(&["report", &asked.path(&format!("{NAME}.log"))]);
    for form in ["text", "json", "markdown"] {
        asked.understood(&["check", "--format", form, &path, "-o", &file]);
        asked.understood(&["check", "--format", form, "--policy", &policy, "--verdicts", &verdicts, &path]);
        asked.understood(&["diff", "--format", form, &path, &plain]);
        asked.understood(&["diff", "--format", form, &plain, &path]);
    }
    for option in ["--details", "--junit", "--sarif", "--code-quality", "--markdown"] {
        let shown = asked.understood(&["check", option, &file, &path]);
        assert!(shown.replace('\\', "").contains("do_event_channel_op"), "{option}");
    }
    for form in ["text", "json", "svg"] {
        asked.understood(&["plan", "--format", form, "--verdicts", &verdicts, &path, "-o", &file]);
    }
    asked.understood(&["plan", "--out-dir", &folder, &path]);
}

/// Verdict files with hostile names, and with hostile contents, which all commands refuse.
fn verdicts(asked: &mut Asked) {
    let good = asked.path("v.toml");
    let path = asked.path(RUN);
    // No stack of Xen's has such a name: there is no verdict on it.
    asked.refused(&["verdict", "add", &asked.path("new.toml"), &path, "--all"]);
    let report = run(&["report", "--all", &path]).out.replace("UNDECIDED", "SAFE");
    let report = format!("{report}\n// {NAME}: SAFE\n// {NAME}\n");
    write(&asked.home, &format!("report{NAME}.txt"), report);
    write(&asked.home, "comments.txt", format!("// {NAME}: SAFE\n// {NAME}\n_xmalloc()\n{NAME}\n"));
    let (report, comments) = (asked.path(&format!("report{NAME}.txt")), asked.path("comments.txt"));
    let tree = asked.path("no-tree");
    let questions = vec![
        vec!["verdict", "list", &good, "--format", "text"],
        vec!["verdict", "list", &good, "--format", "json"],
        vec!["verdict", "show", &good, NAME],
        vec!["verdict", "match", &good, &path],
        vec!["verdict", "match", &good, &path, "--missing"],
        vec!["verdict", "stale", &good, &path],
        vec!["verdict", "stale", &good, "--tree", &tree, "--since", NAME],
        vec!["verdict", "harvest", &good, &report],
        vec!["verdict", "import", &good, &comments],
        vec!["verdict", "export", &good],
        vec!["verdict", "retire", &good, NAME],
        vec!["verdict", "fmt", &good],
        vec!["verdict", "fmt", "--check", &good],
    ];
    for question in &questions {
        asked.refused(question);
    }
    let entries = fs::read_to_string(&good).expect("a file");
    for hostile in HOSTILE.into_iter().chain(["\u{200e}", "\u{61c}"]) {
        for key in ["comment = \"", "assumption = \"", "id = \"", "stack = \"\"\"\n", "[[verdict]] # "] {
            let bad = asked.path("bad.toml");
            write(&asked.home, "bad.toml", entries.replacen(key, &format!("{key}{hostile}"), 1));
            for question in &questions {
                let of_bad = |word: &&str| if *word == good { bad.clone() } else { (*word).to_owned() };
                let again: Vec<String> = question.iter().map(of_bad).collect();
                asked.refused(&again.iter().map(String::as_str).collect::<Vec<_>>());
            }
        }
    }
    // What does not parse is quoted, too.
    asked.refused(&["verdict", "list", &good, NAME]);
}

fn sweeps(asked: &mut Asked) {
    let frames = HOSTILE.map(|name| format!("f{name}"));
    let plan = serde_json::json!({
        "schema": 1, "xen": NAME, "arch": "x86_64", "build": NAME, "workload": NAME, "workload-sha256": "w",
        "parameters": { NAME: NAME }, "xen-args": [NAME], "nth": 1,
        "stacks": [
            { "hash": "00000000000000aa", "kinds": ["xmalloc"], "allocs": 3, "frames": frames },
            { "hash": "00000000000000bb", "kinds": ["xmalloc"], "allocs": 3, "frames": frames },
        ],
    });
    let result = serde_json::json!({
        "outcome": "error", "failed": null, "leaks": [], "doubt": NAME, "crashes": [{ "domain": "d1", "at": NAME }], "ended": "powered-off",
        "message": NAME, "said": [NAME], "seconds": 60,
    });
    write(&asked.home, "sweep/plan.json", plan.to_string());
    write(&asked.home, "sweep/results/00000000000000aa.json", result.to_string());
    let sweep = asked.path("sweep");
    for form in ["text", "json"] {
        let shown = asked.understood(&["sweep", "merge", &sweep, "--format", form]);
        assert!(shown.contains("1b[31m"), "the names are there: {shown}");
    }
    asked.refused(&["sweep", "merge", &asked.path("no-sweep")]);
}

/// What needs a machine or Xen's source refuses what it is given, and names it.
fn machines(asked: &mut Asked) {
    let (nothing, out) = (asked.path("nothing"), asked.path("out/run"));
    fs::create_dir(&nothing).expect("made");
    let guest = ["--guest-program", nothing.as_str(), "--dtb", nothing.as_str()];
    asked.refused(&[&["lab", "run", &nothing, "--out-dir", &out], &guest[..]].concat());
    asked.refused(&["lab", "run", "--workload", &nothing, "--out-dir", &out]);
    asked.refused(&["lab", "fetch", &nothing]);
    for form in ["text", "json"] {
        let sweep = ["sweep", "run", &nothing, "--base", &nothing, "--out-dir", &out];
        asked.refused(&[&sweep[..], &["--format", form]].concat());
    }
    asked.refused(&["instrument", "--check", &nothing]);
    asked.refused(&["instrument", &nothing, "--patch", &out]);
}

/// A pipeline of which jobs, files and traces have hostile names.
fn pull(asked: &mut Asked) {
    let log = support::log(&["trace"]);
    let server = Server::new();
    let name = |at: usize| format!("job {} {NAME}", HOSTILE[at]);
    let jobs = vec![
        FakeJob::new(1, &name(0), NAME)
            .trace(log.as_bytes())
            .archive(&[(&format!("{NAME}.serial"), log.as_bytes())]),
        FakeJob::new(2, &name(1), NAME).trace(format!("{NAME}\n")).archive(&[(&format!("../{NAME}"), b"x")]),
        FakeJob::new(3, &name(2), NAME).status(NAME).no_trace(),
    ];
    let bridges = vec![(10, NAME.to_owned(), Some((format!("secret/{NAME}"), 8)))];
    server.token("secret").pipeline("a/b", 6, FakePipeline { jobs, bridges });
    let out = asked.path("out");
    let shown = asked.understood(&["pull", "gitlab", "a/b", "6", "--url", &server.url, "--out-dir", &out]);
    assert!(shown.contains("job"), "{shown}");
    asked.refused(&["pull", "gitlab", NAME, "6", "--url", &server.url, "--out-dir", &out]);
}

#[test]
fn every_subcommand_in_every_format() {
    let mut asked = Asked::new();
    write(&asked.home, RUN, saved());
    write(&asked.home, "policy.toml", "format = 1\n");
    let (verdicts_file, log) = (asked.path("v.toml"), repository("testdata/boot-4.17-x86_64/full.xhr"));
    assert_eq!(run(&["verdict", "add", &verdicts_file, text(&log), "--finding", "1"]).code, 0);
    let reviewed = fs::read_to_string(&verdicts_file).expect("a file");
    let reviewed = reviewed.replace("comment = \"\"", "assumption = \"none\"\ncomment = \"why\"");
    fs::write(&verdicts_file, reviewed).expect("written");
    graphs(&mut asked);
    runs(&mut asked);
    verdicts(&mut asked);
    sweeps(&mut asked);
    machines(&mut asked);
    pull(&mut asked);
    let missing = asked.missing();
    assert!(missing.is_empty(), "nobody feeds hostile names to {missing:#?}");
    let all: BTreeSet<String> = asked.tree.iter().flat_map(Command::all_parts).collect();
    for (exception, reason) in EXCEPTIONS {
        assert!(all.contains(exception) && !asked.fed.contains(exception), "{exception} is none: {reason}");
    }
}
