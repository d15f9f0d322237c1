//! One statement for a configuration: every call of an allocator with what is known of it, and
//! whether anything is open.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xenheap_model::{Charge, Kind, NormalStack, Verdict};

use crate::{
    Case, Code, Judged, Refusal, Unused,
    coverage::{Coverage, Note, Site, State},
    gate::TELL_LEAKS,
};

/// The statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Whether nothing is open.
    pub supported: bool,
    /// What is open, each once; nothing if it is supported.
    pub blockers: Vec<Blocker>,
    /// How each site of `coverage` stands, in its order.
    pub standings: Vec<Standing>,
    /// Entries of the verdict file that decided nothing of any run or site.
    pub unused: Vec<String>,
    /// What exists, and what was seen of it.
    pub coverage: Coverage,
}

impl Assessment {
    /// The result in one line.
    pub fn result(&self) -> String {
        if self.supported {
            return "SUPPORTED".to_owned();
        }
        let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
        for blocker in &self.blockers {
            *by_code.entry(blocker.code()).or_default() += 1;
        }
        let mut counts: Vec<(&str, usize)> = by_code.into_iter().collect();
        counts.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        let counts: Vec<String> = counts.into_iter().map(|(code, count)| format!("{count} {code}")).collect();
        let blockers = if self.blockers.len() == 1 { "blocker" } else { "blockers" };
        format!("NOT SUPPORTED: {} {blockers} ({})", self.blockers.len(), counts.join(", "))
    }
}

/// How a site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Something of it is not accepted.
    Open,
    /// People have accepted all of it.
    Accepted,
    /// All of it is accepted, and of some of it only the machine says so.
    ByMachine,
    /// By the graph it cannot happen.
    CannotRun,
}

impl Standing {
    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Standing::Open => "open",
            Standing::Accepted => "accepted",
            Standing::ByMachine => "accepted, by the machine's judgement",
            Standing::CannotRun => "cannot happen, by the graph",
        }
    }
}

/// Something that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// Of what it is open.
    pub about: About,
    /// Why.
    pub reason: Reason,
    /// The runs that show it; none if it is not of a run.
    pub runs: BTreeSet<String>,
}

impl Blocker {
    /// Which kind: a word of the gate, a word of the coverage, or `unseen`.
    pub fn code(&self) -> &'static str {
        match &self.reason {
            Reason::Note(note) => note.code().as_str(),
            Reason::LostPart(_) => Code::LostPart.as_str(),
            Reason::Refused(refusal) => refusal.code().as_str(),
            Reason::Unseen { .. } | Reason::UnseenNotAccepted { .. } => "unseen",
            Reason::UnseenAmbiguous(_) => Code::Ambiguous.as_str(),
        }
    }
}

/// What a blocker is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// Of the graph and the runs, as evidence.
    Evidence,
    /// Of a run.
    Run,
    /// Of all runs together.
    AllRuns,
    /// Of a finding of a run.
    Finding {
        /// At which level.
        kind: Kind,
        /// Whom it is charged to.
        charge: Charge,
        /// The stack, root first.
        frames: NormalStack,
        /// Whether the stack may not be what happened.
        uncertain: bool,
    },
    /// Of an allocation site.
    Site {
        /// The function of the source that it stands in.
        function: String,
        /// File and line there.
        at: Option<String>,
        /// Address of the call.
        address: Option<String>,
    },
}

/// Why something is open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Something is wrong with the graph, a run, or what they show together.
    Note(Note),
    /// Runs lack this part of the recorder, without which it is not known that nothing is left
    /// behind.
    LostPart(String),
    /// The gate refuses it.
    Refused(Refusal),
    /// No run shows the site, and no entry speaks of every stack that can end there.
    Unseen {
        /// What is known of the site.
        state: State,
    },
    /// No run shows the site, and the entry that speaks of every stack that can end there accepts
    /// nothing.
    UnseenNotAccepted {
        /// What is known of the site.
        state: State,
        /// The entry.
        entry: Option<String>,
        /// What it says; if that accepts, then without a reason.
        verdict: Verdict,
    },
    /// No run shows the site, and something is wrong with what entries say of it: the remarks.
    UnseenAmbiguous(Vec<String>),
}

/// Blockers, each once, with the runs that show it.
#[derive(Default)]
struct Blockers(BTreeMap<(About, Reason), BTreeSet<String>>);

impl Blockers {
    fn add(&mut self, about: About, reason: Reason, run: Option<&str>) {
        self.0.entry((about, reason)).or_default().extend(run.map(str::to_owned));
    }
}

/// Says what is open.
pub(crate) fn assess(
    coverage: Coverage,
    runs: &[Judged],
    together: &[Refusal],
    unused: Vec<Unused>,
) -> Assessment {
    let mut blockers = Blockers::default();
    for note in coverage.notes.iter().filter(|note| note.blocks()) {
        blockers.add(About::Evidence, Reason::Note(note.clone()), None);
    }
    for untold in coverage.untold.iter().filter(|untold| is_claimed(&untold.part)) {
        for run in &untold.runs {
            blockers.add(About::Evidence, Reason::LostPart(untold.part.clone()), Some(run));
        }
    }
    for run in runs {
        // That a run is empty or lacks a part stands above, whatever the policy says. That its
        // recorder is too old is said of no part.
        let stands_above = |refusal: &Refusal| matches!(refusal, Refusal::Empty | Refusal::LostPart(_));
        for refusal in run.refusals.iter().filter(|refusal| !stands_above(refusal)) {
            blockers.add(About::Run, Reason::Refused(refusal.clone()), Some(&run.name));
        }
        for case in &run.cases {
            for refusal in &case.refusals {
                blockers.add(About::from(case), Reason::Refused(refusal.clone()), Some(&run.name));
            }
        }
    }
    for refusal in together {
        blockers.add(About::AllRuns, Reason::Refused(refusal.clone()), None);
    }
    for site in &coverage.sites {
        if let Some(reason) = unseen(site) {
            blockers.add(About::from(site), reason, None);
        }
    }
    let blockers = blockers.0.into_iter();
    let blockers: Vec<Blocker> =
        blockers.map(|((about, reason), runs)| Blocker { about, reason, runs }).collect();
    let standings = coverage.sites.iter().map(standing).collect();
    let used: BTreeSet<&str> = coverage
        .sites
        .iter()
        .flat_map(|site| &site.decisions)
        .filter_map(|decided| decided.entry.as_deref())
        .collect();
    let mut unused: Vec<String> =
        unused.into_iter().map(|unused| unused.id).filter(|id| !used.contains(id.as_str())).collect();
    unused.sort();
    Assessment { supported: blockers.is_empty(), blockers, standings, unused, coverage }
}

/// Whether a supported statement claims what a part tells: that nothing of a domain is left behind,
/// and what calls leave behind is known.
fn is_claimed(part: &str) -> bool {
    TELL_LEAKS.contains(&part) || part == "calls"
}

impl From<&Case> for About {
    fn from(case: &Case) -> Self {
        About::Finding {
            kind: case.kind,
            charge: case.charge,
            frames: case.frames.clone(),
            uncertain: case.uncertain.is_some(),
        }
    }
}

impl From<&Site> for About {
    fn from(site: &Site) -> Self {
        let Site { function, at, address, .. } = site;
        About::Site { function: function.clone(), at: at.clone(), address: address.clone() }
    }
}

/// Why a site is open that no run shows, unless somebody has accepted it for every stack that can
/// end there.
fn unseen(site: &Site) -> Option<Reason> {
    if !site.state.is_unseen() || is_accepted_unseen(site) {
        return None;
    }
    let state = site.state;
    Some(match site.decisions.first() {
        None => Reason::Unseen { state },
        Some(decided) if decided.remarks.is_empty() => {
            Reason::UnseenNotAccepted { state, entry: decided.entry.clone(), verdict: decided.verdict }
        }
        Some(decided) => Reason::UnseenAmbiguous(decided.remarks.clone()),
    })
}

fn is_accepted_unseen(site: &Site) -> bool {
    !site.decisions.is_empty() && site.decisions.iter().all(|decided| decided.accepted)
}

fn standing(site: &Site) -> Standing {
    match (&site.evidence, site.state) {
        (Some(evidence), _) if evidence.refused != 0 => Standing::Open,
        (Some(_), _) if site.decisions.iter().all(|decided| decided.accepted) => Standing::Accepted,
        (Some(_), _) => Standing::ByMachine,
        (None, State::BootOnly | State::Unreachable) => Standing::CannotRun,
        (None, _) if is_accepted_unseen(site) => Standing::Accepted,
        (None, _) => Standing::Open,
    }
}
