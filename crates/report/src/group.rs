//! Findings that differ only in whose they are.

use std::collections::BTreeMap;

use xenheap_model::{Charge, Counters, Kind, Stack, StackId};

use crate::Finding;

/// All findings of one stack, kind and charge. A guest that is created a hundred times makes a hundred findings of one
/// stack, and one group.
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
    /// The sums of them, but the largest `peak`: peaks of several domains need not have been at one time.
    pub counters: Counters,
    /// At least one, in the order of findings.
    pub findings: Vec<Finding<'a>>,
}

impl<'a> Group<'a> {
    /// Groups findings; the groups stand in the order in which findings with their sums would stand.
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
            add(&mut group.counters, &finding.counters);
            group.findings.push(finding);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_cached_key(|group| {
            group.findings.first().map(|finding| Finding { counters: group.counters, ..*finding }.order())
        });
        groups
    }
}

/// Adds up what can be added up.
pub(crate) fn add(sum: &mut Counters, more: &Counters) {
    for (sum, more) in [
        (&mut sum.allocs, more.allocs),
        (&mut sum.bytes, more.bytes),
        (&mut sum.failed, more.failed),
        (&mut sum.taken, more.taken),
        (&mut sum.taken_bytes, more.taken_bytes),
        (&mut sum.freed, more.freed),
        (&mut sum.freed_bytes, more.freed_bytes),
        (&mut sum.given, more.given),
        (&mut sum.given_bytes, more.given_bytes),
        (&mut sum.live, more.live),
        (&mut sum.live_bytes, more.live_bytes),
    ] {
        *sum = sum.saturating_add(more);
    }
    sum.bracketed = match (sum.bracketed, more.bracketed) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (a, b) => a.or(b),
    };
    sum.peak = sum.peak.max(more.peak);
    sum.max = sum.max.max(more.max);
    // 0 says that there was no allocation.
    sum.min = match (sum.min, more.min) {
        (0, min) | (min, 0) => min,
        (a, b) => a.min(b),
    };
}
