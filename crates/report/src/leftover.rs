//! What stays behind: left, growing, and whether that may be called a leak.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use xenheap_model::{Amount, Charge, Growing, Kind, Left, Row, Run, Stack, StackId};

use crate::finding;

/// What is left or growing of one stack, kind and charge. In a run without a gap that is a *leak*.
#[derive(Clone, Debug)]
pub struct Leftover<'a> {
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// How it came about.
    pub stack: &'a Stack,
    /// The stack's name within the run.
    pub id: StackId,
    /// What is live although the domain that it was for is gone, by domain.
    pub left: Vec<&'a Left>,
    /// How it rose from cycle to cycle, if it did.
    pub growing: Option<&'a Growing>,
}

impl Leftover<'_> {
    /// The sum of what is left.
    pub fn left(&self) -> Amount {
        self.left.iter().map(|left| left.live).sum()
    }
}

/// What is left or growing and passed the filters: most bytes first, then by the stack's text.
pub(crate) fn leftovers<'a>(run: &'a Run, kept: &[Row]) -> Vec<Leftover<'a>> {
    let owned: BTreeSet<_> =
        kept.iter().map(|Row { key, .. }| (key.stack, key.kind, key.charge, key.owner)).collect();
    // What is growing has no owner of its own.
    let any: BTreeSet<_> = owned.iter().map(|(stack, kind, charge, _)| (*stack, *kind, *charge)).collect();
    let mut all: BTreeMap<(StackId, Kind, Charge), Leftover<'_>> = BTreeMap::new();
    let mut at = |id, kind, charge, left: Option<_>, growing: Option<_>| {
        let stack = finding::stack(&run.stacks, id);
        let one = all.entry((id, kind, charge)).or_insert_with(|| Leftover {
            kind,
            charge,
            stack,
            id,
            left: Vec::new(),
            growing: None,
        });
        one.left.extend(left);
        one.growing = one.growing.or(growing);
    };
    for left in &run.left {
        if owned.contains(&(left.stack, left.kind, left.charge, left.owner)) {
            at(left.stack, left.kind, left.charge, Some(left), None);
        }
    }
    for growing in &run.cycles.growing {
        if any.contains(&(growing.stack, growing.kind, growing.charge)) {
            at(growing.stack, growing.kind, growing.charge, None, Some(growing));
        }
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by_cached_key(|one| {
        let live = one.growing.map_or(0, |growing| growing.live.bytes);
        (Reverse(one.left().bytes.max(live)), finding::look(one.stack), one.kind, one.charge, one.id)
    });
    all
}
