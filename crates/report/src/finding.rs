use std::{cmp::Reverse, collections::BTreeMap};

use xenheap_model::{Counters, Row, RowKey, Source, Stack, StackId};

static NOT_READ: Stack = Stack { frames: Vec::new(), truncated: false, hash: None, uncertain: None };

/// A row of the profile with its stack.
#[derive(Clone, Copy, Debug)]
pub struct Finding<'a> {
    /// What it is.
    pub key: RowKey,
    /// How much.
    pub counters: Counters,
    /// How it came about; without frames if the stack could not be read.
    pub stack: &'a Stack,
}

impl<'a> Finding<'a> {
    /// Findings in the order of reports: what is live first, then by bytes allocated, then by the
    /// stack's text.
    pub(crate) fn sorted(rows: &[Row], stacks: &'a BTreeMap<StackId, Stack>) -> Vec<Self> {
        let mut findings: Vec<Self> = rows
            .iter()
            .map(|row| Finding { key: row.key, counters: row.counters, stack: stack(stacks, row.key.stack) })
            .collect();
        findings.sort_by_cached_key(Finding::order);
        findings
    }

    /// What comes first in a report is the least of these.
    pub(crate) fn order(&self) -> impl Ord + use<'a> {
        let Finding { key, counters, stack } = *self;
        let most = Reverse((counters.live_bytes, counters.bytes, counters.failed));
        // The stack's number is the last resort: it differs between boots.
        (most, look(stack), key.kind, key.charge, key.current, key.owner, places(stack), key.stack)
    }
}

/// The stack with this number.
pub(crate) fn stack(stacks: &BTreeMap<StackId, Stack>, id: StackId) -> &Stack {
    stacks.get(&id).unwrap_or(&NOT_READ)
}

/// What a stack looks like without its lines.
pub(crate) fn look(stack: &Stack) -> Vec<(String, bool)> {
    stack.frames.iter().map(|frame| (frame.name().into_owned(), frame.inlined)).collect()
}

fn places(stack: &Stack) -> Vec<(Option<&Source>, Option<u64>)> {
    stack.frames.iter().map(|frame| (frame.source.as_ref(), frame.addr)).collect()
}
