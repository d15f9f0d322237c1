//! What is to be known of a join, in sentences.

use serde::Serialize;
use xenheap_judge::coverage::{Conclusion, Note, NoteCode, Unlaid};

/// How to go on where something is wrong with the graph.
const MAKE_AGAIN: &str = "make the graph again: `xenheap graph build`";

/// A note as every format writes it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct NoteText {
    /// Which kind.
    pub code: NoteCode,
    /// What.
    pub what: String,
    /// What to do.
    pub next: &'static str,
}

impl From<&Note> for NoteText {
    fn from(note: &Note) -> Self {
        NoteText { code: note.code(), what: what(note), next: next(note) }
    }
}

/// All notes, by kind.
pub(crate) fn note_texts(notes: &[Note]) -> Vec<NoteText> {
    let mut texts: Vec<NoteText> = notes.iter().map(NoteText::from).collect();
    texts.sort();
    texts
}

fn what(note: &Note) -> String {
    match note {
        Note::MissingEdge(unlaid) => not_laid(unlaid, "the graph has no such call"),
        Note::UnknownFunction(unlaid) => not_laid(unlaid, "one of the two is no function of the graph"),
        Note::NoSite { run, function } => {
            format!("{run}: a stack ends in {function}, where the graph has no call of an allocator")
        }
        Note::Ambiguous { run, sites } => {
            format!("{run}: a stack ends at one of {}: none of them counts as seen", sites.join(", "))
        }
        Note::Unread { run, stacks } => {
            format!("{run}: {stacks} stacks of allocations could not be read, or not to their root")
        }
        Note::Contradiction { site, runs, graph } => format!(
            "{site} was seen to allocate anonymously in {}, and by the graph it {}",
            runs.join(", "),
            match graph {
                Conclusion::Charged => "is always charged to a domain",
                Conclusion::BootOnly => "cannot run after boot",
                Conclusion::Unreachable => "cannot be reached from any entry",
            }
        ),
        Note::OtherBuild { run, differs } => {
            format!("{run}: {differs}; it is laid on the graph by names, which shows less")
        }
        Note::EmptyRun { run } => format!("{run}: the run has no record, and shows nothing"),
        Note::Doubt { run, doubt } => {
            format!("{run}: the run is incomplete, so that it shows less than happened: {doubt}")
        }
        Note::SameBoot { runs } => format!("{} are of one boot, which counts once", runs.join(", ")),
        Note::Lacks { unit, lacks } => {
            let lacks: Vec<&str> = lacks.iter().map(|lack| lack.describe()).collect();
            format!(
                "the graph was made with --part, of a build in which {unit} lacks something ({}); nothing is called unreachable by it",
                lacks.join(", ")
            )
        }
        Note::Changed { what, was, is } => {
            format!("the graph has {is} {what}, and had {was} when it was made")
        }
        Note::Unsealed => {
            "the graph does not say how much was in it when it was made, so that it may be a part".to_owned()
        }
        Note::Unresolved { calls } => format!(
            "the graph has {calls} indirect calls of which it knows neither where they go nor why they go nowhere; nothing is called unreachable by it"
        ),
        Note::Unjudged { sites } => format!(
            "of {} calls of allocators the graph does not say whether they are charged; they count as anonymous: {}",
            sites.len(),
            sites.join(", ")
        ),
        Note::NoAllocation => "the graph has no call of an allocator".to_owned(),
        Note::NoEntry => "the graph has no entry".to_owned(),
    }
}

fn not_laid(unlaid: &Unlaid, why: &str) -> String {
    let Unlaid { run, innermost, caller, callee } = unlaid;
    format!("{run}: a stack at {innermost} cannot be laid: {caller} -> {callee}: {why}")
}

fn next(note: &Note) -> &'static str {
    match note {
        Note::MissingEdge(_) | Note::UnknownFunction(_) => {
            "show with `xenheap graph why` what the graph has, and report the gap"
        }
        Note::NoSite { .. } => "make the graph of this build again; if it stays so, report the gap",
        Note::Ambiguous { .. } => "use a run with addresses, of the graph's build",
        Note::Unread { .. } => {
            "raise the sizes of the recorder's tables, heap-audit-stacks= first (docs/recorder.md)"
        }
        Note::Contradiction { .. } => "report it: the analysis is wrong there",
        Note::OtherBuild { .. } => "make the graph of the build that ran: `xenheap graph build`",
        Note::EmptyRun { .. } => "boot a Xen with the recorder in it, with heap-audit=trace",
        Note::Doubt { .. } => "run the test again with a console that loses nothing (docs/trust.md)",
        Note::SameBoot { .. } => "give each boot once",
        Note::Lacks { .. } => "build Xen again in one go, and make its graph without --part",
        Note::Changed { .. }
        | Note::Unsealed
        | Note::Unresolved { .. }
        | Note::Unjudged { .. }
        | Note::NoAllocation
        | Note::NoEntry => MAKE_AGAIN,
    }
}

#[cfg(test)]
mod tests {
    use xenheap_callgraph::Lack;
    use xenheap_judge::coverage::Differs;

    use super::*;

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn each_note_has_its_sentences() {
        let run = || "boot".to_owned();
        let unlaid = || {
            let [innermost, caller, callee] = ["f", "do_a", "g"].map(str::to_owned);
            Unlaid { run: run(), innermost, caller, callee }
        };
        let sites = || strings(&["f (a.c:1)", "f (a.c:2)"]);
        let contradiction = |graph| Note::Contradiction {
            site: "f (a.c:1)".to_owned(),
            runs: strings(&["boot", "guests"]),
            graph,
        };
        let again = "make the graph again: `xenheap graph build`";
        let gap = "show with `xenheap graph why` what the graph has, and report the gap";
        let wrong = "report it: the analysis is wrong there";
        for (note, what, next) in [
            (
                Note::MissingEdge(unlaid()),
                "boot: a stack at f cannot be laid: do_a -> g: the graph has no such call",
                gap,
            ),
            (
                Note::UnknownFunction(unlaid()),
                "boot: a stack at f cannot be laid: do_a -> g: one of the two is no function of the graph",
                gap,
            ),
            (
                Note::NoSite { run: run(), function: "f".to_owned() },
                "boot: a stack ends in f, where the graph has no call of an allocator",
                "make the graph of this build again; if it stays so, report the gap",
            ),
            (
                Note::Ambiguous { run: run(), sites: sites() },
                "boot: a stack ends at one of f (a.c:1), f (a.c:2): none of them counts as seen",
                "use a run with addresses, of the graph's build",
            ),
            (
                Note::Unread { run: run(), stacks: 2 },
                "boot: 2 stacks of allocations could not be read, or not to their root",
                "raise the sizes of the recorder's tables, heap-audit-stacks= first (docs/recorder.md)",
            ),
            (
                contradiction(Conclusion::Charged),
                "f (a.c:1) was seen to allocate anonymously in boot, guests, and by the graph it is always charged to a domain",
                wrong,
            ),
            (
                contradiction(Conclusion::BootOnly),
                "f (a.c:1) was seen to allocate anonymously in boot, guests, and by the graph it cannot run after boot",
                wrong,
            ),
            (
                contradiction(Conclusion::Unreachable),
                "f (a.c:1) was seen to allocate anonymously in boot, guests, and by the graph it cannot be reached from any entry",
                wrong,
            ),
            (
                Note::OtherBuild { run: run(), differs: Differs::Unsaid("run") },
                "boot: the run does not say of which build it is; it is laid on the graph by names, which shows less",
                "make the graph of the build that ran: `xenheap graph build`",
            ),
            (
                Note::EmptyRun { run: run() },
                "boot: the run has no record, and shows nothing",
                "boot a Xen with the recorder in it, with heap-audit=trace",
            ),
            (
                Note::Doubt { run: run(), doubt: "why".to_owned() },
                "boot: the run is incomplete, so that it shows less than happened: why",
                "run the test again with a console that loses nothing (docs/trust.md)",
            ),
            (
                Note::SameBoot { runs: strings(&["a", "b"]) },
                "a, b are of one boot, which counts once",
                "give each boot once",
            ),
            (
                Note::Lacks { unit: "common/other.c".to_owned(), lacks: vec![Lack::Ci, Lack::Dump] },
                "the graph was made with --part, of a build in which common/other.c lacks something (no .ci file, no GIMPLE dump); nothing is called unreachable by it",
                "build Xen again in one go, and make its graph without --part",
            ),
            (
                Note::Changed { what: "edges", was: 3, is: 2 },
                "the graph has 2 edges, and had 3 when it was made",
                again,
            ),
            (
                Note::Unsealed,
                "the graph does not say how much was in it when it was made, so that it may be a part",
                again,
            ),
            (
                Note::Unresolved { calls: 2 },
                "the graph has 2 indirect calls of which it knows neither where they go nor why they go nowhere; nothing is called unreachable by it",
                again,
            ),
            (
                Note::Unjudged { sites: sites() },
                "of 2 calls of allocators the graph does not say whether they are charged; they count as anonymous: f (a.c:1), f (a.c:2)",
                again,
            ),
            (Note::NoAllocation, "the graph has no call of an allocator", again),
            (Note::NoEntry, "the graph has no entry", again),
        ] {
            assert_eq!(NoteText::from(&note), NoteText { code: note.code(), what: what.to_owned(), next });
        }
    }

    #[test]
    fn notes_of_a_kind_are_in_the_order_of_their_sentences() {
        let changed = |what, was, is| Note::Changed { what, was, is };
        let lacks = Note::Lacks { unit: "a.c".to_owned(), lacks: vec![Lack::Ci] };
        let notes =
            [changed("edges", 3, 2), changed("sites", 3, 10), lacks, Note::EmptyRun { run: "b".to_owned() }];
        let whats: Vec<String> = note_texts(&notes).into_iter().map(|text| text.what).collect();
        let starts = ["b: the run", "the graph has 10 sites", "the graph has 2 edges", "the graph was made"];
        assert_eq!(whats.len(), starts.len());
        for (what, start) in whats.iter().zip(starts) {
            assert!(what.starts_with(start), "{whats:?}");
        }
    }
}
