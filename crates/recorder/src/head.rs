//! The head of a definition, `TYPE name(TYPE name, ...)`: reading, comparing and writing it.

/// The head of a function's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Type of the result, without `static` and attributes.
    pub result: String,
    pub name: String,
    pub params: Vec<Param>,
}

/// One of its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Param {
    pub kind: String,
    pub name: String,
}

/// What can stand in a head and is no part of the type. (`cf_check` stays: it changes what may be called.)
const ATTRIBUTES: &[&str] = &[
    "static",
    "extern",
    "asmlinkage",
    "noinline",
    "noreturn",
    "pure",
    "cold",
    "__cold",
    "__hot",
    "__init",
    "__must_check",
    "__pure",
];

/// Those with a list in parentheses.
pub(crate) const LISTED_ATTRIBUTES: &[&str] = &["__attribute__", "__attribute", "__section", "__aligned"];

/// Words that are types, or parts of one, and no names.
const TYPES: &[&str] = &[
    "void", "char", "short", "int", "long", "signed", "unsigned", "bool", "struct", "union", "enum", "const",
    "volatile",
];

/// Other names of a type, as they are compared.
const SYNONYMS: &[(&str, &str)] = &[
    ("u8", "unsigned char"),
    ("uint8_t", "unsigned char"),
    ("u16", "unsigned short"),
    ("uint16_t", "unsigned short"),
    ("u32", "unsigned int"),
    ("uint32_t", "unsigned int"),
    ("u64", "unsigned long"),
    ("uint64_t", "unsigned long"),
];

impl Head {
    /// Of what stands before the name, the name, and the list in parentheses, all without comments. `None`:
    /// not in a form that can be written with other names.
    pub(crate) fn new(before: &str, name: &str, list: &str) -> Option<Self> {
        let mut result = String::new();
        let mut tokens = tokens(before).into_iter().peekable();
        while let Some(token) = tokens.next() {
            if LISTED_ATTRIBUTES.contains(&token) {
                tokens.next_if(|token| token.starts_with('('));
            } else if !ATTRIBUTES.contains(&token) {
                push(&mut result, token);
            }
        }
        let list = list.trim().strip_prefix('(')?.strip_suffix(')')?;
        let params = match list.trim() {
            "void" => Vec::new(),
            list => split(list).into_iter().map(Param::new).collect::<Option<_>>()?,
        };
        (!result.is_empty()).then(|| Self { result, name: name.to_owned(), params })
    }

    /// As it stands in the table of hooks.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (before, list) = text.split_at(text.find('(')?);
        let at = before.trim_end().rfind(|c: char| !is_word(c))? + 1;
        let (before, name) = before.split_at(at);
        Self::new(before, name.trim_end(), list)
    }

    /// Same types, in the same order? `const` makes no difference to a wrapper that hands on what it got.
    pub(crate) fn same_types(&self, other: &Self) -> bool {
        let kinds = |head: &Self| -> Vec<String> {
            std::iter::once(&head.result)
                .chain(head.params.iter().map(|param| &param.kind))
                .map(key)
                .collect()
        };
        kinds(self) == kinds(other)
    }

    /// With `name` for the function, and the parameters called as those of `other`.
    pub(crate) fn write(&self, name: &str, other: &Self) -> String {
        let mut text = self.result.clone();
        push(&mut text, name);
        let params = self.params.iter().zip(&other.params).map(|(param, other)| {
            let mut text = param.kind.clone();
            push(&mut text, &other.name);
            text
        });
        let params: Vec<_> = params.collect();
        let list = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
        format!("{text}({list})")
    }
}

impl Param {
    fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let at = text.rfind(|c: char| !is_word(c))? + 1;
        let (kind, name) = text.split_at(at);
        let kind = tokens(kind).into_iter().fold(String::new(), |mut kind, token| {
            push(&mut kind, token);
            kind
        });
        // A function or an array has its name elsewhere.
        let is_whole = !kind.is_empty() && !["struct", "union", "enum"].contains(&kind.as_str());
        let fits = is_whole && !name.is_empty() && !TYPES.contains(&name) && !text.contains("(*");
        fits.then(|| Self { kind, name: name.to_owned() })
    }
}

/// The type as it is compared.
fn key(kind: &str) -> String {
    let mut key = String::new();
    for token in tokens(kind).into_iter().filter(|token| !matches!(*token, "const" | "volatile" | "cf_check"))
    {
        let synonym = SYNONYMS.iter().find(|(name, _)| *name == token);
        push(&mut key, synonym.map_or(token, |(_, name)| name));
    }
    key
}

/// Appends a token as Xen's style spaces it.
fn push(text: &mut String, token: &str) {
    if !text.is_empty() && !token.starts_with('(') && !(text.ends_with('*')) {
        text.push(' ');
    }
    text.push_str(token);
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Words, lists in parentheses, and other characters one by one.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if first == '(' {
            closing(rest).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, more) = rest.split_at(end);
        tokens.push(token);
        rest = more.trim_start();
    }
    tokens
}

/// The offset behind the parenthesis that closes the one that `text` begins with.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The items of a list, at the commas that stand in no parentheses.
fn split(list: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    list.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::PARTS;

    fn head(text: &str) -> Head {
        Head::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn the_table_s_heads_are_read_and_written_alike() {
        for text in PARTS.iter().flat_map(|part| part.hooks).flat_map(|hook| hook.heads) {
            let head = head(text);
            assert_eq!(head.write(&head.name, &head), *text);
        }
    }

    #[test]
    fn attributes_are_dropped_and_spaces_are_xen_s() {
        let read =
            Head::new("static  void\n__init __section(\".a\") noinline", "f", "( int  a,\n\tT (*) *b )");
        assert_eq!(read, None, "a pointer to a function");
        let read =
            Head::new("static struct a\n * __section(\"x\") __init", "f", "( int  a,\n\tT(x)  *b )").unwrap();
        assert_eq!(read.write("g", &read), "struct a *g(int a, T(x) *b)");
        let read = Head::new("static void cf_check", "f", "(void)").unwrap();
        assert_eq!(read.write("noinline f", &read), "void cf_check noinline f(void)");
    }

    #[test]
    fn heads_with_other_parameters_are_told_apart() {
        let base = head("int f(struct a *x, unsigned int y)");
        for same in [
            "int f(struct a *x, unsigned int y)",
            "int f(const struct a *z, u32 w)",
            "int cf_check f(struct a *x, uint32_t y)",
        ] {
            assert!(base.same_types(&head(same)), "{same}");
            assert!(head(same).write("f", &base).ends_with(" y)"), "{same}");
        }
        for other in [
            "int f(unsigned int y, struct a *x)",
            "int f(struct a *x)",
            "int f(struct a *x, unsigned int y, int z)",
            "int f(struct b *x, unsigned int y)",
            "int f(struct a **x, unsigned int y)",
            "int f(struct a *x, int y)",
            "void f(struct a *x, unsigned int y)",
            "int f(void)",
        ] {
            assert!(!base.same_types(&head(other)), "{other}");
        }
        for bad in ["int f(int)", "int f(a)", "f(void)", "int f(struct a)", "int f(int a[3])", "int f"] {
            assert_eq!(Head::parse(bad), None, "{bad}");
        }
    }
}
