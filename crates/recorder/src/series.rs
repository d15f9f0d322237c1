//! The change as a series of commits, one a concern. Each has what it needs of the ones before it,
//! and nothing of later ones.
//!
//! The commits differ in which parts of the recorder they have. Its C code stands under
//! `HA_CAN_PART`, so what a commit has not yet is what the preprocessor would leave out: it is left
//! out of the text.

use crate::edit;
use crate::plan::PlannedFile;
use crate::rules::{INSERTIONS, TREE_HEADER};
use crate::survey::Survey;

/// What one commit is about.
#[derive(Debug)]
pub(crate) struct Concern {
    pub subject: &'static str,
    pub body: &'static str,
    /// The parts of the recorder that it adds.
    pub parts: &'static [&'static str],
}

pub(crate) const CONCERNS: &[Concern] = &[
    Concern {
        subject: "xen: add the core of a recorder of run-time heap allocations",
        body: "\
Most of the memory that a guest uses is charged to it. Some of what Xen
allocates while it runs is not: it comes from the common heap and belongs to
nobody. With CONFIG_HEAP_AUDIT=y each such allocation is recorded, with the
stack that led to it, and so is its end.

This is the core that keeps the books and prints the records. It knows nothing
of Xen, so that it can be compiled and tested outside of the hypervisor too.
The macros HEAP_AUDITED() and AUDITED_STATIC() are for the definitions of
functions that are watched; with CONFIG_HEAP_AUDIT=n they are the plain
definitions, and no object changes.
",
        parts: &[],
    },
    Concern {
        subject: "xen/heap-audit: record what the page allocator hands out",
        body: "\
The allocators are renamed where they are defined, and the recorder defines
the public names, so that no caller changes and none is missed. The line
numbers of the files do not change, because bug frames contain them.

The boot option heap-audit= chooses what is printed, the debug key 'y' and the
end of the hardware domain print totals, which can be balanced against what
Xen itself counts.
",
        parts: &["page-allocator", "given", "taken", "totals", "shutdown", "sleep"],
    },
    Concern {
        subject: "xen/heap-audit: record xmalloc() and vmalloc()",
        body: "\
An operation is recorded once, at the level at which its caller asked. A page
that is fetched for the xmalloc pool is a record of its own, because it stays
when the xmalloc is gone.
",
        parts: &["xmalloc", "vmalloc"],
    },
    Concern {
        subject: "xen/heap-audit: record which domain memory is for",
        body: "\
The domain that runs is often not the one that memory is for. What Xen works
on is noted while it creates or destroys a domain, handles a domctl, or moves
a domain to another cpupool.
",
        parts: &["owners", "domctls", "moves", "security"],
    },
    Concern {
        subject: "xen/heap-audit: mark the calls of guests",
        body: "\
The recorder notes when a call from a guest ends. So it knows whether memory
was freed before the call that allocated it ended.
",
        parts: &["calls"],
    },
    Concern {
        subject: "xen/heap-audit: count what is taken from pools of page tables",
        body: "\
This memory is charged to its domain and can also run out. It is counted, not
traced.
",
        parts: &["pools-hap", "pools-shadow", "pools-p2m"],
    },
    Concern {
        subject: "xen/heap-audit: let allocations fail, and charge them to domains",
        body: "\
The boot option heap-audit-fail= lets one allocation fail on purpose, to see
what happens then. With heap-audit-charge= domains pay for anonymous memory,
and can be given a limit.
",
        parts: &["refusals"],
    },
];

/// A file after some of the commits; `None`: it is not there yet.
pub(crate) type Content = Option<Vec<u8>>;

/// What all files are after the first `done` commits.
pub(crate) fn after(files: &[PlannedFile], survey: &Survey, done: usize) -> Vec<Content> {
    let is_in = |part: &str| CONCERNS.iter().take(done).any(|concern| concern.parts.contains(&part));
    files.iter().map(|file| content(file, survey, done, &is_in)).collect()
}

fn content(file: &PlannedFile, survey: &Survey, done: usize, is_in: &dyn Fn(&str) -> bool) -> Content {
    let pristine = file.seen.pristine.clone();
    if done == 0 {
        return pristine;
    }
    let below = file.name.strip_prefix("xen/").unwrap_or(&file.name);
    if done == 1 && (below == TREE_HEADER || below == "common/heap-audit.c") {
        return None;
    }
    if below == TREE_HEADER {
        return Some(edit::new_file(&survey.header_of(is_in), None).instrumented);
    }
    if below == "common/heap-audit.c" {
        let missing: Vec<String> = survey.macros(&|part| !is_in(part));
        let text = String::from_utf8_lossy(&file.seen.instrumented);
        // The stamp is that of the text.
        let text = without_stamp(&text);
        return Some(edit::new_file(&without(text, &missing), None).instrumented);
    }
    if let (true, Some(rule)) = (done == 1, INSERTIONS.iter().find(|rule| rule.path == below)) {
        let text = rule.text.replace("heap-audit.o heap-audit-core.o", "heap-audit-core.o");
        let text = String::from_utf8_lossy(&file.seen.instrumented).replacen(rule.text, &text, 1);
        return Some(text.into_bytes());
    }
    match survey.files.iter().find(|surveyed| surveyed.path == below) {
        Some(surveyed) => Some(surveyed.renamed(is_in)),
        None => Some(file.seen.instrumented.clone()),
    }
}

fn without_stamp(text: &str) -> &str {
    let line = text.trim_end_matches('\n').rfind('\n').map_or(0, |at| at + 1);
    text.get(..line).unwrap_or(text)
}

/// C code without what stands under conditions on macros that are not defined.
fn without(text: &str, missing: &[String]) -> String {
    let mut missing = missing.to_vec();
    // What is open: is its text left out, and is it one of those conditions?
    let mut open: Vec<(bool, bool)> = Vec::new();
    let mut out = String::new();
    let mut joined = String::new();
    for line in text.split_inclusive('\n') {
        joined.push_str(line);
        if line.trim_end().ends_with('\\') && joined.trim_start().starts_with('#') {
            continue;
        }
        let whole = std::mem::take(&mut joined);
        let directive = whole.trim_start().strip_prefix('#').map(str::trim_start).unwrap_or_default();
        let left_out = open.iter().any(|(left_out, _)| *left_out);
        if directive.starts_with("if") {
            let verdict = verdict(directive, &|name| missing.iter().any(|other| other == name));
            open.push((verdict == Some(false), verdict.is_some()));
            if verdict.is_some() {
                continue;
            }
        } else if directive.starts_with("else") {
            if let Some((this, true)) = open.last_mut() {
                *this = !*this;
                continue;
            }
        } else if directive.starts_with("endif")
            && let Some((_, true)) = open.pop()
        {
            continue;
        }
        // What is only defined there is not defined either.
        let defined = directive.strip_prefix("define").filter(|_| left_out);
        missing.extend(defined.and_then(|rest| rest.split_whitespace().next()).map(str::to_owned));
        // No two empty lines where something stood between them.
        let is_second = whole.trim().is_empty() && (out.is_empty() || out.ends_with("\n\n"));
        if !left_out && !is_second {
            out.push_str(&whole);
        }
    }
    out
}

/// Whether a condition holds, if that is because of macros that are not defined.
fn verdict(directive: &str, is_missing: &dyn Fn(&str) -> bool) -> Option<bool> {
    let mut words =
        directive.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty());
    let kind = words.next()?;
    let names: Vec<&str> = words.filter(|word| *word != "defined").collect();
    match kind {
        "ifdef" => names.first().is_some_and(|name| is_missing(name)).then_some(false),
        "ifndef" => names.first().is_some_and(|name| is_missing(name)).then_some(true),
        // All of `defined(A) && ...` is false with A missing, `defined(A) || ...` with all of them.
        _ if directive.contains("||") && !directive.contains("&&") => {
            names.iter().all(|name| is_missing(name)).then_some(false)
        }
        _ => {
            let first = directive.strip_prefix("if")?.trim_start();
            let first = first.strip_prefix("defined(")?.split(')').next()?;
            is_missing(first).then_some(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::PARTS;

    #[test]
    fn every_part_is_in_one_commit() {
        for part in PARTS {
            let concerns = CONCERNS.iter().filter(|concern| concern.parts.contains(&part.name));
            assert_eq!(concerns.count(), 1, "{}", part.name);
        }
        for part in CONCERNS.iter().flat_map(|concern| concern.parts) {
            assert!(PARTS.iter().any(|known| known.name == *part), "{part}");
        }
        for concern in CONCERNS {
            assert!(concern.subject.len() < 70, "{}", concern.subject);
            assert!(concern.body.lines().all(|line| line.len() < 80), "{}", concern.body);
        }
    }

    #[test]
    fn what_stands_under_missing_macros_is_left_out() {
        let text = "a\n\n#ifdef HA_X\nb\n#ifdef C\nc\n#else\nd\n#endif\n#endif\n\ne\n#ifndef HA_X\nf\n#else\ng\n#endif\n\
                    #if defined(HA_X) || \\\n    defined(HA_Y)\nh\n#endif\n#if defined(HA_X) && !defined(B)\ni\n#endif\n\
                    #ifdef C\nj\n#endif\n#if defined(HA_X) || defined(C)\nk\n#endif\n\
                    #if defined(HA_X) && defined(C)\n#define L\n#endif\n#ifdef L\nm\n#endif\n";
        let missing = ["HA_X".to_owned(), "HA_Y".to_owned()];
        let kept = "a\n\ne\nf\n#ifdef C\nj\n#endif\n#if defined(HA_X) || defined(C)\nk\n#endif\n";
        assert_eq!(without(text, &missing), kept);
        assert_eq!(without(text, &[]), text);
    }
}
