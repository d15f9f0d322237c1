//! Which tag is the boot's that the report is about.
//!
//! The tag is drawn before any guest runs, so the first header is genuine: a header that comes
//! later with another tag starts another boot, and changes nothing of the first. In a log that
//! begins late there may be no header at all. Then the first records are held until either a header
//! decides, or so many have come that the log evidently goes on without one; then their first tag
//! wins.

use xenheap_console::{Place, Record, Tag};

/// Boots that are told apart. Forged headers must not make memory grow.
const MOST: usize = 64;

/// Records that are held while no header has come.
const HELD: usize = 256;

/// A record of which it is not known yet whether it is ours.
#[derive(Debug)]
pub(crate) struct Held {
    pub at: Place,
    pub tag: Tag,
    pub seq: u64,
    pub hash: u32,
    pub record: Record,
}

/// Whose a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Of the chosen boot.
    Ours,
    /// Of another boot of this log.
    OtherBoot,
    /// Of no boot.
    Wrong,
    /// A header with one more tag than can be told apart.
    TooMany,
    /// Not known: hold it.
    Undecided,
}

#[derive(Clone, Copy, Debug)]
struct Boot {
    tag: Tag,
    header: bool,
}

/// The boots of a log.
#[derive(Debug)]
pub(crate) struct Boots {
    wanted: u32,
    boots: Vec<Boot>,
    chosen: Option<usize>,
    held: Vec<Held>,
}

impl Boots {
    /// `wanted`: the number of the boot, from 1.
    pub(crate) fn new(wanted: u32) -> Self {
        Boots { wanted: wanted.max(1), boots: Vec::new(), chosen: None, held: Vec::new() }
    }

    /// The tag of the chosen boot.
    pub(crate) fn tag(&self) -> Option<Tag> {
        self.boots.get(self.chosen?).map(|boot| boot.tag)
    }

    /// The chosen boot's number, and how many there are.
    pub(crate) fn numbers(&self) -> (u32, u32) {
        (self.chosen.map_or(0, |index| index as u32 + 1), self.boots.len() as u32)
    }

    fn add(&mut self, tag: Tag, header: bool) {
        self.boots.push(Boot { tag, header });
        if self.boots.len() == self.wanted as usize {
            self.chosen = Some(self.boots.len() - 1);
        }
    }

    /// Whose a record is; a header can decide it.
    pub(crate) fn whose(&mut self, tag: Tag, is_header: bool) -> Whose {
        match self.boots.iter().position(|boot| boot.tag == tag) {
            Some(index) => {
                if let Some(boot) = self.boots.get_mut(index) {
                    boot.header |= is_header;
                }
                if self.chosen == Some(index) { Whose::Ours } else { Whose::OtherBoot }
            }
            None if is_header && self.boots.len() >= MOST => Whose::TooMany,
            None if is_header => {
                self.add(tag, true);
                if self.chosen == Some(self.boots.len() - 1) { Whose::Ours } else { Whose::OtherBoot }
            }
            None if self.boots.is_empty() => Whose::Undecided,
            None => Whose::Wrong,
        }
    }

    /// Holds a record that nobody can tell yet. True: enough are held, [`Boots::settle`] now.
    pub(crate) fn hold(&mut self, held: Held) -> bool {
        self.held.push(held);
        self.held.len() >= HELD
    }

    /// No header came: the first tag wins.
    pub(crate) fn settle(&mut self) {
        if self.boots.is_empty()
            && let Some(first) = self.held.first()
        {
            self.add(first.tag, false);
        }
    }

    /// What was held; ask [`Boots::whose`] again.
    pub(crate) fn take_held(&mut self) -> Vec<Held> {
        if self.boots.is_empty() { Vec::new() } else { std::mem::take(&mut self.held) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(tag: u32) -> Held {
        let record = Record::Header(Default::default());
        Held { at: Place::default(), tag: Tag(tag), seq: 0, hash: 1, record }
    }

    #[test]
    fn the_first_header_wins() {
        let mut boots = Boots::new(1);
        assert_eq!(boots.whose(Tag(9), false), Whose::Undecided);
        assert!(!boots.hold(held(9)));
        assert_eq!(boots.whose(Tag(1), true), Whose::Ours);
        assert_eq!(boots.take_held().len(), 1);
        assert_eq!(boots.whose(Tag(9), false), Whose::Wrong);
        assert_eq!(boots.whose(Tag(2), true), Whose::OtherBoot);
        assert_eq!(boots.whose(Tag(2), false), Whose::OtherBoot);
        assert_eq!(boots.whose(Tag(1), false), Whose::Ours);
        assert_eq!((boots.tag(), boots.numbers()), (Some(Tag(1)), (1, 2)));
    }

    #[test]
    fn without_a_header_the_first_tag_wins_and_a_later_header_does_not() {
        let mut boots = Boots::new(1);
        for n in 1.. {
            assert_eq!(boots.whose(Tag(5), false), Whose::Undecided);
            if boots.hold(held(5)) {
                assert_eq!(n, HELD);
                break;
            }
        }
        boots.settle();
        assert_eq!(boots.whose(Tag(6), true), Whose::OtherBoot);
        assert_eq!(boots.whose(Tag(5), false), Whose::Ours);
        assert_eq!(boots.numbers(), (1, 2));
    }

    #[test]
    fn forged_headers_are_bounded() {
        let mut boots = Boots::new(2);
        assert_eq!(boots.whose(Tag(1), true), Whose::OtherBoot);
        assert_eq!(boots.whose(Tag(2), true), Whose::Ours);
        for tag in 3..=MOST as u32 {
            assert_eq!(boots.whose(Tag(tag), true), Whose::OtherBoot);
        }
        for tag in 1000..3000 {
            assert_eq!(boots.whose(Tag(tag), true), Whose::TooMany);
        }
        assert_eq!(boots.numbers(), (2, MOST as u32));
        assert_eq!(boots.whose(Tag(2), false), Whose::Ours);
    }
}
