use std::collections::{BTreeMap, BTreeSet};

use xenheap_model::{Domain, DomainAccount, DomainEvent, DomainId, Life, Moment, Op, Pool, Row, Subject};

use super::Found;

/// What is known of one domain.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    flags: Option<u64>,
    created: Option<Moment>,
    ended: Option<(Moment, bool, Pool)>,
}

/// What does not fit together in the lives of domains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifeFindings {
    /// A generation that is given a second time, or is of two ids.
    pub twice: Found,
    /// Domains that end, or are worked on, without having been created.
    pub never_created: Found,
    /// Domains that end again, or are worked on after their end. A late free is none of these.
    pub after_end: Found,
}

/// The domains of a boot, by generation. Grows with their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Lives {
    known: BTreeMap<u32, (Domain, Known)>,
    /// Those that exist.
    exist: BTreeSet<DomainId>,
    pub(super) findings: LifeFindings,
}

impl Lives {
    pub(super) fn event(&mut self, event: &DomainEvent) {
        let DomainEvent { seq, id, time, .. } = *event;
        let moment = Moment { seq, time };
        match event.life {
            Life::Created { flags } => {
                if self.known.contains_key(&id.generation) {
                    self.findings.twice.add(0, 0, seq);
                    return;
                }
                let known = Known { flags: Some(flags), created: Some(moment), ended: None };
                self.known.insert(id.generation, (id.domain, known));
                self.exist.insert(id);
            }
            Life::Ended { failed, pool } => {
                self.meet(id, seq);
                let Some((domain, known)) = self.known.get_mut(&id.generation) else { return };
                if *domain != id.domain {
                    return;
                }
                if known.ended.is_some() {
                    self.findings.after_end.add(0, 0, seq);
                    return;
                }
                known.ended = Some((moment, failed, pool));
                self.exist.remove(&id);
            }
        }
    }

    /// Memory is allocated or freed for a domain.
    pub(super) fn subject(&mut self, subject: Subject, op: Op, seq: u64) {
        let id = subject.id;
        if !id.is_known() {
            return;
        }
        self.meet(id, seq);
        let ended = self.known.get(&id.generation).is_some_and(|(_, known)| known.ended.is_some());
        if ended && op != Op::Free {
            self.findings.after_end.add(0, 0, seq);
        }
    }

    /// A domain is named: it must have been created.
    fn meet(&mut self, id: DomainId, seq: u64) {
        match self.known.get(&id.generation) {
            Some((domain, _)) if *domain == id.domain => {}
            Some(_) => self.findings.twice.add(0, 0, seq),
            None => {
                self.findings.never_created.add(0, 0, seq);
                self.known.insert(id.generation, (id.domain, Known::default()));
                self.exist.insert(id);
            }
        }
    }

    /// The generation that an id means now, 0 if no domain with that id is known to exist.
    pub(super) fn latest(&self, domain: Domain) -> u32 {
        let last = DomainId { domain, generation: u32::MAX };
        self.exist.range(DomainId::unknown(domain)..=last).next_back().map_or(0, |id| id.generation)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Those that exist, in order.
    pub(super) fn exist(&self) -> Vec<DomainId> {
        self.exist.iter().copied().collect()
    }

    /// Whether a domain's structure was freed.
    pub(super) fn has_ended(&self, id: DomainId) -> bool {
        self.known
            .get(&id.generation)
            .is_some_and(|(domain, known)| *domain == id.domain && known.ended.is_some())
    }

    /// The account of each domain, by generation. `rows`: the profile.
    pub(super) fn accounts(&self, rows: &[Row]) -> Vec<DomainAccount> {
        let account = |(&generation, (domain, known)): (&u32, &(Domain, Known))| {
            let id = DomainId { domain: *domain, generation };
            let mut account = DomainAccount::new(id);
            account.flags = known.flags;
            account.created = known.created;
            if let Some((moment, failed, pool)) = known.ended {
                account.ended = Some(moment);
                account.failed = failed;
                account.pool = Some(pool);
            }
            (generation, account)
        };
        let mut accounts: BTreeMap<u32, DomainAccount> = self.known.iter().map(account).collect();
        for row in rows {
            if let Some(id) = row.key.owner.id()
                && let Some(account) = accounts.get_mut(&id.generation)
                && account.id == id
            {
                account.add(&row.counters);
            }
        }
        accounts.into_values().collect()
    }
}
