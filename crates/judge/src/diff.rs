//! What two runs have differently, by stacks that can be compared across builds.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use xenheap_model::{Charge, Counters, Kind, NormalStack, Run};

use crate::{
    EntryPoint, Key, Lifetime, judge,
    tally::{by_key, sum},
};

/// What differs between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// What differs: what is worse first, then by bytes, then by the stack's text.
    pub changed: Vec<Changed>,
    /// How many findings are the same in both.
    pub same: usize,
}

/// A finding that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// Names of the functions, root first.
    pub stack: Vec<String>,
    /// How the outside came in.
    pub point: EntryPoint,
    /// In the old run.
    pub old: Option<Side>,
    /// In the new run.
    pub new: Option<Side>,
    /// What is different.
    pub changes: Vec<Change>,
}

/// A finding in one of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// How long it lives.
    pub lifetime: Lifetime,
    /// The sum of all that is the same but for domains and lines.
    pub counters: Counters,
}

/// A difference. The order is that of concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It lives longer.
    LongerLife,
    /// Only the new run has it.
    New,
    /// A larger single allocation.
    LargerAllocation,
    /// A higher peak.
    HigherPeak,
    /// More bytes live at the end.
    MoreLive,
    /// More bytes in sum.
    MoreBytes,
    /// It lives shorter.
    ShorterLife,
    /// Smaller or fewer in some way, and in none larger or more.
    Less,
    /// Only the old run has it.
    Gone,
}

impl Change {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::LongerLife => "lives longer",
            Change::New => "new",
            Change::LargerAllocation => "larger allocation",
            Change::HigherPeak => "higher peak",
            Change::MoreLive => "more live",
            Change::MoreBytes => "more bytes",
            Change::ShorterLife => "lives shorter",
            Change::Less => "less",
            Change::Gone => "gone",
        }
    }

    /// Whether somebody must look at it.
    pub fn is_worse(self) -> bool {
        self < Change::ShorterLife
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What makes findings of two builds the same: names of functions, inlined or not, without files, which move.
type Same = (Kind, Charge, Vec<String>);

/// Compares two runs.
pub fn diff(old: &Run, new: &Run) -> Diff {
    let (old, new) = (sides(old), sides(new));
    let mut same = 0;
    let mut changed = Vec::new();
    let mut keys: Vec<&Same> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let (a, b) = (old.get(key), new.get(key));
        let changes = changes(a.map(|(_, side)| side), b.map(|(_, side)| side));
        if changes.is_empty() {
            same += 1;
            continue;
        }
        let Some((point, _)) = b.or(a) else { continue };
        let (kind, charge, stack) = key.clone();
        changed.push(Changed {
            kind,
            charge,
            stack,
            point: point.clone(),
            old: a.map(|(_, side)| *side),
            new: b.map(|(_, side)| *side),
            changes,
        });
    }
    let bytes = |side: Option<Side>| side.map_or(0, |side| side.counters.peak.max(side.counters.bytes));
    changed.sort_by_cached_key(|changed| {
        let first = changed.changes.first().copied();
        (first, std::cmp::Reverse(bytes(changed.new).max(bytes(changed.old))), changed.stack.clone())
    });
    Diff { changed, same }
}

fn sides(run: &Run) -> BTreeMap<Same, (EntryPoint, Side)> {
    let judgements = judge(run);
    let mut all: BTreeMap<Same, (EntryPoint, Side)> = BTreeMap::new();
    for (key, rows) in by_key(run) {
        let (Some(stack), Some(judgement)) = (run.stacks.get(&key.stack), judgements.get(&key)) else {
            continue;
        };
        let names = NormalStack::from(stack).0.into_iter().map(|frame| frame.function).collect();
        let Key { kind, charge, .. } = key;
        let counters = sum(rows);
        match all.entry((kind, charge, names)) {
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert((judgement.point.clone(), Side { lifetime: judgement.lifetime, counters }));
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                let (_, side) = place.get_mut();
                side.lifetime = side.lifetime.max(judgement.lifetime);
                side.counters.add(&counters);
            }
        }
    }
    all
}

fn changes(old: Option<&Side>, new: Option<&Side>) -> Vec<Change> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(_)) => return vec![Change::New],
        (Some(_), None) => return vec![Change::Gone],
        (None, None) => return Vec::new(),
    };
    let mut changes = Vec::new();
    if new.lifetime > old.lifetime {
        changes.push(Change::LongerLife);
    }
    let (a, b) = (&old.counters, &new.counters);
    let pairs = [
        (Change::LargerAllocation, a.max, b.max),
        (Change::HigherPeak, a.peak, b.peak),
        (Change::MoreLive, a.live_bytes, b.live_bytes),
        (Change::MoreBytes, a.bytes.saturating_add(a.taken_bytes), b.bytes.saturating_add(b.taken_bytes)),
    ];
    changes.extend(pairs.iter().filter(|(_, a, b)| b > a).map(|(change, ..)| *change));
    if new.lifetime < old.lifetime {
        changes.push(Change::ShorterLife);
    }
    if changes.is_empty() && pairs.iter().any(|(_, a, b)| b < a) {
        changes.push(Change::Less);
    }
    changes
}

#[cfg(test)]
mod tests {
    use xenheap_model::{Domain, Frame, Owner, Row, RowKey, Stack, StackId};

    use super::*;

    fn run(rows: &[(&str, Counters)]) -> Run {
        let mut run = Run::default();
        for (at, (names, counters)) in (1u32..).zip(rows) {
            let frames = names.split(' ').map(|name| Frame {
                function: name.trim_start_matches('+').to_owned(),
                file: None,
                inlined: name.starts_with('+'),
                source: None,
                addr: None,
            });
            run.stacks.insert(StackId(at), Stack { frames: frames.collect(), ..Stack::default() });
            let key = RowKey {
                stack: StackId(at),
                kind: Kind::Xmalloc,
                charge: Charge::Nobody,
                current: Domain::Id(0),
                owner: Owner::Unknown,
            };
            run.profile.push(Row { key, counters: *counters });
        }
        run
    }

    fn bytes(bytes: u64) -> Counters {
        Counters { allocs: 1, bytes, max: bytes, peak: bytes, ..Counters::default() }
    }

    #[test]
    fn what_compilers_change_is_no_change() {
        let old = run(&[("a b c", bytes(8))]);
        let new = run(&[("a +b c.isra.0", bytes(8))]);
        assert_eq!(diff(&old, &new), Diff { changed: Vec::new(), same: 1 });
        assert_eq!(diff(&new, &old).same, 1);
    }

    #[test]
    fn what_is_worse_comes_first() {
        let old = run(&[("a gone", bytes(8)), ("a less", bytes(8)), ("a more", bytes(8))]);
        let new = run(&[("a less", bytes(4)), ("a more", bytes(9)), ("a new", bytes(1))]);
        let diff = diff(&old, &new);
        let names: Vec<_> =
            diff.changed.iter().map(|one| (one.stack.join(" "), one.changes.first().copied())).collect();
        assert_eq!(
            names,
            [
                ("a new".to_owned(), Some(Change::New)),
                ("a more".to_owned(), Some(Change::LargerAllocation)),
                ("a less".to_owned(), Some(Change::Less)),
                ("a gone".to_owned(), Some(Change::Gone)),
            ]
        );
    }
}
