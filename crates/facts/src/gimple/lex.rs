//! A statement as tokens. Between them the dump repeats places, `[common/domain.c:12:5] `; only a
//! statement's first one is kept.

use super::At;

/// One token, a slice of the dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A name, with the numbers the compiler adds: `iftmp.5`, `D.123`, `_7`, `i.6_8`.
    Name(&'t str),
    /// `12`, `0B`, `1.0e+0`.
    Number(&'t str),
    /// Without its quotes.
    Text(&'t str),
    /// Anything else, `->` and doubled operators as one.
    Sign(&'t str),
}

/// Iterates over the tokens of a text, with one token of foresight.
#[derive(Clone)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Lexer { text, at: 0 }
    }

    /// What is left, places included.
    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The place that comes next, if one does.
    pub(super) fn place(&mut self) -> Option<At<'t>> {
        self.blanks();
        let (at, length) = place(self.rest())?;
        self.at += length;
        Some(at)
    }

    /// The next token, without taking it.
    pub(super) fn peek(&self) -> Option<Token<'t>> {
        self.clone().next()
    }

    /// Takes the next token if it is this sign.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let mut ahead = self.clone();
        let found = ahead.next() == Some(Token::Sign(sign));
        if found {
            *self = ahead;
        }
        found
    }

    /// Takes the next token if it is this name.
    pub(super) fn eat_name(&mut self, name: &str) -> bool {
        let mut ahead = self.clone();
        let found = matches!(ahead.next(), Some(Token::Name(found)) if found == name);
        if found {
            *self = ahead;
        }
        found
    }

    /// Skips to behind the bracket that closes the one just taken.
    pub(super) fn close(&mut self) {
        let mut depth = 1_usize;
        for token in self.by_ref() {
            match token {
                Token::Sign("(" | "[" | "{") => depth += 1,
                Token::Sign(")" | "]" | "}") => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }
}

impl<'t> Iterator for Lexer<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        while self.place().is_some() {}
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let first = *bytes.first()?;
        let (token, length) = match first {
            b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'$' => {
                let length = name(bytes);
                (Token::Name(rest.get(..length)?), length)
            }
            b'0'..=b'9' => {
                let length = number(bytes);
                (Token::Number(rest.get(..length)?), length)
            }
            b'"' => {
                let length = quoted(bytes);
                (Token::Text(rest.get(1..length.saturating_sub(1).max(1))?), length)
            }
            b'\'' => {
                let length = quoted(bytes);
                (Token::Number(rest.get(..length)?), length)
            }
            _ => {
                let length = match rest.get(..2) {
                    Some("->" | "==" | "!=" | "<=" | ">=" | "<<" | ">>" | "&&" | "||") => 2,
                    _ => rest.chars().next().map_or(1, char::len_utf8),
                };
                (Token::Sign(rest.get(..length)?), length)
            }
        };
        self.at += length;
        Some(token)
    }
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

/// A name goes on over a dot only if a digit follows: `iftmp.5`, but `funcs.init`.
fn name(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        while bytes.get(length).copied().is_some_and(word) {
            length += 1;
        }
        let numbered =
            bytes.get(length) == Some(&b'.') && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !numbered {
            return length;
        }
        length += 1;
    }
}

fn number(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(&byte) = bytes.get(length) {
        let exponent = matches!(byte, b'+' | b'-') && length > 0 && bytes.get(length - 1) == Some(&b'e');
        if !(word(byte) || byte == b'.' || exponent) {
            break;
        }
        // `0 ... 3` in a switch.
        if byte == b'.' && bytes.get(length + 1) == Some(&b'.') {
            break;
        }
        length += 1;
    }
    length
}

fn quoted(bytes: &[u8]) -> usize {
    let quote = bytes.first();
    let mut length = 1;
    while let Some(byte) = bytes.get(length) {
        length += if *byte == b'\\' { 2 } else { 1 };
        if Some(byte) == quote {
            break;
        }
    }
    length.min(bytes.len())
}

/// `[FILE:LINE:COLUMN]`, possibly with a discriminator, and its length.
fn place(text: &str) -> Option<(At<'_>, usize)> {
    if !text.starts_with('[') {
        return None;
    }
    let end = memchr::memchr(b']', text.as_bytes())?;
    let inner = text.get(1..end)?;
    let inner = inner.split_once(" discrim ").map_or(inner, |(place, _)| place);
    let mut parts = inner.rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some((At { file: parts.next()?, line, column }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_numbers_and_lose_their_fields() {
        let tokens: Vec<_> = Lexer::new("[a.c:1:2] i.6_8 = [a.c:1:2 discrim 3] ops->D.12.get[_3];").collect();
        let expected = [
            Token::Name("i.6_8"),
            Token::Sign("="),
            Token::Name("ops"),
            Token::Sign("->"),
            Token::Name("D.12"),
            Token::Sign("."),
            Token::Name("get"),
            Token::Sign("["),
            Token::Name("_3"),
            Token::Sign("]"),
            Token::Sign(";"),
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn text_may_hold_quotes_and_brackets() {
        let tokens: Vec<_> = Lexer::new(r#"f ("a\"]b", 'x', 1.5e+0)"#).collect();
        let expected = [
            Token::Name("f"),
            Token::Sign("("),
            Token::Text(r#"a\"]b"#),
            Token::Sign(","),
            Token::Number("'x'"),
            Token::Sign(","),
            Token::Number("1.5e+0"),
            Token::Sign(")"),
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn an_open_quote_ends_with_the_text() {
        assert_eq!(Lexer::new("\"abc").count(), 1);
        assert_eq!(Lexer::new("\"").count(), 1);
        assert_eq!(Lexer::new("\"\\").count(), 1);
    }
}
