//! The recorder's stacks: numbers that events name, and lines that say what they are.

use std::collections::BTreeMap;

use xenheap_model::{RawStack, StackId};

use crate::hash::FoldMap;

/// More stacks than a recorder can have.
const MOST: usize = 1 << 21;

/// What became of a stack line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Accepted,
    Replayed,
    Conflict,
    /// A dump's line, and no dump is open.
    OutsideDump,
    TooMany,
}

#[derive(Debug, Default)]
struct KnownStack {
    stack: Option<RawStack>,
    /// The number of the line before an event that names it, which the recorder prints once.
    own_line: Option<u64>,
    /// Was not known when an event first named it, which came first in the log.
    named_unknown: bool,
    named: bool,
}

/// All stacks of a boot.
#[derive(Debug, Default)]
pub(crate) struct Stacks {
    entries: FoldMap<StackId, KnownStack>,
}

impl Stacks {
    /// A stack line. `in_dump`: one of a dump's, where every stack stands again.
    pub(crate) fn line(&mut self, seq: u64, id: StackId, stack: RawStack, in_dump: bool) -> Line {
        if self.entries.len() >= MOST && !self.entries.contains_key(&id) {
            return Line::TooMany;
        }
        let entry = self.entries.entry(id).or_default();
        match &entry.stack {
            Some(known) if *known != stack => return Line::Conflict,
            Some(_) => {}
            None => entry.stack = Some(stack),
        }
        match entry.own_line {
            _ if in_dump => Line::Accepted,
            Some(own) if own == seq => Line::Replayed,
            Some(_) => Line::OutsideDump,
            None => {
                entry.own_line = Some(seq);
                Line::Accepted
            }
        }
    }

    /// An event names a stack.
    pub(crate) fn named(&mut self, id: StackId) {
        if id == StackId::UNKNOWN || (self.entries.len() >= MOST && !self.entries.contains_key(&id)) {
            return;
        }
        let entry = self.entries.entry(id).or_default();
        if !entry.named {
            entry.named = true;
            entry.named_unknown = entry.stack.is_none();
        }
    }

    /// Whether a stack was printed.
    pub(crate) fn has(&self, id: StackId) -> bool {
        id == StackId::UNKNOWN || self.entries.get(&id).is_some_and(|entry| entry.stack.is_some())
    }

    /// How many stacks were printed.
    pub(crate) fn len(&self) -> usize {
        self.entries.values().filter(|entry| entry.stack.is_some()).count()
    }

    /// Named stacks that were never printed, lowest first.
    pub(crate) fn missing(&self) -> Vec<StackId> {
        self.select(|entry| entry.named && entry.stack.is_none())
    }

    /// Stacks that only a dump told: their own lines, before the events that name them, are
    /// missing.
    pub(crate) fn only_in_dump(&self) -> Vec<StackId> {
        self.select(|entry| entry.named_unknown && entry.stack.is_some() && entry.own_line.is_none())
    }

    fn select(&self, which: impl Fn(&KnownStack) -> bool) -> Vec<StackId> {
        let mut ids: Vec<StackId> =
            self.entries.iter().filter(|(_, entry)| which(entry)).map(|(&id, _)| id).collect();
        ids.sort_unstable();
        ids
    }

    /// What was printed.
    pub(crate) fn into_map(self) -> BTreeMap<StackId, RawStack> {
        self.entries.into_iter().filter_map(|(id, entry)| Some((id, entry.stack?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(hash: u64) -> RawStack {
        RawStack::Addresses { hash, pcs: Vec::new(), truncated: false }
    }

    #[test]
    fn a_stack_has_one_line_of_its_own_and_one_in_each_dump() {
        let mut stacks = Stacks::default();
        let id = StackId(4);
        assert_eq!(stacks.line(7, id, stack(1), false), Line::Accepted);
        assert_eq!(stacks.line(9, id, stack(1), true), Line::Accepted);
        assert_eq!(stacks.line(7, id, stack(1), false), Line::Replayed);
        assert_eq!(stacks.line(9, id, stack(1), false), Line::OutsideDump);
        assert_eq!(stacks.line(7, id, stack(2), false), Line::Conflict);
        assert_eq!(stacks.line(9, id, stack(2), true), Line::Conflict);
        assert_eq!(stacks.into_map(), BTreeMap::from([(id, stack(1))]));
    }

    #[test]
    fn a_line_may_follow_the_event_but_not_be_missing() {
        let mut stacks = Stacks::default();
        stacks.named(StackId(1));
        stacks.named(StackId(2));
        stacks.named(StackId(3));
        stacks.named(StackId::UNKNOWN);
        stacks.line(1, StackId(1), stack(1), false);
        stacks.line(3, StackId(2), stack(2), true);
        assert_eq!(stacks.missing(), [StackId(3)]);
        assert_eq!(stacks.only_in_dump(), [StackId(2)]);
        assert!(stacks.has(StackId(1)) && stacks.has(StackId::UNKNOWN) && !stacks.has(StackId(3)));
        assert_eq!(stacks.len(), 2);
    }
}
