use std::{collections::HashMap, fmt::Write as _};

use xenheap_model::{Kind, LogFormat, RfcOp, Run, StackId, Uncertain};
use xenheap_output::Escaped;
use xenheap_verdicts::note::NOT_CERTAIN;

/// Stacks as the format shows them, made once.
pub(super) struct Stacks<'a> {
    run: &'a Run,
    known: HashMap<(StackId, RfcOp, Kind), Vec<String>>,
}

impl<'a> Stacks<'a> {
    pub(super) fn new(run: &'a Run) -> Self {
        Stacks { run, known: HashMap::new() }
    }

    /// Names of the frames, root first; what could not be read is `N/A`.
    ///
    /// Our recorder's stacks end with the caller of the allocator, the RFC's with the allocator, so
    /// its frames are added. Functions that the compiler inlined are not shown, as Xen's own traces
    /// do not have them.
    pub(super) fn names(&mut self, stack: StackId, op: RfcOp, kind: Kind) -> &[String] {
        let run = self.run;
        self.known.entry((stack, op, kind)).or_insert_with(|| {
            let frames = run.stacks.get(&stack).map_or(&[][..], |stack| &stack.frames);
            let mut names: Vec<String> = frames
                .iter()
                .filter(|frame| !frame.inlined)
                .map(|frame| Escaped(frame.name()).to_string())
                .collect();
            if names.is_empty() {
                names.push("N/A".to_owned());
            } else if run.facts.format == LogFormat::Ha1 {
                names.extend(allocator(op, kind).iter().map(|name| (*name).to_owned()));
            }
            names
        })
    }

    /// A comment line for a stack that may not be what happened, of `times` that are shown as one;
    /// nothing for others.
    pub(super) fn note(&self, uncertain: &[Uncertain], times: u64) -> String {
        let Some(first) = uncertain.first() else { return String::new() };
        let some = uncertain.len() as u64;
        let of = if some == times { String::new() } else { format!(" ({some} of {times})") };
        format!("// {NOT_CERTAIN}{of}: {first}\n")
    }

    /// Why a stack may not be what happened.
    pub(super) fn uncertain(&self, stack: StackId) -> Option<Uncertain> {
        self.run.stacks.get(&stack)?.uncertain
    }

    /// The stack, one name a line, each two spaces deeper than the one before, from `indent` on.
    pub(super) fn text(&mut self, stack: StackId, op: RfcOp, kind: Kind, indent: usize) -> String {
        let mut text = String::new();
        for (level, name) in self.names(stack, op, kind).iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:width$}{name}", "", width = indent + 2 * level);
        }
        text
    }
}

/// What stands between the caller and the place where the RFC's recorder prints.
fn allocator(op: RfcOp, kind: Kind) -> &'static [&'static str] {
    match (op, kind) {
        (RfcOp::XmemPoolAlloc | RfcOp::XmallocWholePages, _) => &["_xmalloc"],
        (RfcOp::AllocDomheapPages, Kind::PoolGrowth) => &[
            "_xmalloc",
            "xmem_pool_alloc",
            "xmalloc_tlsf.c#xmalloc_pool_get",
            "alloc_xenheap_pages",
            "alloc_domheap_pages",
        ],
        (RfcOp::AllocDomheapPages, Kind::Domheap) => &["alloc_domheap_pages"],
        (RfcOp::AllocDomheapPages, Kind::Vmalloc) => &["vmalloc", "alloc_domheap_pages"],
        (RfcOp::AllocDomheapPages, _) => &["alloc_xenheap_pages", "alloc_domheap_pages"],
        (RfcOp::FreeDomheapPages, Kind::Vmalloc) => &["vfree", "free_domheap_pages"],
        (RfcOp::FreeDomheapPages, _) => &["free_domheap_pages"],
        (RfcOp::FreeXenheapPages, _) => &["free_xenheap_pages"],
        (RfcOp::Xfree, _) => &["xfree"],
    }
}
