//! `xenheap report`, end to end, on small logs.

mod support;

use std::{fs, io::Read, path::Path, process::Stdio};

use insta::assert_snapshot;
use serde_json::Value;
use support::{image, log, output_of, record, refused, run, run_in, run_with_input, text, write, xenheap};
use tempfile::{TempDir, tempdir};

/// A RUN folder as the lab leaves it.
fn run_folder(views: &[&str]) -> TempDir {
    let dir = tempdir().expect("a temporary folder");
    write(dir.path(), "console.log", log(views));
    fs::copy(image(), dir.path().join("xen-syms")).expect("copied");
    dir
}

fn json(arguments: &[&str]) -> Value {
    let all = [&["report", "--format", "json"], arguments].concat();
    serde_json::from_str(&output_of(&all)).expect("JSON")
}

/// Without the line of the folder's name, which is drawn.
fn without_name(report: &str) -> String {
    report.lines().skip(1).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_folder() {
    let run = run_folder(&["trace", "warn"]);
    assert_snapshot!(without_name(&output_of(&["report", "--lines", text(run.path())])));
}

#[test]
fn a_log_with_symbols_elsewhere_beside_or_none() {
    let dir = tempdir().expect("a temporary folder");
    let path = write(dir.path(), "boot.log", log(&["trace"]));
    let bare = run(&["report", text(&path)]);
    assert!(bare.err.contains("addresses have no names"), "{}", bare.err);
    assert!(bare.out.contains("\n      0xffff82d040200006\n        0xffff82d040200022\n"), "{}", bare.out);

    let named = output_of(&["report", "--symbols", text(&image()), text(&path)]);
    assert!(named.contains("zalloc [inlined]"), "{named}");
    fs::copy(image(), dir.path().join("xen-syms")).expect("copied");
    assert_eq!(output_of(&["report", text(&path)]), named);
    assert_eq!(output_of(&["report", "--no-symbols", text(&path)]), bare.out);
}

#[test]
fn compressed_logs_and_images_are_read_as_they_are() {
    let dir = tempdir().expect("a temporary folder");
    let plain = write(dir.path(), "plain/boot.log", log(&["trace"]));
    let expected = output_of(&["report", "--symbols", text(&image()), text(&plain)]);
    let zst = |bytes: &[u8]| zstd::encode_all(bytes, 3).expect("compressed");
    let packed = write(dir.path(), "packed/boot.log.zst", zst(log(&["trace"]).as_bytes()));
    write(dir.path(), "packed/xen-syms.zst", zst(&fs::read(image()).expect("read")));
    assert_eq!(output_of(&["report", text(&packed)]), expected);
}

#[test]
fn standard_input() {
    let image = image();
    let common = ["--symbols", text(&image), "-"];
    let ran = run_with_input(&[&["report"], &common[..]].concat(), log(&["trace"]).as_bytes());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.starts_with("stdin\n"), "{}", ran.out);
    // Formats that need single events may have to read twice.
    let rfc = |views: &[&str]| {
        run_with_input(&[&["report", "--format", "rfc"], &common[..]].concat(), log(views).as_bytes()).out
    };
    assert!(rfc(&["trace"]).contains("service.c#refill"));
    assert_eq!(rfc(&["trace"]), rfc(&["warn"]));
}

#[test]
fn a_saved_run_reports_the_same() {
    let folder = run_folder(&["trace", "warn"]);
    let saved = folder.path().join("saved.xhr");
    output_of(&["report", "--save", text(&saved), text(folder.path())]);
    for view in ["trace", "warn"] {
        let saved = folder.path().join(format!("{view}.xhr"));
        output_of(&["report", "--save", text(&saved), "--view", view, text(folder.path())]);
        for format in ["text", "rfc", "json"] {
            let direct = output_of(&["report", "--format", format, "--view", view, text(folder.path())]);
            let again = output_of(&["report", "--format", format, text(&saved)]);
            let name = folder.path().file_name().expect("a name").to_str().expect("UTF-8");
            assert_eq!(again, direct.replace(name, view), "{format}");
        }
    }
    // And saved from a saved one.
    let twice = folder.path().join("twice.xhr");
    output_of(&["report", "--save", text(&twice), text(&saved)]);
    assert_eq!(fs::read(&twice).expect("read"), fs::read(&saved).expect("read"));
}

#[test]
fn several_logs_are_kept_apart_by_architecture() {
    let dir = tempdir().expect("a temporary folder");
    let arm = log(&["trace"]).replace("(XEN) [   12.000000] HA1 3f9a2c41 0 V", "skip ");
    let header = record(
        "0 V fmt=1 xen=4.17.5 arch=arm64 build=- text=0-0 modes=trace depth=32 stacks=64 rows=64 live=64 ring=64",
    );
    let one = write(dir.path(), "one.log", header.clone() + &arm);
    let two = write(dir.path(), "two.log", log(&["trace"]));
    let three = write(dir.path(), "three.log", header + &arm);
    let logs = [text(&one), text(&two), text(&three)];

    let array = json(&logs);
    let name = |run: &Value| format!("{} {}", run["facts"]["arch"], run["name"]).replace('"', "");
    let names: Vec<String> = array.as_array().expect("an array").iter().map(name).collect();
    assert_eq!(names, ["x86_64 two.log", "arm64 one.log", "arm64 three.log"]);

    let out = dir.path().join("out");
    for (format, extension) in [("text", ".txt"), ("json", ".json"), ("rfc", "")] {
        output_of(&[&["report", "--format", format, "--out-dir", text(&out)], &logs[..]].concat());
        for name in ["x86_64/two.log", "arm64/one.log", "arm64/three.log"] {
            assert!(out.join(format!("{name}{extension}")).is_file(), "{name}{extension}");
        }
    }
    assert!(out.join("arm64/verbose/one.log").is_file());
}

#[test]
fn two_runs_of_one_name_do_not_overwrite_each_other() {
    let dir = tempdir().expect("a temporary folder");
    let one = write(dir.path(), "a/boot.log", log(&["trace"]));
    let two = write(dir.path(), "b/boot.log", log(&["trace"]));
    let out = dir.path().join("out");
    let ran = run(&["report", "--no-symbols", "--out-dir", text(&out), text(&one), text(&two)]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("two runs would both be written to x86_64/boot.log.txt"), "{}", ran.err);
    assert!(!out.exists());
}

#[test]
fn filters() {
    let folder = run_folder(&["trace"]);
    let findings = |arguments: &[&str]| {
        let report = json(&[arguments, &[text(folder.path())]].concat());
        report["findings"].as_array().expect("findings").len()
    };
    assert_eq!(findings(&[]), 5);
    for (arguments, expected) in [
        (&["--exclude", "service.c#*"][..], 2),
        (&["--exclude", "refill", "--exclude", "nothing"], 2),
        (&["--current", "d1"], 2),
        (&["--current", "d1", "--current", "d[IDLE]"], 3),
        (&["--owner", "d1"], 1),
        (&["--owner", "NULL"], 4),
        (&["--kind", "domheap"], 1),
        (&["--charge", "no-owner"], 1),
        (&["--charge", "nobody", "--kind", "domheap"], 0),
        (&["--min-bytes", "100"], 3),
        (&["--min-bytes", "101"], 2),
    ] {
        assert_eq!(findings(arguments), expected, "{arguments:?}");
    }
    let text = output_of(&["report", "--kind", "domheap", text(folder.path())]);
    assert!(text.contains("Filters left out 4 findings (4 by --kind), which allocated 556 B"), "{text}");
}

#[test]
fn a_failed_check_is_a_warning_or_with_strict_an_error() {
    let dir = tempdir().expect("a temporary folder");
    // No totals of the hypervisor: `ended` fails. A lost line: `sequence` too.
    let lines: Vec<String> = log(&["trace"])
        .lines()
        .filter(|line| !line.contains(" 2 A "))
        .map(|line| format!("{line}\n"))
        .collect();
    let path = write(dir.path(), "boot.log", lines.concat());
    let strict = |arguments: &[&str]| run(&[&["report", "--no-symbols", text(&path)], arguments].concat());
    let lax = strict(&[]);
    assert_eq!(lax.code, 0);
    assert!(lax.err.contains("warning: boot.log: failed self-checks: sequence, ended"), "{}", lax.err);
    let refused = strict(&["--strict"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("error: boot.log: failed self-checks: sequence, ended"), "{}", refused.err);
    assert_eq!(refused.out, lax.out, "the report comes all the same");
    assert_eq!(strict(&["--strict", "--allow", "sequence"]).code, 1);
    let allowed = strict(&["--strict", "--allow", "sequence", "--allow", "ended"]);
    assert_eq!(allowed.code, 0);
    assert!(allowed.err.contains("failed self-checks, allowed: sequence, ended"), "{}", allowed.err);
}

/// What it says of these arguments in this folder.
fn fails(dir: &Path, code: i32, arguments: &[&str]) -> String {
    let ran = run_in(dir, &[&["report"], arguments].concat());
    assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{arguments:?}: {}", ran.err);
    ran.err
}

#[test]
fn errors_say_what_and_what_to_do() {
    let dir = tempdir().expect("a temporary folder");
    fs::copy(image(), dir.path().join("image")).expect("copied");
    write(dir.path(), "boot.log", log(&["trace"]));
    write(dir.path(), "other.log", log(&["trace"]).replace("build=0123", "build=ffff"));
    let header = record(&format!(
        "0 V fmt=1 xen=4.17.5 arch=x86_64 build={} text=0-0 modes=trace depth=1 stacks=1 rows=1 live=1 ring=1",
        "ab".repeat(20)
    ));
    write(dir.path(), "another.log", header + &record("0 S 1 00000000000000aa ffff82d040200012"));
    write(dir.path(), "no.xhr", "HA1");
    write(dir.path(), "newer.xhr", "{\"magic\":\"xenheap-run\",\"version\":99,\"tool\":\"xenheap 9.9\"}\n");
    write(dir.path(), "zip.log", b"PK\x03\x04zip");
    write(dir.path(), "evil\u{1b}[2J/x", "");
    let mut all = String::new();
    for (code, arguments) in [
        (3, &["none.log"][..]),
        (3, &["."]),
        (3, &["evil\u{1b}[2J"]),
        (3, &["zip.log"]),
        (3, &["no.xhr"]),
        (3, &["newer.xhr"]),
        (3, &["--symbols", "boot.log", "boot.log"]),
        (3, &["--symbols", "image", "another.log"]),
        (3, &["--boot", "2", "boot.log"]),
        (3, &["--view", "warn", "boot.log"]),
        (2, &["--format", "rfc", "boot.log", "other.log"]),
        (2, &["--save", "x.xhr", "boot.log", "other.log"]),
        (2, &["--save", "none/x.xhr", "boot.log"]),
        (2, &["--lines", "--format", "json", "boot.log"]),
        (2, &["--orphan-frees", "boot.log"]),
        (2, &["-", "-"]),
    ] {
        let arguments_shown = arguments.join(" ").replace('\u{1b}', "<ESC>");
        all += &format!("{arguments_shown} -> {code}\n{}\n", fails(dir.path(), code, arguments));
    }
    assert_snapshot!(all);
}

#[test]
fn wrong_arguments_are_explained() {
    let mut all = String::new();
    for arguments in [
        &["--allow", "sequence", "x"][..],
        &["--strict", "--allow", "none", "x"],
        &["--view", "all", "x"],
        &["--kind", "pages", "x"],
        &["--charge", "me", "x"],
        &["--current", "dom0", "x"],
        &["--boot", "0", "x"],
    ] {
        let why = refused(&[&["report"], arguments].concat());
        all += &format!("{}\n{why}\n\n", arguments.join(" "));
    }
    assert_snapshot!(all);
}

#[test]
fn another_image_can_be_forced() {
    let dir = tempdir().expect("a temporary folder");
    let path = write(dir.path(), "boot.log", log(&["trace"]).replace("HA1 3f9a2c41 0 V", "no"));
    let header = record(&format!(
        "0 V fmt=1 xen=4.17.5 arch=x86_64 build={} text=ffff82d040200000-ffff82d04020003e modes=trace depth=32 stacks=64 rows=64 live=64 ring=64",
        "ab".repeat(20)
    ));
    fs::write(&path, header + &fs::read_to_string(&path).expect("read")).expect("written");
    let ran = run(&["report", "--symbols", text(&image()), "--allow-mismatch", text(&path)]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("names can be wrong"), "{}", ran.err);
    assert!(ran.out.contains("service.c#refill"));
}

#[test]
fn nothing_from_a_log_reaches_the_terminal_raw() {
    let dir = tempdir().expect("a temporary folder");
    let rfc = "(XEN) DEBUG: d0: xmem_pool_alloc - size 8 p=ffff83013a500010\n\
               (XEN) Xen call trace:\n\
               (XEN)    [<ffff82d04023004a>] R ev\u{1b}[2Jil\u{202e}\u{200b}+0x4a/0x200\n\
               (XEN)\n";
    let path = write(dir.path(), "evil\u{1b}]0;x\u{7}.log", rfc);
    for format in ["text", "rfc", "json"] {
        let ran = run(&["report", "--color", "never", "--format", format, text(&path)]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        for stream in [ran.out, ran.err] {
            assert!(stream.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{stream:?}");
        }
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let folder = run_folder(&["trace"]);
    let plain = output_of(&["report", text(folder.path())]);
    assert!(!plain.contains('\u{1b}'), "no colour into a pipe");
    let coloured = output_of(&["report", "--color", "always", text(folder.path())]);
    assert!(coloured.contains("\u{1b}[1m"));
    let out = folder.path().join("out");
    output_of(&["report", "--color", "always", "--out-dir", text(&out), text(folder.path())]);
    let name = folder.path().file_name().expect("a name").to_str().expect("UTF-8");
    let file = fs::read_to_string(out.join("x86_64").join(format!("{name}.txt"))).expect("written");
    assert_eq!(file, plain, "no colour into a file");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = run_folder(&["trace"]);
    let mut child = xenheap(&["report", "--format", "json", text(folder.path())])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xenheap runs");
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut err).expect("UTF-8");
    assert!(child.wait().expect("it ended").success(), "{err}");
    assert!(!err.contains("panic") && !err.contains("error"), "{err}");
}

/// As `xenheap report ... 2>&1 | head` does.
#[test]
fn nobody_has_to_listen_to_warnings() {
    let dir = tempdir().expect("a temporary folder");
    let path = write(dir.path(), "boot.log", log(&["trace"]));
    let mut child = xenheap(&["report", "--no-symbols", text(&path)])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xenheap runs");
    drop(child.stderr.take());
    assert_eq!(child.wait().expect("it ended").code(), Some(0));
}

#[test]
fn what_the_rfc_format_lacks_is_said() {
    let folder = run_folder(&["trace"]);
    let ran = run(&["report", "--format", "rfc", text(folder.path())]);
    assert!(
        ran.err.contains("left out, because the rfc format has no word for it: failed allocations (1), pages given to domains (2)"),
        "{}",
        ran.err
    );
    assert_snapshot!(ran.out);
}

#[test]
fn verbosity_goes_to_standard_error() {
    let folder = run_folder(&["trace"]);
    let quiet = run(&["report", text(folder.path())]);
    let verbose = run(&["-v", "report", text(folder.path())]);
    assert_eq!(quiet.out, verbose.out);
    assert!(verbose.err.contains("reading the image"), "{}", verbose.err);
    assert!(!quiet.err.contains("reading"), "{}", quiet.err);
}

/// What the first look at an input meets must not be lost: an input tells of its damage only once.
#[test]
fn a_log_that_is_cut_within_its_first_block_says_so() {
    let whole = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/boot-4.17-x86_64/console.log.zst"
    ))
    .expect("the real log");
    for length in [20, 9000] {
        let ran = run_with_input(&["report", "-"], &whole[..length]);
        assert!(ran.err.contains("ends too early"), "{length}: {}", ran.err);
    }
}
