//! What the verdict file says of each stack of a run, and whether the run agrees.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use xenheap_model::{Counters, Domain, DomainId, NormalStack, Row, Run, Verdict};
use xenheap_verdicts::{
    Entry, Exceeded, Match, Per, Subject, VerdictFile,
    note::{BY, Note},
};

use crate::{
    Key,
    tally::{by_key, sum},
};

/// What was decided of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The verdict: UNDECIDED without an entry, and where entries contradict each other.
    pub verdict: Verdict,
    /// The entry that counts.
    pub entry: Option<Entry>,
    /// What is wrong with it.
    pub remarks: Vec<Remark>,
}

impl Decision {
    /// Whether the stack is accepted: by an entry with a justification, of which no claim is
    /// contradicted.
    pub fn is_accepted(&self) -> bool {
        self.entry.as_ref().is_some_and(Entry::accepts) && self.remarks.is_empty()
    }
}

/// What stands before a verdict above a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// The entry's id.
    Id,
    /// Who decided, as the RFC's files have it.
    By,
}

impl Decision {
    /// The lines that stand above the stack.
    pub fn note(&self, head: Head) -> Note {
        match (&self.entry, head) {
            (Some(entry), Head::Id) => entry.note(Some(&entry.id)),
            (Some(entry), Head::By) => entry.note(Some(entry.by())),
            (None, head) => Note {
                head: (head == Head::By).then(|| BY.to_owned()),
                verdict: Some(self.verdict),
                ..Note::default()
            },
        }
    }
}

/// Something that people should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// These entries decide differently of one stack.
    Ambiguous(Vec<String>),
    /// An acceptance that does not say why.
    Unjustified(String),
    /// A run shows more than the entry claims.
    Exceeded {
        /// The entry.
        id: String,
        /// Of which domain; all together if none.
        domain: Option<Domain>,
        /// Claimed and seen.
        exceeded: Exceeded,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Ambiguous(ids) => write!(f, "entries that contradict each other: {}", ids.join(", ")),
            Remark::Unjustified(id) => write!(f, "{id} accepts without saying why, which counts for nothing"),
            Remark::Exceeded { id, domain: Some(domain), exceeded } => {
                write!(f, "{id} is exceeded for {domain}: {exceeded}")
            }
            Remark::Exceeded { id, domain: None, exceeded } => write!(f, "{id} is exceeded: {exceeded}"),
        }
    }
}

/// All decisions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// By stack.
    pub by_key: BTreeMap<Key, Decision>,
    /// Entries that speak of nothing in the run, or only together with entries that contradict
    /// them.
    pub unused: Vec<Unused>,
}

/// An entry that decided nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// Which.
    pub id: String,
    /// The entries that contradict it; without any, nothing matched.
    pub against: Vec<String>,
}

/// Decides everything of a run.
pub fn decide(run: &Run, file: &VerdictFile) -> Decisions {
    let rows = by_key(run);
    let mut decisions = Decisions::default();
    let mut against: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut spoken: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for (key, rows) in &rows {
        let Some(stack) = run.stacks.get(&key.stack) else { continue };
        let normal = NormalStack::from(stack);
        let subject =
            Subject { kind: key.kind, arch: run.facts.arch, stack: &normal, truncated: stack.truncated };
        let found = file.find(&subject);
        let mut remarks = Vec::new();
        match &found {
            Match::None => {}
            Match::Entry(entry) => {
                spoken.entry(&entry.id).or_default().extend(rows);
                if entry.verdict.accepts() && !entry.is_justified() {
                    remarks.push(Remark::Unjustified(entry.id.clone()));
                }
            }
            Match::Ambiguous(entries) => {
                for entry in entries {
                    let others = entries.iter().filter(|other| other.id != entry.id);
                    against.entry(&entry.id).or_default().extend(others.map(|other| other.id.as_str()));
                }
                remarks.push(Remark::Ambiguous(entries.iter().map(|entry| entry.id.clone()).collect()));
            }
        }
        let decision = Decision { verdict: found.verdict(), entry: found.entry().cloned(), remarks };
        decisions.by_key.insert(*key, decision);
    }
    let exceeded: BTreeMap<&str, Vec<Remark>> = file
        .entries()
        .iter()
        .filter_map(|entry| Some((entry.id.as_str(), exceeded(entry, spoken.get(entry.id.as_str())?))))
        .collect();
    for decision in decisions.by_key.values_mut() {
        let id = decision.entry.as_ref().map(|entry| entry.id.as_str());
        let remarks = id.and_then(|id| exceeded.get(id)).into_iter().flatten();
        decision.remarks.extend(remarks.cloned());
    }
    decisions.unused = file
        .entries()
        .iter()
        .filter(|entry| !spoken.contains_key(entry.id.as_str()))
        .map(|entry| Unused {
            id: entry.id.clone(),
            against: against
                .get(entry.id.as_str())
                .into_iter()
                .flatten()
                .map(|id| (*id).to_owned())
                .collect(),
        })
        .collect();
    decisions
}

/// Which claims of an entry a run contradicts, with everything that the entry speaks of taken
/// together.
fn exceeded(entry: &Entry, rows: &[&Row]) -> Vec<Remark> {
    let Some(bound) = entry.bound else { return Vec::new() };
    let remarks = |domain: Option<Domain>, counters: &Counters| -> Vec<Remark> {
        let exceeded = bound.exceeded(counters).into_iter();
        exceeded.map(|exceeded| Remark::Exceeded { id: entry.id.clone(), domain, exceeded }).collect()
    };
    match bound.per {
        Per::Run => remarks(None, &sum(rows.iter().copied())),
        Per::Domain => {
            let mut by_domain: BTreeMap<DomainId, Vec<&Row>> = BTreeMap::new();
            for row in rows {
                let id = row.key.owner.id().unwrap_or(DomainId::unknown(row.key.current));
                by_domain.entry(id).or_default().push(row);
            }
            let each = by_domain.into_iter();
            each.flat_map(|(id, rows)| remarks(Some(id.domain), &sum(rows.iter().copied()))).collect()
        }
    }
}
