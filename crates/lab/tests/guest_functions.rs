//! What workloads do while they wait for a guest: the real shell functions with a shell like
//! dom0's, and an `xl` that says what a script of the test wants. Guests that are real are
//! `./check --full`'s.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

type Result = std::result::Result<(), Box<dyn std::error::Error>>;

/// `xl list` prints the file `list`, and fails where there is none; `xl dmesg` prints the file
/// `dmesg`.
const XL: &str = r#"#!/bin/sh
case $1 in
    list | dmesg) cat "$PLACE/$1" ;;
    *) exit 0 ;;
esac
"#;

/// What comes behind the functions and before a test's own lines. Time passes only where the
/// functions sleep, and with it `at_SECOND` happens, where the test has one.
const BEFORE: &str = r#"
xen_logs=$PLACE
mkdir -p "$PLACE/console"
clock=0
sleep() {
    sleep_left=$1
    while [ "$sleep_left" -gt 0 ]; do
        clock=$((clock + 1)) sleep_left=$((sleep_left - 1))
        if command -v "at_$clock" >/dev/null; then "at_$clock"; fi
    done
}
# listed [NAME ID STATE]: what `xl list` says from now on.
listed() {
    {
        echo "Name                                        ID   Mem VCPUs	State	Time(s)"
        echo "Domain-0                                     0  1024     2     r-----      10.1"
        [ $# -eq 0 ] || echo "$1                                        $2   192     1     $3       0.4"
    } >"$PLACE/list"
}
prints() {
    echo "guest $guest_token_pv: $*" >>"$(guest_log pv)"
}
trap 'echo "after $clock s"' EXIT
guest_token_pv=pv.1
listed pv 3 r-----
"#;

/// busybox, as in dom0, if this machine has one.
fn shell() -> Command {
    let found = Command::new("busybox").arg("true").status().is_ok_and(|status| status.success());
    let mut command = Command::new(if found { "busybox" } else { "sh" });
    if found {
        command.arg("sh");
    }
    command
}

fn run(place: &Path, script: &str) -> std::result::Result<Output, Box<dyn std::error::Error>> {
    let xl = place.join("xl");
    fs::write(&xl, XL)?;
    fs::set_permissions(&xl, fs::Permissions::from_mode(0o755))?;
    let functions = include_str!("../dom0/guests.sh");
    let path = place.join("script");
    fs::write(&path, format!("set -e\n{functions}\n{BEFORE}\n{script}\necho went on\n"))?;
    let search = format!("{}:{}", place.display(), std::env::var("PATH")?);
    Ok(shell().arg(&path).env("PLACE", place).env("PATH", search).output()?)
}

/// What the script says, after it has gone on or not.
fn says(script: &str, good: bool) -> std::result::Result<String, Box<dyn std::error::Error>> {
    let place = tempfile::tempdir()?;
    let output = run(place.path(), script)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        (output.status.success(), text.contains("went on")),
        (good, good),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}

/// How long it took.
fn seconds(text: &str) -> Option<u32> {
    text.lines().rev().find_map(|line| line.strip_prefix("after ")?.strip_suffix(" s")?.parse().ok())
}

#[test]
fn a_guest_that_vanishes_is_not_waited_for() -> Result {
    let text = says(
        "at_16() {
            listed
            echo 'Waiting for domain pv (domid 3) to die [pid 77]' >\"$xen_logs/xl-pv.log\"
            echo 'Domain 3 has shut down, reason code 3 0x3' >>\"$xen_logs/xl-pv.log\"
            {
                echo '(XEN) HA1 1234 5 live a d3 0'
                echo '(XEN) d31v0 is another'
                echo '(XEN) Domain 3 (vcpu#0) crashed on cpu#1:'
            } >\"$PLACE/dmesg\"
            echo 'Kernel panic - not syncing' >>\"$(guest_log pv)\"
        }
        guest_booted pv",
        false,
    )?;
    assert!(seconds(&text).is_some_and(|seconds| (16..25).contains(&seconds)), "{text}");
    for part in [
        "dom0: FAILED: the guest pv (domain 3) has ended: it crashed; its last state in xl list was r-----\n",
        "dom0: the last that pv printed: Kernel panic - not syncing\n",
        "dom0: the end of xl-pv.log: Domain 3 has shut down, reason code 3 0x3\n",
        "dom0: Xen of pv: XEN Domain 3 vcpu0 crashed on cpu1:\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("HA1") && !text.contains("d31v0"), "{text}");
    Ok(())
}

#[test]
fn one_that_was_never_seen_is_missed_too() -> Result {
    let text = says("listed\nguest_ran pv", false)?;
    assert!(seconds(&text).is_some_and(|seconds| seconds < 5), "{text}");
    let part =
        "the guest pv (domain unknown) has ended: no reason known; its last state in xl list was never seen";
    assert!(text.contains(part), "{text}");
    Ok(())
}

#[test]
fn a_domain_that_is_kept_after_its_end_has_ended() -> Result {
    for state in ["---s--", "---sc-", "-----d"] {
        let text = says(&format!("at_9() {{ listed pv 3 {state}; }}\nguest_booted pv"), false)?;
        assert!(seconds(&text).is_some_and(|seconds| seconds < 20), "{text}");
        assert!(text.contains(&format!("last state in xl list was {state}\n")), "{text}");
    }
    Ok(())
}

#[test]
fn every_question_about_a_guest_is_one() -> Result {
    for question in ["has_memory pv 160", "vcpu_offline pv 1", "vcpu_online pv 1"] {
        let text = says(&format!("at_7() {{ listed; }}\nuntil_true 600 {question}"), false)?;
        assert!(text.contains("the guest pv (domain 3) has ended"), "{text}");
        assert!(seconds(&text).is_some_and(|seconds| seconds < 20), "{text}");
        // Its status alone does not say that it has ended.
        let text = says(&format!("at_7() {{ listed; }}\nif within 600 {question}; then :; fi"), false)?;
        assert!(text.contains("the guest pv (domain 3) has ended"), "{text}");
    }
    Ok(())
}

#[test]
fn one_that_lives_is_waited_for() -> Result {
    let text = says("at_290() { prints 'user space is up, Linux 6'; }\nguest_booted pv", true)?;
    assert!(text.contains("dom0: pv says: guest pv.1: user space is up, Linux 6\n"), "{text}");
    assert_eq!(seconds(&text), Some(290), "{text}");
    // Paused, or with a moment in which it is being saved.
    for (second, state) in [(4, "--p---"), (5, "---s--")] {
        let script = format!(
            "at_{second}() {{ listed pv 3 {state}; }}\nat_{}() {{ listed pv 3 -b----; }}\n\
             at_50() {{ prints 'run ended, status 0'; }}\nguest_ran pv",
            second + 2
        );
        assert_eq!(seconds(&says(&script, true)?), Some(50));
    }
    let text = says("patience=30\nguest_booted pv", false)?;
    assert!(text.contains("FAILED: waited in vain for: guest_has_printed pv user space is up"), "{text}");
    Ok(())
}

#[test]
fn what_it_printed_before_its_end_counts() -> Result {
    // It is gone, and its last line comes a second later.
    let script = "at_4() { listed; }\nat_6() { prints 'run ended, status 0'; }\nguest_ran pv";
    let text = says(script, true)?;
    assert!(text.contains("pv says: guest pv.1: run ended, status 0"), "{text}");
    Ok(())
}

#[test]
fn that_xen_cannot_be_asked_is_no_end() -> Result {
    let text = says("patience=30\nrm \"$PLACE/list\"\nguest_booted pv", false)?;
    assert!(text.contains("waited in vain") && !text.contains("has ended"), "{text}");
    Ok(())
}

#[test]
fn what_a_guest_ran_may_have_failed() -> Result {
    let text = says("at_3() { prints 'run ended, status 1'; }\nguest_ran pv", false)?;
    assert!(text.contains("FAILED: what pv ran has failed"), "{text}");
    assert_eq!(seconds(&text), Some(3), "{text}");
    Ok(())
}

#[test]
fn the_stress_workload_does_not_wait_for_one_that_has_ended() -> Result {
    let stress = include_str!("../workloads/stress.sh");
    let (functions, _) = stress.split_once("\ntoolstack_start\n").ok_or("toolstack_start is not there")?;
    let functions = functions.replace(". /lib/guests.sh", ":");
    let script = format!(
        "{functions}
        guest_create() {{ :; }}
        at_3() {{ echo 'stress: one ok (1 done)' >>\"$(guest_log pv)\"; }}
        at_16() {{ listed; }}
        stress pv pv '' ''"
    );
    let text = says(&script, false)?;
    assert!(text.contains("dom0: pv says: stress: one ok (1 done)\n"), "{text}");
    assert!(text.contains("FAILED: the guest pv (domain 3) has ended"), "{text}");
    assert!(seconds(&text).is_some_and(|seconds| seconds < 30), "{text}");
    Ok(())
}
