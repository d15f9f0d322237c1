//! Events of one view, put back into the order of their numbers.

use std::collections::VecDeque;

use xenheap_model::AnyEvent;

/// How far behind the newest number an event is still waited for. Two printers and an `xl dmesg`
/// mix lines by far less.
pub(crate) const WINDOW: u64 = 4096;

/// For how many numbers the bytes are remembered, and how far a number may be ahead of the newest.
/// A power of two.
const REMEMBERED: u64 = 1 << 20;

/// No recorder counts that far; leaves room to count on.
const HIGHEST: u64 = 1 << 62;

/// Ranges of missing numbers that are kept to be named.
const NAMED_GAPS: usize = 8;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    Yes,
    /// Not decided: its number is far ahead, the next one tells whether it is right.
    Suspect,
    Replayed,
    ReplayedOld,
    Conflict,
    Late,
}

/// Numbers that never came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gaps {
    pub missing: u64,
    /// The first ones, as inclusive ranges.
    pub ranges: Vec<(u64, u64)>,
    /// Ranges that are not kept.
    pub more: u64,
    /// End of the last range.
    end: u64,
}

impl Gaps {
    fn add(&mut self, first: u64, last: u64) {
        self.missing = self.missing.saturating_add((last - first).saturating_add(1));
        let goes_on = self.end != 0 && self.end.saturating_add(1) == first;
        self.end = last;
        if goes_on {
            if let Some(range) = self.ranges.last_mut()
                && self.more == 0
            {
                range.1 = last;
            }
        } else if self.ranges.len() < NAMED_GAPS {
            self.ranges.push((first, last));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// Reorders, tells replays from forgeries, and finds what is missing. Memory does not grow with the
/// log.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// The lowest number that was neither handed out nor given up.
    next: u64,
    /// The highest number that was accepted.
    newest: u64,
    /// What waits, by number from `next`.
    waiting: VecDeque<Option<AnyEvent>>,
    /// Of each number of the last [`REMEMBERED`]: its upper bits and the hash of its bytes. 0: not
    /// seen.
    seen: Vec<u64>,
    suspect: Option<(u32, AnyEvent)>,
    pub gaps: Gaps,
    pub far_ahead: u64,
}

/// What a number is remembered as.
fn remembered(seq: u64, hash: u32) -> u64 {
    ((seq / REMEMBERED) << 32) | u64::from(hash.max(1))
}

fn slot(seq: u64) -> usize {
    (seq % REMEMBERED) as usize
}

impl Sequence {
    pub(crate) fn new() -> Self {
        Sequence { next: 1, ..Self::default() }
    }

    /// The highest number that was accepted, 0 before the first.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// The lowest number that was neither handed out nor given up.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Takes an event, whose number is not 0. `out` receives those whose turn has come.
    pub(crate) fn accept(&mut self, hash: u32, event: AnyEvent, mut out: impl FnMut(AnyEvent)) -> Accepted {
        let seq = event.seq();
        if seq > HIGHEST {
            self.far_ahead += 1;
            return Accepted::Suspect;
        }
        if let Some((suspect_hash, suspect)) = self.suspect.take() {
            if suspect.seq().abs_diff(seq) <= WINDOW && (suspect.seq(), suspect_hash) != (seq, hash) {
                // Two agree: the log really jumps there.
                self.take(suspect_hash, suspect, &mut out);
            } else if seq.saturating_sub(self.newest) <= REMEMBERED {
                self.far_ahead += 1;
            } else {
                self.far_ahead += 1;
                self.suspect = Some((hash, event));
                return Accepted::Suspect;
            }
        } else if seq.saturating_sub(self.newest) > REMEMBERED {
            self.suspect = Some((hash, event));
            return Accepted::Suspect;
        }
        self.take(hash, event, &mut out)
    }

    fn take(&mut self, hash: u32, event: AnyEvent, out: &mut impl FnMut(AnyEvent)) -> Accepted {
        let seq = event.seq();
        if seq > self.newest {
            self.newest = seq;
        } else if self.newest - seq >= REMEMBERED {
            return Accepted::ReplayedOld;
        }
        let index = slot(seq);
        if index >= self.seen.len() {
            self.seen.resize(index + 1, 0);
        }
        let Some(seen) = self.seen.get_mut(index) else { return Accepted::Late };
        let now = remembered(seq, hash);
        if *seen == now {
            return Accepted::Replayed;
        }
        if *seen >> 32 == now >> 32 && *seen != 0 {
            return Accepted::Conflict;
        }
        if seq < self.next {
            return Accepted::Late;
        }
        *seen = now;
        self.give_up(self.newest.saturating_sub(WINDOW), out);
        let place = (seq - self.next) as usize;
        if place >= self.waiting.len() {
            self.waiting.resize_with(place + 1, || None);
        }
        if let Some(waiting) = self.waiting.get_mut(place) {
            *waiting = Some(event);
        }
        Accepted::Yes
    }

    /// Hands out what came up to `last` without a hole, which is everything once all lines up to
    /// there were read.
    pub(crate) fn ready(&mut self, last: u64, mut out: impl FnMut(AnyEvent)) {
        while self.next <= last && matches!(self.waiting.front(), Some(Some(_))) {
            if let Some(Some(event)) = self.waiting.pop_front() {
                self.next += 1;
                out(event);
            }
        }
    }

    /// Hands out everything up to `last`; what is not there is missing.
    fn give_up(&mut self, last: u64, out: &mut impl FnMut(AnyEvent)) {
        let mut hole = None;
        while self.next <= last {
            match self.waiting.pop_front() {
                Some(Some(event)) => {
                    if let Some(first) = hole.take() {
                        self.gaps.add(first, self.next - 1);
                    }
                    out(event);
                }
                Some(None) => {
                    hole.get_or_insert(self.next);
                }
                None => {
                    hole.get_or_insert(self.next);
                    self.next = last;
                }
            }
            self.next += 1;
        }
        if let Some(first) = hole {
            self.gaps.add(first, self.next - 1);
        }
    }

    /// Hands out the rest. Numbers up to `last`, which other records name, are missing if they did
    /// not come.
    pub(crate) fn finish(&mut self, last: u64, mut out: impl FnMut(AnyEvent)) {
        if let Some((hash, event)) = self.suspect.take() {
            if self.newest == 0 {
                self.take(hash, event, &mut out);
            } else {
                self.far_ahead += 1;
            }
        }
        self.give_up(self.newest.max(last.min(HIGHEST)), &mut out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xenheap_model::{Charge, Domain, Event, Kind, Op, StackId};

    use super::*;

    fn event(seq: u64) -> Event {
        Event {
            seq,
            op: Op::Fail,
            kind: Kind::Xmalloc,
            addr: 0,
            size: Some(1),
            used: None,
            stack: StackId::UNKNOWN,
            current: Domain::Id(0),
            passed: None,
            charge: Charge::Nobody,
            memflags: 0,
            layer: 0,
            cpu: 0,
            time: 0,
            unknown: false,
            epoch: 0,
            bracketed: false,
            subject: None,
            untried: None,
        }
    }

    struct Trial {
        sequence: Sequence,
        out: Vec<u64>,
    }

    impl Trial {
        fn new() -> Self {
            Trial { sequence: Sequence::new(), out: Vec::new() }
        }

        fn take(&mut self, seq: u64, hash: u32) -> Accepted {
            let Trial { sequence, out } = self;
            sequence.accept(hash, event(seq).into(), |event| out.push(event.seq()))
        }

        fn finish(&mut self, last: u64) -> &Gaps {
            let Trial { sequence, out } = self;
            sequence.finish(last, |event| out.push(event.seq()));
            &sequence.gaps
        }
    }

    #[test]
    fn a_replay_counts_once_and_other_bytes_are_a_conflict() {
        let mut trial = Trial::new();
        assert_eq!(trial.take(1, 7), Accepted::Yes);
        assert_eq!(trial.take(1, 7), Accepted::Replayed);
        assert_eq!(trial.take(1, 8), Accepted::Conflict);
        assert_eq!(trial.finish(0).missing, 0);
        assert_eq!(trial.out, [1]);
    }

    #[test]
    fn missing_numbers_are_named_with_their_ranges() {
        let mut trial = Trial::new();
        for seq in [3, 4, 7, 5] {
            trial.take(seq, 1);
        }
        let gaps = trial.finish(9).clone();
        assert_eq!(gaps.ranges, [(1, 2), (6, 6), (8, 9)]);
        assert_eq!(gaps.missing, 5);
        assert_eq!(trial.out, [3, 4, 5, 7]);
    }

    #[test]
    fn ranges_are_bounded() {
        let mut trial = Trial::new();
        for seq in (2..100_000).step_by(2) {
            trial.take(seq, 1);
        }
        let gaps = trial.finish(0).clone();
        assert_eq!(gaps.missing, 49_999);
        assert_eq!(gaps.ranges.len() as u64 + gaps.more, 49_999);
        assert_eq!(gaps.ranges.len(), NAMED_GAPS);
    }

    #[test]
    fn one_number_far_ahead_is_not_believed_and_two_are() {
        let mut trial = Trial::new();
        trial.take(1, 1);
        assert_eq!(trial.take(1 << 40, 1), Accepted::Suspect);
        assert_eq!(trial.take(2, 1), Accepted::Yes);
        assert_eq!(trial.take(u64::MAX, 1), Accepted::Suspect);
        assert_eq!(trial.take(u64::MAX, 1), Accepted::Suspect);
        assert_eq!(trial.take(3, 1), Accepted::Yes);
        assert_eq!(trial.sequence.far_ahead, 3);
        assert_eq!(trial.take(1 << 30, 1), Accepted::Suspect);
        assert_eq!(trial.take((1 << 30) + 1, 1), Accepted::Yes);
        let missing = trial.finish(0).missing;
        assert_eq!(trial.out, [1, 2, 3, 1 << 30, (1 << 30) + 1]);
        assert_eq!(missing, (1 << 30) - 4);
    }

    #[test]
    fn old_numbers_are_neither_believed_nor_remembered() {
        let mut trial = Trial::new();
        for seq in 1..=REMEMBERED + 10 {
            assert_eq!(trial.take(seq, 5), Accepted::Yes);
        }
        assert_eq!(trial.take(10, 5), Accepted::ReplayedOld);
        assert_eq!(trial.take(11, 5), Accepted::Replayed);
        assert_eq!(trial.take(11, 6), Accepted::Conflict);
        assert_eq!(trial.finish(0).missing, 0);
        assert_eq!(trial.out.len() as u64, REMEMBERED + 10);
        assert!(trial.sequence.seen.len() as u64 <= REMEMBERED);
    }

    #[test]
    fn a_number_that_was_given_up_comes_too_late() {
        let mut trial = Trial::new();
        for seq in (1..=2 * WINDOW).filter(|&seq| seq != 5) {
            trial.take(seq, 1);
        }
        assert_eq!(trial.take(5, 1), Accepted::Late);
        assert_eq!(trial.finish(0).ranges, [(5, 5)]);
    }

    proptest! {
        #[test]
        fn any_order_within_the_window_gives_all_in_order(
            keys in prop::collection::vec(0u64..WINDOW / 2, 1..3000),
            drop in prop::collection::hash_set(1u64..3000, 0..20),
        ) {
            let mut seqs: Vec<(u64, u64)> = (1u64..).zip(&keys).map(|(seq, key)| (seq + key, seq)).collect();
            seqs.sort();
            let mut trial = Trial::new();
            for &(_, seq) in seqs.iter().filter(|(_, seq)| !drop.contains(seq)) {
                prop_assert_eq!(trial.take(seq, 3), Accepted::Yes);
            }
            let last = keys.len() as u64;
            let missing = trial.finish(last).missing;
            let expected: Vec<u64> = (1..=last).filter(|seq| !drop.contains(seq)).collect();
            prop_assert_eq!(missing, last - expected.len() as u64);
            prop_assert_eq!(trial.out, expected);
        }

        #[test]
        fn never_panics(seqs in prop::collection::vec(prop_oneof![1u64..100, any::<u64>().prop_map(|s| s.max(1))], 0..50)) {
            let mut trial = Trial::new();
            for seq in seqs {
                trial.take(seq, seq as u32 % 3);
            }
            trial.finish(u64::MAX - 1);
            prop_assert!(trial.out.is_sorted_by(|a, b| a < b));
        }
    }
}
