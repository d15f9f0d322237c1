//! Finding function definitions in Xen's C files, without a C parser.
//!
//! Xen's coding style makes this possible: a definition begins in column 0. What only looks like one
//! (a prototype, text in a comment or string, the body of a macro) is told apart by blanking comments,
//! strings and directives first and by looking at what stands before the name and follows the parameters.
//! The head may span lines and hold comments; a directive in it is one thing that is not understood.

use crate::head::{Head, LISTED_ATTRIBUTES};
use crate::rules::{MACRO, STATIC_MACRO};

/// A place where a function is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub function: &'static str,
    /// Line of its name, from 1.
    pub line: usize,
    /// Is it written with a macro of the recorder's?
    pub renamed: bool,
    /// `None`: its parameters are not in a form that can be written with other names.
    pub head: Option<Head>,
    /// The bytes to replace when it is renamed or named back ...
    start: usize,
    end: usize,
    /// ... and what stands there without the recorder and with it.
    plain: Vec<u8>,
    audited: Vec<u8>,
}

/// A part of a file, and the same with spaces in place of comments, strings and directives.
#[derive(Clone, Copy)]
struct Text<'a> {
    raw: &'a [u8],
    code: &'a [u8],
}

/// All definitions of the functions of these names, in the order of the text.
pub(crate) fn definitions(raw: &[u8], functions: &[&'static str]) -> Vec<Definition> {
    let code = blank(raw);
    let text = Text { raw, code: &code };
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(&byte) = code.get(at) {
        if !is_word(byte) {
            line += usize::from(byte == b'\n');
            at += 1;
            continue;
        }
        let end = at + text.word(at).len();
        if text.word(at) == STATIC_MACRO.as_bytes() && text.is_first(at) {
            if let Some(definition) = text.static_macro(at, line, functions) {
                line += lines_in(text.raw, at, definition.end);
                at = definition.end;
                found.push(definition);
                continue;
            }
        } else if let Some(function) = functions.iter().find(|name| name.as_bytes() == text.word(at)) {
            found.extend(text.named(at, line, function));
        }
        at = end;
    }
    found
}

/// The same text with every definition renamed, or named back: `which` says it of each.
pub(crate) fn rewrite(
    text: &[u8],
    definitions: &[Definition],
    which: impl Fn(&Definition) -> bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + definitions.len() * (STATIC_MACRO.len() + 2));
    let mut done = 0;
    for definition in definitions {
        out.extend_from_slice(text.get(done..definition.start).unwrap_or_default());
        out.extend_from_slice(if which(definition) { &definition.audited } else { &definition.plain });
        done = definition.end;
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    out
}

/// Is `name` declared as a function, or as a variable?
pub(crate) fn declares(raw: &[u8], name: &str, is_function: bool) -> bool {
    let code = blank(raw);
    let text = Text { raw, code: &code };
    let mut at = 0;
    while at < code.len() {
        let word = text.word(at);
        if word == name.as_bytes() {
            match text.code.get(text.skip_blanks(at + word.len())) {
                Some(b'(') if is_function => return true,
                Some(b';' | b'=' | b'[') if !is_function => return true,
                _ => {}
            }
        }
        at += word.len().max(1);
    }
    false
}

/// Is a definition of `function` built only with `option`, by an `#ifdef` of it around the definition?
pub(crate) fn is_conditional(raw: &[u8], function: &'static str, option: &str) -> bool {
    let code = blank(raw);
    let lines: Vec<_> = raw.split(|&b| b == b'\n').zip(code.split(|&b| b == b'\n')).collect();
    definitions(raw, &[function]).iter().any(|definition| {
        // Of each condition that is open: is it an `#ifdef` of the option, in its first branch?
        let mut open: Vec<bool> = Vec::new();
        for (line, code) in lines.iter().take(definition.line.saturating_sub(1)) {
            if !code.trim_ascii_start().starts_with(&[DIRECTIVE]) {
                continue;
            }
            let text = String::from_utf8_lossy(line);
            let mut words = text.trim_start().trim_start_matches('#').split_whitespace();
            match words.next() {
                Some("ifdef") => open.push(words.next() == Some(option)),
                Some("if" | "ifndef") => open.push(false),
                Some("else" | "elif") => {
                    open.pop();
                    open.push(false);
                }
                Some("endif") => {
                    open.pop();
                }
                _ => {}
            }
        }
        open.contains(&true)
    })
}

impl Text<'_> {
    /// The word that begins here.
    fn word(&self, at: usize) -> &[u8] {
        let rest = self.code.get(at..).unwrap_or_default();
        rest.get(..rest.iter().take_while(|&&b| is_word(b)).count()).unwrap_or_default()
    }

    /// Does this stand in column 0?
    fn is_first(&self, at: usize) -> bool {
        at == 0 || self.code.get(at - 1) == Some(&b'\n')
    }

    fn skip_blanks(&self, at: usize) -> usize {
        let rest = self.code.get(at..).unwrap_or_default();
        at + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
    }

    /// The offset behind the parenthesis that closes the one here.
    fn closing(&self, at: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (offset, &byte) in self.code.get(at..)?.iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth = depth.checked_sub(1)?,
                // Not in a list of parameters: a statement, or a directive.
                b';' | b'{' | b'}' | DIRECTIVE => return None,
                _ => {}
            }
            if depth == 0 {
                return (offset > 0).then_some(at + offset + 1);
            }
        }
        None
    }

    fn code(&self, from: usize, to: usize) -> String {
        String::from_utf8_lossy(self.code.get(from..to).unwrap_or_default()).into_owned()
    }

    fn raw(&self, from: usize, to: usize) -> &[u8] {
        self.raw.get(from..to).unwrap_or_default()
    }

    /// The definition whose name stands at `name`, alone or in our macro.
    fn named(&self, name: usize, line: usize, function: &'static str) -> Option<Definition> {
        let audited = format!("{MACRO}({function})");
        let opening = MACRO.len() + 1;
        let outer = name.checked_sub(opening).filter(|&at| {
            let rest = self.raw.get(at..).unwrap_or_default();
            rest.starts_with(audited.as_bytes()) && (at == 0 || !is_word(self.code[at - 1]))
        });
        let renamed = outer.is_some();
        let start = outer.unwrap_or(name);
        let end = name + function.len() + usize::from(renamed);
        let list = self.skip_blanks(end);
        if self.code.get(list) != Some(&b'(') {
            return None;
        }
        let list_end = self.closing(list)?;
        let head = self.head_start(start)?;
        let before = self.code(head, start);
        let words: Vec<&str> = before.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let has = |word: &str| words.contains(&word);
        // One that is inlined cannot be declared under one name and defined under another.
        if ["typedef", "extern", "inline", "always_inline", "return", "else"].into_iter().any(has)
            || words.iter().all(|word| matches!(*word, "" | "static"))
            || !is_body(self.code.get(list_end..)?)
        {
            return None;
        }
        let head_of = || Head::new(&before, function, &self.code(list, list_end));
        if !has("static") {
            let (plain, audited) = (function.into(), audited.into());
            return Some(Definition { function, line, renamed, head: head_of(), start, end, plain, audited });
        }
        // A static one is renamed in another way.
        let kind = self.raw(head, start).strip_prefix(b"static")?;
        if renamed || !before.starts_with("static") || before.matches("static").count() > 1 {
            return None;
        }
        let plain = self.raw(head, list_end).to_vec();
        let audited = audited_static(kind, function, self.raw(end, list), self.raw(list, list_end))?;
        Some(Definition {
            function,
            line,
            renamed,
            head: head_of(),
            start: head,
            end: list_end,
            plain,
            audited,
        })
    }

    /// The same that is renamed already: `AUDITED_STATIC(TYPE, function, (PARAMETERS))`.
    fn static_macro(&self, start: usize, line: usize, functions: &[&'static str]) -> Option<Definition> {
        let open = start + STATIC_MACRO.len();
        if self.code.get(open) != Some(&b'(') {
            return None;
        }
        let end = self.closing(open)?;
        let inner = open + 1..end - 1;
        let code = self.code.get(inner.clone())?;
        let (at, function) = functions.iter().find_map(|&function| {
            let wanted = format!(", {function}, ");
            let at = code.windows(wanted.len()).position(|window| window == wanted.as_bytes())?;
            Some((inner.start + at, function))
        })?;
        let name = at + 2;
        let behind = name + function.len() + 2;
        let list = self.skip_blanks(behind);
        let list_end = self.closing(list).filter(|&list_end| list_end == inner.end)?;
        let kind = plain_kind(self.raw(inner.start, at));
        let (gap, list_raw) = (self.raw(behind, list), self.raw(list, list_end));
        let audited = self.raw(start, end).to_vec();
        // What would not come back as it is was written by somebody else.
        let same = audited_static(&kind, function, gap, list_raw)? == audited;
        let plain = [b"static", kind.as_slice(), function.as_bytes(), gap, list_raw].concat();
        let head = Head::new(&self.code(inner.start, at), function, &self.code(list, list_end));
        let line = line + lines_in(self.raw, start, name);
        (same && is_body(self.code.get(end..)?)).then_some(Definition {
            function,
            line,
            renamed: true,
            head,
            start,
            end,
            plain,
            audited,
        })
    }

    /// Where the head begins whose name is at `name`: it is nothing but words, stars and attributes, and
    /// begins in column 0.
    fn head_start(&self, name: usize) -> Option<usize> {
        let mut at = name;
        while let Some(&byte) = at.checked_sub(1).and_then(|before| self.code.get(before)) {
            if is_word(byte) || byte == b'*' || byte.is_ascii_whitespace() {
                at -= 1;
            } else if let Some(attribute) = self.attribute_before(at) {
                at = attribute;
            } else {
                break;
            }
        }
        let start = self.skip_blanks(at);
        (start < name && self.is_first(start) && self.code.get(start).is_some_and(|&b| is_word(b)))
            .then_some(start)
    }

    /// Where the attribute begins whose list in parentheses ends at `end`.
    fn attribute_before(&self, end: usize) -> Option<usize> {
        let code = self.code.get(..end)?;
        let mut depth = 0_usize;
        let open = code.iter().rposition(|&byte| {
            match byte {
                b')' => depth += 1,
                b'(' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })?;
        let word = code.get(..open)?.iter().rev().take_while(|&&b| is_word(b)).count();
        let name = code.get(open - word..open)?;
        LISTED_ATTRIBUTES.iter().any(|attribute| attribute.as_bytes() == name).then_some(open - word)
    }
}

/// The head of a static definition with our macro. `kind` is all that stands between `static` and the name,
/// `gap` what stands behind it. As a rule that is a type between single blanks; whatever else it is (line
/// ends, comments) is kept as it is, and then begins with no word.
fn audited_static(kind: &[u8], function: &str, gap: &[u8], list: &[u8]) -> Option<Vec<u8>> {
    let short = kind.strip_prefix(b" ").map(|kind| kind.strip_suffix(b" ").unwrap_or(kind));
    let short = short.filter(|short| {
        let is_type = short.iter().all(|&b| is_word(b) || matches!(b, b'*' | b' ' | b'\t'));
        is_type && short.trim_ascii() == *short && !short.is_empty() && plain_kind(short) == kind
    });
    // Between `static` and what follows it there is something that is no word.
    let kind = short.or_else(|| kind.first().is_some_and(|&b| !is_word(b)).then_some(kind))?;
    Some(
        [format!("{STATIC_MACRO}(").as_bytes(), kind, b", ", function.as_bytes(), b", ", gap, list, b")"]
            .concat(),
    )
}

/// What stands between `static` and the name, by what the macro has.
fn plain_kind(kind: &[u8]) -> Vec<u8> {
    if !kind.first().is_some_and(|&b| is_word(b)) {
        return kind.to_vec();
    }
    let blank: &[u8] = if kind.ends_with(b"*") { b"" } else { b" " };
    [b" ", kind, blank].concat()
}

fn lines_in(text: &[u8], from: usize, to: usize) -> usize {
    text.get(from..to).unwrap_or_default().iter().filter(|&&b| b == b'\n').count()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Does a body follow, after attributes at most?
fn is_body(code: &[u8]) -> bool {
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

/// What directives are blanked with: nothing else of a C file is.
const DIRECTIVE: u8 = 0x1a;

/// The same number of bytes, with spaces in place of comments and strings and [`DIRECTIVE`] for directives.
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
                (b'#', _) if fresh => {
                    region = Region::Directive;
                    out.push(DIRECTIVE);
                    continue;
                }
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

    const NAMES: &[&str] = &["xfree", "alloc_pages", "hap_free"];

    fn lines(text: &str) -> Vec<(&'static str, usize, bool)> {
        definitions(text.as_bytes(), NAMES).into_iter().map(|d| (d.function, d.line, d.renamed)).collect()
    }

    fn head(text: &str) -> String {
        let found = definitions(text.as_bytes(), NAMES);
        let [definition] = found.as_slice() else { panic!("{found:?}") };
        let head = definition.head.as_ref().unwrap_or_else(|| panic!("{text}"));
        head.write(&head.name, head)
    }

    #[test]
    fn conditions_around_a_definition() {
        let is = |text: &str| is_conditional(text.as_bytes(), "xfree", "CONFIG_A");
        let function = "void xfree(void *p)\n{\n}\n";
        assert!(is(&format!("#ifdef CONFIG_A\n{function}#endif\n")));
        assert!(is(&format!("# ifdef CONFIG_A /* b */\n#if B\n#endif\n{function}#endif\n")));
        assert!(!is(function));
        assert!(!is(&format!("#ifdef CONFIG_A\n#endif\n{function}")));
        assert!(!is(&format!("#ifdef CONFIG_A\n#else\n{function}#endif\n")));
        assert!(!is(&format!("#ifdef CONFIG_AB\n{function}#endif\n")));
        assert!(!is(&format!("/*\n#ifdef CONFIG_A\n*/\n{function}")));
        assert!(!is("#endif\n#else\n"));
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
        assert_eq!(lines("a;\nvoid __section(\".x (\") xfree (void *p)\n{}\n"), [("xfree", 2, false)]);
        assert_eq!(lines("EXPORT(xfree)\nvoid xfree(void *p)\n{}\n"), [("xfree", 2, false)]);
        assert_eq!(lines("void /* a */ HEAP_AUDITED(xfree) // b\n(void *p)\n{}\n"), [("xfree", 1, true)]);
    }

    #[test]
    fn heads_may_span_lines_and_hold_comments() {
        for text in [
            "void *alloc_pages(int a, struct b *c)\n{\n}\n",
            "void *\nalloc_pages(\n    int a, /* (, */\n    struct b *c) // {\n{\n}\n",
            "/* e */\nvoid /* f */ *alloc_pages\n    (int a,\n     struct b /* \n */ * c) {\n}\n",
            "#if A\nvoid __init *HEAP_AUDITED(alloc_pages)(int a,\n struct b *c)\n{\n}\n#endif",
            "static void *alloc_pages(int a, struct b *c)\n{\n}\n",
            "AUDITED_STATIC(void *, alloc_pages, (int a, struct b *c))\n{\n}\n",
            "AUDITED_STATIC(/* a */ void\n*, alloc_pages,  (int a, /* b */\n struct b *c))\n{\n}\n",
        ] {
            assert_eq!(head(text), "void *alloc_pages(int a, struct b *c)", "{text}");
        }
        assert_eq!(head("void xfree(void)\n{}"), "void xfree(void)");
        assert_eq!(
            head("long xfree(XEN_GUEST_HANDLE_PARAM(x_t) u)\n{}"),
            "long xfree(XEN_GUEST_HANDLE_PARAM(x_t) u)"
        );
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        for text in [
            "void xfree(void *p);\n{\n}\n",
            "extern void xfree(void *p)\n{\n}\n",
            "static inline void xfree(void *p)\n{\n}\n",
            "    xfree(p);\n",
            " void xfree(void *p)\n{\n}\n",
            "xfree(void *p)\n{\n}\n",
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
            "out:\n    xfree(p);\n    if ( a )\n{\n",
            "void xfree(void *p\n#ifdef A\n           , int b\n#endif\n           )\n{\n}\n",
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
            // In a form that is not Xen's, or over several lines.
            ("static void hap_free (int a)", "AUDITED_STATIC(void, hap_free,  (int a))"),
            ("static void  hap_free(int a)", "AUDITED_STATIC( void  , hap_free, (int a))"),
            ("static void\thap_free(int a)", "AUDITED_STATIC( void\t, hap_free, (int a))"),
            ("static a * hap_free(int a)", "AUDITED_STATIC( a * , hap_free, (int a))"),
            ("static  a *hap_free(int a)", "AUDITED_STATIC(  a *, hap_free, (int a))"),
            ("static void\nhap_free(int a)", "AUDITED_STATIC( void\n, hap_free, (int a))"),
            ("static void hap_free(int a,\n  int b)", "AUDITED_STATIC(void, hap_free, (int a,\n  int b))"),
            ("static void hap_free(int a /* ( */)", "AUDITED_STATIC(void, hap_free, (int a /* ( */))"),
            ("static /* c */ void hap_free(int a)", "AUDITED_STATIC( /* c */ void , hap_free, (int a))"),
            ("static/* , */ void hap_free(int a)", "AUDITED_STATIC(/* , */ void , hap_free, (int a))"),
        ] {
            let text = |head: &str| format!("a;\n{head}\n{{\n    hap_free(b);\n}}\n");
            let (plain, audited) = (text(plain), text(audited));
            for (now, renamed) in [(&plain, false), (&audited, true)] {
                let found = definitions(now.as_bytes(), NAMES);
                assert_eq!(found.iter().map(|d| d.renamed).collect::<Vec<_>>(), [renamed], "{now}");
                let written = |which| String::from_utf8(rewrite(now.as_bytes(), &found, |_| which)).unwrap();
                assert_eq!((written(true), written(false)), (audited.clone(), plain.clone()));
            }
        }
    }

    #[test]
    fn static_definitions_in_another_form_are_not_taken() {
        for head in [
            "static hap_free(int a)",
            "static inline void hap_free(int a)",
            "static void always_inline hap_free(int a)",
            "inline static void hap_free(int a)",
            "static void my_hap_free(int a)",
            "static void hap_freed(int a)",
            "static void (hap_free)(int a)",
            "static void hap_free(int a);",
            "static void HEAP_AUDITED(hap_free)(int a)",
            " static void hap_free(int a)",
            "static void hap_free(int a\n#ifdef A\n, int b\n#endif\n)",
            "AUDITED_STATIC(void, hap_free, int a)",
            "AUDITED_STATIC(void, hap_free, (int a)",
            "AUDITED_STATIC(void, hap_free, (int a) )",
            "AUDITED_STATIC(void , hap_free, (int a))",
            "AUDITED_STATIC( void , hap_free, (int a))",
            "AUDITED_STATIC(, hap_free, (int a))",
            "AUDITED_STATIC(void, my_hap_free, (int a))",
            "AUDITED_STATIC(void, hap_free, (int a));",
            " AUDITED_STATIC(void, hap_free, (int a))",
        ] {
            let text = format!("a;\n{head}\n{{\n}}\n");
            assert_eq!(lines(&text), [], "{head}");
        }
    }

    #[test]
    fn declarations_are_told_apart() {
        let (function, variable) = ("int f(int a);\n", "extern const void *f; /* f(x) */\n#define F f(x)\n");
        assert!(declares(function.as_bytes(), "f", true) && !declares(function.as_bytes(), "f", false));
        assert!(!declares(variable.as_bytes(), "f", true) && declares(variable.as_bytes(), "f", false));
        assert!(!declares(b"int my_f(int a); int f_a;\n", "f", true));
    }
}
