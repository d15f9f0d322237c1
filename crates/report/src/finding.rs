use std::{cmp::Reverse, collections::BTreeMap};

use xenheap_model::{Counters, Row, RowKey, Source, Stack, StackId};

static NOT_READ: Stack = Stack { frames: Vec::new(), truncated: false, hash: None };

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
    /// Findings in the order of reports: what is live first, then by bytes allocated, then by the stack's text.
    pub(crate) fn sorted(rows: &[Row], stacks: &'a BTreeMap<StackId, Stack>) -> Vec<Self> {
        let mut findings: Vec<Self> = rows
            .iter()
            .map(|row| Finding {
                key: row.key,
                counters: row.counters,
                stack: stacks.get(&row.key.stack).unwrap_or(&NOT_READ),
            })
            .collect();
        findings.sort_by_cached_key(|finding| {
            let key = finding.key;
            let most =
                Reverse((finding.counters.live_bytes, finding.counters.bytes, finding.counters.failed));
            // The stack's number is the last resort: it differs between boots.
            (
                most,
                look(finding.stack),
                key.kind,
                key.charge,
                key.current,
                key.owner,
                places(finding.stack),
                key.stack,
            )
        });
        findings
    }
}

/// What a stack looks like without its lines.
pub(crate) fn look(stack: &Stack) -> Vec<(String, bool)> {
    stack.frames.iter().map(|frame| (frame.name().into_owned(), frame.inlined)).collect()
}

fn places(stack: &Stack) -> Vec<(Option<&Source>, Option<u64>)> {
    stack.frames.iter().map(|frame| (frame.source.as_ref(), frame.addr)).collect()
}
