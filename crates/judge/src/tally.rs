//! Rows of a profile that differ only in whose they are, added up.

use std::collections::BTreeMap;

use xenheap_model::{Charge, Counters, Kind, Row, Run, StackId};

/// What decisions and judgements are made of: a stack at one level with one charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// How it came about.
    pub stack: StackId,
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
}

impl From<&Row> for Key {
    fn from(row: &Row) -> Self {
        Key { stack: row.key.stack, kind: row.key.kind, charge: row.key.charge }
    }
}

/// A run's rows by what they are.
pub(crate) fn by_key(run: &Run) -> BTreeMap<Key, Vec<&Row>> {
    let mut all: BTreeMap<Key, Vec<&Row>> = BTreeMap::new();
    for row in &run.profile {
        all.entry(Key::from(row)).or_default().push(row);
    }
    all
}

/// The sum of rows. Peaks of several domains need not have been at one time, so the largest one is
/// kept, or what is live of all.
pub(crate) fn sum<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Counters {
    let mut sum = Counters::default();
    for row in rows {
        sum.add(&row.counters);
    }
    sum.peak = sum.peak.max(sum.live_bytes);
    sum
}
