//! What is told again: whole stretches by dom0's `xl dmesg`, or a single record, which nobody's
//! `xl dmesg` does.

use xenheap_console::Place;

/// Records of a replay are no further from each other than this, counted in records of the boot:
/// Xen prints new ones between.
const NEAR: u64 = 256;

/// The damaged records of one place of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged {
    /// The first.
    pub at: Place,
    pub count: u64,
    /// They stand among records that are told again.
    pub in_replay: bool,
}

/// Follows the records of a boot through a log.
#[derive(Debug, Default)]
pub(crate) struct Replays {
    /// How many records there were so far.
    pub records: u64,
    /// At which of them one was told again at last, and how many were told again near each other up
    /// to there.
    last: u64,
    length: u64,
    /// Damaged records of which it is not known yet whether a replay begins there, and at which
    /// record they came.
    damaged: Option<(u64, Damaged)>,
    /// Records that were told again and stand alone.
    pub alone: u64,
    /// The first of them.
    pub first_alone: Option<Place>,
    /// Where `length` began.
    began: Place,
}

impl Replays {
    /// A record; `again`: it was told before. Gives the damaged records that are decided by it.
    pub(crate) fn record(&mut self, at: Place, again: bool) -> Option<Damaged> {
        self.records += 1;
        if self.is_over() {
            self.end();
        }
        if again {
            if self.length == 0 {
                self.began = at;
            }
            self.length += 1;
            self.last = self.records;
        }
        self.damaged
            .take_if(|(since, _)| again || self.records - *since > NEAR)
            .map(|(_, damaged)| Damaged { in_replay: again, ..damaged })
    }

    /// A damaged record. Gives what is decided.
    pub(crate) fn damaged(&mut self, at: Place) -> Option<Damaged> {
        if self.length > 0 && !self.is_over() {
            return Some(Damaged { at, count: 1, in_replay: true });
        }
        let new = (self.records, Damaged { at, count: 0, in_replay: false });
        let (_, damaged) = self.damaged.get_or_insert(new);
        damaged.count += 1;
        None
    }

    /// The log ends: what is left undecided.
    pub(crate) fn finish(&mut self) -> Option<Damaged> {
        self.end();
        self.damaged.take().map(|(_, damaged)| damaged)
    }

    fn is_over(&self) -> bool {
        self.records - self.last > NEAR
    }

    fn end(&mut self) {
        if self.length == 1 {
            self.alone += 1;
            self.first_alone.get_or_insert(self.began);
        }
        self.length = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u64) -> Place {
        Place { line, offset: line * 100 }
    }

    /// Letters: a new record, one told again (`r`), a damaged one (`d`). Gives how many stand
    /// alone, and how many damaged ones stand in a replay and how many do not.
    fn follow(log: &str) -> (u64, u64, u64) {
        let mut replays = Replays::default();
        let (mut inside, mut outside) = (0, 0);
        let mut decided = |damaged: Option<Damaged>| match damaged {
            Some(damaged) if damaged.in_replay => inside += damaged.count,
            Some(damaged) => outside += damaged.count,
            None => {}
        };
        for (line, letter) in (1..).zip(log.chars()) {
            decided(match letter {
                'd' => replays.damaged(at(line)),
                letter => replays.record(at(line), letter == 'r'),
            });
        }
        decided(replays.finish());
        (replays.alone, inside, outside)
    }

    #[test]
    fn a_replay_is_more_than_one_record_and_new_ones_may_stand_between() {
        let far = "n".repeat(NEAR as usize + 1);
        assert_eq!(follow("nnnn"), (0, 0, 0));
        assert_eq!(follow("nnrnn"), (1, 0, 0));
        assert_eq!(follow("nnrr"), (0, 0, 0));
        assert_eq!(follow("nnrnnnrnr"), (0, 0, 0));
        assert_eq!(follow(&format!("r{far}r{far}rr")), (2, 0, 0));
    }

    #[test]
    fn damage_is_a_replays_if_one_is_near() {
        let far = "n".repeat(NEAR as usize + 1);
        assert_eq!(follow("nndn"), (0, 0, 1));
        assert_eq!(follow("nddrr"), (0, 2, 0));
        assert_eq!(follow("rrndn"), (0, 1, 0));
        assert_eq!(follow(&format!("nd{far}rr{far}dd")), (0, 0, 3));
        assert_eq!(follow(&format!("dd{far}ndnrr")), (0, 1, 2));
    }

    #[test]
    fn the_first_that_stands_alone_is_named() {
        let mut replays = Replays::default();
        replays.record(at(1), false);
        replays.record(at(2), true);
        replays.finish();
        assert_eq!((replays.alone, replays.first_alone), (1, Some(at(2))));
    }
}
