//! What functions are called, and which are meant by a name.

use std::collections::BTreeMap;

use xenheap_model::Glob;

use crate::{Function, FunctionId, Graph};

/// The names of all functions of a graph.
///
/// A static function is shown as Xen shows it, `file.c#name`, with as much of the file's path as
/// tells it from others. It can be meant by its name alone where that is unique, and by the end of
/// its file's path.
#[derive(Debug)]
pub struct Names<'a> {
    functions: &'a [Function],
    shown: Vec<String>,
    by_name: BTreeMap<&'a str, Vec<FunctionId>>,
}

/// A name that means no function, or several.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// None.
    #[error("there is no function `{name}` in this graph{}", did_you_mean(near))]
    Unknown {
        /// The name.
        name: String,
        /// Names that look like it.
        near: Vec<String>,
    },
    /// Several static functions.
    #[error("`{name}` is more than one function: {}", candidates.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// How each of them can be meant.
        candidates: Vec<String>,
    },
}

fn did_you_mean(near: &[String]) -> String {
    match near {
        [] => String::new(),
        near => format!("; near it: {}", near.join(", ")),
    }
}

impl<'a> Names<'a> {
    /// Of the functions of a graph, and of its contexts behind them: these are shown,
    /// `f (ops = table)`, but are not meant by a name.
    pub fn of(graph: &'a Graph) -> Self {
        let mut names = Names::new(&graph.functions);
        let contexts = graph.contexts.iter();
        let shown: Vec<_> =
            contexts.map(|context| format!("{} ({})", names.show(context.function), context.says)).collect();
        names.shown.extend(shown);
        names
    }

    /// Of these functions, in the order of their positions.
    pub fn new(functions: &'a [Function]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<FunctionId>> = BTreeMap::new();
        for (index, function) in functions.iter().enumerate() {
            by_name.entry(&function.name).or_default().push(FunctionId(index as u32));
        }
        let shown = functions.iter().map(|function| {
            let alike = by_name.get(function.name.as_str()).map_or(&[][..], Vec::as_slice);
            let others: Vec<&Function> = alike
                .iter()
                .filter_map(|id| functions.get(id.0 as usize))
                .filter(|other| other.unit != function.unit)
                .collect();
            shown(function, &others)
        });
        Names { functions, shown: shown.collect(), by_name }
    }

    /// How a function is shown; `?` if there is none.
    pub fn show(&self, id: FunctionId) -> &str {
        self.shown.get(id.0 as usize).map_or("?", String::as_str)
    }

    /// The functions that a name can mean: `name`, `file.c#name`, `common/file.c#name`.
    pub fn all(&self, text: &str) -> Vec<FunctionId> {
        let (file, name) = match text.rsplit_once('#') {
            Some((file, name)) => (Some(file), name),
            None => (None, text),
        };
        let ids = self.by_name.get(name).map_or(&[][..], Vec::as_slice).iter().copied();
        ids.filter(|id| file.is_none_or(|file| self.is_in(*id, file))).collect()
    }

    fn is_in(&self, id: FunctionId, file: &str) -> bool {
        let unit = self.functions.get(id.0 as usize).and_then(|function| function.unit.as_deref());
        unit.and_then(|unit| unit.strip_suffix(file))
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    }

    /// The one function that a name means.
    pub fn one(&self, text: &str) -> Result<FunctionId, NameError> {
        match self.all(text)[..] {
            [id] => Ok(id),
            [] => Err(NameError::Unknown { name: text.to_owned(), near: self.near(text) }),
            ref several => {
                // A function with external linkage is meant before its namesakes.
                let mut global = several.iter().filter(|id| {
                    self.functions.get(id.0 as usize).is_some_and(|function| !function.is_static)
                });
                match (global.next(), global.next()) {
                    (Some(id), None) => Ok(*id),
                    _ => {
                        let candidates = several.iter().map(|id| self.show(*id).to_owned()).collect();
                        Err(NameError::Ambiguous { name: text.to_owned(), candidates })
                    }
                }
            }
        }
    }

    /// The functions that a pattern means: a name, or `*` and `?` as in a shell. One with a `#` is
    /// compared with the whole path.
    pub fn matching(&self, pattern: &str) -> Vec<FunctionId> {
        if !pattern.contains(['*', '?']) {
            return self.all(pattern);
        }
        let Ok(glob) = pattern.parse::<Glob>();
        let is = |(index, function): (usize, &Function)| {
            let whole = || format!("{}#{}", function.unit.as_deref().unwrap_or_default(), function.name);
            let shown = || self.shown.get(index).is_some_and(|shown| glob.is(shown));
            let meant = glob.is(&function.name) || shown() || glob.is(&whole());
            meant.then_some(FunctionId(index as u32))
        };
        self.functions.iter().enumerate().filter_map(is).collect()
    }

    /// Up to five names that look like this one, the most alike first.
    fn near(&self, text: &str) -> Vec<String> {
        let wanted = text.rsplit_once('#').map_or(text, |(_, name)| name);
        let mut scored: Vec<(u64, &str)> = self
            .by_name
            .keys()
            .map(|name| {
                let contains = !wanted.is_empty() && name.contains(wanted);
                let likeness = strsim::jaro_winkler(wanted, name) + if contains { 0.2 } else { 0.0 };
                ((likeness * 1e6) as u64, *name)
            })
            .filter(|(likeness, _)| *likeness > 800_000)
            .collect();
        scored.sort_by_key(|(likeness, name)| (std::cmp::Reverse(*likeness), *name));
        let found = scored.iter().take(5).filter_map(|(_, name)| self.by_name.get(name));
        found.flatten().take(5).map(|id| self.show(*id).to_owned()).collect()
    }
}

/// A static function with the shortest end of its unit's path that no other function of its name
/// has.
fn shown(function: &Function, others: &[&Function]) -> String {
    let Some(unit) = function.unit.as_deref().filter(|_| function.is_static) else {
        return function.name.clone();
    };
    let ends = unit.rmatch_indices('/').map(|(at, _)| &unit[at + 1..]).chain([unit]);
    let has_end = |other: &&Function, end: &str| {
        let rest = other.unit.as_deref().and_then(|unit| unit.strip_suffix(end));
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let unique = ends.into_iter().find(|end| !others.iter().any(|other| has_end(other, end)));
    format!("{}#{}", unique.unwrap_or(unit), function.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn function(name: &str, unit: &str, is_static: bool) -> Function {
        Function {
            name: name.to_owned(),
            unit: Some(unit.to_owned()),
            is_static,
            location: None,
            code: Code::C,
            pieces: Vec::new(),
            stack: None,
            owner: None,
            noreturn: false,
        }
    }

    #[test]
    fn names_mean_functions() {
        let functions = [
            function("alloc_xenheap_pages", "common/page_alloc.c", false),
            function("refill", "arch/x86/a.c", true),
            function("refill", "common/a.c", true),
            function("refill", "common/b.c", true),
            function("schedule", "common/sched.c", true),
            function("xfree", "common/x.c", false),
            function("xfree", "common/y.c", true),
        ];
        let names = Names::new(&functions);
        let shown: Vec<&str> = (0..7).map(|id| names.show(FunctionId(id))).collect();
        let expected = [
            "alloc_xenheap_pages",
            "x86/a.c#refill",
            "common/a.c#refill",
            "b.c#refill",
            "sched.c#schedule",
            "xfree",
            "y.c#xfree",
        ];
        assert_eq!(shown, expected);
        for (index, name) in expected.iter().enumerate() {
            assert_eq!(names.one(name), Ok(FunctionId(index as u32)), "{name}");
        }
        assert_eq!(names.one("schedule"), Ok(FunctionId(4)));
        assert_eq!(names.one("arch/x86/a.c#refill"), Ok(FunctionId(1)));
        assert!(names.one("86/a.c#refill").is_err(), "folders are whole");
        let error = names.one("refill").expect_err("three of them");
        assert_eq!(
            error.to_string(),
            "`refill` is more than one function: x86/a.c#refill, common/a.c#refill, b.c#refill"
        );
        let error = names.one("alloc_xenheap_page").expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "there is no function `alloc_xenheap_page` in this graph; near it: alloc_xenheap_pages"
        );
        assert_eq!(
            names.one("zzz").expect_err("unknown").to_string(),
            "there is no function `zzz` in this graph"
        );
        assert_eq!(names.matching("*fill"), [1, 2, 3].map(FunctionId));
        assert_eq!(names.matching("common/*"), [0, 2, 3, 4, 5, 6].map(FunctionId));
        assert_eq!(names.matching("xfree"), [5, 6].map(FunctionId));
    }
}
