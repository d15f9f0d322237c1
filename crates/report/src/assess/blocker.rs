//! What is open, in sentences.

use std::collections::BTreeSet;

use serde::Serialize;
use xenheap_judge::{About, Assessment, Blocker, Reason};
use xenheap_model::{nothing_for, untold};

use crate::{
    coverage::NoteText,
    gate::refusal::{self, HOOK},
};

/// How to go on where no run shows a site.
const TAKE: &str = "write a test that takes it (`xenheap coverage` shows a way), or accept it with an entry whose stack begins with `...`";

/// A blocker as every format writes it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Open<'a> {
    /// Which kind.
    pub code: &'static str,
    /// Of what: a stack, a site, the evidence.
    pub about: String,
    /// What is wrong.
    pub what: String,
    /// How to go on.
    pub next: String,
    /// The runs that show it.
    pub runs: &'a BTreeSet<String>,
}

impl<'a> From<&'a Blocker> for Open<'a> {
    fn from(blocker: &'a Blocker) -> Self {
        Open {
            code: blocker.code(),
            about: about(&blocker.about),
            what: what(&blocker.reason),
            next: next(&blocker.reason),
            runs: &blocker.runs,
        }
    }
}

/// Everything that is open: by kind, then by what it is of.
pub(super) fn open(assessment: &Assessment) -> Vec<Open<'_>> {
    let mut open: Vec<Open<'_>> = assessment.blockers.iter().map(Open::from).collect();
    open.sort();
    open
}

fn about(about: &About) -> String {
    match about {
        About::Evidence => "evidence".to_owned(),
        About::Run => "a run".to_owned(),
        About::AllRuns => "all runs".to_owned(),
        About::Finding { kind, charge, frames, uncertain } => {
            let frames: Vec<String> = frames.0.iter().map(ToString::to_string).collect();
            let uncertain = if *uncertain { " (uncertain)" } else { "" };
            format!("{kind} ({charge}) by {}{uncertain}", frames.join(" > "))
        }
        About::Site { function, at, address } => {
            let at = at.as_deref().unwrap_or("place not known");
            let address = address.as_deref().map_or_else(String::new, |address| format!(" at {address}"));
            format!("site {function} ({at}){address}")
        }
    }
}

fn what(reason: &Reason) -> String {
    match reason {
        Reason::Note(note) => NoteText::from(note).what,
        Reason::LostPart(part) => format!(
            "{part}: that nothing is left behind cannot be claimed, as {}, which tells {}",
            nothing_for(part),
            untold(part).unwrap_or_default()
        ),
        Reason::Refused(refusal) => refusal::what(refusal),
        Reason::Unseen { state } => {
            format!("{}; no entry accepts every stack that can end there", state.describe())
        }
        Reason::UnseenNotAccepted { state, entry, verdict } => format!(
            "{}; {} says {verdict}, which accepts nothing{}",
            state.describe(),
            entry.as_deref().unwrap_or("no entry"),
            if verdict.accepts() { " without a reason" } else { "" }
        ),
        Reason::UnseenAmbiguous(remarks) => remarks.join("; "),
    }
}

fn next(reason: &Reason) -> String {
    match reason {
        Reason::Note(note) => NoteText::from(note).next.to_owned(),
        Reason::LostPart(_) => HOOK.to_owned(),
        Reason::Refused(refusal) => refusal::next(refusal),
        Reason::Unseen { .. } | Reason::UnseenNotAccepted { .. } | Reason::UnseenAmbiguous(_) => {
            TAKE.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use xenheap_judge::coverage::State;
    use xenheap_model::{Charge, Kind, NormalFrame, NormalStack, Verdict};

    use super::*;

    #[test]
    fn what_a_blocker_is_of() {
        assert_eq!(about(&About::Evidence), "evidence");
        assert_eq!(about(&About::Run), "a run");
        assert_eq!(about(&About::AllRuns), "all runs");
        let frames = NormalStack(["do_a", "common/f.c#f [inlined]"].map(NormalFrame::parse).into());
        let finding = |uncertain| {
            let (kind, charge) = (Kind::Xmalloc, Charge::Nobody);
            about(&About::Finding { kind, charge, frames: frames.clone(), uncertain })
        };
        assert_eq!(finding(false), "xmalloc (nobody) by do_a > common/f.c#f [inlined]");
        assert_eq!(finding(true), "xmalloc (nobody) by do_a > common/f.c#f [inlined] (uncertain)");
        let site = |at: Option<&str>, address: Option<&str>| {
            let [at, address] = [at, address].map(|text| text.map(str::to_owned));
            about(&About::Site { function: "f".to_owned(), at, address })
        };
        assert_eq!(site(Some("common/f.c:1"), Some("0x10")), "site f (common/f.c:1) at 0x10");
        assert_eq!(site(None, None), "site f (place not known)");
    }

    #[test]
    fn why_a_site_that_no_run_shows_is_open() {
        let state = State::Unseen;
        let not_accepted = |entry: Option<&str>, verdict| {
            what(&Reason::UnseenNotAccepted { state, entry: entry.map(str::to_owned), verdict })
        };
        assert_eq!(
            what(&Reason::Unseen { state }),
            "unseen, and reachable; no entry accepts every stack that can end there"
        );
        assert_eq!(
            not_accepted(Some("v"), Verdict::Problem),
            "unseen, and reachable; v says PROBLEM, which accepts nothing"
        );
        assert_eq!(
            not_accepted(None, Verdict::Safe),
            "unseen, and reachable; no entry says SAFE, which accepts nothing without a reason"
        );
        assert_eq!(what(&Reason::UnseenAmbiguous(vec!["a".to_owned(), "b".to_owned()])), "a; b");
        assert_eq!(
            next(&Reason::Unseen { state }),
            "write a test that takes it (`xenheap coverage` shows a way), or accept it with an entry whose stack begins with `...`"
        );
    }

    #[test]
    fn what_cannot_be_claimed_without_a_part() {
        let reason = Reason::LostPart("calls".to_owned());
        assert_eq!(
            what(&reason),
            "calls: that nothing is left behind cannot be claimed, as the recorder had nothing to hook \
             into for calls, which tells whether memory was freed before the call that allocated it was \
             over, and what calls leave behind"
        );
        assert_eq!(
            next(&reason),
            "look with `xenheap instrument --check` for what this Xen lacks, and record one that has it"
        );
    }
}
