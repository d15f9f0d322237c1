//! Comparing numbers of two sources, and saying where they differ.

use std::collections::BTreeSet;

use xenheap_model::{
    Charge, Charged, Counters, DomainId, DomainState, Dump, Kind, KindTotals, Row, RowKey, Totals,
};

/// Differences that are kept to be named.
const NAMED: usize = 3;

/// The outcome of comparisons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    /// How many comparisons were made.
    pub compared: u64,
    /// How many numbers differ.
    pub differences: u64,
    /// The first ones, in words.
    pub named: Vec<String>,
}

impl Agreement {
    pub(crate) fn holds(&self) -> bool {
        self.differences == 0
    }

    /// The differences, for the end of a sentence.
    pub(crate) fn words(&self) -> String {
        let mut words = self.named.join("; ");
        let more = self.differences.saturating_sub(self.named.len() as u64);
        if more > 0 {
            words.push_str(&format!("; and {more} more"));
        }
        words
    }

    pub(crate) fn add(&mut self, what: impl FnOnce() -> String) {
        self.differences = self.differences.saturating_add(1);
        if self.named.len() < NAMED {
            self.named.push(what());
        }
    }

    /// Compares totals. `sides` names where they are from.
    pub(crate) fn totals(&mut self, sides: [&str; 2], a: &Totals, b: &Totals) {
        self.compared = self.compared.saturating_add(1);
        for kind in Kind::ANONYMOUS {
            let (mut a, mut b) = (a.of(kind), b.of(kind));
            comparable(&mut a.counters, &mut b.counters);
            for ((name, a), (_, b)) in numbers(&a).into_iter().zip(numbers(&b)) {
                if a != b {
                    self.add(|| format!("{kind} {name} {a} in {}, {b} in {}", sides[0], sides[1]));
                }
            }
        }
    }

    /// Compares rows, both sorted by key.
    pub(crate) fn rows(&mut self, sides: [&str; 2], a: &[Row], b: &[Row]) {
        self.compared = self.compared.saturating_add(1);
        let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
        loop {
            match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x.key == y.key => {
                    self.counters(sides, x, &y.counters);
                    a.next();
                    b.next();
                }
                (Some(x), Some(y)) if x.key > y.key => {
                    self.add(|| format!("{} is only in {}", row(&y.key), sides[1]));
                    b.next();
                }
                (Some(x), _) => {
                    self.add(|| format!("{} is only in {}", row(&x.key), sides[0]));
                    a.next();
                }
                (None, Some(y)) => {
                    self.add(|| format!("{} is only in {}", row(&y.key), sides[1]));
                    b.next();
                }
                (None, None) => break,
            }
        }
    }

    fn counters(&mut self, sides: [&str; 2], a: &Row, b: &Counters) {
        if a.counters == *b {
            return;
        }
        let (mut x, mut y) = (a.counters, *b);
        comparable(&mut x, &mut y);
        for ((name, x), (_, y)) in counters(&x).into_iter().zip(counters(&y)) {
            if x != y {
                self.add(|| format!("{} {name} {x} in {}, {y} in {}", row(&a.key), sides[0], sides[1]));
            }
        }
    }

    /// Compares a dump's rows with its totals.
    pub(crate) fn sums(&mut self, dump: &Dump) {
        self.compared = self.compared.saturating_add(1);
        if !dump.rows.is_empty() {
            for kind in Kind::ANONYMOUS {
                let rows = dump.rows.iter().filter(|row| row.key.kind == kind);
                self.sum(kind.as_str(), rows, &dump.totals.of(kind));
            }
        }
        if let Some(Charged { rows, domain_pool, no_refcount }) = &dump.charged {
            let of = |charge| rows.iter().filter(move |row| row.key.charge == charge);
            self.sum("domain-pool", of(Charge::Domain), domain_pool);
            self.sum("no-refcount", of(Charge::NoRefcount), no_refcount);
        }
    }

    fn sum<'a>(&mut self, what: &str, rows: impl Iterator<Item = &'a Row>, totals: &KindTotals) {
        let mut sums = counters(&Counters::default());
        for row in rows {
            for ((_, sum), (_, n)) in sums.iter_mut().zip(counters(&row.counters)) {
                *sum = sum.saturating_add(n);
            }
        }
        for ((name, sum), (_, total)) in sums.into_iter().zip(counters(&totals.counters)) {
            // Peaks of different moments and single sizes have no sum.
            if sum != total && !["peak", "min", "max"].contains(&name) {
                self.add(|| format!("{what} {name} is {sum} in the rows together, {total} in the totals"));
            }
        }
    }

    /// Compares the domains that exist by our events and by a dump.
    pub(crate) fn domains(&mut self, number: u64, ours: &[DomainId], theirs: &[DomainState]) {
        self.compared = self.compared.saturating_add(1);
        let theirs: BTreeSet<DomainId> = theirs.iter().map(|state| state.id).collect();
        let ours: BTreeSet<DomainId> = ours.iter().copied().collect();
        for id in ours.difference(&theirs) {
            self.add(|| format!("{id} exists by the events and not in dump {number}"));
        }
        for id in theirs.difference(&ours) {
            self.add(|| format!("{id} exists in dump {number} and not by the events"));
        }
    }
}

fn row(key: &RowKey) -> String {
    let RowKey { stack, kind, charge, current, owner } = key;
    let owner = owner.id().map_or(String::new(), |id| format!(" for {id}"));
    format!("row (stack {}, {kind}, {charge}, {current}{owner})", stack.0)
}

/// What one side does not know cannot differ.
fn comparable(a: &mut Counters, b: &mut Counters) {
    if a.bracketed.is_none() || b.bracketed.is_none() {
        (a.bracketed, b.bracketed) = (None, None);
    }
}

fn counters(c: &Counters) -> [(&'static str, u64); 15] {
    [
        ("allocs", c.allocs),
        ("bytes", c.bytes),
        ("failed", c.failed),
        ("taken", c.taken),
        ("taken_bytes", c.taken_bytes),
        ("freed", c.freed),
        ("freed_bytes", c.freed_bytes),
        ("given", c.given),
        ("given_bytes", c.given_bytes),
        ("live", c.live),
        ("live_bytes", c.live_bytes),
        ("peak", c.peak),
        ("min", c.min),
        ("max", c.max),
        ("bracketed", c.bracketed.unwrap_or(0)),
    ]
}

fn numbers(totals: &KindTotals) -> Vec<(&'static str, u64)> {
    let mut numbers = counters(&totals.counters).to_vec();
    // Not kept per kind.
    numbers.retain(|(name, _)| !["min", "max"].contains(name));
    numbers.extend([
        ("orphans", totals.orphans),
        ("orphan_bytes", totals.orphan_bytes),
        ("pages", totals.pages),
        ("pages_freed", totals.pages_freed),
        ("pool", totals.pool),
        ("pool_freed", totals.pool_freed),
    ]);
    numbers
}
