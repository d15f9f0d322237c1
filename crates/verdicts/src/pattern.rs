//! What stacks an entry speaks of.

use std::fmt;

use xenheap_model::{NormalFrame, NormalStack, glob};

/// Stands in a pattern for any number of frames.
pub const GAP: &str = "...";

/// An exact stack, or one with gaps and globs, root first.
///
/// Compilers inline differently. So a frame that was inlined in the stack may be missing in the
/// pattern, and one that is marked `[inlined]` in the pattern may be missing in the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    elements: Vec<Element>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    Gap,
    Frame(NormalFrame),
}

impl Pattern {
    /// Reads one frame a line; indentation means nothing, and empty lines are skipped.
    pub fn parse(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.contains(&GAP) {
            // What a gap at the end stands for may be an allocator's frame: nothing is cleaned away
            // around gaps.
            let element = |line: &&str| match *line {
                GAP => Element::Gap,
                frame => Element::Frame(NormalFrame::parse(frame)),
            };
            return Pattern { elements: without_allocators(lines.iter().map(element).collect()) };
        }
        NormalStack::new(lines.into_iter().map(NormalFrame::parse)).into()
    }

    /// Whether it says each frame, with neither gaps nor globs.
    pub fn is_exact(&self) -> bool {
        self.elements.iter().all(|element| match element {
            Element::Gap => false,
            Element::Frame(frame) => !is_glob(&frame.function) && !frame.file.as_deref().is_some_and(is_glob),
        })
    }

    /// Whether it says anything at all: no frames, or `N/A`, match nothing.
    pub fn is_readable(&self) -> bool {
        self.elements
            .iter()
            .any(|element| matches!(element, Element::Frame(frame) if frame.function != "N/A"))
    }

    /// The frames it names.
    pub fn frames(&self) -> impl Iterator<Item = &NormalFrame> {
        self.elements.iter().filter_map(|element| match element {
            Element::Gap => None,
            Element::Frame(frame) => Some(frame),
        })
    }

    /// Whether it speaks of this stack.
    pub fn is_match(&self, stack: &NormalStack) -> bool {
        let frames = &stack.0;
        if !self.is_readable() || frames.is_empty() {
            return false;
        }
        // row[j]: whether the elements from here on match the frames from j on. The last row is
        // that of no elements.
        let mut row: Vec<bool> = vec![false; frames.len() + 1];
        let skippable = |at: usize| frames.get(at).is_some_and(|frame| frame.inlined);
        let get = |row: &[bool], at: usize| row.get(at).copied().unwrap_or(false);
        for at in (0..=frames.len()).rev() {
            let rest = at == frames.len() || (skippable(at) && get(&row, at + 1));
            set(&mut row, at, rest);
        }
        for element in self.elements.iter().rev() {
            let mut next = vec![false; frames.len() + 1];
            for at in (0..=frames.len()).rev() {
                let is = match element {
                    Element::Gap => get(&row, at) || at < frames.len() && get(&next, at + 1),
                    Element::Frame(pattern) => {
                        let here =
                            frames.get(at).is_some_and(|frame| same(pattern, frame)) && get(&row, at + 1);
                        here || pattern.inlined && get(&row, at) || skippable(at) && get(&next, at + 1)
                    }
                };
                set(&mut next, at, is);
            }
            row = next;
        }
        get(&row, 0)
    }
}

fn set(row: &mut [bool], at: usize, value: bool) {
    if let Some(cell) = row.get_mut(at) {
        *cell = value;
    }
}

/// A pattern whose last frames are the allocator's speaks of stacks that end with who asked.
fn without_allocators(mut elements: Vec<Element>) -> Vec<Element> {
    let tail = elements.iter().rposition(|element| *element == Element::Gap).map_or(0, |at| at + 1);
    let frames = elements.split_off(tail).into_iter().filter_map(|element| match element {
        Element::Gap => None,
        Element::Frame(frame) => Some(frame),
    });
    let frames: Vec<NormalFrame> = frames.collect();
    if frames.len() < 2 {
        elements.extend(frames.into_iter().map(Element::Frame));
    } else {
        elements.extend(NormalStack::new(frames).0.into_iter().map(Element::Frame));
    }
    elements
}

impl From<NormalStack> for Pattern {
    fn from(stack: NormalStack) -> Self {
        Pattern { elements: stack.0.into_iter().map(Element::Frame).collect() }
    }
}

/// As it is written in a verdict file: each frame two spaces deeper than the one before.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, element) in self.elements.iter().enumerate() {
            write!(f, "{:width$}", "", width = 2 * level)?;
            match element {
                Element::Gap => writeln!(f, "{GAP}")?,
                Element::Frame(frame) => writeln!(f, "{frame}")?,
            }
        }
        Ok(())
    }
}

fn same(pattern: &NormalFrame, frame: &NormalFrame) -> bool {
    if !is_glob(&pattern.function) && !pattern.file.as_deref().is_some_and(is_glob) {
        return pattern.is_same(frame);
    }
    let file = match (&pattern.file, &frame.file) {
        (Some(pattern), Some(file)) => glob(pattern, file),
        (Some(_), None) => false,
        (None, _) => true,
    };
    file && glob(&pattern.function, &frame.function)
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(text: &str) -> NormalStack {
        NormalStack::new(text.split(", ").map(NormalFrame::parse))
    }

    #[track_caller]
    fn check(pattern: &str, text: &str, expected: bool) {
        let lines = pattern.replace(", ", "\n");
        assert_eq!(Pattern::parse(&lines).is_match(&stack(text)), expected, "{pattern} | {text}");
    }

    #[test]
    fn exact_stacks() {
        check("a, b, c", "a, b, c", true);
        check("a, b", "a, b, c", false);
        check("a, b, c", "a, b", false);
        check("a, core.c#b, c", "a, common/core.c#b.isra.0, c, _xmalloc", true);
        check("a, core.c#b, c", "a, x.c#b, c", false);
        check("a, b, _xzalloc, _xmalloc", "a, b", true);
    }

    #[test]
    fn inlining_is_no_difference() {
        check("a, c", "a, b [inlined], c", true);
        check("a, b, c", "a, b [inlined], c", true);
        check("a, b [inlined], c", "a, c", true);
        check("a, b [inlined], c", "a, b, c", true);
        check("a, c", "a, b, c", false);
        check("a", "a, b [inlined], c [inlined]", true);
    }

    #[test]
    fn gaps_and_globs() {
        check("..., c", "a, b, c", true);
        check("a, ...", "a, b, c", true);
        check("a, ..., c", "a, c", true);
        check("a, ..., b, ..., d", "a, x, b, y, z, d", true);
        check("a, ..., d, ..., b", "a, x, b, y, z, d", false);
        check("do_*, ..., alloc_domheap_pages", "do_memory_op, x", false);
        check("do_*, ..., x, alloc_domheap_pages", "do_memory_op, x", true);
        check("sched/*#f", "common/sched/core.c#f", false);
        check("*sched/*#f", "common/sched/core.c#f", true);
    }

    #[test]
    fn what_could_not_be_read_matches_nothing() {
        check("N/A", "N/A", false);
        assert!(!Pattern::parse("").is_match(&stack("a")));
        assert!(!Pattern::parse("...").is_match(&stack("a")));
        check("..., a", "", false);
    }

    #[test]
    fn long_stacks_take_no_long_time() {
        let pattern = ["..., a, "; 40].concat() + "b";
        check(&pattern, &["a"; 2].join(", "), false);
        let deep = (0..500).map(|at| format!("f{at}")).collect::<Vec<_>>().join(", ");
        check(&pattern, &deep, false);
    }
}
