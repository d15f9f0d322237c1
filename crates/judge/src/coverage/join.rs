//! The join: runs, one after the other, laid on a prepared graph.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_callgraph::{FunctionId, SiteId, recall::Explained};
use xenheap_model::{Counters, Kind, Row, Run, StackId, Verdict};
use xenheap_verdicts::{Entry, VerdictFile};

use super::{
    Belongs, Decided, Ground, Note, RunSummary, Unlaid,
    ground::AllocationSite,
    lay::{End, PlacedStack},
};
use crate::{
    Assessment, Decision, Decisions, Judged, Judgement, Key, Lifetime, Policy, Unused, assess::assess, check,
    decide, judgements,
};

/// Runs on a graph.
pub struct Join<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) verdicts: &'a VerdictFile,
    pub(super) runs: Vec<RunEvidence>,
    pub(super) notes: BTreeSet<Note>,
    policy: Option<&'a Policy>,
    judged: Vec<Judged>,
    unused: Option<Vec<Unused>>,
}

/// What one run shows.
#[derive(Default)]
pub(super) struct RunEvidence {
    pub summary: RunSummary,
    pub tag: Option<String>,
    pub sites: BTreeMap<usize, SiteEvidence>,
    pub calls: BTreeMap<SiteId, u64>,
    pub functions: BTreeMap<FunctionId, u64>,
    pub pairs: BTreeMap<(String, String), Explained>,
}

/// What one run shows of a site.
#[derive(Default)]
pub(super) struct SiteEvidence {
    pub stacks: usize,
    pub counters: Counters,
    pub lifetimes: BTreeSet<Lifetime>,
    pub decisions: BTreeSet<Decided>,
    pub refused: usize,
}

impl RunEvidence {
    /// An order of runs that does not depend on the order in which they were given.
    pub fn order(&self) -> impl Ord + use<> {
        let summary = &self.summary;
        let numbers = (summary.events, summary.stacks, summary.laid, summary.sites);
        let calls: Vec<_> = self.calls.iter().map(|(site, times)| (*site, *times)).collect();
        (summary.name.clone(), self.tag.clone(), summary.differs.clone(), numbers, calls)
    }

    /// The same boot, as another log tells it.
    pub fn with(mut self, other: RunEvidence) -> RunEvidence {
        for (site, shown) in other.sites {
            let known = self.sites.entry(site).or_default();
            if times(&known.counters) < times(&shown.counters) {
                known.counters = shown.counters;
            }
            known.stacks = known.stacks.max(shown.stacks);
            known.refused = known.refused.max(shown.refused);
            known.lifetimes.extend(shown.lifetimes);
            known.decisions.extend(shown.decisions);
        }
        for (mine, theirs) in other.calls {
            let known = self.calls.entry(mine).or_default();
            *known = (*known).max(theirs);
        }
        for (mine, theirs) in other.functions {
            let known = self.functions.entry(mine).or_default();
            *known = (*known).max(theirs);
        }
        for (pair, how) in other.pairs {
            let known = self.pairs.entry(pair).or_insert(how);
            *known = (*known).max(how);
        }
        // Both tell of one Xen; a log without its header does not say what that lacks.
        for part in other.summary.lacks {
            if !self.summary.lacks.contains(&part) {
                self.summary.lacks.push(part);
            }
        }
        self.summary.lacks.sort_unstable();
        self.summary.sites = self.sites.len();
        self
    }
}

impl From<&Decision> for Decided {
    fn from(decision: &Decision) -> Self {
        Decided {
            accepted: decision.is_accepted(),
            remarks: decision.remarks.iter().map(ToString::to_string).collect(),
            ..Decided::by(decision.entry.as_ref(), decision.verdict)
        }
    }
}

impl Decided {
    /// What an entry says, before it is known whether that is accepted.
    pub(super) fn by(entry: Option<&Entry>, verdict: Verdict) -> Self {
        Decided {
            verdict,
            entry: entry.map(|entry| entry.id.clone()),
            bound: entry.and_then(|entry| entry.bound).map(|bound| bound.to_string()),
            assumption: entry.and_then(|entry| entry.assumption.clone()),
            accepted: false,
            remarks: Vec::new(),
        }
    }
}

/// What is decided of a run before it is laid.
struct JudgedRun {
    lifetimes: BTreeMap<Key, Judgement>,
    decisions: Decisions,
    refused: BTreeSet<Key>,
}

impl RunEvidence {
    /// Takes in which calls the stacks of a run show.
    fn add_pairs<'p>(&mut self, placed: impl Iterator<Item = &'p PlacedStack>) {
        for (caller, callee, how) in placed.flat_map(|placed| &placed.pairs) {
            let known = self.pairs.entry((caller.clone(), callee.clone())).or_insert(*how);
            // One place where it is missing is enough.
            *known = (*known).max(*how);
        }
    }

    /// Takes in a stack that was laid as a whole. `rows`: what it allocated.
    fn add_stack(&mut self, placed: &PlacedStack, rows: &[&Row], judged: &JudgedRun) {
        self.summary.laid += 1;
        let times = rows.iter().fold(0_u64, |sum, row| sum.saturating_add(times(&row.counters)));
        for call in &placed.calls {
            add(self.calls.entry(*call).or_default(), times);
        }
        for function in &placed.functions {
            add(self.functions.entry(*function).or_default(), times);
        }
        let keys: BTreeSet<Key> = rows.iter().map(|row| Key::from(*row)).collect();
        for site in &placed.sites {
            let shown = self.sites.entry(*site).or_default();
            shown.stacks += keys.len();
            shown.refused += keys.iter().filter(|key| judged.refused.contains(key)).count();
            let lifetimes = keys.iter().filter_map(|key| judged.lifetimes.get(key));
            shown.lifetimes.extend(lifetimes.map(|one| one.lifetime));
            let decisions = keys.iter().filter_map(|key| judged.decisions.by_key.get(key));
            shown.decisions.extend(decisions.map(Decided::from));
            for row in rows {
                shown.counters.add(&row.counters);
            }
        }
    }
}

impl<'a> Join<'a> {
    /// Without a run.
    pub fn new(ground: &'a Ground<'a>, verdicts: &'a VerdictFile) -> Self {
        Join {
            ground,
            verdicts,
            runs: Vec::new(),
            notes: BTreeSet::new(),
            policy: None,
            judged: Vec::new(),
            unused: None,
        }
    }

    /// The same, for an assessment by a policy.
    pub fn with_policy(ground: &'a Ground<'a>, verdicts: &'a VerdictFile, policy: &'a Policy) -> Self {
        Join { policy: Some(policy), ..Join::new(ground, verdicts) }
    }

    /// Lays a run on the graph. It is the caller's to refuse one that does not belong to it.
    pub fn add(&mut self, name: &str, run: &Run, belongs: &Belongs) {
        self.look_at(name, run, belongs);
        let placed: BTreeMap<StackId, PlacedStack> = run
            .stacks
            .iter()
            .map(|(id, stack)| (*id, self.ground.lay(stack, belongs.is_same_build())))
            .collect();
        let judged = JudgedRun {
            lifetimes: judgements(run),
            decisions: decide(run, self.verdicts),
            refused: self.gate(name, run),
        };
        let mut evidence = RunEvidence {
            summary: RunSummary {
                name: name.to_owned(),
                differs: belongs.differs.iter().map(ToString::to_string).collect(),
                events: run.facts.events,
                stacks: run.stacks.len(),
                doubt: run.doubt(),
                lacks: run.facts.lacks.clone(),
                ..RunSummary::default()
            },
            tag: run.facts.tag.clone(),
            ..RunEvidence::default()
        };
        evidence.add_pairs(placed.values());
        let mut by_stack: BTreeMap<StackId, Vec<&Row>> = BTreeMap::new();
        for row in run.profile.iter().filter(|row| is_allocation(row)) {
            by_stack.entry(row.key.stack).or_default().push(row);
        }
        evidence.summary.allocating = by_stack.len();
        let mut unread = 0_u64;
        for (id, rows) in &by_stack {
            let stack = run.stacks.get(id).filter(|stack| !stack.frames.is_empty());
            let (Some(stack), Some(placed)) = (stack, placed.get(id)) else {
                unread += 1;
                continue;
            };
            unread += u64::from(stack.truncated);
            let innermost = stack.frames.last().map(|frame| frame.name().into_owned()).unwrap_or_default();
            if self.is_whole(name, placed, &innermost) {
                evidence.add_stack(placed, rows, &judged);
            }
        }
        if unread > 0 {
            self.notes.insert(Note::Unread { run: name.to_owned(), stacks: unread });
        }
        evidence.summary.sites = evidence.sites.len();
        self.runs.push(evidence);
    }

    /// What the policy refuses of a run.
    fn gate(&mut self, name: &str, run: &Run) -> BTreeSet<Key> {
        let Some(policy) = self.policy else { return BTreeSet::new() };
        let gate = check(&[(name, run)], self.verdicts, policy);
        let ids: BTreeSet<String> = gate.unused.iter().map(|unused| unused.id.clone()).collect();
        self.unused = Some(match self.unused.take() {
            None => gate.unused,
            Some(before) => before.into_iter().filter(|unused| ids.contains(&unused.id)).collect(),
        });
        let refused = |case: &&crate::Case| !case.refusals.is_empty();
        let cases = gate.runs.iter().flat_map(|run| &run.cases).filter(refused);
        let keys =
            cases.map(|case| Key { stack: case.stack, kind: case.kind, charge: case.charge }).collect();
        self.judged.extend(gate.runs);
        keys
    }

    /// The statement that everything together supports, or not.
    pub fn assess(mut self) -> Assessment {
        let judged = std::mem::take(&mut self.judged);
        let unused = self.unused.take().unwrap_or_default();
        let together = self.policy.map(|policy| crate::gate::coverage(&judged, policy)).unwrap_or_default();
        assess(self.finish(), &judged, &together, unused)
    }

    /// What can be said of a run before it is laid.
    fn look_at(&mut self, name: &str, run: &Run, belongs: &Belongs) {
        for differs in &belongs.differs {
            self.notes.insert(Note::OtherBuild { run: name.to_owned(), differs: differs.clone() });
        }
        if run.facts.events == 0 && run.profile.is_empty() {
            self.notes.insert(Note::EmptyRun { run: name.to_owned() });
        } else if let Some(doubt) = run.doubt() {
            self.notes.insert(Note::Doubt { run: name.to_owned(), doubt });
        }
    }

    /// Whether a stack was laid as a whole; notes it if not. One that was not shows nothing.
    fn is_whole(&mut self, run: &str, laid: &PlacedStack, innermost: &str) -> bool {
        let run = run.to_owned();
        let note = match (laid.missing(), &laid.end) {
            (Some((caller, callee, how)), _) => {
                let (caller, callee) = (caller.clone(), callee.clone());
                let unlaid = Unlaid { run, innermost: innermost.to_owned(), caller, callee };
                match how {
                    Explained::Unknown => Note::UnknownFunction(unlaid),
                    _ => Note::MissingEdge(unlaid),
                }
            }
            (None, End::Known) => return true,
            (None, End::Nowhere) => Note::NoSite { run, function: innermost.to_owned() },
            (None, End::OneOf(sites)) => {
                Note::Ambiguous { run, sites: sites.iter().map(|site| self.shown(*site)).collect() }
            }
        };
        self.notes.insert(note);
        false
    }

    pub(super) fn shown(&self, site: usize) -> String {
        let Some(known) = self.ground.sites.get(site) else { return String::new() };
        let function = self.function(self.holder(known));
        match self.ground.location(known.site) {
            Some(at) => format!("{function} ({at})"),
            None => function,
        }
    }

    pub(super) fn function(&self, id: Option<FunctionId>) -> String {
        id.map_or_else(String::new, |id| self.ground.names.show(id).to_owned())
    }

    /// The function that people would say a site stands in: the innermost one that is no helper of
    /// an allocator.
    pub(super) fn holder(&self, known: &AllocationSite) -> Option<FunctionId> {
        let site = self.ground.graph.sites.get(known.site.0 as usize)?;
        let at = self.ground.location(known.site);
        let helper = site.inlined.iter().position(|frame| frame.location.as_ref() == at);
        match helper {
            Some(0) => Some(site.caller),
            Some(at) => site.inlined.get(at - 1).map(|frame| frame.function),
            None => self.ground.innermost(known.site),
        }
    }
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

/// How often an allocator was asked.
pub(super) fn times(counters: &Counters) -> u64 {
    counters.allocs.saturating_add(counters.failed)
}

/// Whether a row is of calls of an allocator that charge nobody. Pages for the xmalloc pool are
/// fetched for a request that has a row of its own.
fn is_allocation(row: &Row) -> bool {
    row.key.charge.is_anonymous() && row.key.kind != Kind::PoolGrowth && times(&row.counters) > 0
}
