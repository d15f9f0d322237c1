//! The files that GCC writes beside its objects with `-fcallgraph-info`, with or without `=su`.
//!
//! Each is one translation unit: a line for each function it defines or names, a line for each
//! call. The parser borrows from the text.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{build::File, place::Place};

/// The node to which GCC leads all calls through pointers.
pub const INDIRECT: &str = "__indirect_call";

/// A `.ci` file that cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{}, line {line}: {what}", path.display())]
pub struct Error {
    /// The file.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What can be wrong with a `.ci` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Wrong {
    /// It is something else.
    #[error("this is no file of -fcallgraph-info: it does not begin with `graph: {{ title: \"`")]
    Foreign,
    /// Nothing was written.
    #[error("the file is empty: the compiler was interrupted, or made no code; build again")]
    Empty,
    /// It was converted on its way.
    #[error("the lines end with CRLF: something converted the file; copy it from the build as it is")]
    CarriageReturn,
    /// It is of link-time optimisation.
    #[error(
        "this is of -flto, where a unit is a part of the whole program and no source: build without -flto"
    )]
    Lto,
    /// It is of another language.
    #[error("this unit is written in Ada, and only C is read: take this file out of the build's folder")]
    Ada,
    /// It ends early.
    #[error("the file ends here, before its graph does: the compiler was interrupted; build again")]
    CutOff,
    /// It goes on after its end.
    #[error("the graph ended before this line: the file is damaged")]
    Surplus,
    /// A line is no node, no edge and no end.
    #[error("this line is neither a node nor an edge: a compiler that writes this is not understood")]
    Line,
    /// Its bytes are no text.
    #[error("this line is not UTF-8: the file is damaged")]
    Encoding,
}

/// One translation unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Its source file, as the compiler was told of it.
    pub title: &'a str,
    /// In the file's order.
    pub nodes: Vec<Node<'a>>,
    /// In the file's order.
    pub edges: Vec<Edge<'a>>,
}

/// A function that the unit defines or names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node<'a> {
    /// What edges call it.
    pub id: Id<'a>,
    /// As the source says it (built-in functions begin with `__builtin_`).
    pub label: &'a str,
    /// Where it is defined, or declared; none for what is built in.
    pub place: Option<Place<'a>>,
    /// Whether this unit defines it.
    pub defined: bool,
    /// What its frame takes.
    pub stack: Option<Stack>,
}

/// A function's name, with its unit if it is static.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<'a> {
    /// The unit of a static function.
    pub unit: Option<&'a str>,
    /// Its name for the linker.
    pub name: &'a str,
}

/// What a frame takes of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stack {
    /// Bytes.
    pub bytes: u32,
    /// Whether it depends on what happens.
    pub dynamic: bool,
    /// Whether `bytes` is the most it can be all the same.
    pub bounded: bool,
}

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge<'a> {
    /// Who calls.
    pub caller: Id<'a>,
    /// Who is called; [`INDIRECT`] for all calls through pointers.
    pub callee: Id<'a>,
    /// Where; none for calls that the compiler made.
    pub place: Option<Place<'a>>,
}

impl File {
    /// Parses a `.ci` file.
    pub fn ci(&self) -> Result<Unit<'_>, Error> {
        parse(Path::new(&self.path), &self.text)
    }
}

/// Parses one file; `path` is for messages.
pub fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Unit<'a>, Error> {
    let error = |line, what| Error { path: path.to_owned(), line, what };
    if bytes.is_empty() {
        return Err(error(1, Wrong::Empty));
    }
    if !bytes.starts_with(GRAPH.as_bytes()) {
        return Err(error(1, Wrong::Foreign));
    }
    let text = std::str::from_utf8(bytes).map_err(|bad| {
        let before = bytes.get(..bad.valid_up_to()).unwrap_or_default();
        error(1 + memchr::memchr_iter(b'\n', before).count(), Wrong::Encoding)
    })?;
    let mut unit = Unit::default();
    let mut ended = false;
    let mut number = 0;
    let mut rest = text;
    while !rest.is_empty() {
        number += 1;
        let Some(end) = memchr::memchr(b'\n', rest.as_bytes()) else {
            return Err(error(number, Wrong::CutOff));
        };
        let (line, after) = rest.split_at(end);
        if line.ends_with('\r') {
            return Err(error(number, Wrong::CarriageReturn));
        }
        rest = after.get(1..).unwrap_or_default();
        if ended {
            return Err(error(number, Wrong::Surplus));
        }
        let understood = match line.as_bytes() {
            [b'n', ..] => node(line).map(|node| unit.nodes.push(node)),
            [b'e', ..] => edge(line).map(|edge| unit.edges.push(edge)),
            b"}" => {
                ended = true;
                Some(())
            }
            [b'g', ..] if number == 1 => line
                .strip_prefix(GRAPH)
                .and_then(|title| title.strip_suffix('"'))
                .map(|title| unit.title = title),
            _ => None,
        };
        understood.ok_or_else(|| error(number, Wrong::Line))?;
        if is_ltrans(unit.title) {
            return Err(error(1, Wrong::Lto));
        }
        if is_ada(unit.title) {
            return Err(error(1, Wrong::Ada));
        }
    }
    if ended { Ok(unit) } else { Err(error(number, Wrong::CutOff)) }
}

/// `/tmp/ccA1b2C3.ltrans0.o`, `x.ltrans0.ltrans.o`: what the link-time compiler calls its parts.
fn is_ltrans(title: &str) -> bool {
    title.ends_with(".o") && title.contains(".ltrans")
}

/// What GNAT compiles. Such a file has the form of one of C, but its names (`pool__Oadd`, labelled
/// `+`) are nothing that the rest of this is made for.
fn is_ada(title: &str) -> bool {
    [".adb", ".ads", ".ada"].iter().any(|end| title.ends_with(end))
}

const GRAPH: &str = "graph: { title: \"";

fn node(line: &str) -> Option<Node<'_>> {
    let (title, rest) = quoted(line.strip_prefix("node: { title: \"")?)?;
    let (label, rest) = quoted(rest.strip_prefix(" label: \"")?)?;
    let defined = match rest {
        " }" => true,
        " shape : ellipse }" => false,
        _ => return None,
    };
    // The compiler writes the two characters `\n` between the lines of a label.
    let mut lines = Lines(label);
    let label = lines.next()?;
    let place = lines.next().and_then(place);
    // Other lines tell of dynamic objects (`=da`).
    let stack = lines.find_map(stack);
    Some(Node { id: id(title), label, place, defined, stack })
}

fn edge(line: &str) -> Option<Edge<'_>> {
    let (caller, rest) = quoted(line.strip_prefix("edge: { sourcename: \"")?)?;
    let (callee, rest) = quoted(rest.strip_prefix(" targetname: \"")?)?;
    let place = match rest.strip_prefix(" label: \"") {
        Some(rest) => match quoted(rest)? {
            (label, " }") => Some(place(label)?),
            _ => return None,
        },
        None if rest == " }" => None,
        None => return None,
    };
    Some(Edge { caller: id(caller), callee: id(callee), place })
}

/// What comes before the next quotation mark, and after it. The compiler escapes none, and no name
/// of Xen's has one.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr(b'"', text.as_bytes())?;
    Some((text.get(..end)?, text.get(end + 1..)?))
}

/// The unit before the last colon, if there is one.
fn id(title: &str) -> Id<'_> {
    match memchr::memrchr(b':', title.as_bytes()) {
        Some(at) => Id { unit: title.get(..at), name: title.get(at + 1..).unwrap_or_default() },
        None => Id { unit: None, name: title },
    }
}

/// `file:line:column`.
fn place(text: &str) -> Option<Place<'_>> {
    let (rest, column) = number_after_colon(text)?;
    let (file, line) = number_after_colon(rest)?;
    (!file.is_empty()).then_some(Place { file, line, column })
}

fn number_after_colon(text: &str) -> Option<(&str, u32)> {
    let at = memchr::memrchr(b':', text.as_bytes())?;
    Some((text.get(..at)?, text.get(at + 1..)?.parse().ok()?))
}

/// `16 bytes (static)`, `… (dynamic)`, `… (dynamic,bounded)`.
fn stack(text: &str) -> Option<Stack> {
    let (bytes, kind) = text.split_once(" bytes (")?;
    let kind = kind.strip_suffix(')')?;
    Some(Stack {
        bytes: bytes.parse().ok()?,
        dynamic: kind.starts_with("dynamic"),
        bounded: kind.ends_with("bounded"),
    })
}

/// The lines of a label.
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() {
            return None;
        }
        let (line, rest) = self.0.split_once("\\n").unwrap_or((self.0, ""));
        self.0 = rest;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
graph: { title: \"common/x.c\"
node: { title: \"common/x.c:foo\" label: \"foo\\ncommon/x.c:7:12\\n48 bytes (dynamic,bounded)\\n2 dynamic objects\" }
node: { title: \"bar\" label: \"bar\\n./include/bar.h:3:6\" shape : ellipse }
node: { title: \"strlen\" label: \"__builtin_strlen\\n<built-in>\" shape : ellipse }
edge: { sourcename: \"common/x.c:foo\" targetname: \"bar\" label: \"common/x.c:9:5\" }
edge: { sourcename: \"common/x.c:foo\" targetname: \"memcpy\" }
edge: { sourcename: \"common/x.c:foo\" targetname: \"__indirect_call\" label: \"common/x.c:10:5\" }
}
";

    fn read(text: &str) -> Result<Unit<'_>, (usize, Wrong)> {
        parse(Path::new("a.ci"), text.as_bytes()).map_err(|error| (error.line, error.what))
    }

    #[test]
    fn a_unit() {
        let unit = read(SMALL).expect("it is whole");
        let foo = Id { unit: Some("common/x.c"), name: "foo" };
        assert_eq!(unit.title, "common/x.c");
        assert_eq!(
            unit.nodes,
            [
                Node {
                    id: foo,
                    label: "foo",
                    place: Some(Place { file: "common/x.c", line: 7, column: 12 }),
                    defined: true,
                    stack: Some(Stack { bytes: 48, dynamic: true, bounded: true }),
                },
                Node {
                    id: Id { unit: None, name: "bar" },
                    label: "bar",
                    place: Some(Place { file: "./include/bar.h", line: 3, column: 6 }),
                    defined: false,
                    stack: None,
                },
                Node {
                    id: Id { unit: None, name: "strlen" },
                    label: "__builtin_strlen",
                    place: None,
                    defined: false,
                    stack: None,
                },
            ]
        );
        let lines: Vec<_> = unit
            .edges
            .iter()
            .map(|edge| (edge.caller, edge.callee.name, edge.place.map(|at| at.line)))
            .collect();
        assert_eq!(lines, [(foo, "bar", Some(9)), (foo, "memcpy", None), (foo, INDIRECT, Some(10))]);
    }

    #[test]
    fn every_shorter_file_is_refused() {
        for end in 0..SMALL.len() {
            let cut = SMALL.get(..end).expect("it is ASCII");
            let (line, what) = read(cut).expect_err("it is cut");
            let expected = match end {
                0 => Wrong::Empty,
                end if end < GRAPH.len() => Wrong::Foreign,
                _ => Wrong::CutOff,
            };
            assert_eq!(what, expected, "{cut}");
            assert!(line <= 8);
        }
    }

    #[test]
    fn foreign_and_damaged_files_are_refused_with_their_line() {
        assert_eq!(read("\u{7f}ELF\n"), Err((1, Wrong::Foreign)));
        assert_eq!(read(&SMALL.replace('\n', "\r\n")), Err((1, Wrong::CarriageReturn)));
        assert_eq!(read(&SMALL.replacen("common/x.c", "/tmp/cc3nYi.ltrans0.o", 1)), Err((1, Wrong::Lto)));
        let ada = SMALL.replacen("common/x.c", "x.adb", 1).replacen("label: \"bar", "label: \"\"+\"", 1);
        assert_eq!(read(&ada), Err((1, Wrong::Ada)));
        assert_eq!(read(&SMALL.replacen("common/x.c", "x.ads", 1)), Err((1, Wrong::Ada)));
        assert_eq!(read(&SMALL.replace("edge: { sourcename", "edge: { source")), Err((5, Wrong::Line)));
        assert_eq!(read(&SMALL.replace("x.c:9:5", "x.c:9:five")), Err((5, Wrong::Line)));
        assert_eq!(read(&format!("{SMALL}}}\n")), Err((9, Wrong::Surplus)));
        let mut bytes = SMALL.as_bytes().to_vec();
        bytes[200] = 0xff;
        let error = parse(Path::new("b/a.ci"), &bytes).expect_err("it is no text");
        assert_eq!(error.what, Wrong::Encoding);
        assert_eq!(error.to_string(), "b/a.ci, line 3: this line is not UTF-8: the file is damaged");
    }

    proptest::proptest! {
        #[test]
        fn any_change_of_a_byte_is_told_or_is_another_unit(at in 0..SMALL.len(), byte in proptest::prelude::any::<u8>()) {
            let mut bytes = SMALL.as_bytes().to_vec();
            bytes[at] = byte;
            if let Ok(unit) = parse(Path::new("a.ci"), &bytes) {
                proptest::prop_assert_eq!((unit.nodes.len(), unit.edges.len()), (3, 3));
            }
        }

        #[test]
        fn any_bytes_are_no_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let text = [GRAPH.as_bytes(), &bytes].concat();
            let _ = parse(Path::new("a.ci"), &text);
        }
    }
}
