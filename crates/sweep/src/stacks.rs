//! Which stacks there are to fail.

use std::{collections::BTreeMap, fmt, str::FromStr};

use thiserror::Error;
use xenheap_model::{Kind, NormalFrame, Run, sweep::Stack};

use crate::SweepError;

/// The functions of a stack, root first.
pub(crate) fn functions(stack: &xenheap_model::Stack) -> Vec<String> {
    stack.frames.iter().map(|frame| NormalFrame::from(frame).to_string()).collect()
}

/// The stacks of all anonymous allocations that were asked for, by hash. (A page of the xmalloc
/// pool is not asked for: it comes with an xmalloc of the same stack.)
pub fn stacks(run: &Run) -> Vec<Stack> {
    let mut all: BTreeMap<u64, Stack> = BTreeMap::new();
    for row in &run.profile {
        let (kind, allocs) = (row.key.kind, row.counters.allocs);
        let stack = run.stacks.get(&row.key.stack);
        let wanted = row.key.charge.is_anonymous() && kind != Kind::PoolGrowth && allocs > 0;
        let Some((stack, hash)) = stack.and_then(|stack| Some((stack, stack.hash?))).filter(|_| wanted)
        else {
            continue;
        };
        let new = || Stack { hash, kinds: Vec::new(), allocs: 0, frames: functions(stack) };
        let known = all.entry(hash).or_insert_with(new);
        known.allocs = known.allocs.saturating_add(allocs);
        if !known.kinds.contains(&kind) {
            known.kinds.push(kind);
            known.kinds.sort_unstable();
        }
    }
    all.into_values().collect()
}

/// Part K of N of the stacks, written `K/N`. By the hash, so that it does not matter what other
/// stacks there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    part: u64,
    of: u64,
}

impl Shard {
    /// Whether a stack belongs to it.
    pub fn has(self, hash: u64) -> bool {
        // The low bits of the hash are well mixed.
        hash % self.of == self.part - 1
    }
}

/// The text is no part of anything.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is not K/N with 1 <= K <= N, such as 2/5")]
pub struct ShardError(String);

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let parts = text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((part, of)) if (1..=of).contains(&part) => Ok(Shard { part, of }),
            _ => Err(ShardError(text.to_owned())),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

/// Of all stacks those that are asked for: `only`, if any are named; of a shard; the first
/// `at_most`. They come in the order in which they first came up: what fails early often ends
/// early.
pub fn choose(
    mut all: Vec<Stack>,
    only: &[u64],
    shard: Option<Shard>,
    at_most: Option<usize>,
    first: &BTreeMap<u64, u64>,
) -> Result<Vec<Stack>, SweepError> {
    if let Some(missing) = only.iter().find(|hash| !all.iter().any(|stack| stack.hash == **hash)) {
        return Err(SweepError::NoStack(*missing));
    }
    all.sort_by_key(|stack| (first.get(&stack.hash).copied().unwrap_or(u64::MAX), stack.hash));
    let named = |stack: &Stack| only.is_empty() || only.contains(&stack.hash);
    let ours = |stack: &Stack| shard.is_none_or(|shard| shard.has(stack.hash));
    Ok(all
        .into_iter()
        .filter(|stack| named(stack) && ours(stack))
        .take(at_most.unwrap_or(usize::MAX))
        .collect())
}

#[cfg(test)]
mod tests {
    use xenheap_model::{Charge, Counters, Domain, Frame, Owner, Row, RowKey, StackId};

    use super::*;

    fn run() -> Run {
        let mut run = Run::default();
        let frame = |name: &str| Frame {
            function: name.into(),
            file: None,
            inlined: false,
            source: None,
            addr: None,
        };
        for (id, hash) in [(1, Some(30)), (2, Some(20)), (3, None), (4, Some(10))] {
            let frames = vec![frame("entry"), frame(&format!("f{id}.isra.0"))];
            run.stacks.insert(StackId(id), xenheap_model::Stack { frames, hash, ..Default::default() });
        }
        let mut add = |stack, kind, charge, allocs| {
            let key =
                RowKey { stack: StackId(stack), kind, charge, current: Domain::Id(0), owner: Owner::Unknown };
            run.profile.push(Row { key, counters: Counters { allocs, ..Counters::default() } });
        };
        add(1, Kind::Xmalloc, Charge::Nobody, 2);
        add(1, Kind::PoolGrowth, Charge::Nobody, 1);
        add(1, Kind::Domheap, Charge::NoOwner, 3);
        add(2, Kind::Xenheap, Charge::Nobody, 1);
        add(3, Kind::Xenheap, Charge::Nobody, 1);
        add(4, Kind::Xenheap, Charge::Nobody, 0);
        add(9, Kind::Xenheap, Charge::Nobody, 1);
        run
    }

    #[test]
    fn what_was_asked_for_can_fail() {
        let all = stacks(&run());
        let told: Vec<(u64, u64, usize)> = all.iter().map(|s| (s.hash, s.allocs, s.kinds.len())).collect();
        assert_eq!(told, [(20, 1, 1), (30, 5, 2)]);
        assert_eq!(all[0].frames, ["entry", "f2"]);
    }

    #[test]
    fn shards_are_all_and_none_twice() {
        let shards: Vec<Shard> = (1..=5).map(|k| format!("{k}/5").parse().unwrap()).collect();
        for hash in (0..1000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) {
            assert_eq!(shards.iter().filter(|shard| shard.has(hash)).count(), 1);
        }
        for bad in ["", "1", "0/3", "4/3", "1/0", "a/b", "-1/3"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }

    #[test]
    fn some_can_be_chosen() {
        let all = || stacks(&run());
        let hashes = |chosen: Result<Vec<Stack>, SweepError>| -> Vec<u64> {
            chosen.unwrap().iter().map(|stack| stack.hash).collect()
        };
        let first = BTreeMap::from([(20, 9), (30, 4)]);
        assert_eq!(hashes(choose(all(), &[], None, None, &first)), [30, 20]);
        assert_eq!(hashes(choose(all(), &[], None, None, &BTreeMap::new())), [20, 30]);
        assert_eq!(hashes(choose(all(), &[20], None, None, &first)), [20]);
        assert_eq!(hashes(choose(all(), &[], None, Some(1), &first)), [30]);
        assert_eq!(hashes(choose(all(), &[], "1/3".parse().ok(), None, &first)), [30]);
        assert!(matches!(choose(all(), &[7], None, None, &first), Err(SweepError::NoStack(7))));
    }
}
