use std::collections::BTreeMap;

/// Disjoint ranges of addresses, each with a value.
#[derive(Clone, Debug)]
pub struct Intervals<V> {
    ranges: BTreeMap<u64, (u64, V)>,
}

/// A range that was cut out, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut<V> {
    /// Where it begins.
    pub start: u64,
    /// How long it is.
    pub len: u64,
    /// What was there.
    pub value: V,
}

impl<V> Default for Intervals<V> {
    fn default() -> Self {
        Intervals { ranges: BTreeMap::new() }
    }
}

impl<V: Copy> Intervals<V> {
    /// How many ranges there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Adds a range. The caller has cut out what was there.
    pub fn insert(&mut self, start: u64, len: u64, value: V) {
        if len > 0 {
            self.ranges.insert(start, (len.min(u64::MAX - start), value));
        }
    }

    /// The range that holds `addr`.
    pub fn at(&self, addr: u64) -> Option<Cut<V>> {
        let (&start, &(len, value)) = self.ranges.range(..=addr).next_back()?;
        (addr - start < len).then_some(Cut { start, len, value })
    }

    /// Takes everything in `[start, end)` out, appends it to `out` from the highest address to the
    /// lowest, and leaves what sticks out on both sides.
    pub fn cut(&mut self, start: u64, end: u64, out: &mut Vec<Cut<V>>) {
        while let Some((&first, &(len, value))) = self.ranges.range(..end).next_back() {
            let last = first.saturating_add(len);
            if last <= start {
                break;
            }
            self.ranges.remove(&first);
            if last > end {
                self.ranges.insert(end, (last - end, value));
            }
            if first < start {
                self.ranges.insert(first, (start - first, value));
            }
            let from = first.max(start);
            out.push(Cut { start: from, len: last.min(end) - from, value });
            if first <= start {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_an_array_of_cells(ops in prop::collection::vec((any::<bool>(), 0u64..64, 0u64..20), 0..60)) {
            let mut cells = [None; 100];
            let mut intervals = Intervals::default();
            for (value, (insert, start, len)) in ops.into_iter().enumerate() {
                let mut out = Vec::new();
                intervals.cut(start, start + len, &mut out);
                let mut cut: Vec<_> = out.iter().flat_map(|c| (c.start..c.start + c.len).map(|a| (a, c.value))).collect();
                cut.sort();
                let there: Vec<_> = (start..start + len).filter_map(|a| Some((a, cells[a as usize]?))).collect();
                prop_assert_eq!(cut, there);
                cells[start as usize..(start + len) as usize].fill(None);
                if insert {
                    intervals.insert(start, len, value);
                    cells[start as usize..(start + len) as usize].fill(Some(value));
                }
                for (addr, cell) in cells.iter().enumerate() {
                    prop_assert_eq!(intervals.at(addr as u64).map(|c| c.value), *cell);
                }
            }
        }
    }

    #[test]
    fn the_end_of_the_address_space() {
        let mut intervals = Intervals::default();
        intervals.insert(u64::MAX - 1, 8, 'a');
        assert_eq!(intervals.at(u64::MAX - 1).map(|c| c.value), Some('a'));
        let mut out = Vec::new();
        intervals.cut(0, u64::MAX, &mut out);
        assert_eq!(out, [Cut { start: u64::MAX - 1, len: 1, value: 'a' }]);
        assert!(intervals.is_empty());
    }
}
