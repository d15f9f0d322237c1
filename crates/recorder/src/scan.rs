//! Finding function definitions in Xen's C files, without a C parser.
//!
//! Xen's coding style makes this possible: a definition begins in column 0. What only looks like one
//! (a prototype, text in a comment or string, the body of a macro) is told apart by blanking comments,
//! strings and directives first and by looking at what follows the parameter list.

use std::str;

use crate::rules::{Function, MACRO, STATIC_MACRO};

/// A place where a function is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub function: &'static str,
    /// Line, from 1.
    pub line: usize,
    /// Is it written with a macro of the recorder's?
    pub renamed: bool,
    /// The bytes to replace when it is renamed or named back ...
    start: usize,
    end: usize,
    /// ... and what stands there without the recorder and with it.
    plain: String,
    audited: String,
}

/// What of a line is the head of a definition.
struct Head {
    start: usize,
    end: usize,
    renamed: bool,
    plain: String,
    audited: String,
}

/// All definitions of `functions`, in the order of the text.
pub(crate) fn definitions(text: &[u8], functions: &[Function]) -> Vec<Definition> {
    let code = blank(text);
    let mut found = Vec::new();
    let mut offset = 0;
    for (index, line) in code.split_inclusive(|&b| b == b'\n').enumerate() {
        if line.first().is_some_and(|&b| is_word(b)) {
            let here = functions.iter().filter_map(|&Function { name: function, is_static, .. }| {
                let Head { start, end, renamed, plain, audited } =
                    if is_static { static_in_line(line, function) } else { name_in_line(line, function) }?;
                let (start, end) = (offset + start, offset + end);
                // A comment within would be lost.
                let whole = text.get(start..end)? == code.get(start..end)?;
                (whole && is_definition(code.get(end..)?)).then_some(Definition {
                    function,
                    line: index + 1,
                    renamed,
                    start,
                    end,
                    plain,
                    audited,
                })
            });
            // A line defines one function at most.
            found.extend(here.take(1));
        }
        offset += line.len();
    }
    found
}

/// The same text with every definition renamed (or named back).
pub(crate) fn rewrite(text: &[u8], definitions: &[Definition], renamed: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + definitions.len() * (STATIC_MACRO.len() + 2));
    let mut done = 0;
    for definition in definitions {
        out.extend_from_slice(text.get(done..definition.start).unwrap_or_default());
        let head = if renamed { &definition.audited } else { &definition.plain };
        out.extend_from_slice(head.as_bytes());
        done = definition.end;
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    out
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Are there only words and stars before the name, and none of `others` among them?
fn is_type(text: &[u8], others: &[&str]) -> bool {
    text.iter().all(|&b| is_word(b) || matches!(b, b'*' | b' ' | b'\t'))
        && !text.split(|&b| !is_word(b)).any(|word| others.iter().any(|other| word == other.as_bytes()))
}

/// Where `line` says `function(` or `HEAP_AUDITED(function)(` after nothing but words and stars.
fn name_in_line(line: &[u8], function: &str) -> Option<Head> {
    let open = line.iter().position(|&b| b == b'(')?;
    let before = line.get(..open)?;
    // A function that only this file knows cannot be wrapped from another.
    if !is_type(before, &["static", "typedef", "extern"]) {
        return None;
    }
    let start = open - before.iter().rev().take_while(|&&b| is_word(b)).count();
    let word = line.get(start..open)?;
    let (plain, audited) = (function.to_owned(), format!("{MACRO}({function})"));
    if word == function.as_bytes() {
        return Some(Head { start, end: open, renamed: false, plain, audited });
    }
    let rest = line.get(start..)?.strip_prefix(audited.as_bytes())?;
    rest.starts_with(b"(").then(|| Head { start, end: start + audited.len(), renamed: true, plain, audited })
}

/// The same for `static TYPE function(ARGS)`, which becomes `AUDITED_STATIC(TYPE, function, (ARGS))`. What
/// is written in any other way, as with a blank more, would not come back as it was and is not taken.
fn static_in_line(line: &[u8], function: &str) -> Option<Head> {
    let line = str::from_utf8(line).ok()?;
    let (kind, args) = match line.strip_prefix(STATIC_MACRO) {
        Some(rest) => rest.strip_prefix('(')?.split_once(&format!(", {function}, "))?,
        None => {
            let (before, args) = line.split_at(line.find('(')?);
            (before.strip_prefix("static ")?.strip_suffix(function)?.trim_end(), args)
        }
    };
    let args = in_parentheses(args)?;
    // One that is inlined cannot be declared under one name and defined under another.
    if kind.is_empty()
        || kind.trim_end() != kind
        || !is_type(kind.as_bytes(), &["static", "typedef", "extern", "inline", "always_inline"])
    {
        return None;
    }
    let blank = if kind.ends_with('*') { "" } else { " " };
    let plain = format!("static {kind}{blank}{function}{args}");
    let audited = format!("{STATIC_MACRO}({kind}, {function}, {args})");
    let renamed = line.starts_with(&audited);
    let end = if renamed { audited.len() } else { plain.len() };
    (renamed || line.starts_with(&plain)).then_some(Head { start: 0, end, renamed, plain, audited })
}

/// The list in parentheses that `text` begins with.
fn in_parentheses(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return if at == 0 { None } else { text.get(..=at) };
        }
    }
    None
}

/// Is what `code` begins with, at most a parameter list, followed by a body?
fn is_definition(code: &[u8]) -> bool {
    let mut depth = 0_usize;
    for &byte in code {
        match byte {
            b'(' => depth += 1,
            b')' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            b'{' => return depth == 0,
            // Ends a prototype; an initialiser or a list cannot stand here in a definition.
            b';' | b'}' => return false,
            b',' | b'=' if depth == 0 => return false,
            _ => {}
        }
    }
    false
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Region {
    Code,
    /// A preprocessor line: blanked, but comments in it are recognised.
    Directive,
    BlockComment,
    LineComment,
    /// A string or character constant and the quote that ends it.
    Quoted(u8),
}

/// The same number of bytes, with spaces in place of comments, strings and directives.
fn blank(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut region = Region::Code;
    // What a comment or constant returns to.
    let mut outer = Region::Code;
    // Has the line had nothing but blanks and comments so far?
    let mut fresh = true;
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let next = bytes.peek().copied();
        if byte == b'\n' {
            out.push(b'\n');
            fresh = true;
            // A constant does not reach beyond its line: what looks like one that does is an apostrophe
            // in prose, in an #error or between #if 0 and #endif.
            if region != Region::BlockComment {
                (region, outer) = (Region::Code, Region::Code);
            }
            continue;
        }
        if byte == b'\\' && region != Region::BlockComment {
            // Also continues a directive, a line comment or a constant on the next line.
            out.push(if region == Region::Code { byte } else { b' ' });
            if let Some(escaped) = bytes.next() {
                out.push(if escaped == b'\n' { b'\n' } else { b' ' });
            }
            continue;
        }
        let mut keep = false;
        match region {
            Region::Code | Region::Directive => match (byte, next) {
                (b'/', Some(b'*')) => {
                    outer = region;
                    region = Region::BlockComment;
                    out.push(b' ');
                    bytes.next();
                }
                (b'/', Some(b'/')) => {
                    outer = region;
                    region = Region::LineComment;
                }
                (b'"' | b'\'', _) => {
                    outer = region;
                    region = Region::Quoted(byte);
                    fresh = false;
                }
                (b'#', _) if fresh => region = Region::Directive,
                _ => {
                    keep = region == Region::Code;
                    fresh &= matches!(byte, b' ' | b'\t');
                }
            },
            Region::BlockComment => {
                if (byte, next) == (b'*', Some(b'/')) {
                    region = outer;
                    out.push(b' ');
                    bytes.next();
                }
            }
            Region::LineComment => {}
            Region::Quoted(quote) => {
                if byte == quote {
                    region = outer;
                }
            }
        }
        out.push(if keep { byte } else { b' ' });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{once, once_static, twice};

    const NAMES: &[Function] = &[once("xfree"), twice("alloc_pages"), once_static("hap_free")];

    fn lines(text: &str) -> Vec<(&'static str, usize, bool)> {
        definitions(text.as_bytes(), NAMES).into_iter().map(|d| (d.function, d.line, d.renamed)).collect()
    }

    #[test]
    fn definitions_are_found() {
        assert_eq!(lines("void xfree(void *p)\n{\n}\n"), [("xfree", 1, false)]);
        assert_eq!(lines("\nvoid *alloc_pages(\n    int a,\n    int b)\n{ }"), [("alloc_pages", 2, false)]);
        assert_eq!(lines("void __init HEAP_AUDITED(xfree)(void *p) {}"), [("xfree", 1, true)]);
        assert_eq!(lines("void *\nalloc_pages(int a) /* ; */ __must_check\n{"), [("alloc_pages", 2, false)]);
        assert_eq!(
            lines("#if A\nvoid xfree(void *p)\n{}\n#else /* a\n b */\nvoid xfree(void *q)\n{}\n#endif\n"),
            [("xfree", 2, false), ("xfree", 6, false)]
        );
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        for text in [
            "void xfree(void *p);\n{\n}\n",
            "extern void xfree(void *p)\n{\n}\n",
            "static void xfree(void *p)\n{\n}\n",
            "    xfree(p);\n",
            " void xfree(void *p)\n{\n}\n",
            "void my_xfree(void *p)\n{\n}\n",
            "void xfreed(void *p)\n{\n}\n",
            "/*\nvoid xfree(void *p)\n{\n}\n*/",
            "// text \\\nvoid xfree(void *p)\n{\n}\n",
            "#define DEFINE \\\nvoid xfree(void *p) \\\n{ \\\n}\n",
            "static char s[] = \"\\\nvoid xfree(void *p) {\";\n",
            "int (*f)(void) = xfree(p) {\n",
            "xfree(p), other() {\n",
            "void xfree(void *p",
            "HEAP_AUDITED(xfree)\n{\n",
            "HEAP_AUDITED(xfree) (void *p)\n{\n",
        ] {
            assert_eq!(lines(text), [], "{text}");
        }
    }

    #[test]
    fn prose_with_an_apostrophe_hides_nothing() {
        assert_eq!(lines("#error Don't\nvoid xfree(void *p)\n{}\n"), [("xfree", 2, false)]);
        assert_eq!(lines("char c = '\"';\nvoid xfree(void *p)\n{}\n"), [("xfree", 2, false)]);
        assert_eq!(lines("char c = '\\\\';\nvoid xfree(void *p)\n{}\n"), [("xfree", 2, false)]);
        assert_eq!(lines("#define A /* b\n c */ \"d\nvoid xfree(void *p)\n{}\n"), [("xfree", 3, false)]);
    }

    #[test]
    fn static_definitions_come_back_as_they_were() {
        for (plain, audited) in [
            ("static void hap_free(int a)", "AUDITED_STATIC(void, hap_free, (int a))"),
            ("static struct page *hap_free(void)", "AUDITED_STATIC(struct page *, hap_free, (void))"),
            ("static void cf_check hap_free(int a)", "AUDITED_STATIC(void cf_check, hap_free, (int a))"),
            (
                "static int **hap_free(int (*f)(int, int), T(x) b) ",
                "AUDITED_STATIC(int **, hap_free, (int (*f)(int, int), T(x) b)) ",
            ),
            (
                "static int hap_free(int) __cold /* c */",
                "AUDITED_STATIC(int, hap_free, (int)) __cold /* c */",
            ),
        ] {
            let text = |head: &str| format!("a\n{head}\n{{\n    hap_free(b);\n}}\n");
            let (plain, audited) = (text(plain), text(audited));
            assert_eq!(lines(&plain), [("hap_free", 2, false)], "{plain}");
            assert_eq!(lines(&audited), [("hap_free", 2, true)], "{audited}");
            for now in [&plain, &audited] {
                let found = definitions(now.as_bytes(), NAMES);
                assert_eq!(rewrite(now.as_bytes(), &found, true), audited.as_bytes());
                assert_eq!(rewrite(now.as_bytes(), &found, false), plain.as_bytes());
            }
        }
    }

    #[test]
    fn static_definitions_in_another_form_are_not_taken() {
        for head in [
            "void hap_free(int a)",
            "static void hap_free (int a)",
            "static void  hap_free(int a)",
            "static void\thap_free(int a)",
            "static struct page * hap_free(int a)",
            "static hap_free(int a)",
            "static void\nhap_free(int a)",
            "static void hap_free(int a,\n                     int b)",
            "static void hap_free(int a /* b */)",
            "static /* c */ void hap_free(int a)",
            "static void hap_free(char *a = \"b\")",
            "static inline void hap_free(int a)",
            "static void always_inline hap_free(int a)",
            "inline static void hap_free(int a)",
            "static void my_hap_free(int a)",
            "static void hap_freed(int a)",
            "static void (hap_free)(int a)",
            "static void hap_free(int a);",
            "static void HEAP_AUDITED(hap_free)(int a)",
            " static void hap_free(int a)",
            "AUDITED_STATIC(void, hap_free, int a)",
            "AUDITED_STATIC(void, hap_free, (int a)",
            "AUDITED_STATIC(void, hap_free,  (int a))",
            "AUDITED_STATIC(void, hap_free, (int a) )",
            "AUDITED_STATIC(void , hap_free, (int a))",
            "AUDITED_STATIC(, hap_free, (int a))",
            "AUDITED_STATIC(void, my_hap_free, (int a))",
            "AUDITED_STATIC(void, hap_free, (int a));",
            "AUDITED_STATICS(void, hap_free, (int a))",
            "#define A AUDITED_STATIC(void, hap_free, (int a))",
        ] {
            assert_eq!(lines(&format!("{head}\n{{\n}}\n")), [], "{head}");
        }
    }

    #[test]
    fn renaming_changes_only_the_name() {
        let text = b"void xfree(void *p)\n{ xfree(p); }\n";
        let renamed = rewrite(text, &definitions(text, NAMES), true);
        assert_eq!(renamed, b"void HEAP_AUDITED(xfree)(void *p)\n{ xfree(p); }\n");
        let again = definitions(&renamed, NAMES);
        assert_eq!(rewrite(&renamed, &again, true), renamed);
        assert_eq!(rewrite(&renamed, &again, false), text);
    }
}
