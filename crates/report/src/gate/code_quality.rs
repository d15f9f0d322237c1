//! GitLab's Code Quality report:
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use serde::Serialize;
use xenheap_judge::{Code, Gate};
use xenheap_model::NormalStack;
use xenheap_output::write_json;

use super::{UNCERTAIN, doubtful, fingerprint, place, problems};
use crate::Render;
use crate::untold::TITLE;

/// For merge requests on GitLab.
#[derive(Clone, Copy, Debug, Default)]
pub struct CodeQuality;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

impl Location {
    fn of((path, line): (String, u32)) -> Self {
        Location { path, lines: Lines { begin: line } }
    }
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

impl Render<Gate> for CodeQuality {
    fn render(&self, gate: &Gate, out: &mut dyn Write) -> io::Result<()> {
        let mut seen = BTreeSet::new();
        let problems = problems(gate);
        let refused = problems.iter().map(|problem| Issue {
            description: problem.describe(),
            check_name: problem.code().as_str(),
            fingerprint: problem.fingerprint(),
            severity: severity(problem.code()),
            location: Location::of(problem.place()),
        });
        let untold = gate.untold.iter().map(|untold| Issue {
            description: format!("{TITLE}: {}", untold.line()),
            check_name: Code::LostPart.as_str(),
            fingerprint: fingerprint(Code::LostPart.as_str(), "", &NormalStack::default(), &untold.part),
            severity: "info",
            location: Location::of(("xen".to_owned(), 1)),
        });
        // Those that are refused say so in their descriptions.
        let passing = doubtful(gate).into_iter().filter(|one| one.passes()).map(|one| Issue {
            description: format!("{UNCERTAIN}: {}", one.line()),
            check_name: "uncertain",
            fingerprint: fingerprint("uncertain", one.case.kind.as_str(), &one.case.frames, ""),
            severity: "info",
            location: Location::of(place(one.case)),
        });
        // One problem in several jobs is one problem: GitLab wants fingerprints to differ.
        let issues: Vec<Issue> = refused
            .chain(untold)
            .chain(passing)
            .filter(|issue| seen.insert(issue.fingerprint.clone()))
            .collect();
        write_json(&issues, out)
    }
}

fn severity(code: Code) -> &'static str {
    match code {
        Code::Leak => "blocker",
        Code::Bound | Code::NotAccepted => "critical",
        Code::Unreviewed | Code::Ambiguous | Code::Unjustified | Code::SelfCheck => "major",
        Code::LostPart | Code::Empty => "major",
        Code::Coverage => "minor",
    }
}
