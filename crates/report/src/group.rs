//! Findings that differ only in whose they are.

use std::collections::BTreeMap;

use xenheap_judge::Key;
use xenheap_model::{Charge, Counters, Kind, Stack, StackId};

use crate::Finding;

/// All findings of one stack, kind and charge. A guest that is created a hundred times makes a
/// hundred findings of one stack, and one group.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// How it came about.
    pub stack: &'a Stack,
    /// The stack's name within the run.
    pub id: StackId,
    /// The sums of them, but the largest `peak`: peaks of several domains need not have been at one
    /// time.
    pub counters: Counters,
    /// At least one, in the order of findings.
    pub findings: Vec<Finding<'a>>,
}

impl<'a> Group<'a> {
    /// What decisions and judgements are kept by.
    pub fn key(&self) -> Key {
        Key { stack: self.id, kind: self.kind, charge: self.charge }
    }

    /// Groups findings; the groups stand in the order in which findings with their sums would
    /// stand.
    pub(crate) fn of(findings: Vec<Finding<'a>>) -> Vec<Self> {
        let mut groups: BTreeMap<_, Group<'a>> = BTreeMap::new();
        for finding in findings {
            let key = finding.key;
            let group = groups.entry((key.stack, key.kind, key.charge)).or_insert_with(|| Group {
                kind: key.kind,
                charge: key.charge,
                stack: finding.stack,
                id: key.stack,
                counters: Counters::default(),
                findings: Vec::new(),
            });
            group.counters.add(&finding.counters);
            group.findings.push(finding);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_cached_key(|group| {
            group.findings.first().map(|finding| Finding { counters: group.counters, ..*finding }.order())
        });
        groups
    }
}
