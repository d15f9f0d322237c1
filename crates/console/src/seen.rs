//! Remembers frames that were told of. A trace for people behind each event names the same few
//! hundred frames over and over.

/// As many as a small cache of a processor holds.
const SLOTS: usize = 512;
const LONGEST: usize = 127;

#[derive(Clone, Copy)]
struct Slot {
    length: u8,
    text: [u8; LONGEST],
}

/// Texts of frames, each in the place that its address gives it or in the one beside it.
pub(crate) struct Seen(Vec<Slot>);

impl Default for Seen {
    fn default() -> Self {
        Seen(vec![Slot { length: 0, text: [0; LONGEST] }; SLOTS])
    }
}

impl Seen {
    /// Of `[<ffff82d040230090>] name`, by the last digits of the address.
    fn place(frame: &[u8]) -> Option<usize> {
        let digits = frame.get(10..)?.first_chunk::<8>()?;
        let mixed = u64::from_le_bytes(*digits).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some((mixed >> 40) as usize % SLOTS)
    }

    /// Whether this frame was told of not long ago.
    #[inline]
    pub(crate) fn contains(&self, frame: &[u8]) -> bool {
        let Some(place) = Self::place(frame) else { return false };
        [place, place ^ 1].into_iter().filter_map(|place| self.0.get(place)).any(|slot| {
            usize::from(slot.length) == frame.len() && slot.text.get(..frame.len()) == Some(frame)
        })
    }

    /// Remembers it. What was in its place moves next door, and what was there is forgotten.
    pub(crate) fn insert(&mut self, frame: &[u8]) {
        let Some(place) = Self::place(frame) else { return };
        let (Ok(length), true) = (u8::try_from(frame.len()), frame.len() <= LONGEST) else { return };
        let mut new = Slot { length, text: [0; LONGEST] };
        for (to, from) in new.text.iter_mut().zip(frame) {
            *to = *from;
        }
        if let Some(slot) = self.0.get_mut(place) {
            let old = std::mem::replace(slot, new);
            if let Some(neighbour) = self.0.get_mut(place ^ 1) {
                *neighbour = old;
            }
        }
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        self.0.iter_mut().for_each(|slot| slot.length = 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_text_is_seen() {
        let mut seen = Seen::default();
        let frame = b"[<ffff82d040230090>] F name+0x1/0x2";
        assert!(!seen.contains(frame));
        seen.insert(frame);
        assert!(seen.contains(frame));
        for other in
            [&frame[..frame.len() - 1], b"[<ffff82d040230090>] F nane+0x1/0x2", b"", b"[<ffff82d040230090"]
        {
            assert!(!seen.contains(other));
        }
        // A second one with the same place stays beside it, a third pushes it out.
        seen.insert(b"[<ffff82d040230090>] F nane+0x1/0x2");
        assert!(seen.contains(frame) && seen.contains(b"[<ffff82d040230090>] F nane+0x1/0x2"));
        seen.insert(b"[<ffff82d040230090>] F nene+0x1/0x2");
        assert!(!seen.contains(frame));
        seen.insert(&[b'x'; 200]);
        assert!(!seen.contains(&[b'x'; 200]));
        seen.insert(frame);
        seen.clear();
        assert!(!seen.contains(frame));
    }
}
