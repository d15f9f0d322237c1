//! Runs the command, and writes small logs in the recorder's format.
#![allow(dead_code, reason = "each test uses a part")]

pub mod real;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The build id of `crates/symbols/testdata/mini-xen-syms`.
pub const BUILD: &str = "0123456789abcdef0123456789abcdef01234567";

pub fn xenheap(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xenheap"));
    command.args(arguments).env_remove("NO_COLOR").env("COLUMNS", "100").stdin(Stdio::null());
    command
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }
}

pub fn run(arguments: &[&str]) -> Ran {
    xenheap(arguments).output().expect("xenheap runs").into()
}

/// The same in another folder.
pub fn run_in(dir: &Path, arguments: &[&str]) -> Ran {
    xenheap(arguments).current_dir(dir).output().expect("xenheap runs").into()
}

pub fn run_with_input(arguments: &[&str], input: &[u8]) -> Ran {
    let mut child = xenheap(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xenheap runs");
    child.stdin.take().expect("a pipe").write_all(input).expect("written");
    child.wait_with_output().expect("it ended").into()
}

/// What it printed, which must have gone well.
pub fn output_of(arguments: &[&str]) -> String {
    let ran = run(arguments);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

/// Why it does not do what the arguments say, without a process: they alone are wrong.
#[track_caller]
pub fn refused(arguments: &[&str]) -> String {
    let answer = xenheap::answer_to([&["xenheap"], arguments].concat());
    let answer = answer.unwrap_or_else(|| panic!("{arguments:?} make sense"));
    assert_eq!(answer.exit, xenheap::Exit::Usage, "{arguments:?}: {}", answer.text);
    answer.text
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// A file or folder of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

pub fn image() -> PathBuf {
    repository("crates/symbols/testdata/mini-xen-syms")
}

/// CRC-16/IBM-3740, bit by bit.
fn check(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc: u16, _| if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 },
        )
    })
}

/// The tag of the boot in logs made here.
pub const TAG: &str = "3f9a2c41";

/// A record, as Xen prints it.
pub fn record(body: &str) -> String {
    record_of(TAG, body)
}

/// One of another boot.
pub fn record_of(tag: &str, body: &str) -> String {
    let record = format!("HA1 {tag} {body}");
    format!("(XEN) [   12.000000] {record} {:04x}\r\n", check(record.as_bytes()))
}

/// A log of a machine with the image `mini-xen-syms`: in each view three xmallocs, of which one is
/// freed, and a page of no owner that is given to its domain.
pub fn log(views: &[&str]) -> String {
    let mut log = String::from("(XEN) Xen version 4.17.5\r\n[    0.000000] Linux version 6.1.0\r\n");
    let modes = views.join(",");
    log += &record(&format!(
        "0 V fmt=1 xen=4.17.5 arch=x86_64 build={BUILD} text=ffff82d040200000-ffff82d04020003e modes={modes} depth=32 stacks=64 rows=64 live=64 ring=64"
    ));
    // The root is entry.S, then service(), then service.c#refill() with zalloc() inlined into it.
    log += &record("0 S 1 00000000000000aa ffff82d040200012 ffff82d040200022 ffff82d040200006");
    log += &record("0 S 2 00000000000000bb ffff82d04020002c ffff82d040200006");
    let events = [
        "A x ffff83007c4d2010 392 s1 d0 c1 t3b9aca00 u416",
        "A x ffff83007c4d2210 100 s2 d1 c1 t3b9aca01 u128",
        "A d 10000000 8192 s2 d0 o1 n c0 t3b9aca02",
        "G d 10000000 8192 s2 d0 o1 c0 t3b9aca03",
        "F x ffff83007c4d2010 392 s1 d0 c1 t3b9aca04 u416",
        "A x ffff83007c4d3010 64 s1 d32767 c1 t3b9aca05 u96",
        "X x 0 4096 s1 d1 c1 t3b9aca06",
    ];
    for (at, event) in events.iter().enumerate() {
        if views.contains(&"trace") {
            log += &record(&format!("{} {event}", at + 1));
        }
        if views.contains(&"warn") {
            log += &record(&format!("{} w{event}", at + 1));
        }
    }
    log
}

pub fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(&path, content).expect("written");
    path
}
