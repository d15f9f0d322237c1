//! Comments that people typed into a report go back into the file.
//!
//! Two reports are read: ours for people, in which the first line of a comment names its entry, and
//! the RFC's parsed file, in which the stack below a comment tells which entry is meant.

use std::collections::BTreeMap;

use xenheap_model::{Kind, Verdict};

use crate::{
    Change, Entry, Pattern, VerdictFile, indent,
    note::{Note, doubt_of_report},
};

/// A comment of a report with what stands below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Block {
    /// Of its first line, from 1.
    line: usize,
    note: Note,
    kind: Option<Kind>,
    allocator: Option<&'static str>,
    stack: String,
    /// Why the stack may not be what happened, as the report says.
    uncertain: Option<String>,
}

/// What came of a harvest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Harvest {
    /// Entries that were changed.
    pub changed: Vec<String>,
    /// Entries that were added, for stacks that had none.
    pub added: Vec<String>,
    /// Acceptances of stacks that may not be what happened, added or changed now: their ids, and
    /// why.
    pub uncertain: Vec<(String, String)>,
    /// Comments that were the same as in the file.
    pub same: usize,
    /// Comments that could not be used: their lines, from 1, and why.
    pub refused: Vec<(usize, String)>,
}

impl Harvest {
    /// Notes that an entry accepts a stack which may not be what happened, by the report or by the
    /// file.
    fn doubt(&mut self, id: &str, said: Option<&str>, file: &VerdictFile) {
        let Some(entry) = file.get(id).filter(|entry| entry.verdict.accepts()) else { return };
        if let Some(why) = said.or(entry.uncertain.as_deref()) {
            self.uncertain.push((id.to_owned(), why.to_owned()));
        }
    }
}

/// Takes the comments of a report.
///
/// A place that says nothing takes nothing back: it stands as the report was written, above the
/// same stack of another domain, or in a report that is older than the decision. So does a place
/// that says something else than another one, of which one says what the file says: which of them
/// is the older one cannot be known. So the same report again changes nothing.
pub fn harvest(report: &str, file: &mut VerdictFile) -> Harvest {
    let mut harvest = Harvest::default();
    // What is said of each entry, in the order of the report.
    let mut said: BTreeMap<String, Vec<Block>> = BTreeMap::new();
    let mut fresh: Vec<Block> = Vec::new();
    for block in blocks(report) {
        let by_id = block.note.head.as_deref().and_then(|head| file.get(head));
        let by_stack = || {
            let pattern = Pattern::parse(&block.stack);
            let is_it = |entry: &&Entry| {
                let kind = block.kind.is_none() || entry.kind.is_none() || entry.kind == block.kind;
                let allocator = entry.allocator.is_none()
                    || block.allocator.is_none_or(|name| entry.allocator.as_deref() == Some(name));
                kind && allocator && outline(&entry.pattern) == outline(&pattern)
            };
            // What an earlier harvest made of this comment is it before all that only looks alike.
            let own = block.allocator.filter(|_| block.kind.is_none());
            let is_own = |entry: &&Entry| {
                (entry.kind, entry.allocator.as_deref(), &entry.pattern) == (block.kind, own, &pattern)
            };
            let mut entries = file.entries().iter();
            entries.clone().find(is_own).or_else(|| entries.find(is_it))
        };
        let entry = by_id.or_else(|| if block.stack.is_empty() { None } else { by_stack() });
        if is_silent(&block.note) {
            harvest.same += 1;
        } else if let Some(entry) = entry {
            said.entry(entry.id.clone()).or_default().push(block);
        } else if !Pattern::parse(&block.stack).is_readable() {
            harvest
                .refused
                .push((block.line, "it names no entry of the file, and no stack stands below it".to_owned()));
        } else {
            fresh.push(block);
        }
    }
    for (id, blocks) in said {
        change(&id, blocks, file, &mut harvest);
    }
    for block in fresh {
        let line = block.line;
        let mut entry = new_entry(block);
        let twin = |old: &&Entry| {
            (old.kind, &old.allocator, &old.pattern) == (entry.kind, &entry.allocator, &entry.pattern)
        };
        if let Some(old) = file.entries().iter().find(twin) {
            // The same stack of another domain, higher up in the report.
            match (old.verdict, &old.assumption, &old.comment)
                == (entry.verdict, &entry.assumption, &entry.comment)
            {
                true => harvest.same += 1,
                false => harvest
                    .refused
                    .push((line, format!("the report says something else of {} before", old.id))),
            }
            continue;
        }
        entry.id = file.fresh_id(entry.kind, &entry.pattern);
        let id = entry.id.clone();
        match file.add(entry) {
            Ok(()) => {
                harvest.doubt(&id, None, file);
                harvest.added.push(id);
            }
            Err(error) => harvest.refused.push((line, error.to_string())),
        }
    }
    harvest.refused.sort();
    harvest
}

/// Whether nobody decided anything, or wrote anything.
fn is_silent(note: &Note) -> bool {
    note.verdict.is_none_or(|verdict| verdict == Verdict::Undecided)
        && note.assumption.is_none()
        && note.comment.is_empty()
}

/// Makes an entry what the first of these places says, if they agree.
fn change(id: &str, blocks: Vec<Block>, file: &mut VerdictFile, harvest: &mut Harvest) {
    let Some(entry) = file.get(id) else { return };
    let mut changes: Vec<(Block, Change)> = Vec::new();
    let mut as_it_is = None;
    for block in blocks {
        let change = difference(entry, &block.note);
        if change == Change::default() {
            harvest.same += 1;
            as_it_is = as_it_is.or(Some(block.line));
        } else {
            changes.push((block, change));
        }
    }
    let mut changes = changes.into_iter();
    let first = if as_it_is.is_some() { None } else { changes.next() };
    for (block, change) in changes {
        let why = match (as_it_is, &first) {
            (_, Some((_, wanted))) if *wanted == change => continue,
            (None, Some((first, _))) => format!("line {} says something else of {id}", first.line),
            (place, _) => format!(
                "line {} says something else of {id}, as the file does: write the same in both places",
                place.unwrap_or_default()
            ),
        };
        harvest.refused.push((block.line, why));
    }
    let Some((block, change)) = first else { return };
    match file.change(id, &change) {
        Ok(()) => {
            harvest.doubt(id, block.uncertain.as_deref(), file);
            harvest.changed.push(id.to_owned());
        }
        Err(error) => harvest.refused.push((block.line, error.to_string())),
    }
}

/// What Xen's own traces would show of a pattern: the RFC's reports have no more.
fn outline(pattern: &Pattern) -> Vec<&xenheap_model::NormalFrame> {
    pattern.frames().filter(|frame| !frame.inlined).collect()
}

/// What a note changes of an entry.
fn difference(entry: &Entry, note: &Note) -> Change {
    let verdict = note.verdict.filter(|verdict| *verdict != entry.verdict);
    let assumption = (note.verdict.is_some() && note.assumption != entry.assumption)
        .then(|| note.assumption.clone().unwrap_or_default());
    let comment = (!note.comment.lines().eq(entry.comment.lines())).then(|| note.comment.clone());
    Change { verdict, by: None, assumption, comment }
}

fn new_entry(block: Block) -> Entry {
    let stack = indent(&block.stack);
    Entry {
        id: String::new(),
        verdict: block.note.verdict.unwrap_or_default(),
        by: None,
        assumption: block.note.assumption,
        comment: block.note.comment,
        kind: block.kind,
        allocator: block.allocator.filter(|_| block.kind.is_none()).map(str::to_owned),
        arch: None,
        bound: None,
        charge: None,
        revision: None,
        uncertain: block.uncertain,
        pattern: Pattern::parse(&stack),
        stack,
    }
}

/// All comments of a report.
fn blocks(report: &str) -> Vec<Block> {
    let lines: Vec<&str> = report.lines().collect();
    let mut blocks = Vec::new();
    // The RFC's sections say by their titles what they list.
    let mut allocator = None;
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.contains("xmalloc() paths without a matching xfree()") {
            allocator = Some("xmalloc");
        } else if line.contains("alloc_domheap_pages() paths without a matching free") {
            allocator = Some("alloc_domheap_pages");
        }
        if !is_comment(line) {
            at += 1;
            continue;
        }
        let rest = lines.get(at..).unwrap_or_default();
        let count = rest.iter().take_while(|line| is_comment(line)).count();
        let comment: Vec<&str> =
            rest.iter().copied().take(count).filter(|line| doubt_of_report(line).is_none()).collect();
        let doubt = rest.iter().take(count).find_map(|line| doubt_of_report(line)).map(str::to_owned);
        let below = rest.get(count..).unwrap_or_default();
        if comment.is_empty() {
            at += count;
            continue;
        }
        let is_rfc = below.first().is_some_and(|line| line.starts_with("Domain "));
        let above = at.checked_sub(1).and_then(|at| lines.get(at)).copied().unwrap_or_default();
        blocks.push(Block {
            line: at + 1,
            note: Note::parse(comment.iter().copied()),
            kind: if is_rfc { None } else { heading(above) },
            allocator: if is_rfc { allocator } else { None },
            stack: if is_rfc { rfc_stack(below) } else { text_stack(below) },
            uncertain: if is_rfc { doubt } else { text_doubt(below) },
        });
        at += count;
    }
    blocks
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// The kind in the line above a comment of our report: `   1  xmalloc, charge nobody`.
fn heading(line: &str) -> Option<Kind> {
    let (number, rest) = line.trim_start().split_once("  ")?;
    number.parse::<u32>().ok()?;
    rest.split([',', ':']).next()?.trim().parse().ok()
}

/// Three lines of facts, then the stack up to what is not deeper.
fn rfc_stack(below: &[&str]) -> String {
    let frames = below.iter().skip_while(|line| line.contains(" : ") || line.starts_with("Occurrences:"));
    deeper(frames.copied())
}

/// Facts, of which the last is `allocated`, then the stack.
fn text_stack(below: &[&str]) -> String {
    let facts = below.iter().position(|line| line.trim_start().starts_with("allocated "));
    let Some(rest) = facts.and_then(|at| below.get(at + 1..)) else { return String::new() };
    // A paragraph without a stack has none before the next one begins.
    if below.iter().take(facts.unwrap_or(0)).any(|line| line.trim().is_empty()) {
        return String::new();
    }
    // Lines that go on with the last fact stand further in than the first frame.
    let base = rest.iter().map(|line| depth(line)).position(|depth| depth == TEXT_STACK);
    deeper(rest.iter().skip(base.unwrap_or(rest.len())).copied().map(without_place))
}

/// What a text report says of the stack below: `uncertain  stack, line 4 of the log: ...`, with the
/// lines that go on.
fn text_doubt(below: &[&str]) -> Option<String> {
    let facts = below.iter().take_while(|line| !line.trim().is_empty());
    let is_doubt = |line: &&str| depth(line) == TEXT_STACK && line.trim_start().starts_with("uncertain ");
    let mut lines = facts.skip_while(|line| !is_doubt(line));
    let first = lines.next()?.trim_start().strip_prefix("uncertain ")?.trim();
    let first = first.strip_prefix("stack, ")?;
    let more = lines.take_while(|line| depth(line) > TEXT_STACK).map(|line| line.trim());
    Some(std::iter::once(first).chain(more).collect::<Vec<_>>().join(" "))
}

/// Where stacks of our report begin.
const TEXT_STACK: usize = 6;

/// A frame without the place that stands behind some.
fn without_place(line: &str) -> &str {
    let end = depth(line) + line.trim_start().find("  ").unwrap_or(line.trim_start().len());
    line.get(..end).unwrap_or(line)
}

/// Lines as long as each is deeper than the one before.
fn deeper<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut stack = String::new();
    let mut last = None;
    for line in lines.take_while(|line| !line.trim().is_empty()) {
        if last.is_some_and(|last| depth(line) <= last) {
            break;
        }
        last = Some(depth(line));
        stack.push_str(line.trim());
        stack.push('\n');
    }
    stack
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}
