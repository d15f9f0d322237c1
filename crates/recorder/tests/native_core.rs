//! The recorder's core, compiled for this machine: under sanitizers, with threads, and its golden
//! lines.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

#[path = "../native/compiler.rs"]
mod compiler;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Compiles the core with `main_file` and runs it.
fn run(main_file: &str, sanitizers: &str) -> Output {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let program = dir.path().join("program");
    let sanitize = format!("-fsanitize={sanitizers}");
    // The warnings as in Xen.
    let mut flags =
        vec!["-Wall", "-Wextra", "-Werror", "-Wno-sign-compare", "-Wno-pointer-arith", "-O1", "-g"];
    flags.extend([sanitize.as_str(), "-fno-sanitize-recover=all"]);
    let status = compiler::compiler(main_file, &flags, &program)
        .status()
        .expect("gcc must be installed (apt-get install gcc)");
    assert!(status.success(), "the core does not compile");

    let output = Command::new(&program).output().expect("the program runs");
    assert!(
        output.status.success(),
        "{main_file} with {sanitizers}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

#[test]
fn core_agrees_with_a_naive_model_and_is_clean_under_asan_and_ubsan() {
    assert_eq!(run("core_test.c", "address,undefined").stdout, b"core: all tests passed\n");
}

#[test]
fn core_is_clean_under_tsan() {
    assert_eq!(run("core_test.c", "thread").stdout, b"core: all tests passed\n");
}

/// The core runs on the stack of whatever allocates, and Xen's have 8 KiB.
#[test]
fn core_takes_little_of_the_stack() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let program = dir.path().join("golden");
    let status = compiler::compiler("golden.c", &["-O2", "-fstack-usage"], &program).status();
    assert!(status.expect("gcc must be installed (apt-get install gcc)").success());
    let usage = dir.path().join("golden-heap-audit-core.su");
    let usage = std::fs::read_to_string(usage).expect("gcc says what functions take");
    for line in usage.lines() {
        let bytes = line.split('\t').nth(1).and_then(|bytes| bytes.parse::<u64>().ok());
        assert!(bytes.is_some_and(|bytes| bytes <= 256), "{line}");
    }
    assert!(usage.lines().count() > 40, "{usage}");
}

/// `testdata/golden/record-lines.txt` is what the reader's tests read. It is this program's output:
/// after a wanted change, run this test with `UPDATE_GOLDEN=1`.
#[test]
fn golden_lines_are_what_the_core_prints() {
    let file = root().join("../../testdata/golden/record-lines.txt");
    let printed = run("golden.c", "address,undefined").stdout;
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &printed).expect("the golden file can be written");
    }
    let golden = std::fs::read(&file).expect("the golden file is there");
    assert!(golden == printed, "the core prints other lines than {}", file.display());
}
