//! What grows from cycle to cycle.

use std::collections::BTreeMap;

use xenheap_model::{Amount, Charge, Cycles, GROWING, Growing, Kind, Rise, Row, StackId};

/// Whichever domains were current, and whichever it was for: each cycle has domains of its own.
type Key = (StackId, Kind, Charge);

/// Watches what is live at the end of each cycle. Pages of the xmalloc pool are left out: they grow
/// with what is in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Growth {
    seen: BTreeMap<Key, Seen>,
    completed: u64,
    missed: u64,
    /// Ends of the cycles that follow each other without one that was missed.
    ends: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    live: Amount,
    rises: u64,
    bytes: Rise,
    allocs: Rise,
}

impl Growth {
    /// A cycle ended at `seq`, and this is live.
    pub(crate) fn cycle(&mut self, seq: u64, rows: &[Row]) {
        let mut now: BTreeMap<Key, Amount> = BTreeMap::new();
        for Row { key, counters } in rows.iter().filter(|row| row.key.kind != Kind::PoolGrowth) {
            let live = now.entry((key.stack, key.kind, key.charge)).or_default();
            live.add(counters.live, counters.live_bytes);
        }
        let is_first = self.ends.is_empty();
        let before = std::mem::take(&mut self.seen);
        self.completed = self.completed.saturating_add(1);
        self.ends.push(seq);
        self.seen = now
            .into_iter()
            .map(|(key, live)| {
                let mut seen = before.get(&key).copied().unwrap_or_default();
                if live.bytes > seen.live.bytes && !is_first {
                    let bytes = difference(live.bytes, seen.live.bytes);
                    let allocs = difference(live.count, seen.live.count);
                    seen.bytes = add(seen.bytes, bytes, seen.rises);
                    seen.allocs = add(seen.allocs, allocs, seen.rises);
                    seen.rises += 1;
                } else {
                    seen = Seen::default();
                }
                seen.live = live;
                (key, seen)
            })
            .collect();
    }

    /// Something is not known of a cycle: what follows cannot be compared with what was before.
    pub(crate) fn missed(&mut self) {
        self.missed = self.missed.saturating_add(1);
        self.seen.clear();
        self.ends.clear();
    }

    /// What is growing, and how many cycles there were.
    pub(crate) fn cycles(&self) -> Cycles {
        let growing = self.seen.iter().filter(|(_, seen)| seen.rises >= GROWING);
        let growing = growing.map(|(&(stack, kind, charge), seen)| {
            let Seen { live, rises, bytes, allocs } = *seen;
            Growing { stack, kind, charge, rises, bytes, allocs, live }
        });
        Cycles { completed: self.completed, missed: self.missed, growing: growing.collect() }
    }

    pub(crate) fn ends(&self) -> &[u64] {
        &self.ends
    }
}

fn difference(now: u64, before: u64) -> i64 {
    let difference = i128::from(now) - i128::from(before);
    difference.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn add(rise: Rise, by: i64, rises: u64) -> Rise {
    if rises == 0 {
        return Rise { min: by, max: by, last: by, total: by };
    }
    Rise { min: rise.min.min(by), max: rise.max.max(by), last: by, total: rise.total.saturating_add(by) }
}

#[cfg(test)]
mod tests {
    use xenheap_model::{Counters, Domain, Owner, RowKey};

    use super::*;

    fn row(stack: u32, current: u16, live: u64, live_bytes: u64) -> Row {
        let key = RowKey {
            stack: StackId(stack),
            kind: Kind::Xmalloc,
            charge: Charge::Nobody,
            current: Domain::Id(current),
            owner: Owner::Unknown,
        };
        Row { key, counters: Counters { live, live_bytes, ..Counters::default() } }
    }

    fn after(cycles: &[&[Row]]) -> Cycles {
        let mut growth = Growth::default();
        for (seq, rows) in (1..).zip(cycles) {
            growth.cycle(seq, rows);
        }
        growth.cycles()
    }

    #[test]
    fn three_rises_up_to_the_last_cycle() {
        // The first cycle warms caches up: nobody knows what it began with.
        let cycle = |n: u64| [row(1, n as u16, n, 100 * n), row(1, 0, 1, 7 + n), row(2, 0, 5, 500)];
        let cycles: Vec<[Row; 3]> = (1..=4).map(cycle).collect();
        let told: Vec<&[Row]> = cycles.iter().map(|rows| &rows[..]).collect();
        assert_eq!(after(&told[..3]).growing, []);
        let all = after(&told);
        let rise = |n| Rise { min: n, max: n, last: n, total: 3 * n };
        assert_eq!(all.completed, 4);
        assert_eq!(
            all.growing,
            [Growing {
                stack: StackId(1),
                kind: Kind::Xmalloc,
                charge: Charge::Nobody,
                rises: 3,
                bytes: rise(101),
                allocs: rise(1),
                live: Amount { count: 5, bytes: 411 },
            }]
        );
        let mut still = told.clone();
        still.push(told[3]);
        assert_eq!(after(&still).growing, [], "in the last cycle nothing rose");
        let gone: [&[Row]; 5] = [told[0], told[1], told[2], told[3], &[]];
        assert_eq!(after(&gone).growing, []);
    }

    #[test]
    fn what_appears_later_grows_from_nothing() {
        let one = |bytes| vec![row(3, 0, 1, bytes)];
        let cycles = [vec![], vec![], one(10), one(30), one(35)];
        let told: Vec<&[Row]> = cycles.iter().map(Vec::as_slice).collect();
        let growing = after(&told).growing;
        let bytes = Rise { min: 5, max: 20, last: 5, total: 35 };
        let allocs = Rise { min: 0, max: 1, last: 0, total: 1 };
        assert_eq!(
            growing.iter().map(|of| (of.rises, of.bytes, of.allocs)).collect::<Vec<_>>(),
            [(3, bytes, allocs)]
        );
    }

    #[test]
    fn a_missed_cycle_begins_anew() {
        let mut growth = Growth::default();
        for n in 1..=6u64 {
            if n == 3 {
                growth.missed();
            } else {
                growth.cycle(n, &[row(1, 0, n, n)]);
            }
        }
        let cycles = growth.cycles();
        assert_eq!((cycles.completed, cycles.missed, cycles.growing.len()), (5, 1, 0));
        assert_eq!(growth.ends(), [4, 5, 6]);
        growth.cycle(7, &[row(1, 0, 7, 7)]);
        assert_eq!(growth.cycles().growing.len(), 1);
    }
}
