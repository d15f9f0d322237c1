//! Corruption: a log that was damaged on its way never gives another number without a self-check
//! that names it.
//!
//! Real logs, one of each mode of the recorder, one of all modes, one with guests, and logs of the
//! RFC's recorder. Each is damaged in seven ways, read as `xenheap report` reads it, and every
//! number of the report is compared with the original's. Where a sort of numbers differs, a check
//! that speaks of this sort must have failed, or say that it is not applicable. `docs/trust.md` has
//! the promise, and what is not promised.
//!
//! `XENHEAP_CORRUPTION=100000` says how many variants there are in all; a failure names one variant
//! as `LOG OPERATION NUMBER`, and `XENHEAP_CORRUPTION_ONE='LOG OPERATION NUMBER'` makes that one
//! alone and leaves it in `corrupted.log` in the system's folder for temporary files.
#![allow(missing_docs, reason = "a test")]

mod damage;
mod numbers;
#[path = "../support/simulate/rng.rs"]
mod rng;

use std::{
    collections::BTreeMap,
    env, fs,
    io::Read,
    panic::catch_unwind,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use damage::{Log, Operation, Variant, damage};
use numbers::{Said, Sort, differing, made_up, said};
use rng::Rng;
use xenheap_console::scan;
use xenheap_ledger::{Account, Config, Intake};
use xenheap_model::{CheckId, CheckOutcome, LogFormat, Run};

/// Without `XENHEAP_CORRUPTION`: so few that a debug build takes seconds.
const FEW: usize = 490;

/// Silent variants that are told of.
const TOLD: usize = 20;

/// Of 100 variants so many are damaged a second time, in any way.
const TWICE: usize = 10;

/// An undamaged log and its report.
struct Original {
    name: &'static str,
    log: Log,
    account: Account,
}

fn read(log: &[u8], boot: Option<u32>) -> Option<Account> {
    let mut intake = Intake::new(Config { boot, ..Config::default() });
    scan(log, &mut intake, |_| {}).expect("reading from memory");
    intake.finish().ok()
}

fn file(path: &str) -> Vec<u8> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata")).join(path);
    let mut bytes = Vec::new();
    let mut input = xenheap_console::open(&path).expect("it is in the repository");
    input.read_to_end(&mut bytes).expect("it can be read");
    bytes
}

/// What the RFC's recorder would have printed in a real boot, as far as it knows what happened: the
/// records of the `warn` view in its words, each with the real trace that follows it. There is no
/// real log of that recorder here.
fn retold(warn: &[u8], most_pages: usize) -> Vec<u8> {
    let text = String::from_utf8_lossy(warn);
    let mut out = String::new();
    let (mut is_told, mut pages) = (None, 0);
    for line in text.split_inclusive('\n') {
        let Some((before, record)) = line.split_once("HA1 ") else {
            let is_trace =
                line.contains("Xen call trace:") || line.contains("[<") || line.trim_end() == "(XEN)";
            if is_told.is_some() || !is_trace {
                out.push_str(line);
            }
            // That recorder prints in the allocator itself.
            if let (Some(frame), true) = (is_told, line.contains("Xen call trace:")) {
                out.push_str(&format!("(XEN)    [<ffff82d0402{frame}\n"));
            }
            continue;
        };
        let words: Vec<&str> = record.split_whitespace().collect();
        let told = |words: &[&str]| -> Option<(&str, String)> {
            let [_, _, event, kind, address, size, ..] = *words else { return None };
            let current = words.iter().skip(6).find_map(|word| word.strip_prefix('d'))?;
            let address = u64::from_str_radix(address, 16).ok()?;
            let (operation, frame) = match (event, kind) {
                ("wA" | "wX", "x") => ("xmem_pool_alloc", "45e20>] R _xmalloc+0x4a/0x200"),
                ("wA" | "wX", "d" | "h" | "p") => {
                    ("alloc_domheap_pages", "36b10>] R alloc_domheap_pages+0x90/0x1e0")
                }
                ("wF", "x") => ("xfree", "46010>] R xfree+0x30/0x90"),
                ("wF", "d") => ("free_domheap_pages", "36d40>] R free_domheap_pages+0x50/0x1b0"),
                ("wF", "h" | "p") => ("free_xenheap_pages", "36f20>] R free_xenheap_pages+0x20/0x60"),
                _ => return None,
            };
            let size = if event == "wF" { String::new() } else { format!(" size {size}") };
            Some((frame, format!("{before}DEBUG: d{current}: {operation} -{size} p={address:016x}\n")))
        };
        is_told = None;
        // One `memory_exchange` after the other: the first ones are enough.
        pages += usize::from(words.get(3) == Some(&"d"));
        if let Some((frame, record)) =
            told(&words).filter(|_| words.get(3) != Some(&"d") || pages < most_pages)
        {
            is_told = Some(frame);
            out.push_str(&record);
        }
    }
    out.into_bytes()
}

fn originals() -> Vec<Original> {
    let warn = file("modes-4.17-x86_64/warn.log.zst");
    let rfc = retold(&warn, 200);
    let logs = [
        ("trace", file("modes-4.17-x86_64/trace.log.zst")),
        ("warn", warn),
        ("summary", file("modes-4.17-x86_64/summary.log.zst")),
        ("all-modes", file("boot-4.17-x86_64/console.log.zst")),
        ("guests", file("hvm-4.17-x86_64/console.log.zst")),
        ("rfc-sample", file("rfc/sample-x86_64.log")),
        ("rfc-retold", rfc),
    ];
    let original = |(name, bytes): (&'static str, Vec<u8>)| {
        let account = read(&bytes, None).expect("nothing was asked for");
        for check in &account.checks {
            // One record of the sample has no trace.
            let is_known = name == "rfc-sample" && check.id == CheckId::Stacks;
            assert!(check.outcome != CheckOutcome::Failed || is_known, "{name}: {check:?}");
        }
        assert!(account.profile.len() > 3 && !account.stacks.is_empty(), "{name}");
        Original { name, log: Log::new(bytes), account }
    };
    logs.into_iter().map(original).collect()
}

/// What became of the numbers of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    /// The numbers of another log that is in this one, whole; its tag is in the report.
    AnotherBoot,
    Other {
        said: Said,
        what: String,
    },
}

/// Compares a report with that of the log whose boot it is of: two real logs in one are two boots,
/// and which of them is reported is said by its tag.
fn compare(account: &Account, original: &Original, all: &[Original]) -> Verdict {
    let tag = &account.facts.tag;
    let expected = all.iter().find(|of| tag.is_some() && of.account.facts.tag == *tag).unwrap_or(original);
    let sorts = differing(account, &expected.account);
    let said = |sort: &Sort| said(account, &expected.account, *sort);
    // As much as is said of the sort of which the least is said.
    let Some(least) = sorts.iter().map(said).min() else {
        return if expected.name == original.name { Verdict::Same } else { Verdict::AnotherBoot };
    };
    let quiet: Vec<Sort> = sorts.iter().copied().filter(|sort| said(sort) == least).collect();
    Verdict::Other { said: least, what: format!("{quiet:?}, of {sorts:?}") }
}

fn judge(variant: &Variant, original: &Original, all: &[Original]) -> Verdict {
    let account = read(&variant.bytes, None).expect("nothing was asked for");
    let verdict = compare(&account, original, all);
    let silent = |what: String| Verdict::Other { said: Said::Nothing, what };
    if variant.harmless && verdict != Verdict::Same {
        return silent(format!("nothing that matters was changed, but: {verdict:?}"));
    }
    // Of all other damage the checks that are not applicable say that such a log cannot tell.
    let is_rfc = account.facts.format == LogFormat::Rfc;
    if (is_rfc && variant.visible)
        && let Some(stack) = made_up(&account, &original.account)
    {
        return silent(format!("a stack that never was looks like a certain one: {stack}"));
    }
    // Nothing may be called a leak where the numbers of leaks can be wrong.
    let sorts = differing(&account, &original.account);
    let leaks = [Sort::Left, Sort::Cycles, Sort::Findings];
    let is_ours = account.facts.format == LogFormat::Ha1 && account.facts.tag == original.account.facts.tag;
    if is_ours && sorts.iter().any(|sort| leaks.contains(sort)) {
        let run: Run = account.clone().into_run(BTreeMap::new());
        if run.doubt().is_none() {
            return silent(format!("there is no doubt of leaks, and other numbers: {sorts:?}"));
        }
    }
    // The other boots of the log, as `--boot` reports them.
    for boot in 2..=account.facts.boots.min(4) {
        let Some(account) = read(&variant.bytes, Some(boot)) else { continue };
        if let Verdict::Other { said: Said::Nothing, what } = compare(&account, original, all) {
            return silent(format!("boot {boot}: {what}"));
        }
    }
    verdict
}

/// How many variants of a log and an operation came out how.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    variants: usize,
    same: usize,
    another_boot: usize,
    failed: usize,
    not_applicable: usize,
    never_applicable: usize,
    silent: usize,
}

impl Counts {
    const HEAD: [&str; 2] = [
        "| log | operation | variants | same numbers | another boot's | a check failed | not applicable \
         | never applicable | silent |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ];

    fn of(verdict: &Verdict) -> Self {
        let mut counts = Counts { variants: 1, ..Counts::default() };
        let count = match verdict {
            Verdict::Same => &mut counts.same,
            Verdict::AnotherBoot => &mut counts.another_boot,
            Verdict::Other { said: Said::Failed, .. } => &mut counts.failed,
            Verdict::Other { said: Said::NotApplicable, .. } => &mut counts.not_applicable,
            Verdict::Other { said: Said::NeverApplicable, .. } => &mut counts.never_applicable,
            Verdict::Other { said: Said::Nothing, .. } => &mut counts.silent,
        };
        *count = 1;
        counts
    }

    fn sum(mut self, more: &Counts) -> Counts {
        self.variants += more.variants;
        self.same += more.same;
        self.another_boot += more.another_boot;
        self.failed += more.failed;
        self.not_applicable += more.not_applicable;
        self.never_applicable += more.never_applicable;
        self.silent += more.silent;
        self
    }

    fn row(&self, log: &str, operation: &str) -> String {
        let Counts { variants, same, another_boot, failed, not_applicable, never_applicable, silent } = self;
        format!(
            "| {log} | {operation} | {variants} | {same} | {another_boot} | {failed} | {not_applicable} \
             | {never_applicable} | {silent} |"
        )
    }
}

/// Each variant has a seed of its own, so that it can be made again without those before it.
fn make(all: &[Original], log: usize, operation: usize, number: usize) -> Variant {
    let seed = (log as u64) << 48 | (operation as u64) << 40 | number as u64;
    let mut rng = Rng::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let others: Vec<usize> = (0..all.len()).filter(|other| *other != log).collect();
    let other = &all[others[rng.below(others.len())]].log;
    let once = damage(&all[log].log, other, Operation::ALL[operation], &mut rng);
    if once.bytes.is_empty() || !rng.chance(TWICE) {
        return once;
    }
    // What one kind of damage hides may be what tells of another.
    let second = Operation::ALL[rng.below(Operation::ALL.len())];
    let twice = damage(&Log::new(once.bytes), other, second, &mut rng);
    let what = format!("{}; then {}: {}", once.what, second.as_str(), twice.what);
    Variant { what, harmless: false, visible: false, ..twice }
}

/// Makes one variant, leaves it in a file and says what is wrong with it.
fn only(all: &[Original], which: &str) {
    let words: Vec<&str> = which.split_whitespace().collect();
    let [log, operation, number] = words[..] else { panic!("not LOG OPERATION NUMBER: {which}") };
    let log = all.iter().position(|of| of.name == log).expect("the name of a log");
    let operation =
        Operation::ALL.iter().position(|of| of.as_str() == operation).expect("the name of an operation");
    let variant = make(all, log, operation, number.parse().expect("a number"));
    let path = env::temp_dir().join("corrupted.log");
    fs::write(&path, &variant.bytes).expect("the file can be written");
    println!("{which}: {}: {}", variant.what, path.display());
    let verdict = judge(&variant, &all[log], all);
    println!("{verdict:?}");
    let account = read(&variant.bytes, None).expect("nothing was asked for");
    for check in &account.checks {
        println!("{:?} {}: {}", check.outcome, check.id.as_str(), check.detail);
    }
    println!("{:?}", account.refused);
    assert!(!matches!(verdict, Verdict::Other { said: Said::Nothing, .. }));
}

#[test]
fn no_other_number_without_a_check_that_names_it() {
    let all = originals();
    if let Ok(which) = env::var("XENHEAP_CORRUPTION_ONE") {
        return only(&all, &which);
    }
    let total = env::var("XENHEAP_CORRUPTION").map_or(FEW, |count| count.parse().expect("a number"));
    // In turns, so that the threads end together and each log and operation has the same share.
    let cells = all.len() * Operation::ALL.len();
    let next = AtomicUsize::new(0);
    let counts = Mutex::new(vec![Counts::default(); cells]);
    let told = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(1, |count| count.get());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= total {
                        break;
                    }
                    let (cell, number) = (at % cells, at / cells);
                    let (log, operation) = (cell / Operation::ALL.len(), cell % Operation::ALL.len());
                    let name = format!("{} {} {number}", all[log].name, Operation::ALL[operation].as_str());
                    // A panic is told of by the variant, too.
                    let tried = catch_unwind(|| {
                        let variant = make(&all, log, operation, number);
                        (judge(&variant, &all[log], &all), variant.what)
                    });
                    let panicked = Verdict::Other { said: Said::Nothing, what: "it panicked".to_owned() };
                    let (verdict, damage) = tried.unwrap_or((panicked, String::new()));
                    let mut counts = counts.lock().expect("no thread panics");
                    counts[cell] = counts[cell].sum(&Counts::of(&verdict));
                    std::mem::drop(counts);
                    if let Verdict::Other { said: Said::Nothing, what } = verdict {
                        let text = format!("XENHEAP_CORRUPTION_ONE='{name}': {damage}: {what}");
                        // At once, because the rest can take long.
                        println!("{text}");
                        told.lock().expect("no thread panics").push(text);
                    }
                }
            });
        }
    });
    let counts = counts.into_inner().expect("no thread panicked");
    Counts::HEAD.iter().for_each(|line| println!("{line}"));
    for (cell, of) in counts.iter().enumerate() {
        let (log, operation) = (cell / Operation::ALL.len(), cell % Operation::ALL.len());
        println!("{}", of.row(all[log].name, Operation::ALL[operation].as_str()));
    }
    let sum = counts.iter().fold(Counts::default(), Counts::sum);
    println!("{}", sum.row("all", "all"));
    let mut told = told.into_inner().expect("no thread panicked");
    told.sort();
    told.iter_mut().for_each(|text| text.truncate(text.floor_char_boundary(600)));
    let count = told.len();
    told.truncate(TOLD);
    assert_eq!(count, 0, "{count} variants have other numbers, and no check says so:\n{}", told.join("\n"));
}
