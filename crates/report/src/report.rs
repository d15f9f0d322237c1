use std::collections::{BTreeMap, BTreeSet};

use xenheap_judge::{Decision, Decisions, Judgement, Key, judgements};
use xenheap_model::{Domain, DomainAccount, DomainId, Kind, Row, RowKey, Run, StackId, View};

use crate::{Calls, Filter, Finding, Group, LeftOut, Leftover, calls, leftover, rfc::EventLog};

/// A run, and what a filter left of its findings.
#[derive(Clone, Debug)]
pub struct Report {
    name: String,
    run: Run,
    filter: Filter,
    kept: Vec<Row>,
    dropped: BTreeSet<RowKey>,
    left_out: LeftOut,
    events: Option<EventLog>,
    judgements: BTreeMap<Key, Judgement>,
    decisions: Option<Decisions>,
}

impl Report {
    /// `name` is what people call the run: its file or folder.
    pub fn new(name: impl Into<String>, run: Run, filter: &Filter) -> Self {
        let (kept, dropped, left_out) = filter.apply(&run);
        Report {
            name: name.into(),
            judgements: judgements(&run),
            run,
            filter: filter.clone(),
            kept,
            dropped,
            left_out,
            events: None,
            decisions: None,
        }
    }

    /// Adds the single events, which the RFC's format needs.
    pub fn with_events(mut self, events: EventLog) -> Self {
        self.events = Some(events);
        self
    }

    /// Adds what people decided.
    pub fn with_decisions(mut self, decisions: Decisions) -> Self {
        self.decisions = Some(decisions);
        self
    }

    /// What people decided, if that was added.
    pub fn decisions(&self) -> Option<&Decisions> {
        self.decisions.as_ref()
    }

    /// What people decided of one stack, if that was added.
    pub fn decision(&self, key: Key) -> Option<&Decision> {
        self.decisions.as_ref()?.by_key.get(&key)
    }

    /// What the machine concludes of one stack.
    pub fn judgement(&self, key: Key) -> Option<&Judgement> {
        self.judgements.get(&key)
    }

    /// What people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The filter, if one was asked for.
    pub fn filter(&self) -> Option<&Filter> {
        Some(&self.filter).filter(|filter| !filter.is_empty())
    }

    /// What it left out.
    pub fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// The single events, if they were added.
    pub fn events(&self) -> Option<&EventLog> {
        self.events.as_ref()
    }

    /// Whether the filter lets events of this key through. Events without a row (frees of what was
    /// never seen) are judged by their own key.
    pub(crate) fn shows(&self, key: &RowKey) -> bool {
        !self.dropped.contains(key) && self.filter.refuses_key(key, self.run.stacks.get(&key.stack)).is_none()
    }

    /// What is left or growing.
    pub fn leftovers(&self) -> Vec<Leftover<'_>> {
        leftover::leftovers(&self.run, &self.kept)
    }

    /// The domains that the filter lets through, in the order in which they were created.
    pub fn domains(&self) -> Vec<&DomainAccount> {
        let owner = &self.filter.owner;
        let shows = |domain: &&DomainAccount| owner.is_empty() || owner.contains(&domain.id.domain);
        self.run.domains.iter().filter(shows).collect()
    }

    /// What was allocated for none of the domains that were seen, or for nobody knows whom; with
    /// them it is all that was allocated. `None`: the view does not say for whom memory is.
    pub fn unowned(&self, of: impl Fn(Kind) -> bool) -> Option<DomainAccount> {
        let seen: BTreeSet<DomainId> = self.run.domains.iter().map(|domain| domain.id).collect();
        let is_known = self.run.facts.view.is_some_and(|view| view != View::Summary) && !seen.is_empty();
        is_known.then(|| {
            let mut sums = DomainAccount::new(DomainId::unknown(Domain::Null));
            for row in self.run.profile.iter().filter(|row| of(row.key.kind)) {
                if row.key.owner.id().is_none_or(|id| !seen.contains(&id)) {
                    sums.add(&row.counters);
                }
            }
            sums
        })
    }

    /// Whether the filter lets through what is for nobody knows whom.
    pub(crate) fn shows_unowned(&self) -> bool {
        self.filter.owner.is_empty() || self.filter.owner.contains(&Domain::Null)
    }

    /// Memory that is charged to domains, as findings.
    pub fn charged(&self) -> Vec<Finding<'_>> {
        let rows = self.run.charged().map_or(&[][..], |charged| &charged.rows);
        let kept: Vec<Row> =
            rows.iter().filter(|row| self.filter.refuses(row, &self.run).is_none()).copied().collect();
        Finding::sorted(&kept, &self.run.stacks)
    }

    /// What calls leave behind, by what they asked for.
    pub fn calls(&self) -> Vec<Calls<'_>> {
        let shown: BTreeSet<(StackId, Kind)> =
            self.kept.iter().map(|row| (row.key.stack, row.key.kind)).collect();
        // Pages of the xmalloc pool hold the xmallocs that are counted too.
        let services = self.run.services.iter().filter(|service| {
            service.kind != Kind::PoolGrowth && shown.contains(&(service.stack, service.kind))
        });
        calls::by_entry(services, &self.run.stacks)
    }

    /// What it kept, in the order in which the report for people numbers it: leaks, what is live,
    /// pages of the xmalloc pool, what is not live any more.
    pub fn numbered(&self) -> Vec<Group<'_>> {
        let mut groups = Group::of(self.findings());
        let leaks: Vec<Key> = self
            .leftovers()
            .iter()
            .map(|leftover| Key { stack: leftover.id, kind: leftover.kind, charge: leftover.charge })
            .collect();
        groups.sort_by_key(|group| {
            let leak = leaks.iter().position(|leak| *leak == group.key());
            let section = match (leak, group.counters.live > 0, group.kind) {
                (Some(_), ..) => 0,
                (None, true, Kind::PoolGrowth) => 2,
                (None, true, _) => 1,
                (None, false, _) => 3,
            };
            (section, leak)
        });
        groups
    }

    /// What it kept: what is live first, then by bytes.
    pub fn findings(&self) -> Vec<Finding<'_>> {
        Finding::sorted(&self.kept, &self.run.stacks)
    }
}

/// Brings reports into the order in which several are shown: by architecture, so that none are
/// mixed, else as they came.
pub fn by_architecture(reports: &mut [Report]) {
    reports.sort_by_key(|report| report.run.facts.arch);
}
