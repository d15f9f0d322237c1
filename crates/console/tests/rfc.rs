//! Logs of the RFC's recorder, as they come and as they should not.
#![allow(missing_docs, reason = "a test")]

mod support;

use support::*;
use xenheap_console::Refusal;
use xenheap_model::{Clock, Domain, Mark, RfcOp};

/// Each record as one line: domain, operation, size, pointer's last digits, functions innermost
/// first, `!` if damaged.
fn told(log: &str) -> Vec<String> {
    read(log.as_bytes())
        .rfc
        .iter()
        .map(|(_, record)| {
            let frames: Vec<&str> = record.trace.iter().map(|frame| frame.name.as_str()).collect();
            format!(
                "{} {} {} {:x} [{}]{}",
                record.domain,
                record.op.as_str(),
                record.size.map_or("-".to_owned(), |size| size.to_string()),
                record.ptr.unwrap_or(0) & 0xffff,
                frames.join(" "),
                if record.uncertain.is_some() { "!" } else { "" }
            )
        })
        .collect()
}

fn frame(mark: &str, name: &str) -> String {
    let function = name.bytes().fold(0u32, |sum, byte| sum * 31 % 0xffff + u32::from(byte));
    format!("(XEN)    [<ffff82d040{function:06x}>] {mark}{name}+0x90/0x1e0\n")
}

fn alloc(ptr: u16) -> String {
    format!("(XEN) DEBUG: d0: xmem_pool_alloc - size 16 p=ffff83013a50{ptr:04x}\n")
}

fn free(ptr: u16) -> String {
    format!("(XEN) DEBUG: d1: xfree - p=ffff83013a50{ptr:04x}\n")
}

const TITLE: &str = "(XEN) Xen call trace:\n";
const END: &str = "(XEN) \n";

fn trace(names: &[&str]) -> String {
    let mut text = TITLE.to_owned();
    for (index, name) in names.iter().enumerate() {
        text += &frame(if index == 0 { "R " } else { "F " }, name);
    }
    text + END
}

#[test]
fn the_sample() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/rfc/sample-x86_64.log");
    let log = std::fs::read(path).expect("the sample is in the repository");
    let kept = read(&log);
    assert_eq!(kept.rfc.len(), 15);
    assert_eq!(kept.reasons(), [Refusal::Guest]);
    assert_eq!(kept.says, ["Version(\"4.17.5\")", "Arch(X86_64)"]);
    let (at, first) = &kept.rfc[0];
    assert_eq!(at.line, 5);
    assert!(log[at.offset as usize..].starts_with(b"DEBUG: d0: alloc_domheap_pages"));
    assert_eq!((first.op, first.domain, first.size), (RfcOp::AllocDomheapPages, Domain::Id(0), Some(4096)));
    assert_eq!(first.time, Some((Clock::Boot, 12_000_731_000)));
    assert_eq!(first.trace.len(), 10);
    assert_eq!(first.trace[2].name, "xmalloc_tlsf.c#xmalloc_pool_get");
    assert!(kept.rfc.iter().all(|(_, record)| record.uncertain.is_none()));
    let empty: Vec<u64> =
        kept.rfc.iter().filter(|(_, r)| r.trace.is_empty()).map(|(at, _)| at.line).collect();
    assert_eq!(empty, [140]);
    assert_eq!(kept.symbols.len(), kept.rfc.iter().map(|(_, record)| record.trace.len()).sum::<usize>());
}

#[test]
fn arm_keeps_both_first_frames() {
    let log = "\
(XEN) [  240.296101] DEBUG: d1: xmem_pool_alloc - size 712 p=00008000fbe4a010
(XEN) [  240.296402] Xen call trace:
(XEN) [  240.296766]    [<00000a000022f784>] _xmalloc+0xf0/0x32c (PC)
(XEN) [  240.298386]    [<00000a000022f784>] _xmalloc+0xf0/0x32c (LR)
(XEN) [  240.299310]    [<00000a000022fa20>] _xzalloc+0x14/0x3c
(XEN) [  240.300021]    [<00000a000020a9e4>] evtchn_fifo_init_control+0x5c/0x2f0
(XEN) [  240.300022] 
(XEN) [  241.004511] DEBUG: d1: xfree - p=00008000fbe4a010
";
    let kept = read(log.as_bytes());
    assert_eq!(kept.says, ["Arch(Arm64)"]);
    let marks: Vec<Mark> = kept.rfc[0].1.trace.iter().map(|frame| frame.mark).collect();
    assert_eq!(marks, [Mark::Pc, Mark::Lr, Mark::None, Mark::None]);
    assert_eq!(
        told(log),
        [
            "d1 xmem_pool_alloc 712 a010 [_xmalloc _xmalloc _xzalloc evtchn_fifo_init_control]",
            "d1 xfree - a010 []"
        ]
    );
}

#[test]
fn thirty_two_bit_arm() {
    let log = "\
(XEN) DEBUG: d1: xfree - p=3fe4a010
(XEN) Xen call trace:
(XEN)    [<0022f784>] xfree+0xf0/0x32c (PC)
(XEN)    [<0022fa20>] do_x+0x14/0x3c (LR)
(XEN) 
";
    assert_eq!(told(log), ["d1 xfree - a010 [xfree do_x]"]);
    assert_eq!(read(log.as_bytes()).says, ["Arch(Arm32)"]);
}

#[test]
fn records_without_traces() {
    let log = alloc(1) + &free(1) + &alloc(2) + &free(2) + &alloc(3) + &free(3);
    let expected = ["xmem_pool_alloc 16 1", "xfree - 1", "xmem_pool_alloc 16 2", "xfree - 2"];
    let told = told(&log);
    assert_eq!(told.len(), 6);
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected) && told.ends_with(" []"), "{told}");
    }
}

#[test]
fn frees_without_traces_between_allocations_with() {
    let log = alloc(1)
        + &trace(&["_xmalloc", "a"])
        + &free(1)
        + &free(2)
        + &alloc(2)
        + &trace(&["_xmalloc", "b"])
        + &free(3);
    assert_eq!(
        told(&log),
        [
            "d0 xmem_pool_alloc 16 1 [_xmalloc a]",
            "d1 xfree - 1 []",
            "d1 xfree - 2 []",
            "d0 xmem_pool_alloc 16 2 [_xmalloc b]",
            "d1 xfree - 3 []"
        ]
    );
}

#[test]
fn someone_took_out_the_empty_lines() {
    let log: String = (1..4u16)
        .flat_map(|n| {
            [
                alloc(n),
                trace(&["_xmalloc", "a"]).replace(END, ""),
                free(n),
                trace(&["xfree", "b"]).replace(END, ""),
            ]
        })
        .collect();
    let told = told(&log);
    assert_eq!(told.len(), 6);
    assert_eq!(told[4..], ["d0 xmem_pool_alloc 16 3 [_xmalloc a]", "d1 xfree - 3 [xfree b]"]);
}

#[test]
fn another_cpus_record_and_trace_inside_a_trace() {
    let log = alloc(1) + &trace(&["_xmalloc", "a"])
        // One whole block inside another.
        + &alloc(2) + TITLE + &frame("R ", "_xmalloc") + &free(1) + &trace(&["xfree", "x"]) + &frame("F ", "b") + END
        // A record alone inside a trace.
        + &alloc(3) + TITLE + &frame("R ", "_xmalloc") + &free(2) + &frame("F ", "c") + END + &trace(&["xfree", "y"])
        + &alloc(4) + &trace(&["_xmalloc", "d"]);
    assert_eq!(
        told(&log),
        [
            "d0 xmem_pool_alloc 16 1 [_xmalloc a]",
            "d0 xmem_pool_alloc 16 2 [_xmalloc b]!",
            "d1 xfree - 1 [xfree x]!",
            "d0 xmem_pool_alloc 16 3 [_xmalloc c]",
            "d1 xfree - 2 [xfree y]",
            "d0 xmem_pool_alloc 16 4 [_xmalloc d]"
        ]
    );
}

#[test]
fn a_record_before_the_other_ones_trace() {
    let log = alloc(1)
        + &trace(&["_xmalloc", "a"])
        + &free(9)
        + &trace(&["xfree", "z"])
        + &alloc(2)
        + &free(2)
        + &trace(&["_xmalloc", "b"])
        + &trace(&["xfree", "x"]);
    assert_eq!(told(&log)[2..], ["d0 xmem_pool_alloc 16 2 [_xmalloc b]", "d1 xfree - 2 [xfree x]"]);
    // Of two equal ones nobody can say.
    let log = alloc(1) + &alloc(2) + &trace(&["_xmalloc", "a"]) + &trace(&["_xmalloc", "b"]);
    assert_eq!(
        told(&log),
        ["d0 xmem_pool_alloc 16 1 [_xmalloc b]!", "d0 xmem_pool_alloc 16 2 [_xmalloc a]!"]
    );
}

#[test]
fn a_lost_trace_does_not_shift_the_others() {
    let log = alloc(1)
        + &trace(&["_xmalloc", "a"])
        + &alloc(2)
        + &alloc(3)
        + &trace(&["_xmalloc", "c"])
        + &alloc(4)
        + &trace(&["_xmalloc", "d"])
        + &alloc(5)
        + &trace(&["_xmalloc", "e"]);
    let told = told(&log);
    assert_eq!(told[1], "d0 xmem_pool_alloc 16 2 []!");
    // Certain again as soon as the record without a trace is gone.
    assert!(told[2].starts_with("d0 xmem_pool_alloc 16 3 [_xmalloc c]"));
    assert!(told[3].starts_with("d0 xmem_pool_alloc 16 4 [_xmalloc d]"));
    assert_eq!(told[4], "d0 xmem_pool_alloc 16 5 [_xmalloc e]");
}

#[test]
fn traces_that_break_off() {
    let whole = alloc(1) + &trace(&["_xmalloc", "a"]);
    // The end, the title, a frame or the middle of a frame is missing.
    let cut = alloc(2) + &trace(&["_xmalloc", "b"]).replace(END, "");
    assert_eq!(
        told(&(whole.clone() + &cut + &whole)),
        [
            "d0 xmem_pool_alloc 16 1 [_xmalloc a]",
            "d0 xmem_pool_alloc 16 2 [_xmalloc b]!",
            "d0 xmem_pool_alloc 16 1 [_xmalloc a]"
        ]
    );
    let cut = alloc(2) + &trace(&["_xmalloc", "b"]).replace(TITLE, "");
    assert_eq!(told(&(whole.clone() + &cut))[1], "d0 xmem_pool_alloc 16 2 [_xmalloc b]");
    let cut = alloc(2) + TITLE + &frame("F ", "b") + END;
    assert_eq!(told(&(whole.clone() + &cut))[1], "d0 xmem_pool_alloc 16 2 [b]!");
    let cut = alloc(2) + &trace(&["_xmalloc", "b", "c"]).replace("F b+0x90/0x1e0", "F b+0x");
    assert_eq!(told(&(whole.clone() + &cut))[1], "d0 xmem_pool_alloc 16 2 [_xmalloc c]!");
    // The log ends in the middle.
    let cut = alloc(2) + TITLE + &frame("R ", "_xmalloc");
    assert_eq!(told(&(whole + &cut))[1], "d0 xmem_pool_alloc 16 2 [_xmalloc]!");
}

#[test]
fn half_a_record_and_a_whole_one_on_a_line() {
    let log = "\
(XEN) [   12.0] DEBUG: d0: xmem_pool_al(XEN) [   12.1] DEBUG: d1: xfree - p=ffff83013a500001
(XEN) DEBUG: d0: xfree - p=ffff8301(XEN) DEBUG: d0: xfree - p=ffff83013a500002
(XEN) DEBUG: d0: xfree - p=ffff8301DEBUG: d0: xfree - p=ffff83013a500003
[   12.345678] dom0 says (XEN) DEBUG: d0: xfree - p=ffff83013a500004\r
dom0 login: (d1) (XEN) DEBUG: d0: xfree - p=ffff83013a500005
(XEN) DEBUG: something else of Xen's
DEBUG: d0: xfree - p=ffff83013a500006
";
    assert_eq!(told(log), ["d1 xfree - 1 []", "d0 xfree - 2 []", "d0 xfree - 3 []", "d0 xfree - 4 []"]);
    let kept = read(log.as_bytes());
    assert_eq!(
        kept.refused.iter().map(|(at, why)| (at.line, *why)).collect::<Vec<_>>(),
        [
            (1, Refusal::RfcDamaged),
            (2, Refusal::RfcDamaged),
            (3, Refusal::RfcDamaged),
            (5, Refusal::Guest),
            (7, Refusal::RfcUnmarked)
        ]
    );
}

#[test]
fn a_record_waits_for_its_trace_only_so_long() {
    let other = "(XEN) something else\n[    1.000000] dom0\n".repeat(400);
    let log = alloc(1) + &trace(&["_xmalloc", "a"]) + &alloc(2) + &other + &trace(&["panic", "b"]) + &free(1);
    assert_eq!(told(&log)[1..], ["d0 xmem_pool_alloc 16 2 []!", "d1 xfree - 1 []"]);
}

#[test]
fn other_traces_are_nobodys() {
    let log =
        trace(&["panic", "x"]) + &alloc(1) + &trace(&["_xmalloc", "a"]) + &trace(&["warn", "y"]) + &free(1);
    assert_eq!(told(&log), ["d0 xmem_pool_alloc 16 1 [_xmalloc a]", "d1 xfree - 1 []"]);
    let names: Vec<String> = read(log.as_bytes()).symbols.into_iter().map(|frame| frame.name).collect();
    assert_eq!(names, ["panic", "x", "_xmalloc", "a", "warn", "y"]);
}
