//! What went wrong on logs and files of others, by issue and row of its table. The inputs are in
//! `testdata/field`.

mod support;

use insta::assert_snapshot;
use serde_json::Value;
use support::{Ran, output_of, repository, run, run_with_input, text};

/// A file of `testdata/field`.
fn field(path: &str) -> String {
    text(&repository("testdata/field").join(path)).to_owned()
}

fn json(log: &str) -> Value {
    serde_json::from_str(&output_of(&["report", "--format", "json", log])).expect("JSON")
}

fn json_of(log: &str) -> Value {
    let ran = run_with_input(&["report", "--format", "json", "-"], log.as_bytes());
    serde_json::from_str(&ran.out).expect("JSON")
}

/// The functions of a finding's stack, root first.
fn functions(finding: &Value) -> Vec<&str> {
    let frames = finding["stack"]["frames"].as_array().expect("frames");
    frames.iter().map(|frame| frame["function"].as_str().expect("a name")).collect()
}

/// Live allocations, live bytes and the stack of each finding with something live.
fn live(report: &Value) -> Vec<(u64, u64, Vec<&str>)> {
    let findings = report["findings"].as_array().expect("findings");
    let live = findings.iter().map(|finding| {
        let count = |name: &str| finding["counters"][name].as_u64().expect("a number");
        (count("live"), count("live_bytes"), functions(finding))
    });
    live.filter(|(count, ..)| *count > 0).collect()
}

fn check<'a>(report: &'a Value, id: &str) -> (&'a str, &'a str) {
    let checks = report["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["id"] == id).expect("a check");
    (check["outcome"].as_str().expect("an outcome"), check["detail"].as_str().expect("a detail"))
}

/// A log of the repository, unpacked.
fn text_of(path: &str) -> String {
    let mut log = String::new();
    let mut input = xenheap_console::open(&repository(path)).expect("it is there");
    std::io::Read::read_to_string(&mut input, &mut log).expect("text");
    log
}

/// As `base64` writes it.
fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let encoded = BASE64_STANDARD.encode(bytes);
    let lines = encoded.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The traces of the RFC as Xen prints them: a record, and frames of `mark` and name.
fn record(domain: u32, ptr: u64, frames: &[(&str, &str)]) -> Vec<String> {
    let mut lines = vec![
        format!("(XEN) DEBUG: d{domain}: xmem_pool_alloc - size 16 p=ffff83013a50{ptr:04x}"),
        "(XEN) Xen call trace:".to_owned(),
    ];
    lines.extend(frames.iter().map(|(mark, name)| frame(mark, name)));
    lines.push("(XEN) ".to_owned());
    lines
}

fn frame(mark: &str, name: &str) -> String {
    let place = name.bytes().fold(0u32, |sum, byte| (sum * 31 + u32::from(byte)) % 0xff_ffff);
    format!("(XEN)    [<ffff82d040{place:06x}>] {mark} {name}+0x90/0x1e0")
}

fn log(lines: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    lines.into_iter().map(|line| format!("{}\n", line.as_ref())).collect()
}

/// Lines whose text says so.
fn lines_with<'a>(text: &'a str, what: &str) -> Vec<&'a str> {
    text.lines().filter(|line| line.contains(what)).collect()
}

fn rfc(log: &str) -> String {
    let Ran { out, code, err } = run_with_input(&["report", "--format", "rfc", "-"], log.as_bytes());
    assert_eq!(code, 0, "{err}");
    out
}

mod issue_15 {
    use super::*;

    #[test]
    fn row_01_an_offset_of_zero_is_printed_without_0x() {
        let report = json(&field("offset-zero/arm32.log"));
        let stack = [
            "return_from_trap",
            "do_trap_guest_sync",
            "do_event_channel_op",
            "evtchn_fifo_init_control",
            "_xzalloc",
            "_xmalloc",
        ];
        assert_eq!(live(&report), [(1, 392, stack.to_vec())]);
        assert_eq!(report["facts"]["arch"], "arm32");
        let report = json(&field("offset-zero/smallest.log"));
        assert_eq!(live(&report), [(1, 392, vec!["return_from_trap", "_xmalloc"])]);
        let report = json(&field("offset-zero/x86.log"));
        let stack = ["domain_create", "sched_init_domain", "replenish_domain_budget", "_xmalloc"];
        assert_eq!(live(&report), [(1, 128, stack.to_vec())]);
        for name in ["arm32", "smallest", "x86"] {
            let ran = run(&["report", "--strict", &field(&format!("offset-zero/{name}.log"))]);
            assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        }
    }

    #[test]
    fn row_02_any_letter_before_a_frame_is_a_mark() {
        let mut lines = record(1, 0x10, &[("R", "_xmalloc"), ("D", "f"), ("F", "a")]);
        lines.extend(record(1, 0x20, &[("R", "_xmalloc"), ("q", "f"), ("F", "b")]));
        let report = json_of(&log(&lines));
        assert_eq!(live(&report), [(1, 16, vec!["a", "f", "_xmalloc"]), (1, 16, vec!["b", "f", "_xmalloc"])]);
        let (outcome, detail) = check(&report, "stacks");
        assert_eq!(outcome, "ok", "{detail}");
        assert!(detail.contains("2 frames with a mark that is not known (D, q)"), "{detail}");
        // As sure as `S`.
        for finding in report["findings"].as_array().expect("findings") {
            assert_eq!(finding["stack"]["uncertain"]["why"], "guessed");
        }
    }

    #[test]
    fn row_03_a_stack_that_is_not_certain_is_marked_where_it_stands() {
        // Two records wait when the first trace comes.
        let first = record(1, 0x10, &[("R", "_xmalloc"), ("F", "a")]);
        let second = record(2, 0x20, &[("R", "_xmalloc"), ("F", "b")]);
        let mixed = [&first[..1], &second[..1], &second[1..], &first[1..]].concat();
        let text = log(&mixed);
        let report = json_of(&text);
        for finding in report["findings"].as_array().expect("findings") {
            assert_eq!(finding["stack"]["uncertain"]["why"], "unassigned", "{finding}");
            assert_eq!(finding["stack"]["uncertain"]["line"], 4);
        }
        let shown = run_with_input(&["report", "-"], text.as_bytes());
        assert_eq!(lines_with(&shown.out, "uncertain  stack, line 4 of the log").len(), 2, "{}", shown.out);
        assert!(shown.out.contains("The stacks below may be wrong"), "{}", shown.out);
        assert!(shown.err.contains("the report's stacks may be wrong"), "{}", shown.err);
        let comments = rfc(&text);
        let comments = lines_with(&comments, "// NOT CERTAIN: line 4 of the log");
        assert_eq!(comments.len(), 2);

        // A frame that was cut, and frames that Xen guessed at.
        let cut = record(1, 0x10, &[("R", "_xmalloc"), ("F", "a"), ("F", "b")]);
        let cut = log(&cut).replace("F a+0x90/0x1e0", "F a+0x");
        assert_eq!(json_of(&cut)["findings"][0]["stack"]["uncertain"]["why"], "damaged-frame");
        let guessed = log(record(1, 0x10, &[("R", "_xmalloc"), ("S", "a")]));
        let report = json_of(&guessed);
        assert_eq!(report["findings"][0]["stack"]["uncertain"]["why"], "guessed");
        assert_eq!(check(&report, "stacks").0, "ok");
        // A certain one has no such mark.
        let certain = json_of(&log(record(1, 0x10, &[("R", "_xmalloc"), ("F", "a")])));
        assert!(certain["findings"][0]["stack"].get("uncertain").is_none());
    }

    /// A log with a path that Xen guessed twice, and one with the same path once, for certain.
    fn guessed_and_certain(dir: &std::path::Path) -> [String; 2] {
        let [guessed, certain] = ["S", "F"].map(|mark| {
            let mut lines = record(1, 0x10, &[("R", "_xmalloc"), (mark, "f"), (mark, "do_op")]);
            lines.extend(record(1, 0x20, &[("R", "_xmalloc"), ("F", "g"), ("F", "do_op")]));
            if mark == "S" {
                lines.extend(record(1, 0x30, &[("R", "_xmalloc"), (mark, "f"), (mark, "do_op")]));
            }
            log(lines)
        });
        let write = |name: &str, content: &str| text(&support::write(dir, name, content)).to_owned();
        [write("guessed.log", &guessed), write("certain.log", &certain)]
    }

    /// What the gate prints, and each file that it writes, below its name.
    fn gate(dir: &std::path::Path, arguments: &[&str]) -> (i32, String) {
        let mut all = String::new();
        let mut code = None;
        let forms = [&[][..], &["--format", "json"], &["--format", "markdown"]];
        for form in forms {
            let ran = run(&[&["check"], arguments, form].concat());
            all += &format!("==== {}\n{}", form.join(" "), ran.out);
            assert_eq!(*code.get_or_insert(ran.code), ran.code, "{}", ran.err);
        }
        for option in ["--details", "--junit", "--sarif", "--code-quality", "--markdown"] {
            let out = dir.join("out");
            run(&[&["check"], arguments, &[option, text(&out)]].concat());
            all += &format!("==== {option}\n{}", std::fs::read_to_string(&out).expect("a file"));
        }
        (code.expect("a code"), all)
    }

    /// Each part of [`gate`] with the lines that say so.
    fn doubts(shown: &str) -> String {
        let parts = shown.split("==== ").skip(1).map(|part| {
            let (name, text) = part.split_once('\n').expect("a name");
            let says = |line: &&str| line.contains("ncertain") || line.contains("line 4 of the log");
            let lines: Vec<&str> = text.lines().filter(says).collect();
            assert!(!lines.is_empty(), "{name}: {text}");
            format!("==== {name}\n{}\n", lines.join("\n"))
        });
        parts.collect()
    }

    #[test]
    fn row_03_a_stack_that_is_not_certain_is_marked_where_a_reviewer_decides() {
        let dir = tempfile::tempdir().expect("a folder");
        let [guessed, certain] = guessed_and_certain(dir.path());
        let file = dir.path().join("v.toml");
        let file = text(&file);
        let added = run(&["verdict", "add", file, &guessed, "--all"]);
        assert_eq!(added.code, 0);
        let why = "line 4 of the log: Xen looked for frames on the stack";
        assert!(added.err.contains(&format!("uncertain stack of guessed.log, {why}")), "{}", added.err);
        assert!(added.err.contains("1 of the new entries have an uncertain stack"), "{}", added.err);
        let written = std::fs::read_to_string(file).expect("a file");
        assert_eq!(lines_with(&written, &format!("uncertain = \"{why}")).len(), 1, "{written}");
        assert_eq!(lines_with(&output_of(&["verdict", "list", file]), "do_op > f (uncertain)").len(), 1);
        let listed: Value =
            serde_json::from_str(&output_of(&["verdict", "list", file, "--format", "json"])).expect("JSON");
        let entries = listed["entries"].as_array().expect("entries");
        let marked: Vec<bool> = entries.iter().map(|entry| entry["uncertain"].is_string()).collect();
        assert_eq!(marked.iter().filter(|marked| **marked).count(), 1, "{listed}");
        let at = marked.iter().position(|marked| *marked).expect("an entry");
        let id = entries[at]["id"].as_str().expect("an id");
        assert!(output_of(&["verdict", "show", file, id]).contains(why));

        let matched = output_of(&["verdict", "match", file, &guessed]);
        assert_eq!(lines_with(&matched, "> f (uncertain)").len(), 1, "{matched}");

        let (code, shown) = gate(dir.path(), &["--verdicts", file, &guessed]);
        assert_eq!(code, 1);
        assert_snapshot!("uncertain_refused", doubts(&shown));
        let decided = written.replace("UNDECIDED", "SAFE").replace("comment = \"\"", "comment = \"once\"");
        std::fs::write(file, decided).expect("written");
        let (code, shown) = gate(dir.path(), &["--verdicts", file, &guessed]);
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("PASSED: 2 findings in 1 run; not all stacks are certain"), "{shown}");
        assert_snapshot!("uncertain_passed", doubts(&shown));
        // Nothing of that where all is certain: it has the stack that `guessed.log` has as a guess.
        let (_, shown) = gate(dir.path(), &["--verdicts", file, &certain]);
        assert!(!shown.contains("ncertain"), "{shown}");

        let diffs = ["text", "json", "markdown"].map(|form| {
            format!("==== {form}\n{}", output_of(&["diff", &certain, &guessed, "--format", form]))
        });
        assert_snapshot!("uncertain_diff", diffs.concat());
        let same = output_of(&["diff", &certain, &certain]);
        assert!(!same.contains("ncertain"), "{same}");
    }

    #[test]
    fn row_03_a_harvest_says_which_acceptances_are_of_uncertain_stacks() {
        let dir = tempfile::tempdir().expect("a folder");
        let [guessed, _] = guessed_and_certain(dir.path());
        for form in [&["--all"][..], &["--format", "rfc"]] {
            let file = text(&support::write(dir.path(), "v.toml", "format = 1\n")).to_owned();
            let report = output_of(&[&["report", "--verdicts", &file, &guessed], form].concat());
            let indent = if form[0] == "--all" { "      " } else { "" };
            let typed = report.replace("UNDECIDED\n", &format!("SAFE\n{indent}// Once.\n"));
            assert_ne!(typed, report);
            let path = support::write(dir.path(), "report.txt", &typed);
            let ran = run(&["verdict", "harvest", &file, text(&path)]);
            assert_eq!(ran.code, 0, "{}", ran.err);
            let told = lines_with(&ran.err, "accepts an uncertain stack, line 4 of the log: Xen looked for");
            assert_eq!(told.len(), 1, "{}\n{typed}", ran.err);
            let written = std::fs::read_to_string(&file).expect("a file");
            assert_eq!(
                lines_with(&written, "uncertain = \"line 4 of the log: Xen looked").len(),
                1,
                "{written}"
            );
        }
    }

    #[test]
    fn row_03_the_gate_doubts_stacks_where_only_stacks_are_in_doubt() {
        let dir = tempfile::tempdir().expect("a folder");
        let first = record(1, 0x10, &[("R", "_xmalloc"), ("F", "a")]);
        let second = record(2, 0x20, &[("R", "_xmalloc"), ("F", "b")]);
        let mixed = log([&first[..1], &second[..1], &second[1..], &first[1..]].concat());
        let path = support::write(dir.path(), "mixed.log", mixed);
        let (code, shown) = gate(dir.path(), &[text(&path)]);
        assert_eq!(code, 1);
        let about = lines_with(&shown, "a self-check failed, so the");
        let about: Vec<_> =
            about.into_iter().filter(|line| !line.contains("numbers or the stacks")).collect();
        assert!(about.len() >= 4, "{shown}");
        assert!(about.iter().all(|line| line.contains("so the stacks may be wrong")), "{about:?}");
    }

    /// The second harvest takes nothing back.
    #[test]
    fn row_12_what_was_harvested_stays_when_it_is_harvested_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut lines = record(1, 0x10, &[("R", "_xmalloc"), ("F", "f"), ("F", "do_op")]);
        lines.extend(record(2, 0x20, &[("R", "_xmalloc"), ("F", "f"), ("F", "do_op")]));
        let path = support::write(dir.path(), "twice.log", log(lines));
        let file = dir.path().join("v.toml");
        let read = || std::fs::read_to_string(&file).expect("a file");
        for (start, form) in [("new", "rfc"), ("added", "rfc")] {
            std::fs::write(&file, "format = 1\n").expect("written");
            if start == "added" {
                output_of(&["verdict", "add", text(&file), text(&path), "--all"]);
            }
            let report = output_of(&["report", "--verdicts", text(&file), "--format", form, text(&path)]);
            let places: Vec<_> = report.match_indices("UNDECIDED\n").map(|(at, _)| at).collect();
            assert_eq!(places.len(), 2, "{report}");
            // The comment is typed at either of the two places.
            for place in places {
                let typed =
                    format!("{}SAFE\n// Once.\n{}", &report[..place], &report[place + "UNDECIDED\n".len()..]);
                let harvested = support::write(dir.path(), "report.txt", &typed);
                let harvest = || run(&["verdict", "harvest", text(&file), text(&harvested)]);
                let before = read();
                let ran = harvest();
                assert_eq!(ran.code, 0, "{}", ran.err);
                let once = read();
                assert!(once.contains("Once."), "{start}: {once}");
                let again = harvest();
                assert_eq!((again.code, read()), (0, once), "{start}: {}", again.err);
                assert!(again.err.contains("0 changed, 0 added"), "{}", again.err);
                std::fs::write(&file, before).expect("written");
            }
        }
    }

    /// Of two places that say different things, of which one is what the file says, either can be
    /// the older one.
    #[test]
    fn row_12_two_places_that_differ_take_nothing_back() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut lines = record(1, 0x10, &[("R", "_xmalloc"), ("F", "f"), ("F", "do_op")]);
        lines.extend(record(2, 0x20, &[("R", "_xmalloc"), ("F", "f"), ("F", "do_op")]));
        let path = support::write(dir.path(), "twice.log", log(lines));
        let file = dir.path().join("v.toml");
        output_of(&["verdict", "add", text(&file), text(&path), "--all"]);
        let report = output_of(&["report", "--verdicts", text(&file), "--format", "rfc", text(&path)]);
        let typed = report.replacen("UNDECIDED\n", "SAFE\n// One.\n", 1);
        let typed = typed.replacen("UNDECIDED\n", "PROBLEM\n// Two.\n", 1);
        let harvested = support::write(dir.path(), "report.txt", &typed);
        for _ in 0..2 {
            let ran = run(&["verdict", "harvest", text(&file), text(&harvested)]);
            assert_eq!(ran.code, 3, "{}", ran.err);
            assert!(ran.err.contains("says something else of"), "{}", ran.err);
            let written = std::fs::read_to_string(&file).expect("a file");
            assert!(written.contains("One.") && !written.contains("Two."), "{written}");
        }
    }

    #[test]
    fn row_03_mixed_traces_are_pulled_apart_where_each_stood_alone_before() {
        let a = [("R", "_xmalloc"), ("F", "a"), ("F", "root_a")];
        let b = [("R", "xfree"), ("F", "b"), ("F", "root_b")];
        let mut lines = record(1, 0x10, &a);
        let free = |lines: Vec<String>| -> Vec<String> {
            let first = "(XEN) DEBUG: d2: xfree - p=ffff83013a500010".to_owned();
            [vec![first], lines[1..].to_vec()].concat()
        };
        lines.extend(free(record(2, 0x10, &b)));
        let (one, other) = (record(1, 0x10, &a), free(record(2, 0x10, &b)));
        // Each frame of one stands before that of the other.
        let interleaved = one.iter().zip(&other).flat_map(|(one, other)| [one.clone(), other.clone()]);
        lines.extend(interleaved);
        let report = json_of(&log(&lines));
        assert_eq!(check(&report, "stacks").0, "ok", "{}", check(&report, "stacks").1);
        let findings = report["findings"].as_array().expect("findings");
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(functions(&findings[0]), ["root_a", "a", "_xmalloc"]);
        assert_eq!(findings[0]["counters"]["allocs"], 2);
    }

    /// Nothing has shown yet how traces end in this log.
    #[test]
    fn row_03_mixed_traces_at_the_start_of_a_log_are_uncertain() {
        let a = record(1, 0x10, &[("R", "_xmalloc"), ("F", "a"), ("F", "root_a")]);
        let b = record(2, 0x20, &[("R", "_xmalloc"), ("F", "b"), ("F", "root_b")]);
        let interleaved: Vec<String> =
            a.iter().zip(&b).flat_map(|(one, other)| [one.clone(), other.clone()]).collect();
        let nested = [&a[..4], &b[..], &a[4..]].concat();
        let stripped = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| !line.trim_end().ends_with("(XEN)")).cloned().collect()
        };
        for lines in [interleaved.clone(), nested.clone(), stripped(&interleaved), stripped(&nested)] {
            let text = log(&lines);
            let report = json_of(&text);
            assert_eq!(check(&report, "stacks").0, "failed", "{text}");
            for finding in report["findings"].as_array().expect("findings") {
                assert!(finding["stack"].get("uncertain").is_some(), "{text}{finding}");
            }
        }
        // Without empty lines, traces that end as others did are certain.
        let many: Vec<String> =
            (0..6).flat_map(|_| record(1, 0x10, &[("R", "_xmalloc"), ("F", "a"), ("F", "root_a")])).collect();
        let report = json_of(&log(stripped(&many)));
        let certain = report["findings"].as_array().expect("findings").iter();
        assert_eq!(certain.filter(|finding| finding["stack"].get("uncertain").is_none()).count(), 1);
    }

    #[test]
    fn row_03_a_frame_of_which_little_is_left_is_missed() {
        let lines = record(1, 0x10, &[("R", "_xmalloc"), ("F", "alpha"), ("F", "b")]);
        let frame = lines.iter().find(|line| line.contains("F alpha+")).expect("a frame").clone();
        // Where this log begins, no other trace has shown how one ends.
        let before = record(1, 0x10, &[("R", "_xmalloc"), ("F", "gamma"), ("F", "b")]);
        let doubt = |line: &str| {
            let report = json_of(&log([&before[..], &lines].concat()).replace(&frame, line));
            let findings = report["findings"].as_array().expect("findings").clone();
            let of_the_line = |finding: &&Value| !functions(finding).contains(&"gamma");
            let finding = findings.iter().find(of_the_line).expect("a finding");
            finding["stack"]["uncertain"]["why"].as_str().map(str::to_owned)
        };
        assert_eq!(doubt(&frame), None);
        // Cut anywhere, with the end of its line or without its beginning. Behind the offset and
        // the first digit of the size nothing tells that it was cut.
        let readable = frame.find("/0x").expect("a size") + "/0x".len();
        for end in (2..=readable).filter(|end| !["(XEN)".len(), "(XEN) ".len()].contains(end)) {
            assert_eq!(doubt(&frame[..end]).as_deref(), Some("damaged-frame"), "{}", &frame[..end]);
        }
        for start in 1..frame.find(">] ").expect("an address") {
            assert_eq!(doubt(&frame[start..]).as_deref(), Some("damaged-frame"), "{}", &frame[start..]);
        }
        // An empty line in the place of a frame ends the trace, and what follows tells that it was
        // none.
        for end in ["(XEN)", "(XEN) "] {
            assert_eq!(doubt(end).as_deref(), Some("incomplete"), "{end:?}");
        }
        // What others print in between is no frame.
        for line in ["", "(XEN) d1v0 Over-allocation", "[    1.0] systemd: a [started] b", "(d1) (XEN)    ["]
        {
            assert_eq!(doubt(&format!("{line}\n{frame}")), None, "{line}");
        }
        // A log that has spaces behind each line.
        let padded = log(&lines).replace('\n', "    \n");
        assert!(json_of(&padded)["findings"][0]["stack"].get("uncertain").is_none());
    }

    /// The end of a trace is lost, and the record and the title of the next one.
    #[test]
    fn row_03_a_first_frame_in_a_trace_is_anothers() {
        let before = record(1, 0x10, &[("R", "_xmalloc"), ("F", "gamma"), ("F", "delta")]);
        let one = record(1, 0x20, &[("R", "_xmalloc"), ("F", "alpha"), ("F", "beta")]);
        let lines = [&before[..], &one[..one.len() - 1], &before[2..]].concat();
        let report = json_of(&log(&lines));
        let findings = report["findings"].as_array().expect("findings");
        let mixed = findings.iter().find(|finding| functions(finding).contains(&"alpha")).expect("a finding");
        assert_eq!(mixed["stack"]["uncertain"]["why"], "mixed", "{mixed}");
    }

    /// A log that ends in a trace.
    #[test]
    fn row_03_a_trace_without_an_end_is_uncertain() {
        let lines = record(1, 0x10, &[("R", "_xmalloc"), ("F", "a"), ("F", "b")]);
        let whole = log(&lines);
        assert!(json_of(&whole)["findings"][0]["stack"].get("uncertain").is_none());
        let before = log(record(1, 0x10, &[("R", "_xmalloc"), ("F", "c"), ("F", "d")]));
        let last = frame("F", "b");
        let last = whole.find(&last).expect("a frame");
        for start in ["", &before] {
            for end in [whole.len() - 1, whole.len() - "(XEN) \n".len(), last] {
                let report = json_of(&format!("{start}{}", &whole[..end]));
                let findings = report["findings"].as_array().expect("findings");
                let cut =
                    findings.iter().find(|finding| !functions(finding).contains(&"c")).expect("a finding");
                assert_eq!(cut["stack"]["uncertain"]["why"], "incomplete", "{start}{}", &whole[..end]);
            }
        }
    }

    #[test]
    fn row_03_a_record_of_long_ago_does_not_make_a_trace_uncertain() {
        let stamped = |seconds: u64, lines: Vec<String>| -> Vec<String> {
            let stamp = format!("(XEN) [{seconds:5}.000000] ");
            lines.iter().map(|line| line.replacen("(XEN) ", &stamp, 1)).collect()
        };
        let lost = stamped(10, record(1, 0x10, &[])[..1].to_vec());
        let whole = stamped(20, record(2, 0x20, &[("R", "_xmalloc"), ("F", "b")]));
        let report = json_of(&log([lost, whole].concat()));
        let of = |domain: &str| {
            let findings = report["findings"].as_array().expect("findings");
            findings.iter().find(|finding| finding["current"] == domain).expect("a finding")["stack"].clone()
        };
        assert!(of("d2").get("uncertain").is_none(), "{}", of("d2"));
        assert_eq!(of("d1")["frames"].as_array().map(Vec::len), Some(0));
    }

    #[test]
    fn row_04_the_stamps_of_gitlabs_runner_are_taken_off() {
        let report = json(&field("runner-timestamps/smallest.log"));
        let stack = ["do_event_channel_op", "evtchn_fifo_init_control", "_xmalloc"];
        assert_eq!(live(&report), [(1, 392, stack.to_vec())]);
        assert_eq!(check(&report, "stacks").0, "ok");
        let report = json(&field("runner-timestamps/smallest-record.log"));
        assert_eq!(report["findings"][0]["counters"]["live_bytes"], 392);
        let report = json(&field("runner-timestamps/trace-raw.log"));
        let bytes = |name: &str| -> u64 {
            let findings = report["findings"].as_array().expect("findings");
            findings.iter().filter_map(|finding| finding["counters"][name].as_u64()).sum()
        };
        assert_eq!((bytes("freed_bytes"), bytes("live_bytes")), (392, 712));
        for name in ["smallest", "smallest-record", "trace-raw"] {
            let log = field(&format!("runner-timestamps/{name}.log"));
            let lines = std::fs::read_to_string(&log).expect("a log").lines().count();
            assert_eq!(json(&log)["facts"]["lines"], lines, "lines keep their numbers");
        }
    }

    /// The runner was told late, or only a part of the log came through it.
    #[test]
    fn row_04_stamps_can_begin_late() {
        let plain = log(record(1, 0x10, &[("R", "_xmalloc"), ("F", "a")]));
        let late = log(record(2, 0x20, &[("R", "_xmalloc"), ("F", "b")]));
        let stamped: String = late
            .lines()
            .flat_map(|line| {
                let (a, b) = line.split_at(3);
                let stamp = "2026-08-01T14:30:00.000000Z 01O";
                [format!("{stamp} {a}\n"), format!("{stamp}+{b}\n")]
            })
            .collect();
        // More than is looked at to tell how a log is written.
        let between = "something of dom0's\n".repeat(1000);
        let expected = json_of(&format!("{plain}{between}{late}"));
        for end in ["", "no stamp\n"] {
            let text = format!("{plain}{between}{stamped}{end}");
            let report = json_of(&text);
            assert_eq!(report["findings"], expected["findings"]);
            assert_eq!(report["facts"]["lines"], text.lines().count());
        }
    }

    #[test]
    fn row_05_an_altered_log_is_said_to_be_one() {
        let log = field("quoted-printable/quoted-printable.log");
        let report = json(&log);
        let (outcome, detail) = check(&report, "intact");
        assert_eq!(outcome, "failed");
        assert!(detail.contains("the first in line 2"), "{detail}");
        let shown = run(&["report", &log]);
        assert!(!shown.out.contains("Was Xen instrumented"), "{}", shown.out);
        assert!(shown.out.contains("take the log as the console wrote it"), "{}", shown.out);
        assert_eq!(run(&["report", "--strict", &log]).code, 1);
    }

    /// Two bytes a character, as a shell of Windows redirects: read. Without a mark: by its zeros.
    #[test]
    fn row_05_utf16_is_read() {
        let log = log(record(1, 0x10, &[("R", "_xmalloc"), ("F", "a")]));
        let expected = json_of(&log);
        for (mark, bytes) in [
            ("\u{feff}", u16::to_le_bytes as fn(u16) -> [u8; 2]),
            ("", u16::to_le_bytes),
            ("\u{feff}", u16::to_be_bytes),
            ("", u16::to_be_bytes),
        ] {
            let text: Vec<u8> = mark.chars().chain(log.chars()).flat_map(|c| bytes(c as u16)).collect();
            let ran = run_with_input(&["report", "--format", "json", "-"], &text);
            let report: Value = serde_json::from_str(&ran.out).expect("JSON");
            assert_eq!(report["findings"], expected["findings"]);
            assert_eq!(report["checks"], expected["checks"]);
        }
    }

    /// What nobody decodes here is told of, with the first line, and with what to do.
    #[test]
    fn row_05_other_spellings_are_told_of() {
        let rfc = log(record(1, 0x10, &[("R", "_xmalloc"), ("F", "a")]));
        let ours = text_of("testdata/modes-4.17-x86_64/trace.log.zst");
        let as_tabs = |log: &str| log.replace(' ', "\t");
        let as_nbsp = |log: &str| log.replace(' ', "\u{a0}");
        let encoded = base64(ours.as_bytes());
        let first_of_ours = ours.lines().position(|line| line.contains("HA1 ")).expect("a record") + 1;
        let altered = "take the log as the console wrote it";
        let cases = [
            (as_tabs(&rfc), 1, altered),
            (as_nbsp(&rfc), 1, altered),
            (as_tabs(&ours), first_of_ours, altered),
            (as_nbsp(&ours), first_of_ours, altered),
            (rfc.replace("(XEN) ", ""), 1, "no (XEN) before it"),
            (encoded, 1, "base64 -d"),
        ];
        for (log, line, advice) in cases {
            let start: String = log.chars().take(80).collect();
            let report = json_of(&log);
            let (outcome, detail) = check(&report, "intact");
            assert_eq!(outcome, "failed", "{start:?}");
            let at_line = detail.contains(&format!("line {line}"));
            assert!(at_line && detail.contains(advice), "{start:?}: {detail}");
            let shown = run_with_input(&["report", "-"], log.as_bytes()).out;
            assert!(!shown.contains("Was Xen instrumented"), "{shown}");
        }
        // Where records of the RFC's are altered behind good ones, no number tells.
        let half = format!("{rfc}{}", as_tabs(&rfc));
        let report = json_of(&half);
        let line = format!("line {}", rfc.lines().count() + 1);
        assert!(matches!(check(&report, "intact"), ("failed", why) if why.contains(&line)), "{report}");
        // The word alone is no record.
        let said = format!("(XEN) DEBUG:\tsomething of Xen's\nHA1\tno tag\n{rfc}");
        assert_eq!(check(&json_of(&said), "intact").0, "ok");
        // A guest can write all of these.
        let of_dom1 = format!("(XEN) DOM1: {}\n{rfc}", as_tabs(rfc.lines().next().expect("a line")));
        assert_eq!(check(&json_of(&of_dom1), "intact").0, "ok");
        let guests: String = as_tabs(&rfc).lines().map(|line| format!("(d1) {line}\n")).collect();
        assert_eq!(check(&json_of(&guests), "intact").0, "not-applicable");
    }

    /// A log in which no record is found is a result that nobody wants in a pipeline.
    #[test]
    fn a_log_without_a_record_does_not_pass() {
        let dir = tempfile::tempdir().expect("a folder");
        let (lax, plain) = (dir.path().join("lax.toml"), dir.path().join("plain.log"));
        std::fs::write(&lax, "format = 1\n[run]\nmay-be-empty = true\nmay-fail = [\"header\"]\n")
            .expect("written");
        for content in ["", "(XEN) Xen version 4.17.5\n(XEN) Brought up 2 CPUs\n"] {
            std::fs::write(&plain, content).expect("written");
            let ran = run(&["report", "--strict", text(&plain)]);
            assert_eq!(ran.code, 1, "{content:?}: {}", ran.err);
            let ran = run(&["check", text(&plain), "--format", "json"]);
            assert_eq!(ran.code, 1, "{content:?}: {}", ran.err);
            assert!(ran.out.contains("\"code\": \"empty\""), "{}", ran.out);
            let ran = run(&["check", text(&plain), "--policy", text(&lax)]);
            assert_eq!(ran.code, 0, "{content:?}: {}{}", ran.out, ran.err);
        }
    }

    #[test]
    fn row_06_no_time_is_no_time_and_a_date_is_a_date() {
        let lines = record(1, 0x10, &[("R", "_xmalloc"), ("F", "a")]);
        let report = json_of(&log(&lines));
        assert!(report["facts"]["first-time"].is_null() && report["facts"]["last-time"].is_null());
        let shown = run_with_input(&["report", "-"], log(&lines).as_bytes()).out;
        assert!(!shown.contains("Xen's clock"), "{shown}");

        let dated = log(&lines).replace("(XEN) ", "(XEN) [2024-12-19 06:36:26.101] ");
        let report = json_of(&dated);
        assert!(report["facts"]["first-time"].is_null());
        assert_eq!(report["facts"]["first-date"], "2024-12-19T06:36:26.101Z");
        let shown = run_with_input(&["report", "-"], dated.as_bytes()).out;
        assert!(shown.contains("from 2024-12-19T06:36:26.101Z to 2024-12-19T06:36:26.101Z"), "{shown}");
        assert!(!shown.contains("Xen's clock"), "{shown}");

        let plan = |form: &str, log: &str| -> String {
            run_with_input(&["plan", "-", "--format", form], log.as_bytes()).out
        };
        for form in ["text", "svg"] {
            let (dated, plain) = (plan(form, &dated), plan(form, &log(&lines)));
            assert!(dated.contains("2024-12-19T06:36:26.101Z") && !dated.contains("1734590186"), "{dated}");
            assert!(plain.contains("event 1") && !plain.contains(" s</text>"), "{plain}");
        }
        assert!(plan("json", &dated).contains("\"date\": \"2024-12-19T06:36:26.101Z\""));
        let plain: Value = serde_json::from_str(&plan("json", &log(&lines))).expect("JSON");
        assert!(plain["runs"][0]["all"]["fullest"]["time"].is_null(), "{plain}");

        let since_boot = log(&lines).replace("(XEN) ", "(XEN) [   12.000001] ");
        assert_eq!(json_of(&since_boot)["facts"]["first-time"], 12_000_001_000u64);
        // Of two clocks nothing can be said.
        assert!(json_of(&(since_boot + &dated))["facts"]["first-time"].is_null());
    }

    #[test]
    fn row_07_what_arm_tells_twice_stands_once() {
        let lines = "\
(XEN) DEBUG: d1: xmem_pool_alloc - size 712 p=00008000fbe4a010
(XEN) Xen call trace:
(XEN)    [<00000a000022f784>] _xmalloc+0xf0/0x32c (PC)
(XEN)    [<00000a000022fa20>] _xzalloc+0x14/0x3c (LR)
(XEN)    [<00000a000022fa20>] _xzalloc+0x14/0x3c
(XEN)    [<00000a000020a9e4>] evtchn_fifo_init_control+0x5c/0x2f0
(XEN) 
";
        let report = json_of(lines);
        assert_eq!(live(&report), [(1, 712, vec!["evtchn_fifo_init_control", "_xzalloc", "_xmalloc"])]);
    }

    #[test]
    fn row_12_verdict_files_of_other_editors_and_of_git() {
        let fmt = |file: &str, text: &[u8]| {
            let dir = tempfile::tempdir().expect("a folder");
            let path = dir.path().join(file);
            std::fs::write(&path, text).expect("written");
            let ran = run(&["verdict", "fmt", support::text(&path)]);
            (ran, std::fs::read(&path).expect("still there"))
        };
        let file = |name: &str| std::fs::read(field(&format!("verdict-files/{name}.toml"))).expect("a file");
        let crlf = file("crlf-smallest");
        let (ran, after) = fmt("v.toml", &crlf);
        assert_eq!((ran.code, after), (0, crlf.clone()), "{}", ran.err);
        // What is changed ends as the rest does.
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("v.toml");
        std::fs::write(&path, &crlf).expect("written");
        output_of(&["verdict", "add", text(&path), &field("offset-zero/x86.log"), "--all"]);
        let after = std::fs::read_to_string(&path).expect("a file");
        assert!(after.starts_with(std::str::from_utf8(&crlf).expect("UTF-8")), "{after:?}");
        assert!(after.lines().count() > 10 && !after.replace("\r\n", "").contains('\n'), "{after:?}");

        for (name, place) in
            [("conflict", "4:1"), ("conflict-in-comment", "9:1"), ("conflict-in-stack", "13:1")]
        {
            let bytes = file(name);
            let (ran, after) = fmt("v.toml", &bytes);
            assert_eq!((ran.code, after), (3, bytes), "{name}");
            assert!(ran.err.contains(&format!("v.toml:{place}: a mark of git's")), "{name}: {}", ran.err);
        }
        let (ran, _) = fmt("v.toml", &file("latin1"));
        assert_eq!(ran.code, 3);
        assert!(ran.err.contains("v.toml:9:36: this is not UTF-8"), "{}", ran.err);
        let (ran, _) = fmt("v.toml", b"format = 1\r\n\n");
        assert!(ran.err.contains("v.toml:2:1: this line ends in another way"), "{}", ran.err);
        // A line of `=` alone is text.
        let under = b"format = 1\n\n[[verdict]]\nid = \"a\"\nverdict = \"SAFE\"\ncomment = \"\"\"\nTitle\n=======\n\"\"\"\nstack = \"\"\"\nf\n\"\"\"\n";
        let (ran, after) = fmt("v.toml", under);
        assert_eq!((ran.code, after.as_slice()), (0, &under[..]), "{}", ran.err);
    }

    /// The same of a policy, which stands beside the verdict file, and of a report to be harvested.
    #[test]
    fn row_12_policies_of_other_editors_and_of_git() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = field("offset-zero/x86.log");
        let policy = |bytes: &[u8]| {
            let path = support::write(dir.path(), "policy.toml", bytes);
            run(&["check", "--policy", text(&path), &log])
        };
        let comment = "format = 1\n# from here\n";
        for mark in ["<<<<<<< HEAD", "||||||| 1234567", ">>>>>>> theirs"] {
            for ends in ["\n", "\r\n"] {
                let lines = format!("{comment}{mark}\n[run]\n").replace('\n', ends);
                let ran = policy(lines.as_bytes());
                assert_eq!(ran.code, 3);
                assert!(ran.err.contains("policy.toml:3:1: a mark of git's"), "{mark}: {}", ran.err);
            }
        }
        // Inside of a text, where TOML would take it.
        let ran = policy(b"format = 1\n[coverage]\nentries = [\"\"\"\n<<<<<<< HEAD\n\"\"\"]\n");
        assert!(ran.code == 3 && ran.err.contains("policy.toml:4:1: a mark of git's"), "{}", ran.err);
        let ran = policy(b"format = 1\n# gr\xfc\xdfe\n");
        assert_eq!(ran.code, 3);
        assert!(ran.err.contains("policy.toml:2:5: this is not UTF-8"), "{}", ran.err);
        let ran = policy(b"format = 1\r\n# ======= alone is text\n");
        assert!(ran.code <= 1, "{}", ran.err);

        let report = support::write(dir.path(), "report.txt", b"one\n\xe4\n");
        let ran = run(&["verdict", "harvest", text(&dir.path().join("v.toml")), text(&report)]);
        assert!(ran.code == 3 && ran.err.contains("report.txt:2:1: this is not UTF-8"), "{}", ran.err);
    }

    #[test]
    fn row_14_a_log_called_verbose() {
        let dir = tempfile::tempdir().expect("a folder");
        let log = dir.path().join("verbose");
        std::fs::copy(field("offset-zero/x86.log"), &log).expect("copied");
        let out = dir.path().join("out");
        output_of(&["report", "--format", "rfc", "--out-dir", text(&out), text(&log)]);
        let at = |name: &str| out.join("x86_64").join(name);
        let parsed = std::fs::read_to_string(at("verbose.parsed")).expect("the parsed file");
        assert!(parsed.contains("xmalloc() paths without a matching xfree()"), "{parsed}");
        assert!(at("verbose/verbose").is_file());
    }

    /// Classes and names of the cases, and how many failed.
    fn cases(junit: &str) -> (Vec<(String, String)>, usize) {
        let attribute = |line: &str, name: &str| {
            let from = line.split_once(&format!("{name}=\"")).expect("an attribute").1;
            from.split_once('"').expect("its end").0.to_owned()
        };
        let cases = junit.lines().filter(|line| line.trim_start().starts_with("<testcase "));
        let cases = cases.map(|line| (attribute(line, " classname"), attribute(line, " name")));
        (cases.collect(), lines_with(junit, "<failure ").len())
    }

    fn check_of(dir: &std::path::Path, runs: &[&str], option: &str) -> String {
        let (out, policy) = (dir.join("out"), field("junit-names/policy.toml"));
        let all = [&["check", "--policy", &policy, option, text(&out)], runs].concat();
        let ran = run(&all);
        assert!(ran.code <= 1, "{}", ran.err);
        std::fs::read_to_string(&out).expect("an output")
    }

    #[test]
    fn row_11_no_case_of_junit_hides_another() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut runs = Vec::new();
        for (folder, log) in [("a", "good-job"), ("b", "bad-job")] {
            std::fs::create_dir(dir.path().join(folder)).expect("made");
            let path = dir.path().join(folder).join("full.log");
            std::fs::copy(field(&format!("junit-names/{log}.log")), &path).expect("copied");
            runs.push(text(&path).to_owned());
        }
        let runs: Vec<&str> = runs.iter().map(String::as_str).collect();
        let (cases, failures) = cases(&check_of(dir.path(), &runs, "--junit"));
        assert_eq!((cases.len(), failures), (6, 1), "{cases:?}");
        let distinct: std::collections::BTreeSet<_> = cases.iter().collect();
        assert_eq!(distinct.len(), cases.len(), "{cases:?}");
        assert!(cases.iter().any(|(_, name)| name.starts_with("a/full.log: ")), "{cases:?}");
        assert!(cases.iter().any(|(_, name)| name.starts_with("b/full.log: ")), "{cases:?}");
        // The same log twice is two runs.
        let again = self::cases(&check_of(dir.path(), &[runs[0], runs[0]], "--junit")).0;
        let distinct: std::collections::BTreeSet<_> = again.iter().collect();
        assert_eq!(distinct.len(), again.len(), "{again:?}");
    }

    /// Rule, path and the only fingerprint that GitHub reads.
    fn identities(sarif: &str) -> Vec<(String, String, String)> {
        let document: Value = serde_json::from_str(sarif).expect("JSON");
        let results = document["runs"][0]["results"].as_array().expect("results").clone();
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let identity = |result: &Value| {
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            let print = &result["partialFingerprints"]["primaryLocationLineHash"];
            (text(&result["ruleId"]), text(place), text(print))
        };
        results.iter().map(identity).collect()
    }

    #[test]
    fn row_10_each_finding_has_an_identity_on_github() {
        let dir = tempfile::tempdir().expect("a folder");
        let strict = dir.path().join("strict.toml");
        std::fs::write(&strict, "format = 1\n").expect("written");
        let run_file = repository("testdata/boot-4.17-x86_64/full.xhr");
        let logs = [text(&run_file).to_owned(), field("junit-names/good-job.log")];
        for log in &logs {
            let out = dir.path().join("out.sarif");
            let ran = run(&["check", "--policy", text(&strict), "--sarif", text(&out), log]);
            assert!(ran.code <= 1, "{}", ran.err);
            let all = identities(&std::fs::read_to_string(&out).expect("an output"));
            let distinct: std::collections::BTreeSet<_> = all.iter().collect();
            assert!(!all.is_empty());
            assert_eq!(distinct.len(), all.len(), "{all:?}");
        }
    }

    /// A run that an older xenheap saved, in each version.
    fn old(version: u32) -> String {
        let path = format!("crates/report/testdata/version-{version}.xhr");
        text(&repository(&path)).to_owned()
    }

    #[test]
    fn old_run_files_are_read_by_every_command() {
        let dir = tempfile::tempdir().expect("a folder");
        let verdicts = support::write(dir.path(), "v.toml", "format = 1\n");
        for version in 1..=3 {
            let path = old(version);
            for form in ["text", "rfc", "json"] {
                assert!(!output_of(&["report", "--format", form, &path]).is_empty(), "{version} {form}");
            }
            output_of(&["diff", &path, &old(3)]);
            output_of(&["plan", &path]);
            output_of(&["verdict", "match", text(&verdicts), &path]);
            let checked = run(&["check", &path]);
            assert_eq!(checked.code, 1, "{}", checked.err);
            // The first version is of a recorder that told nothing of domains: leaks were not
            // looked for.
            let says =
                checked.out.contains("owners: a leak can be missed, as the recorder of this run is too old");
            assert_eq!(says, version == 1, "{version}: {}", checked.out);
        }
        let allowed = support::write(dir.path(), "p.toml", "format = 1\n[run]\nmay-lack = [\"owners\"]\n");
        let checked = run(&["check", "--policy", text(&allowed), &old(1)]);
        assert!(!checked.out.contains("too old"), "{}", checked.out);
    }

    #[test]
    fn run_files_of_versions_that_nobody_knows_are_said_to_be_that() {
        let dir = tempfile::tempdir().expect("a folder");
        let verdicts = support::write(dir.path(), "v.toml", "format = 1\n");
        let plain = zstd::decode_all(std::fs::read(old(3)).expect("a file").as_slice()).expect("zstd");
        let plain = String::from_utf8(plain).expect("UTF-8");
        // A newer one can have words that this xenheap does not know, in the head as well.
        let newer =
            plain.replacen("\"version\":3,\"tool\":\"", "\"version\":4,\"tool\":\"xenheap 9.1 of ", 1);
        let newer = newer.replacen("\"format\":\"ha1\"", "\"format\":\"ha7\"", 1);
        assert_ne!(newer, plain);
        let no_number = plain.replacen("\"version\":3", "\"version\":\"3\"", 1);
        let zero = plain.replacen("\"version\":3", "\"version\":0", 1);
        for (content, expected) in [
            (
                newer,
                "is a run file of version 4, this xenheap reads up to version 3: use the xenheap that wrote it (xenheap 9.1 of",
            ),
            (no_number, "is not a run file: its first line is not the head of one"),
            (zero, "is not a run file: its first line is not the head of one"),
        ] {
            for packed in [true, false] {
                let bytes = match packed {
                    true => zstd::encode_all(content.as_bytes(), 3).expect("zstd"),
                    false => content.clone().into_bytes(),
                };
                let path = support::write(dir.path(), "run.xhr", bytes);
                let path = text(&path);
                for command in [
                    &["report", path][..],
                    &["report", "--format", "json", path],
                    &["check", path],
                    &["diff", path, &old(3)],
                    &["diff", &old(3), path],
                    &["plan", path],
                    &["verdict", "match", text(&verdicts), path],
                    &["verdict", "add", text(&verdicts), path, "--all"],
                ] {
                    let ran = run(command);
                    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{command:?}: {}", ran.err);
                    assert!(ran.err.contains(expected), "{command:?}: {}", ran.err);
                }
            }
        }
    }

    /// Where the lines of a file are in a source to which lines were added: more of them further
    /// down.
    fn moved(line: u64) -> u64 {
        line + 7 + line / 5
    }

    /// A saved run as another build of a source with more lines would have recorded it: lines,
    /// addresses and hashes differ, and stacks have other numbers.
    fn of_another_build(value: &mut Value, stacks: u64) {
        match value {
            Value::Object(map) => {
                let is_source = map.contains_key("file") && map.contains_key("line");
                for (key, value) in map.iter_mut() {
                    let Some(number) = value.as_u64() else {
                        of_another_build(value, stacks);
                        continue;
                    };
                    *value = match key.as_str() {
                        "line" if is_source => moved(number),
                        "addr" if number > 1 << 63 => number + 0x1240,
                        "hash" => number ^ 0x5555,
                        "id" | "stack" if number > 0 => 1 + stacks - number,
                        _ => number,
                    }
                    .into();
                }
            }
            Value::Array(all) => all.iter_mut().for_each(|value| of_another_build(value, stacks)),
            _ => {}
        }
    }

    /// All fingerprints of each result, by what and where it is.
    fn prints_of(sarif: &str) -> Vec<(String, String, u64, Value)> {
        let document: Value = serde_json::from_str(sarif).expect("JSON");
        let results = document["runs"][0]["results"].as_array().expect("results").clone();
        let print = |result: Value| {
            let place = &result["locations"][0]["physicalLocation"];
            let names = &result["locations"][0]["logicalLocations"];
            (
                format!("{} {names}", result["ruleId"]),
                place["artifactLocation"]["uri"].to_string(),
                place["region"]["startLine"].as_u64().expect("a line"),
                result["partialFingerprints"].clone(),
            )
        };
        let mut all: Vec<_> = results.into_iter().map(print).collect();
        all.sort_by(|a, b| (&a.0, &a.1, a.2, a.3.to_string()).cmp(&(&b.0, &b.1, b.2, b.3.to_string())));
        all
    }

    #[test]
    fn row_10_identities_stay_when_lines_move() {
        for sample in ["boot-4.17-x86_64", "hvm-4.17-x86_64"] {
            let path = repository("testdata").join(sample).join("full.xhr");
            identities_stay(&std::fs::read(path).expect("a run file"));
        }
    }

    fn identities_stay(saved: &[u8]) {
        let dir = tempfile::tempdir().expect("a folder");
        let plain = zstd::decode_all(saved).expect("zstd");
        let lines = std::str::from_utf8(&plain).expect("UTF-8").lines();
        let mut lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let stacks = lines[0]["stacks"].as_u64().expect("a number");
        for line in &mut lines[1..] {
            of_another_build(line, stacks);
        }
        let other: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
        // The head's first key says what the file is.
        let head = plain.split_inclusive(|byte| *byte == b'\n').next().expect("a line");
        let other = [head, other[1..].concat().as_bytes()].concat();
        let nothing = "format = 1\n[accept]\nverdicts = []\nlifetimes = []\nkinds = []\n";
        let strict = support::write(dir.path(), "strict.toml", nothing);
        let sarif = |name: &str, content: &[u8]| {
            let (run_file, out) = (support::write(dir.path(), name, content), dir.path().join("out.sarif"));
            let ran = run(&["check", "--policy", text(&strict), "--sarif", text(&out), text(&run_file)]);
            assert_eq!(ran.code, 1, "{}", ran.err);
            prints_of(&std::fs::read_to_string(&out).expect("an output"))
        };
        // Of one name, as the job's log has in each pipeline.
        let before = sarif("job.xhr", saved);
        let after = sarif("job.xhr", &zstd::encode_all(other.as_slice(), 3).expect("zstd"));
        let at_place = |uri: &str, line: u64| if uri == "\"xen\"" { line } else { moved(line) };
        let expected: Vec<_> = before
            .iter()
            .map(|(what, uri, line, prints)| {
                (what.clone(), uri.clone(), at_place(uri, *line), prints.clone())
            })
            .collect();
        let twins = |pair: &[(String, String, u64, Value)]| pair[0].0 == pair[1].0 && pair[0].2 != pair[1].2;
        assert!(before.windows(2).any(twins), "some differ in their lines only");
        assert_eq!(after, expected, "each finding has the fingerprints that it had");
        for key in ["primaryLocationLineHash", "xenheap/v1"] {
            let distinct: std::collections::BTreeSet<_> =
                after.iter().map(|(.., prints)| prints[key].as_str().expect("a text")).collect();
            assert_eq!(distinct.len(), after.len(), "{key}");
        }
        assert!(after.len() > 12, "{}", after.len());
    }

    /// Compiles all sources of a folder of `testdata/field`, with what the compiler says of calls.
    fn compiled(name: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        let entries = std::fs::read_dir(field(&format!("{name}/src"))).expect("sources");
        let mut names = Vec::new();
        for source in entries.map(|entry| entry.expect("an entry").path()) {
            let file = source.file_name().expect("a name").to_string_lossy().into_owned();
            std::fs::copy(&source, dir.path().join(&file)).expect("copied");
            names.push(file);
        }
        for name in names.iter().filter(|name| name.ends_with(".c")) {
            gcc(dir.path(), &format!("-O2 -fcallgraph-info=su -c {name}"));
        }
        dir
    }

    fn gcc(dir: &std::path::Path, arguments: &str) {
        let ran = std::process::Command::new("gcc").args(arguments.split(' ')).current_dir(dir).output();
        let ran = ran.expect("gcc runs");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    /// A graph of the `.ci` files of a folder.
    fn graph(build: &std::path::Path, options: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a folder");
        let out = dir.path().join("graph");
        let all = ["graph", "build", "--sources", "ci", "--build", text(build), "--out-dir", text(&out)];
        output_of(&[&all, options].concat());
        dir
    }

    /// Each path to `_xmalloc` on a line, `a > b > c`.
    fn paths(graph: &tempfile::TempDir, from: &str, options: &[&str]) -> String {
        let graph = graph.path().join("graph");
        let all = ["graph", "paths", "--from", from, "--to", "_xmalloc", text(&graph)];
        let shown = output_of(&[&all[..], options].concat());
        let names = shown.lines().filter(|line| !line.is_empty() && !line.starts_with("//"));
        names.map(|line| line.trim_start()).collect::<Vec<_>>().join(" > ")
    }

    #[test]
    fn row_08_weak_functions_and_aliases_are_followed() {
        let build = compiled("weak-functions");
        let of_objects = graph(build.path(), &[]);
        let shown = paths(&of_objects, "do_op", &[]);
        for name in ["weak_hook", "real", "renamed_symbol"] {
            assert!(shown.contains(&format!("{name} > _xmalloc")), "{name}: {shown}");
        }
        assert!(!shown.contains("strong_hook"), "strong.c wins: {shown}");
        // Without objects: what the compiler said alone.
        let alone = graph(&repository("testdata/field/weak-functions/smallest-weak"), &["--part"]);
        let shown = paths(&alone, "do_op", &[]);
        assert!(shown.contains("do_op > hook > _xmalloc"), "{shown}");
    }

    #[test]
    fn row_08_of_two_weak_functions_the_image_has_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("written");
        write(
            "one.c",
            "void *_xmalloc(long n);\n__attribute__((weak)) void *hook(void) { return _xmalloc(1); }\n",
        );
        write("two.c", "void *other(void);\n__attribute__((weak)) void *hook(void) { return other(); }\n");
        write(
            "x.c",
            "void *hook(void);\nvoid *_xmalloc(long n) { return (void *)n; }\nvoid *other(void) { return 0; }\nvoid *do_op(void) { return hook(); }\nvoid _start(void) { do_op(); }\n",
        );
        for name in ["one", "two", "x"] {
            gcc(
                dir.path(),
                &format!("-O2 -g -fno-ipa-icf -fno-inline -fno-pic -fcallgraph-info=su -c {name}.c"),
            );
        }
        // The first that the linker meets.
        for (first, second, reached) in [("one.o", "two.o", true), ("two.o", "one.o", false)] {
            gcc(
                dir.path(),
                &format!("-nostdlib -static -no-pie -Wl,--build-id -o xen-syms x.o {first} {second}"),
            );
            let shown = paths(&graph(dir.path(), &["--part"]), "do_op", &[]);
            assert_eq!(shown.contains("hook > _xmalloc"), reached, "{first}: {shown}");
        }
        std::fs::remove_file(dir.path().join("xen-syms")).expect("it is there");
        let shown = paths(&graph(dir.path(), &[]), "do_op", &[]);
        assert!(shown.contains("hook > _xmalloc"), "either can be linked: {shown}");
    }

    #[test]
    fn row_09_a_clone_has_the_name_of_its_function() {
        let build = tempfile::tempdir().expect("a folder");
        std::fs::copy(field("clone-names/c.ci"), build.path().join("c.ci")).expect("copied");
        let graph = graph(build.path(), &["--part"]);
        let shown = paths(&graph, "one", &[]);
        assert!(shown.contains("one > c.c#take > _xmalloc"), "{shown}");
        let shown = paths(&graph, "one", &["--exclude", "take"]);
        assert!(!shown.contains("take"), "{shown}");
    }

    #[test]
    fn row_15_a_file_that_is_none_of_a_units_in_c_is_said_to_be_one() {
        let ci = std::fs::read_to_string(field("clone-names/c.ci")).expect("a file");
        let ada = |name: &str| std::fs::read_to_string(field(&format!("ada/{name}.ci"))).expect("a file");
        for (text, expected) in [
            (String::new(), "c.ci, line 1: the file is empty"),
            (ci.replace('\n', "\r\n"), "c.ci, line 1: the lines end with CRLF"),
            (ci.replacen("c.c", "/tmp/ccAb12.ltrans0.o", 1), "this is of -flto"),
            // GNAT's own: one with the name of an operator, and one that C could have but for its
            // title.
            (ada("pool"), "c.ci, line 1: this unit is written in Ada"),
            (ada("plain"), "c.ci, line 1: this unit is written in Ada"),
        ] {
            let build = tempfile::tempdir().expect("a folder");
            std::fs::write(build.path().join("c.ci"), text).expect("written");
            let out = build.path().join("graph");
            let path = support::text(build.path());
            let ran = run(&[
                "graph",
                "build",
                "--sources",
                "ci",
                "--part",
                "--build",
                path,
                "--out-dir",
                support::text(&out),
            ]);
            assert_eq!(ran.code, 3);
            assert!(ran.err.contains(expected), "{expected}: {}", ran.err);
        }
    }
}
