//! `xenheap plan` on small logs.

mod support;

use std::{fs, path::Path};

use serde_json::Value;
use support::{BUILD, image, output_of, record, refused, run, text, write};

/// A machine on which dom0 creates a guest, which uses its pool of page tables and is destroyed.
fn log(arch: &str) -> String {
    let mut log = record(&format!(
        "0 V fmt=1 xen=4.20.0 arch={arch} build={BUILD} text=ffff82d040200000-ffff82d04020003e modes=trace depth=32 stacks=64 rows=64 live=64 ring=64 domains=64"
    ));
    log += &record("0 S 1 00000000000000aa ffff82d040200012 ffff82d040200022 ffff82d040200006");
    log += &record("0 S 2 00000000000000bb ffff82d04020002c ffff82d040200006");
    let events = [
        "C 0.1 f0 d0 c0 t3b9aca00",
        "C 1.2 f3 d0 c0 t3b9aca01",
        "A h ffff83007c400000 4096 s1 d0 c1 t3b9aca02 wc1.2",
        "A x ffff83007c4d2010 392 s1 d0 c1 t3b9aca03 u416 wc1.2",
        "A d 10000000 1048576 s2 d0 o1 n c0 t3b9aca04",
        "A x ffff83007c4d2210 100 s2 d1 c1 t59682f00 u128",
        "A x ffff83007c4d3010 64 s1 d32767 c1 t59682f01 u80",
        "F d 10000000 1048576 s2 d0 c0 t77359400 wk1.2",
        "F x ffff83007c4d2210 100 s2 d0 c1 t77359401 u128 wk1.2",
        "F x ffff83007c4d2010 392 s1 d0 c1 t77359402 u416 wk1.2",
        "F h ffff83007c400000 4096 s1 d0 c1 t77359403 wk1.2",
        "E 1.2 d0 c0 t77359404 pool=1024 low=100 takes=800 backs=800 failed=0 extra=0",
    ];
    for (at, event) in events.iter().enumerate() {
        log += &record(&format!("{} {event}", at + 1));
    }
    log
}

fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    write(dir.path(), "x86.log", log("x86_64"));
    write(dir.path(), "x86.xen-syms", fs::read(image()).expect("the image"));
    write(dir.path(), "arm.log", log("arm64"));
    dir
}

fn path(dir: &Path, name: &str) -> String {
    text(&dir.join(name)).to_owned()
}

#[test]
fn for_people() {
    let dir = folder();
    let out = output_of(&["plan", &path(dir.path(), "x86.log"), "--memory", "d1=256"]);
    insta::assert_snapshot!("plan_text", out);
}

#[test]
fn for_programs() {
    let dir = folder();
    let out = output_of(&["plan", "--format", "json", &path(dir.path(), "x86.log")]);
    assert!(serde_json::from_str::<Value>(&out).is_ok());
    insta::assert_snapshot!("plan_json", out);
}

#[test]
fn everything_in_a_folder() {
    let dir = folder();
    let plan = dir.path().join("plan");
    output_of(&["plan", &path(dir.path(), "arm.log"), "--memory", "d1=5000000", "--out-dir", text(&plan)]);
    let mut names: Vec<String> = fs::read_dir(&plan)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["d1.cfg", "dom0less.dts", "plan.json", "plan.svg", "plan.txt"]);
    let file = |name: &str| fs::read_to_string(plan.join(name)).expect("the file");
    insta::assert_snapshot!("plan_dts", file("dom0less.dts"));
    insta::assert_snapshot!("plan_cfg", file("d1.cfg"));
    insta::assert_snapshot!("plan_svg", file("plan.svg"));
}

#[test]
fn a_verdict_file_says_who_pays() {
    let dir = folder();
    let entry = |id: &str, stack: &str| {
        format!(
            "\n[[verdict]]\nid = \"{id}\"\nverdict = \"UNDECIDED\"\ncharge = \"system\"\nstack = \"\"\"\n{stack}\n\"\"\"\n"
        )
    };
    let rules = format!("format = 1\n{}{}", entry("one", "...\n  refill"), entry("two", "...\n  service"));
    let rules = write(dir.path(), "verdicts.toml", rules);
    let arguments = ["plan", "--format", "json", "--verdicts", text(&rules)];
    let out = output_of(&[&arguments[..], &[&path(dir.path(), "x86.log")]].concat());
    let plan: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(plan["policy"], "rules");
    let by_rules = &plan["runs"][0]["policies"][2];
    assert_eq!(by_rules["policy"], "rules");
    assert_eq!(by_rules["system"]["peak"], plan["runs"][0]["all"]["peak"]);
}

#[test]
fn what_cannot_be_planned() {
    let dir = folder();
    let (x86, arm) = (path(dir.path(), "x86.log"), path(dir.path(), "arm.log"));
    let mixed = run(&["plan", &x86, &arm]);
    assert_eq!(mixed.code, 3, "{}", mixed.err);
    assert!(mixed.err.contains("architectures are not mixed"), "{}", mixed.err);
    let rules = refused(&["plan", "--payer", "rules", &x86]);
    assert!(rules.contains("--verdicts"), "{rules}");
    assert!(refused(&["plan", "--memory", "d1", &x86]).contains("use DOMAIN=MIB"));
}
