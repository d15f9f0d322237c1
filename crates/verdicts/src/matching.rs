//! Which entry speaks of a stack, and which ones nearly do.

use xenheap_model::{NormalFrame, Verdict};

use crate::{Entry, Subject, VerdictFile};

/// What a file says of one stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// Nothing.
    None,
    /// This entry. One that says the stack exactly goes before patterns; the first one before
    /// others that decide the same.
    Entry(&'a Entry),
    /// Several entries that decide differently: none of them counts.
    Ambiguous(Vec<&'a Entry>),
}

impl<'a> Match<'a> {
    /// The entry that counts.
    pub fn entry(&self) -> Option<&'a Entry> {
        match self {
            Match::Entry(entry) => Some(entry),
            Match::None | Match::Ambiguous(_) => None,
        }
    }

    /// What is decided: as long as entries contradict each other, nothing.
    pub fn verdict(&self) -> Verdict {
        self.entry().map_or(Verdict::Undecided, |entry| entry.verdict)
    }
}

/// An entry that does not match, and looks as if it should.
#[derive(Clone, Debug, PartialEq)]
pub struct Near<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// From 0, nothing in common, to 1, alike.
    pub likeness: f64,
    /// Frame by frame.
    pub difference: Vec<Difference>,
}

/// A frame of an entry and a stack that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Both have it.
    Same(NormalFrame),
    /// Only the entry has it.
    Gone(NormalFrame),
    /// Only the stack has it.
    New(NormalFrame),
}

/// Below this an entry is not worth a reviewer's look.
const NEAR: f64 = 0.5;

impl VerdictFile {
    /// What the file says of a stack.
    pub fn find(&self, subject: &Subject<'_>) -> Match<'_> {
        if subject.truncated {
            return Match::None;
        }
        let all: Vec<&Entry> = self.entries().iter().filter(|entry| entry.is_match(subject)).collect();
        let exact: Vec<&Entry> = all.iter().copied().filter(|entry| entry.pattern.is_exact()).collect();
        let best = if exact.is_empty() { all } else { exact };
        match best.as_slice() {
            [] => Match::None,
            [first, others @ ..] if others.iter().all(|other| other.verdict == first.verdict) => {
                Match::Entry(first)
            }
            _ => Match::Ambiguous(best),
        }
    }

    /// The entries that are most like a stack, at most `limit`; the likest first. A suggestion,
    /// never applied.
    pub fn near(&self, subject: &Subject<'_>, limit: usize) -> Vec<Near<'_>> {
        let mut near: Vec<Near<'_>> = self
            .entries()
            .iter()
            .filter(|entry| entry.pattern.is_readable() && entry.may_be(subject))
            .map(|entry| compare(entry, subject))
            .filter(|near| near.likeness >= NEAR)
            .collect();
        near.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then_with(|| a.entry.id.cmp(&b.entry.id)));
        near.truncate(limit);
        near
    }
}

/// Aligns an entry's frames with those of a stack so that what they have in common weighs most. A
/// frame weighs the more the nearer it is to the allocation: the way in changes from version to
/// version and is shared by most stacks.
fn compare<'a>(entry: &'a Entry, subject: &Subject<'_>) -> Near<'a> {
    let old: Vec<&NormalFrame> = entry.pattern.frames().collect();
    let new: Vec<&NormalFrame> = subject.stack.0.iter().collect();
    let pair = |i: usize, j: usize| -> Option<f64> {
        let like = likeness(old.get(i)?, new.get(j)?)?;
        Some(like * (weight(old.len() - i) + weight(new.len() - j)) / 2.0)
    };
    // best[i][j]: the heaviest alignment of what follows frame i of the entry and j of the stack.
    let width = new.len() + 1;
    let mut best = vec![0.0; (old.len() + 1) * width];
    let get = |best: &[f64], i: usize, j: usize| best.get(i * width + j).copied().unwrap_or(0.0);
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let both = pair(i, j).map_or(0.0, |pair| pair + get(&best, i + 1, j + 1));
            let value = both.max(get(&best, i + 1, j)).max(get(&best, i, j + 1));
            if let Some(cell) = best.get_mut(i * width + j) {
                *cell = value;
            }
        }
    }
    let mut difference = Vec::new();
    let mut apart = 0.0;
    let mut lone = |frame: &NormalFrame, distance: usize| {
        // Compilers decide what is inlined: that alone is hardly a difference.
        apart += weight(distance) * if frame.inlined { 0.1 } else { 1.0 };
    };
    let (mut i, mut j) = (0, 0);
    loop {
        let here = get(&best, i, j);
        let aligned = pair(i, j).is_some_and(|pair| pair + get(&best, i + 1, j + 1) >= here);
        match (old.get(i), new.get(j)) {
            (Some(_), Some(frame)) if aligned => {
                difference.push(Difference::Same((*frame).clone()));
                (i, j) = (i + 1, j + 1);
            }
            (Some(frame), other) if other.is_none() || get(&best, i + 1, j) >= here => {
                lone(frame, old.len() - i);
                difference.push(Difference::Gone((*frame).clone()));
                i += 1;
            }
            (_, Some(frame)) => {
                lone(frame, new.len() - j);
                difference.push(Difference::New((*frame).clone()));
                j += 1;
            }
            (_, None) => break,
        }
    }
    let common = 2.0 * get(&best, 0, 0);
    Near { entry, likeness: common / (common + apart).max(f64::MIN_POSITIVE), difference }
}

/// The innermost frame, at distance 1, weighs most.
fn weight(distance: usize) -> f64 {
    1.0 / (1.0 + distance as f64 / 4.0)
}

/// How alike two frames are; `None`: not at all. A static function can move to another file.
fn likeness(a: &NormalFrame, b: &NormalFrame) -> Option<f64> {
    if a.is_same(b) {
        return Some(1.0);
    }
    (a.function == b.function).then_some(0.8)
}

#[cfg(test)]
mod tests {
    use xenheap_model::{Arch, Kind, NormalStack};

    use super::*;

    const FILE: &str = r#"
format = 1

[[verdict]]
id = "one"
verdict = "SAFE"
comment = "why"
kind = "xmalloc"
stack = """
entry
  do_op
    make
      refill
"""

[[verdict]]
id = "any"
verdict = "PROBLEM"
comment = "why"
stack = """
...
  make
    ...
"""

[[verdict]]
id = "also"
verdict = "UNDECIDED"
stack = """
...
  refill
"""
"#;

    fn stack(text: &str) -> NormalStack {
        NormalStack::new(text.split(' ').map(NormalFrame::parse))
    }

    fn subject(stack: &NormalStack, kind: Kind) -> Subject<'_> {
        Subject { kind, arch: Arch::X86_64, stack, truncated: false }
    }

    #[test]
    fn exact_goes_before_patterns_and_contradictions_decide_nothing() -> Result<(), Box<dyn std::error::Error>>
    {
        let file = VerdictFile::parse("v.toml", FILE)?;
        let exact = stack("entry do_op make refill");
        assert_eq!(file.find(&subject(&exact, Kind::Xmalloc)).verdict(), Verdict::Safe);
        // Another kind: the exact entry does not speak of it, and the patterns disagree.
        let found = file.find(&subject(&exact, Kind::Domheap));
        assert!(matches!(&found, Match::Ambiguous(all) if all.len() == 2), "{found:?}");
        assert_eq!(found.verdict(), Verdict::Undecided);
        let other = stack("entry make other");
        assert_eq!(
            file.find(&subject(&other, Kind::Domheap)).entry().map(|entry| entry.id.as_str()),
            Some("any")
        );
        let cut = Subject { truncated: true, ..subject(&exact, Kind::Xmalloc) };
        assert_eq!(file.find(&cut), Match::None);
        Ok(())
    }

    #[test]
    fn near_misses_are_suggested_with_what_differs() -> Result<(), Box<dyn std::error::Error>> {
        let file = VerdictFile::parse("v.toml", FILE)?;
        let moved = stack("new_entry do_op helper make refill");
        let near = file.near(&subject(&moved, Kind::Xmalloc), 3);
        assert_eq!(near.first().map(|near| near.entry.id.as_str()), Some("one"));
        let text: Vec<String> = near
            .first()
            .map(|near| near.difference.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|part| match part {
                Difference::Same(frame) => format!(" {frame}"),
                Difference::Gone(frame) => format!("-{frame}"),
                Difference::New(frame) => format!("+{frame}"),
            })
            .collect();
        assert_eq!(text, ["-entry", "+new_entry", " do_op", "+helper", " make", " refill"]);
        assert!(file.near(&subject(&stack("x y z"), Kind::Xmalloc), 3).is_empty());
        Ok(())
    }
}
