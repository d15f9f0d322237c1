//! One file: what of the recorder is in it, how it looks without and with. Pure functions on bytes.

use crate::error::Problem;
use crate::rules::{Insertion, Place};
use crate::scan::{self, Definition};
use crate::stamp::{self, Stamp};

/// How much of the recorder's part a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Nothing.
    Absent,
    /// Everything, as this release writes it.
    Present,
    /// Everything, as an earlier (or later) release wrote it.
    Other,
    /// Some of it.
    Partial,
    /// Everything, and changed by hand since.
    Changed,
    /// A file of the same name that is not ours.
    Foreign,
}

/// One change, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The name in a definition.
    Rename {
        /// The function.
        function: &'static str,
        /// Line of the definition, from 1; the same before and after.
        line: usize,
    },
    /// Lines that are put in.
    Insert {
        /// What they are.
        what: &'static str,
        /// The first one's line number in the changed file, from 1.
        line: usize,
        /// How many.
        lines: usize,
    },
    /// A new file.
    Create {
        /// Its length.
        lines: usize,
    },
}

/// A file seen both ways.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub presence: Presence,
    /// The file without the recorder; `None`: there is no such file.
    pub pristine: Option<Vec<u8>>,
    /// The file with it. Means nothing when there are problems.
    pub instrumented: Vec<u8>,
    pub changes: Vec<Change>,
    /// Why the recorder cannot be put in.
    pub problems: Vec<Problem>,
    /// Why it cannot be taken out.
    pub stuck: Vec<Problem>,
}

/// Inspects a file that the recorder adds.
pub(crate) fn new_file(source: &str, content: Option<&[u8]>) -> Inspection {
    let instrumented = stamp::stamped(source);
    let presence = match content {
        None => Presence::Absent,
        Some(content) if content == instrumented => Presence::Present,
        Some(content) => match stamp::read(content) {
            Stamp::None => Presence::Foreign,
            Stamp::Intact => Presence::Other,
            Stamp::Changed => Presence::Changed,
        },
    };
    Inspection {
        presence,
        pristine: None,
        changes: vec![Change::Create { lines: count_lines(&instrumented) }],
        instrumented,
        problems: Vec::new(),
        stuck: Vec::new(),
    }
}

/// Inspects a file in which definitions are renamed, of each of which it is said whether it is to be.
/// `file` is its name for messages.
pub(crate) fn renames(definitions: &[(Definition, bool)], file: &str, content: &[u8]) -> Inspection {
    let mut problems = Vec::new();
    if has_carriage_returns(content) {
        problems.push(Problem::CarriageReturns { file: file.to_owned() });
    }
    let all: Vec<Definition> = definitions.iter().map(|(definition, _)| definition.clone()).collect();
    let wanted =
        |definition: &Definition| definitions.iter().any(|(other, wanted)| *wanted && other == definition);
    let changes = all.iter().filter(|definition| wanted(definition));
    Inspection {
        presence: if all.iter().all(|definition| !definition.renamed) {
            Presence::Absent
        } else if all.iter().all(|definition| definition.renamed == wanted(definition)) {
            Presence::Present
        } else {
            Presence::Partial
        },
        pristine: Some(scan::rewrite(content, &all, |_| false)),
        instrumented: scan::rewrite(content, &all, wanted),
        changes: changes.map(|d| Change::Rename { function: d.function, line: d.line }).collect(),
        problems,
        stuck: Vec::new(),
    }
}

/// Inspects a file that gets a block of lines. `file` is its name for messages.
pub(crate) fn insertion(rule: &Insertion, file: &str, content: &[u8]) -> Inspection {
    let mut problems = Vec::new();
    if has_carriage_returns(content) {
        problems.push(Problem::CarriageReturns { file: file.to_owned() });
    }
    let known =
        std::iter::once(&rule.text).chain(rule.earlier).find_map(|&text| Some((text, find(content, text)?)));
    let (presence, pristine) = match known {
        None => (Presence::Absent, content.to_vec()),
        Some((text, at)) => {
            let presence = if text == rule.text { Presence::Present } else { Presence::Other };
            (presence, [part(content, 0, at), part(content, at + text.len(), content.len())].concat())
        }
    };
    let stuck: Vec<Problem> = foreign_lines(rule, &pristine)
        .map(|line| Problem::ForeignBlock { file: file.to_owned(), line })
        .collect();
    problems.extend(stuck.iter().cloned());

    // A block that is there stays where it is, also when the file has changed around it.
    let at = match known {
        Some((_, at)) => Some(at),
        None => place(rule.place, &pristine),
    };
    if at.is_none() {
        problems.push(Problem::NoPlace { file: file.to_owned(), wanted: wanted(rule.place) });
    }
    let at = at.unwrap_or(pristine.len());
    let instrumented =
        [part(&pristine, 0, at), rule.text.as_bytes(), part(&pristine, at, pristine.len())].concat();
    let changes = vec![Change::Insert {
        what: rule.what,
        line: count_lines(part(&pristine, 0, at)) + 1,
        lines: count_lines(rule.text.as_bytes()),
    }];
    Inspection { presence, pristine: Some(pristine), instrumented, changes, problems, stuck }
}

fn wanted(place: Place) -> &'static str {
    match place {
        Place::BeforeLastEndif => "#endif of an include guard at its end",
        Place::AmongObjects => "line that begins with obj-",
        Place::BeforeLastEndmenu => "endmenu at its end, outside every if",
    }
}

/// The offset at which a block goes in.
fn place(place: Place, text: &[u8]) -> Option<usize> {
    match place {
        Place::BeforeLastEndif => {
            let (at, line) = lines(text).rfind(|(_, line)| line.trim_ascii_start().starts_with(b"#"))?;
            line.trim_ascii_start().starts_with(b"#endif").then_some(at)
        }
        Place::BeforeLastEndmenu => {
            let mut open_ifs = 0_i32;
            let mut at = None;
            for (offset, line) in lines(text) {
                // Kconfig's own words are not indented in these files; help texts are.
                match line.split(|&b| !b.is_ascii_alphanumeric()).next() {
                    Some(b"if") => open_ifs += 1,
                    Some(b"endif") => open_ifs -= 1,
                    Some(b"endmenu") => at = (open_ifs == 0).then_some(offset),
                    _ => {}
                }
            }
            at
        }
        Place::AmongObjects => {
            // The lists are nearly sorted, by the first object of each line. A line that continues the
            // one before is not a place.
            let mut before_run = true;
            let mut continued = false;
            for (offset, line) in lines(text) {
                let object = first_object(line);
                match object {
                    Some(object) if !continued => {
                        before_run = false;
                        if object > b"heap-audit".as_slice() {
                            return Some(offset);
                        }
                    }
                    None if !before_run && !continued => return Some(offset),
                    _ => {}
                }
                continued = line.trim_ascii_end().ends_with(b"\\");
            }
            // The run reaches the end of the file: a last line without its end cannot be followed.
            (!before_run && !continued && text.ends_with(b"\n")).then_some(text.len())
        }
    }
}

/// `argo.o` of `obj-$(CONFIG_ARGO) += argo.o`.
fn first_object(line: &[u8]) -> Option<&[u8]> {
    if !line.starts_with(b"obj-") {
        return None;
    }
    let at = line.windows(2).position(|pair| matches!(pair, b"+=" | b":="))?;
    line.get(at + 2..)?.trim_ascii_start().split(u8::is_ascii_whitespace).next()
}

/// Lines (from 1) of `pristine` that only the recorder would have written.
fn foreign_lines(rule: &Insertion, pristine: &[u8]) -> impl Iterator<Item = usize> {
    lines(pristine)
        .enumerate()
        .filter(|(_, (_, line))| {
            rule.markers.iter().any(|marker| {
                let rest = line.strip_prefix(marker.as_bytes());
                rest.is_some_and(|rest| {
                    !rest.first().is_some_and(|&b| b.is_ascii_alphanumeric() || b == b'_')
                })
            })
        })
        .map(|(index, _)| index + 1)
}

/// Finds whole lines in a text.
fn find(text: &[u8], block: &str) -> Option<usize> {
    let first = block.split_inclusive('\n').next()?;
    lines(text)
        .find(|&(at, line)| {
            line == first.as_bytes() && text.get(at..).is_some_and(|t| t.starts_with(block.as_bytes()))
        })
        .map(|(at, _)| at)
}

/// Every line with its line end, and the offset at which it begins.
fn lines(text: &[u8]) -> impl DoubleEndedIterator<Item = (usize, &[u8])> {
    let mut ends = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive(|&b| b == b'\n') {
        ends.push((at, line));
        at += line.len();
    }
    ends.into_iter()
}

fn part(text: &[u8], from: usize, to: usize) -> &[u8] {
    text.get(from..to).unwrap_or_default()
}

pub(crate) fn count_lines(text: &[u8]) -> usize {
    text.split_inclusive(|&b| b == b'\n').count()
}

fn has_carriage_returns(text: &[u8]) -> bool {
    text.windows(2).any(|pair| pair == b"\r\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rules::INSERTIONS;

    fn rule(place: Place) -> &'static Insertion {
        INSERTIONS.iter().find(|rule| rule.place == place).unwrap()
    }

    fn put(place: Place, text: &str) -> Result<String, Vec<Problem>> {
        let seen = insertion(rule(place), "f", text.as_bytes());
        if seen.problems.is_empty() {
            Ok(String::from_utf8(seen.instrumented).unwrap())
        } else {
            Err(seen.problems)
        }
    }

    #[test]
    fn objects_go_in_by_name() {
        let line = rule(Place::AmongObjects).text;
        let put = |text: &str| put(Place::AmongObjects, text);
        assert_eq!(
            put("# c\nobj-y += a.o\nobj-y += i.o\nx\n").unwrap(),
            format!("# c\nobj-y += a.o\n{line}obj-y += i.o\nx\n")
        );
        assert_eq!(
            put("obj-y += a.o\n\nobj-y += z.o\n").unwrap(),
            format!("obj-y += a.o\n{line}\nobj-y += z.o\n")
        );
        assert_eq!(put("obj-y += a.o\n").unwrap(), format!("obj-y += a.o\n{line}"));
        assert_eq!(put("obj-y += z.o\n").unwrap(), format!("{line}obj-y += z.o\n"));
        assert_eq!(
            put("obj-y += a.o \\\nobj-y += z.o\n").unwrap(),
            format!("obj-y += a.o \\\nobj-y += z.o\n{line}")
        );
        for text in ["", "x = 1\n", "obj-y += a.o", "obj-y += a.o \\\n", "#obj-y += a.o\n"] {
            let problems = put(text).unwrap_err();
            assert!(matches!(problems.as_slice(), [Problem::NoPlace { .. }]), "{text:?}: {problems:?}");
        }
    }

    #[test]
    fn the_macro_goes_before_the_last_endif() {
        let block = rule(Place::BeforeLastEndif).text;
        let put = |text: &str| put(Place::BeforeLastEndif, text);
        assert_eq!(
            put("#ifndef A\n#if B\n#endif\n\n#endif /* A */\n").unwrap(),
            format!("#ifndef A\n#if B\n#endif\n\n{block}#endif /* A */\n")
        );
        assert_eq!(put("#endif").unwrap(), format!("{block}#endif"));
        for text in ["", "#ifndef A\n#endif\n#define B\n", "int a;\n"] {
            assert!(matches!(put(text).unwrap_err().as_slice(), [Problem::NoPlace { .. }]), "{text:?}");
        }
    }

    #[test]
    fn the_option_goes_outside_every_if() {
        let block = rule(Place::BeforeLastEndmenu).text;
        let put = |text: &str| put(Place::BeforeLastEndmenu, text);
        let text = "menu \"A\"\nif B || C\nconfig X\n\thelp\n\t  if you\n\nendif # B\n\nendmenu\n";
        assert_eq!(put(text).unwrap(), text.replace("endmenu", &format!("{block}endmenu")));
        for text in ["", "menu \"A\"\nif B\nendmenu\nendif\n", "config A\n"] {
            assert!(matches!(put(text).unwrap_err().as_slice(), [Problem::NoPlace { .. }]), "{text:?}");
        }
    }

    #[test]
    fn a_block_is_found_again_wherever_it_is() {
        for rule in INSERTIONS {
            let text = format!("before\n{}after\n", rule.text);
            let seen = insertion(rule, "f", text.as_bytes());
            assert_eq!((seen.presence, seen.problems.as_slice()), (Presence::Present, [].as_slice()));
            assert_eq!(seen.pristine.unwrap(), b"before\nafter\n");
            assert_eq!(seen.instrumented, text.as_bytes());
        }
    }

    #[test]
    fn an_earlier_release_s_block_is_replaced() {
        let rule =
            Insertion { earlier: &["obj-$(CONFIG_HEAP_AUDIT) += old.o\n"], ..*rule(Place::AmongObjects) };
        let seen = insertion(&rule, "f", b"obj-y += a.o\nobj-$(CONFIG_HEAP_AUDIT) += old.o\nobj-y += z.o\n");
        assert_eq!((seen.presence, seen.problems.len()), (Presence::Other, 0));
        assert_eq!(seen.pristine.unwrap(), b"obj-y += a.o\nobj-y += z.o\n");
        assert_eq!(seen.instrumented, format!("obj-y += a.o\n{}obj-y += z.o\n", rule.text).as_bytes());
    }

    #[test]
    fn every_earlier_block_is_replaced() {
        for rule in INSERTIONS {
            for earlier in rule.earlier {
                let seen = insertion(rule, "f", format!("before\n{earlier}after\n").as_bytes());
                assert_eq!((seen.presence, seen.problems.len()), (Presence::Other, 0), "{earlier}");
                assert_eq!(seen.pristine.unwrap(), b"before\nafter\n");
                assert_eq!(seen.instrumented, format!("before\n{}after\n", rule.text).as_bytes());
            }
        }
    }

    #[test]
    fn a_block_that_somebody_changed_is_left_alone() {
        let kconfig = rule(Place::BeforeLastEndmenu);
        let changed =
            format!("menu\n{}endmenu\n", kconfig.text.replace("depends on X86", "depends on ARM_32"));
        let seen = insertion(kconfig, "f", changed.as_bytes());
        assert_eq!(seen.stuck, [Problem::ForeignBlock { file: "f".into(), line: 2 }]);
        assert_eq!(seen.problems, seen.stuck);
        let other = insertion(kconfig, "f", b"menu\nconfig HEAP_AUDITOR\nendmenu\n");
        assert_eq!(other.problems, []);
        let twice = format!("menu\n{0}{0}endmenu\n", kconfig.text);
        assert_eq!(insertion(kconfig, "f", twice.as_bytes()).stuck.len(), 1);
    }

    #[test]
    fn carriage_returns_are_refused() {
        let seen = insertion(rule(Place::BeforeLastEndif), "f", b"#ifndef A\r\n#endif\r\n");
        assert_eq!(seen.problems, [Problem::CarriageReturns { file: "f".into() }]);
    }

    proptest! {
        #[test]
        fn whatever_the_text_taking_out_undoes_putting_in(
            text in "([ -~]|\n|xfree\\(|HEAP_AUDITED\\(|static |hap_free\\(|AUDITED_STATIC\\(|, hap_free, \\(|\"|/\\*){0,200}"
        ) {
            let renames = |text: &[u8]| {
                let found = scan::definitions(text, &["xfree", "hap_free"]);
                renames(&found.into_iter().map(|definition| (definition, true)).collect::<Vec<_>>(), "f", text)
            };
            let seen = renames(text.as_bytes());
            let again = renames(&seen.instrumented);
            prop_assert_eq!(&again.pristine, &seen.pristine);
            prop_assert_eq!(&again.instrumented, &seen.instrumented);
            for rule in INSERTIONS {
                let seen = insertion(rule, "f", text.as_bytes());
                if seen.problems.is_empty() {
                    let again = insertion(rule, "f", &seen.instrumented);
                    prop_assert_eq!(again.pristine.as_deref(), Some(text.as_bytes()));
                }
            }
        }
    }
}
