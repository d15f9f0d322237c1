//! One statement for a configuration: every call of an allocator with what is known of it, and
//! whether anything is open.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xenheap_model::{NormalStack, nothing_for};

use crate::{
    Case, Code, Judged, Refusal, Unused,
    coverage::{Coverage, Site, State},
    gate::{HOOK, TELL_LEAKS},
};

/// The statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Assessment {
    /// Whether nothing is open.
    pub supported: bool,
    /// What is, in order; nothing if it is supported.
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
            *by_code.entry(blocker.code.as_str()).or_default() += 1;
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

/// Why a statement is not supported.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Blocker {
    /// Which kind: a word of the gate, a word of the coverage, or `unseen`.
    pub code: String,
    /// Of what: a stack, a site, the evidence.
    pub about: String,
    /// What is wrong.
    pub what: String,
    /// How to go on.
    pub next: String,
    /// The runs that show it; none if it is not of a run.
    pub runs: BTreeSet<String>,
}

/// Blockers, each once, with the runs that show it.
#[derive(Default)]
struct Blockers(BTreeMap<Blocker, BTreeSet<String>>);

impl Blockers {
    fn add(&mut self, blocker: Blocker, run: Option<&str>) {
        self.0.entry(blocker).or_default().extend(run.map(str::to_owned));
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
    for note in coverage.notes.iter().filter(|note| note.code.blocks()) {
        let blocker = Blocker {
            code: note.code.as_str().to_owned(),
            about: "evidence".to_owned(),
            what: note.what.clone(),
            next: note.next.clone(),
            runs: BTreeSet::new(),
        };
        blockers.add(blocker, None);
    }
    for untold in coverage.untold.iter().filter(|untold| is_claimed(&untold.part)) {
        let blocker = Blocker {
            code: Code::LostPart.as_str().to_owned(),
            about: "evidence".to_owned(),
            what: format!(
                "{}: that nothing is left behind cannot be claimed, as {}, which tells {}",
                untold.part,
                nothing_for(&untold.part),
                untold.what.unwrap_or_default()
            ),
            next: HOOK.to_owned(),
            runs: BTreeSet::new(),
        };
        untold.runs.iter().for_each(|run| blockers.add(blocker.clone(), Some(run)));
    }
    for run in runs {
        // That a run is empty or lacks a part stands above, whatever the policy says. That its
        // recorder is too old is said of no part.
        let stands_above = |refusal: &Refusal| refusal.code == Code::Empty || refusal.part.is_some();
        for refusal in run.refusals.iter().filter(|refusal| !stands_above(refusal)) {
            blockers.add(blocker(refusal, "a run".to_owned()), Some(&run.name));
        }
        for case in &run.cases {
            for refusal in &case.refusals {
                blockers.add(blocker(refusal, of_case(case)), Some(&run.name));
            }
        }
    }
    for refusal in together {
        blockers.add(blocker(refusal, "all runs".to_owned()), None);
    }
    for site in &coverage.sites {
        if let Some(blocker) = unseen(site) {
            blockers.add(blocker, None);
        }
    }
    let blockers: Vec<Blocker> =
        blockers.0.into_iter().map(|(blocker, runs)| Blocker { runs, ..blocker }).collect();
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

fn blocker(refusal: &Refusal, about: String) -> Blocker {
    Blocker {
        code: refusal.code.as_str().to_owned(),
        about,
        what: refusal.what.clone(),
        next: refusal.next.clone(),
        runs: BTreeSet::new(),
    }
}

fn of_case(case: &Case) -> String {
    let NormalStack(frames) = &case.frames;
    let frames: Vec<String> = frames.iter().map(ToString::to_string).collect();
    let uncertain = if case.uncertain.is_some() { " (uncertain)" } else { "" };
    format!("{} ({}) by {}{uncertain}", case.kind, case.charge, frames.join(" > "))
}

/// A site that no run shows, and that nobody has accepted for every stack that can end there.
fn unseen(site: &Site) -> Option<Blocker> {
    if !site.state.is_unseen() || is_accepted_unseen(site) {
        return None;
    }
    let at = site.at.as_deref().unwrap_or("place not known");
    let address = site.address.as_deref().map_or_else(String::new, |address| format!(" at {address}"));
    let about = format!("site {} ({at}){address}", site.function);
    let says = site.decisions.first();
    let ambiguous = says.is_some_and(|decided| !decided.remarks.is_empty());
    let what = match (site.state, says) {
        (_, Some(decided)) if ambiguous => decided.remarks.join("; "),
        (state, Some(decided)) => format!(
            "{}; {} says {}, which accepts nothing{}",
            state.describe(),
            decided.entry.as_deref().unwrap_or("no entry"),
            decided.verdict,
            if decided.verdict.accepts() { " without a reason" } else { "" }
        ),
        (state, None) => format!("{}; no entry accepts every stack that can end there", state.describe()),
    };
    let code = if ambiguous { Code::Ambiguous.as_str() } else { "unseen" };
    let next = "write a test that takes it (`xenheap coverage` shows a way), or accept it with an entry whose stack begins with `...`";
    Some(Blocker { code: code.to_owned(), about, what, next: next.to_owned(), runs: BTreeSet::new() })
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
