//! Stacks without what compilers, versions and tools add to them, to be compared with each other.

use std::fmt;

use crate::{AllocatorRole, Frame, Stack};

/// What GCC and Clang append to the name of a function that they copied, cut in pieces or
/// specialised. A number follows some.
const SUFFIXES: [&str; 6] = ["isra", "constprop", "part", "cold", "lto_priv", "llvm"];

/// What our recorder puts before the name of an original that it wraps.
pub const RENAMED: &str = "heap_audited_";

/// The beginning of the names of our recorder's files.
const RECORDER: &str = "heap-audit";

/// Originals that are static in Xen. A renamed one is called from another file, so it is not static
/// any more.
///
/// They are not taken from the recorder's hooks: readers know nothing of the recorder, and a hook
/// that it gives up is still in what earlier ones have recorded. A test of the recorder's holds
/// that each of its static hooks is here.
const STATIC: [&str; 7] = [
    "complete_domain_destroy",
    "enter_state_helper",
    "hap_alloc",
    "hap_free",
    "p2m_alloc_page",
    "p2m_free_page",
    "vm_size",
];

/// A frame of a stack, by the function's name in the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalFrame {
    /// The function.
    pub function: String,
    /// The file of a static function, as far as it was said: `core.c`, `common/sched/core.c`.
    pub file: Option<String>,
    /// Whether the compiler inlined it.
    pub inlined: bool,
}

impl NormalFrame {
    /// A frame as people and tools write it: `core.c#schedule.isra.0+0x12/0x340`, ` [inlined]`
    /// behind it or not.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let (text, inlined) =
            text.strip_suffix("[inlined]").map_or((text, false), |text| (text.trim_end(), true));
        let (file, function) = text.rsplit_once('#').map_or((None, text), |(file, name)| (Some(file), name));
        NormalFrame { function: clean(function).to_owned(), file: file.map(str::to_owned), inlined }
    }

    /// What it has to do with allocating.
    fn role(&self) -> Option<AllocatorRole> {
        AllocatorRole::of(&self.function)
    }

    /// Whether both may be the same function: a file may be said in one of them only, or with fewer
    /// folders.
    pub fn is_same(&self, other: &Self) -> bool {
        let files = self.file.as_deref().zip(other.file.as_deref());
        self.function == other.function && files.is_none_or(|(a, b)| same_file(a, b))
    }
}

impl From<&Frame> for NormalFrame {
    fn from(frame: &Frame) -> Self {
        NormalFrame {
            function: clean(&frame.function).to_owned(),
            file: frame.file.clone(),
            inlined: frame.inlined,
        }
    }
}

impl fmt::Display for NormalFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}#")?;
        }
        f.write_str(&self.function)?;
        if self.inlined { f.write_str(" [inlined]") } else { Ok(()) }
    }
}

/// A stack that can be compared with one of another build, root first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NormalStack(pub Vec<NormalFrame>);

impl NormalStack {
    /// Cleans frames: none of an allocator at the end, and none twice in a row. Of a vmalloc only
    /// its pages are it: other memory that it allocates is not what its caller asked for.
    ///
    /// A frame that repeats the one before it comes from Arm's `(PC)` and `(LR)` lines of one
    /// trace, or from our recorder's wrapper; recursion of a function into itself looks the same
    /// and is lost.
    pub fn new(frames: impl IntoIterator<Item = NormalFrame>) -> Self {
        let mut all: Vec<NormalFrame> = Vec::new();
        for frame in frames {
            match all.last_mut() {
                Some(last) if last.is_same(&frame) => last.inlined &= frame.inlined,
                _ => all.push(frame),
            }
        }
        let pages = all.last().is_some_and(|last| last.role() == Some(AllocatorRole::Domheap));
        cut(&mut all, AllocatorRole::ends_stacks);
        if pages {
            cut(&mut all, AllocatorRole::is_of_vmalloc);
        }
        NormalStack(all)
    }

    /// The frames that the compiler did not inline, which is all that Xen's own traces show.
    pub fn outline(&self) -> impl Iterator<Item = &NormalFrame> {
        self.0.iter().filter(|frame| !frame.inlined)
    }
}

/// Takes functions off the end; something must be left to compare.
fn cut(frames: &mut Vec<NormalFrame>, goes: fn(AllocatorRole) -> bool) {
    while frames.len() > 1 && frames.last().and_then(NormalFrame::role).is_some_and(goes) {
        frames.pop();
    }
}

impl From<&Stack> for NormalStack {
    fn from(stack: &Stack) -> Self {
        NormalStack::new(stack.frames.iter().map(NormalFrame::from))
    }
}

/// The name as the source has it.
pub fn clean(name: &str) -> &str {
    let name = name.split_once('+').map_or(name, |(name, _)| name);
    let name = name.strip_prefix(RENAMED).unwrap_or(name);
    let mut end = name.len();
    // The name itself has no dot: what follows the first one is the compiler's, if it is one of its
    // words.
    if let Some((base, rest)) = name.split_once('.')
        && rest
            .split('.')
            .all(|part| SUFFIXES.contains(&part) || part.bytes().all(|byte| byte.is_ascii_digit()))
        && !base.is_empty()
    {
        end = base.len();
    }
    name.get(..end).unwrap_or(name)
}

/// Whether a source file, with folders or without, is one of our recorder's: its wrappers, and what
/// they use.
pub fn is_recorders(file: &str) -> bool {
    file.rsplit('/').next().is_some_and(|name| name.starts_with(RECORDER))
}

/// Whether Xen's source has a function that our recorder wraps as a static one.
pub fn is_static_in_xen(name: &str) -> bool {
    STATIC.contains(&name)
}

/// Whether two names of files can mean one: the shorter ends the longer one, and an object is as
/// good as its source.
pub fn same_file(a: &str, b: &str) -> bool {
    let stem = |file: &'_ str| file.rsplit_once('.').map_or(file.to_owned(), |(stem, _)| stem.to_owned());
    let (a, b) = (stem(a), stem(b));
    let mut parts = a.rsplit('/').zip(b.rsplit('/'));
    parts.all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_tools_add() {
        for (name, expected) in [
            ("schedule", "schedule"),
            ("p2m_next_level.constprop.0", "p2m_next_level"),
            ("foo.isra.0.part.12.cold", "foo"),
            ("heap_audited_domain_create", "domain_create"),
            ("_xmalloc+0xf0/0x32c", "_xmalloc"),
            ("map.walk", "map.walk"),
            (".Lhandle", ".Lhandle"),
            ("", ""),
        ] {
            assert_eq!(clean(name), expected, "{name}");
        }
    }

    #[test]
    fn files_may_be_said_in_part() {
        for (a, b, expected) in [
            ("common/sched/core.c#f", "core.c#f", true),
            ("common/sched/core.c#f", "f", true),
            ("sched/core.c#f", "common/core.c#f", false),
            ("entry.o#f", "arch/arm/entry.S#f", true),
            ("core.c#f", "core.c#g", false),
        ] {
            assert_eq!(NormalFrame::parse(a).is_same(&NormalFrame::parse(b)), expected, "{a} {b}");
        }
    }

    #[test]
    fn stacks_end_with_who_asked() {
        let stack = |text: &str| NormalStack::new(text.split(' ').map(NormalFrame::parse));
        assert_eq!(stack("a b _xzalloc _xmalloc _xmalloc"), stack("a b"));
        assert_eq!(stack("a p2m.c#b p2m.c#b alloc_domheap_pages alloc_domheap_pages"), stack("a p2m.c#b"));
        assert_eq!(stack("a vmap.c#vmalloc_type alloc_domheap_pages"), stack("a"));
        assert_eq!(stack("a _xvzalloc vzalloc alloc_domheap_pages"), stack("a"));
        assert_ne!(stack("a vzalloc vmap.c#vmalloc_type _xmalloc"), stack("a _xzalloc"));
        assert_eq!(stack("_xmalloc"), stack("_xmalloc"), "something must be left to compare");
    }
}
