//! What a patch says in Xen's own documents. They are no part of the recorder, so `instrument`
//! leaves them alone; a tree that has not one of them has no entry there.

use crate::error::Error;
use crate::series::Content;
use crate::tree::Tree;

/// A document after each number of commits.
#[derive(Debug)]
pub(crate) struct Document {
    /// Path below the tree's root.
    pub name: &'static str,
    pub pristine: Content,
    stages: Vec<(usize, Vec<u8>)>,
}

impl Document {
    /// What it is after the first `done` commits.
    pub(crate) fn after(&self, done: usize) -> Content {
        let stage = self.stages.iter().rfind(|(from, _)| *from <= done);
        stage.map(|(_, content)| content.clone()).or_else(|| self.pristine.clone())
    }
}

/// The record format, as it is documented here.
const FORMAT: &str = include_str!("../../../docs/record-format.md");
const FORMAT_NAME: &str = "docs/misc/heap-audit-records.md";

const OPTIONS: &str = "\
### heap-audit
> `= List of [ trace | warn | summary | off ]`

> Default: `trace`

With `CONFIG_HEAP_AUDIT=y`, what is printed of allocations that Xen makes while
it runs and that are charged to no domain. `trace` prints a line an event and
each stack once, `warn` a trace for people at each event, and `summary` a table
in each dump. The debug key `y` makes a dump. `off` records nothing. The format
is in docs/misc/heap-audit-records.md.

### heap-audit-live
### heap-audit-ring
### heap-audit-rows
### heap-audit-stacks
> `= <integer>`

How many entries the tables of the recorder have: live blocks, records that
wait to be printed, rows of the profile, distinct stacks. What does not fit is
counted.

";

const REFUSALS: &str = "\
### heap-audit-charge
> `= [ current | owner ] [ :<size> ] [ ,no-hwdom ]`

With `CONFIG_HEAP_AUDIT=y`, charge memory that nobody pays for to the domain
that runs, or to the one that it is for, with or without a limit.

### heap-audit-fail
> `= <hash>:<integer>`

With `CONFIG_HEAP_AUDIT=y`, let the n-th allocation fail whose stack has this
hash, to see what becomes of it.

";

const CHANGE: &str = "\
\x20- Optional recording of run-time heap allocations that no domain pays for
   (CONFIG_HEAP_AUDIT, boot option \"heap-audit\", debug key 'y').
";

/// From which number of commits on a document has which text; `None`: there is no place for an
/// entry.
type Stages<'a> = dyn Fn(&str) -> Option<Vec<(usize, String)>> + 'a;

/// The documents of a tree. `maintainer` is whom the patch is from.
pub(crate) fn documents(tree: &Tree, maintainer: &str) -> Result<Vec<Document>, Error> {
    let entry = format!(
        "HEAP AUDIT\nM:\t{maintainer}\nS:\tMaintained\nF:\t{FORMAT_NAME}\nF:\txen/common/heap-audit*.c\n\
         F:\txen/include/xen/heap-audit*.h\n\n"
    );
    let format = plain_links(FORMAT);
    let format = Document { name: FORMAT_NAME, pristine: None, stages: vec![(1, format.into_bytes())] };
    let mut all = vec![format];
    let mut add = |name: &'static str, stages: &Stages<'_>| {
        let Some(pristine) = tree.read_document(name)? else { return Ok::<_, Error>(()) };
        // What is not as it is known is left alone.
        let stages = std::str::from_utf8(&pristine).ok().and_then(stages).unwrap_or_default();
        let stages = stages.into_iter().map(|(from, text)| (from, text.into_bytes())).collect();
        all.push(Document { name, pristine: Some(pristine), stages });
        Ok(())
    };
    add("MAINTAINERS", &|text| Some(vec![(1, inserted(text, maintainers_place(text)?, &entry))]))?;
    add("docs/misc/xen-command-line.pandoc", &|text| {
        let at = option_place(text)?;
        let refusals = OPTIONS.replacen("### heap-audit-live", &format!("{REFUSALS}### heap-audit-live"), 1);
        Some(vec![(2, inserted(text, at, OPTIONS)), (7, inserted(text, at, &refusals))])
    })?;
    add("CHANGELOG.md", &|text| Some(vec![(7, inserted(text, change_place(text)?, CHANGE))]))?;
    Ok(all)
}

fn inserted(text: &str, at: usize, block: &str) -> String {
    let (before, after) = text.split_at(at);
    [before, block, after].concat()
}

/// Lines with the offsets at which they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let here = at;
        at += line.len();
        (here, line.trim_end())
    })
}

/// Before the first section of the list that sorts behind ours.
fn maintainers_place(text: &str) -> Option<usize> {
    let list = text.find("Maintainers List")?;
    let all: Vec<_> = lines(text).filter(|(at, _)| *at > list).collect();
    let sections = all.windows(2).filter(|pair| {
        matches!(pair, [(_, title), (_, next)]
        if !title.is_empty() && !title.contains('\t') && next.get(1..3) == Some(":\t"))
    });
    sections.filter_map(|pair| pair.first()).find(|(_, title)| *title > "HEAP AUDIT").map(|(at, _)| *at)
}

/// Before the option whose name follows ours. The list is nearly sorted.
fn option_place(text: &str) -> Option<usize> {
    let options = lines(text).filter_map(|(at, line)| Some((line.strip_prefix("### ")?, at)));
    options.filter(|(name, _)| *name > "heap-audit").min().map(|(_, at)| at)
}

/// Under what was added in the newest version.
fn change_place(text: &str) -> Option<usize> {
    let newest = text.find("\n## [")? + 1;
    let end = text.get(newest + 1..)?.find("\n## [").map_or(text.len(), |at| newest + 1 + at);
    let added = newest + text.get(newest..end)?.find("\n### Added\n")? + "\n### Added\n".len();
    Some(added)
}

/// Links to other documents of ours lead nowhere there: their words stay.
fn plain_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("](") {
        let (before, after) = rest.split_at(at);
        let target = after.get(2..).and_then(|after| after.split_once(')'));
        match (before.rfind('['), target) {
            (Some(open), Some((target, more))) if target.contains(".md") || target.contains(".txt") => {
                out.push_str(&before[..open]);
                out.push_str(&before[open + 1..]);
                rest = more;
            }
            _ => {
                out.push_str(before);
                out.push_str("](");
                rest = &after[2..];
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_go_where_they_belong() {
        let list = "x\nMaintainers List (a)\n\n---\n\nACPI\nM:\ta\n\nGOLANG BINDINGS\nR:\tb\n\nHYPFS\nM:\tc\n\nTHE REST\nM:\td\n";
        assert_eq!(maintainers_place(list), list.find("HYPFS"));
        let options = "## P\n### hap (x86)\n### hardware_dom\na\n### hpet\n### hest_disable\n### acpi\n";
        assert_eq!(option_place(options), options.find("### hest"));
        let changes =
            "# C\n\n## [2]\n\n### Changed\n - a\n\n### Added\n\n### Removed\n\n## [1]\n\n### Added\n - b\n";
        assert_eq!(change_place(changes), changes.find("\n### Removed"));
        assert_eq!(change_place("# C\n\n## [2]\n\n### Changed\n\n## [1]\n\n### Added\n"), None);
    }

    #[test]
    fn links_to_our_documents_become_words() {
        assert_eq!(
            plain_links("a ([how](sweep.md)) b [c](http://d) [e](f.md#g)"),
            "a (how) b [c](http://d) e"
        );
        assert!(!plain_links(FORMAT).contains(".md)"));
    }
}
