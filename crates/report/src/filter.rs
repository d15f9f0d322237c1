use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use xenheap_model::{Charge, Domain, Kind, Row, RowKey, Run, Stack};

use crate::{
    Glob,
    leftover::{Leftover, leftovers},
};

/// Which findings a report shows. Each list that is empty lets everything pass.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Not those whose stack contains one of these functions.
    pub exclude: Vec<Glob>,
    /// Only while one of these ran.
    pub current: Vec<Domain>,
    /// Only for one of these; [`Domain::Null`] means that no owner is known.
    pub owner: Vec<Domain>,
    /// Only of these kinds.
    pub kinds: Vec<Kind>,
    /// Only with these charges.
    pub charges: Vec<Charge>,
    /// Only those that allocated (and took from domains) at least so many bytes in sum.
    pub min_bytes: u64,
}

/// What a filter left out, by the option that did it first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeftOut {
    /// Findings.
    pub findings: u64,
    /// Bytes that they allocated.
    pub bytes: u64,
    /// Bytes of them that are live.
    pub live_bytes: u64,
    /// Findings by option.
    pub by: BTreeMap<&'static str, u64>,
    /// Rows of charged memory.
    pub charged: u64,
    /// Paths of which something is left or growing and nothing passed.
    pub leftovers: u64,
    /// Bytes that are left (of a domain that ended) and did not pass, also of paths that did in
    /// part.
    pub left_bytes: u64,
}

impl Filter {
    /// Whether there is anything to filter.
    pub fn is_empty(&self) -> bool {
        self.exclude.is_empty()
            && self.current.is_empty()
            && self.owner.is_empty()
            && self.kinds.is_empty()
            && self.charges.is_empty()
            && self.min_bytes == 0
    }

    /// The option that leaves out what has this key and stack, if one does.
    pub(crate) fn refuses_key(&self, key: &RowKey, stack: Option<&Stack>) -> Option<&'static str> {
        let owner = key.owner.domain().unwrap_or(Domain::Null);
        let frames = stack.map_or(&[][..], |stack| &stack.frames);
        if !allows(&self.kinds, &key.kind) {
            Some("kind")
        } else if !allows(&self.charges, &key.charge) {
            Some("charge")
        } else if !allows(&self.current, &key.current) {
            Some("current")
        } else if !allows(&self.owner, &owner) {
            Some("owner")
        } else if frames.iter().any(|frame| self.exclude.iter().any(|glob| glob.is_frame(frame))) {
            Some("exclude")
        } else {
            None
        }
    }

    /// The option that leaves out a row, if one does.
    pub(crate) fn refuses(&self, row: &Row, run: &Run) -> Option<&'static str> {
        self.refuses_key(&row.key, run.stacks.get(&row.key.stack)).or_else(|| {
            let sum = row.counters.bytes.saturating_add(row.counters.taken_bytes);
            (sum < self.min_bytes).then_some("min-bytes")
        })
    }

    /// The rows of a run that stay, in its order; the keys of the others; and what those were.
    pub(crate) fn apply(&self, run: &Run) -> (Vec<Row>, BTreeSet<RowKey>, LeftOut) {
        let mut dropped = BTreeSet::new();
        let mut left_out = LeftOut::default();
        let mut kept = Vec::with_capacity(run.profile.len());
        for row in &run.profile {
            match self.refuses(row, run) {
                None => kept.push(*row),
                Some(option) => {
                    dropped.insert(row.key);
                    left_out.findings += 1;
                    left_out.bytes = left_out.bytes.saturating_add(row.counters.bytes);
                    left_out.live_bytes = left_out.live_bytes.saturating_add(row.counters.live_bytes);
                    *left_out.by.entry(option).or_default() += 1;
                }
            }
        }
        let charged = run.charged().map_or(&[][..], |charged| &charged.rows);
        left_out.charged = charged.iter().filter(|row| self.refuses(row, run).is_some()).count() as u64;
        let all = leftovers(run, &run.profile);
        let passed = leftovers(run, &kept);
        let left =
            |paths: &[Leftover<'_>]| paths.iter().fold(0u64, |sum, one| sum.saturating_add(one.left().bytes));
        left_out.leftovers = all.len().saturating_sub(passed.len()) as u64;
        left_out.left_bytes = left(&all).saturating_sub(left(&passed));
        (kept, dropped, left_out)
    }
}

fn allows<T: PartialEq>(list: &[T], item: &T) -> bool {
    list.is_empty() || list.contains(item)
}
