//! What a tree has of what the recorder hooks into, and the header that tells it the recorder's C code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::error::{Error, Problem};
use crate::head::Head;
use crate::rules::{Arch, FACTS, Fact, Hook, PARTS, Part, Sign};
use crate::scan::{self, Definition};

/// A part of the recorder that has nothing to hook into, and is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Its name in records.
    pub part: &'static str,
    /// The only architecture on which it is missing, as Xen calls it.
    pub arch: Option<&'static str>,
    /// What cannot be told without it.
    pub tells: &'static str,
    /// What was not found.
    pub missing: Vec<MissingHook>,
}

/// A function that a tree has not, or not in a form that the recorder knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingHook {
    /// Its name.
    pub function: &'static str,
    /// Heads of its definition in the versions of Xen that are known.
    pub known: &'static [&'static str],
    /// The files in which it has been seen, as paths below the tree's root.
    pub files: Vec<String>,
    /// Where this tree defines it with other parameters or another result: file and line.
    pub otherwise: Vec<(String, usize)>,
}

/// A file in which definitions are, or would be, renamed.
#[derive(Debug)]
pub(crate) struct Surveyed {
    pub path: &'static str,
    pub content: Vec<u8>,
    /// Each with whether it is to be renamed.
    pub definitions: Vec<(Definition, bool)>,
}

#[derive(Debug)]
pub(crate) struct Survey {
    pub files: Vec<Surveyed>,
    pub lacks: Vec<Lack>,
    pub problems: Vec<Problem>,
    facts: Vec<&'static str>,
    found: Vec<Found>,
    /// The parts of which the tree has all hooks.
    complete: Vec<&'static Part>,
}

impl Survey {
    /// The text of [`crate::rules::TREE_HEADER`].
    pub(crate) fn header(&self) -> String {
        self.header_of(&|_| true)
    }

    /// The same if of the parts there were only those that `is_in` chooses.
    pub(crate) fn header_of(&self, is_in: &dyn Fn(&str) -> bool) -> String {
        let (complete, out): (Vec<&Part>, Vec<&Part>) =
            self.complete.iter().copied().partition(|part| is_in(part.name));
        let found: Vec<&Found> = self.found.iter().filter(|found| is_in(found.part.name)).collect();
        let out = out.iter().filter(|part| part.tells.is_some()).map(|part| (part.name, part.arch.name()));
        let lacks: Vec<_> = self.lacks.iter().map(|lack| (lack.part, lack.arch)).chain(out).collect();
        header(&self.facts, &found, &complete, &lacks)
    }

    /// The macros that the header defines for these parts.
    pub(crate) fn macros(&self, is_of: &dyn Fn(&str) -> bool) -> Vec<String> {
        let parts = PARTS.iter().filter(|part| is_of(part.name));
        let cans = parts.clone().map(|part| format!("HA_CAN_{}", part.name.replace('-', "_")));
        let hooks = parts.flat_map(|part| part.hooks).map(|hook| format!("HA_HAS_{}", hook.name()));
        cans.chain(hooks).collect()
    }
}

impl Surveyed {
    /// The file with the definitions renamed that belong to these parts.
    pub(crate) fn renamed(&self, is_in: &dyn Fn(&str) -> bool) -> Vec<u8> {
        let all: Vec<Definition> =
            self.definitions.iter().map(|(definition, _)| definition.clone()).collect();
        let wanted = |definition: &Definition| {
            let part = part_of(self.path, definition.function);
            part.is_some_and(is_in)
                && self.definitions.iter().any(|(other, chosen)| *chosen && other == definition)
        };
        scan::rewrite(&self.content, &all, wanted)
    }
}

/// The part that a function in a file belongs to.
fn part_of(path: &str, function: &str) -> Option<&'static str> {
    let has =
        |hook: &Hook| hook.files.contains(&path) && hook.heads.iter().any(|head| name(head) == function);
    PARTS.iter().find(|part| part.hooks.iter().any(has)).map(|part| part.name)
}

type Read<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>, Error> + 'a;

/// A hook that the tree has: under which name, in which of the known heads, and as the tree has it.
#[derive(Debug)]
struct Found {
    part: &'static Part,
    hook: &'static Hook,
    form: usize,
    known: Head,
    head: Head,
    path: &'static str,
}

pub(crate) fn survey(read: &Read<'_>) -> Result<Survey, Error> {
    let mut files: BTreeMap<&'static str, (Vec<u8>, Vec<Definition>)> = BTreeMap::new();
    for path in PARTS.iter().flat_map(|part| part.hooks).flat_map(|hook| hook.files) {
        if files.contains_key(path) {
            continue;
        }
        if let Some(content) = read(path)? {
            let definitions = scan::definitions(&content, &functions(path));
            files.insert(path, (content, definitions));
        }
    }
    let definitions = |path: &str| files.get(path).map(|(_, all)| all.as_slice()).unwrap_or_default();

    let (mut lacks, mut problems, mut found): (Vec<Lack>, _, Vec<Found>) =
        (Vec::new(), Vec::new(), Vec::new());
    let mut complete = Vec::new();
    for part in PARTS {
        let mut here = Vec::new();
        let mut missing = Vec::new();
        for hook in part.hooks {
            match find(part, hook, &definitions) {
                Ok(hook) => here.push(hook),
                Err(hook_missing) => match hook.only_with {
                    Some(file) if read(file)?.is_none() => {}
                    _ => missing.push(hook_missing),
                },
            }
        }
        match part.tells {
            None => {
                problems.extend(missing.into_iter().map(Problem::NoAllocator));
                complete.push(part);
            }
            Some(tells) if !missing.is_empty() => {
                let arch = part.arch.name();
                lacks.push(Lack { part: part.name, arch, tells, missing });
                continue;
            }
            // A part of which this version has nothing is none that it lacks.
            Some(_) if here.is_empty() => continue,
            Some(_) => complete.push(part),
        }
        found.extend(here);
    }

    let mut facts = Vec::new();
    for fact in FACTS {
        if holds(fact, read, &found)? {
            facts.push(fact.name);
        }
    }
    let files = files.into_iter().filter_map(|(path, (content, definitions))| {
        let chosen = |definition: &Definition| {
            found.iter().any(|hook| hook.path == path && hook.known.name == definition.function)
        };
        let definitions: Vec<_> = definitions
            .into_iter()
            .map(|definition| {
                let chosen = chosen(&definition);
                (definition, chosen)
            })
            .filter(|(definition, chosen)| *chosen || definition.renamed)
            .collect();
        (!definitions.is_empty()).then_some(Surveyed { path, content, definitions })
    });
    let files = files.collect();
    Ok(Survey { files, lacks, problems, facts, found, complete })
}

/// The names of functions that can be in a file.
fn functions(path: &str) -> Vec<&'static str> {
    let hooks = PARTS.iter().flat_map(|part| part.hooks).filter(|hook| hook.files.contains(&path));
    hooks.flat_map(|hook| hook.heads).map(|head| name(head)).collect()
}

/// The name of the function in a head of the table.
pub(crate) fn name(head: &'static str) -> &'static str {
    let before = head.split('(').next().unwrap_or_default();
    before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default()
}

impl Hook {
    /// What it is called, whatever name the tree has for it.
    pub(crate) fn name(&self) -> &'static str {
        self.heads.first().map(|head| name(head)).unwrap_or_default()
    }
}

/// The first of its names that is defined in the first of its files.
fn find<'a>(
    part: &'static Part,
    hook: &'static Hook,
    definitions: &impl Fn(&str) -> &'a [Definition],
) -> Result<Found, MissingHook> {
    let mut otherwise = Vec::new();
    let known: Vec<Head> = hook.heads.iter().filter_map(|head| Head::parse(head)).collect();
    for path in hook.files {
        let mut names: Vec<&str> = hook.heads.iter().map(|head| name(head)).collect();
        names.dedup();
        for name in names {
            let here = definitions(path).iter().filter(|definition| definition.function == name);
            // Where it is defined twice, in two branches of an #if, both must be as we know it.
            let forms = here.map(|definition| {
                let fits = |known: &&Head| {
                    known.name == name && definition.head.as_ref().is_some_and(|head| head.same_types(known))
                };
                (definition, known.iter().position(|known| fits(&known)))
            });
            let forms: Vec<_> = forms.collect();
            let Some((first, form)) = forms.first() else { continue };
            if let (Some(form), Some(head)) = (*form, &first.head)
                && forms.iter().all(|(_, other)| *other == Some(form))
                && let Some(known) = known.get(form)
            {
                return Ok(Found { part, hook, form, known: known.clone(), head: head.clone(), path });
            }
            otherwise.extend(forms.iter().map(|(definition, _)| (format!("xen/{path}"), definition.line)));
        }
    }
    Err(MissingHook {
        function: hook.name(),
        known: hook.heads,
        files: hook.files.iter().map(|path| format!("xen/{path}")).collect(),
        otherwise,
    })
}

fn holds(fact: &Fact, read: &Read<'_>, found: &[Found]) -> Result<bool, Error> {
    if let Sign::Head(hook, form) = fact.sign {
        return Ok(found.iter().any(|found| found.hook.name() == hook && found.form == form));
    }
    for path in fact.files {
        let Some(content) = read(path)? else { continue };
        let shown = match fact.sign {
            Sign::Function(name) => scan::declares(&content, name, true),
            Sign::Variable(name) => scan::declares(&content, name, false),
            Sign::Line(line) => content.split(|&b| b == b'\n').any(|l| l.trim_ascii_end() == line.as_bytes()),
            Sign::Conditional(function, option) => scan::is_conditional(&content, function, option),
            Sign::Head(..) => false,
        };
        if shown {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Arch {
    /// As Xen calls it.
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::X86 => Some("x86_64"),
            Self::Arm => Some("arm64"),
        }
    }
}

fn header(facts: &[&str], found: &[&Found], complete: &[&Part], lacks: &[(&str, Option<&str>)]) -> String {
    let mut text = String::from(
        "/* SPDX-License-Identifier: GPL-2.0-only */\n\
         /*\n\
         \x20* What this tree has of what heap-audit.c hooks into: written by xenheap from\n\
         \x20* what it found in the tree. If the tree changes, let it write it again.\n\
         \x20*\n\
         \x20* HA_HAS_fn: its definition is there and was renamed. HA_NAME_fn: what it is\n\
         \x20* called here. HA_HEAD_fn(name): the head of its definition, with another name\n\
         \x20* for it. HA_PARAMS_fn, HA_ARGS_fn: how many parameters it has, and which.\n\
         \x20*/\n\
         #ifndef XEN_HEAP_AUDIT_TREE_H\n\
         #define XEN_HEAP_AUDIT_TREE_H\n",
    );
    let mut define = |line: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    if !facts.is_empty() {
        define("");
    }
    facts.iter().for_each(|fact| define(&format!("#define HA_TREE_{fact} 1")));
    for Found { hook, known, head, .. } in found {
        let name = hook.name();
        define(&format!("\n#define HA_HAS_{name} 1"));
        define(&format!("#define HA_NAME_{name} {}", known.name));
        define(&format!("#define HA_PARAMS_{name} {}", known.params.len()));
        let params: Vec<&str> = known.params.iter().map(|param| param.name.as_str()).collect();
        define(format!("#define HA_ARGS_{name} {}", params.join(", ")).trim_end());
        define(&format!("#define HA_HEAD_{name}(fn_) \\"));
        define(&wrapped(&head.write("fn_", known)));
    }
    for (arch, condition) in [(Arch::X86, "#ifdef CONFIG_X86"), (Arch::Arm, "#ifdef CONFIG_ARM")] {
        define(&format!("\n{condition}"));
        for part in complete.iter().filter(|part| part.arch == Arch::Any || part.arch == arch) {
            define(&format!("#define HA_CAN_{} 1", part.name.replace('-', "_")));
        }
        let lacks = lacks.iter().filter(|(_, only)| only.is_none() || *only == arch.name());
        let lacks: Vec<&str> = lacks.map(|(part, _)| *part).collect();
        define(&format!("#define HA_LACKS \"{}\"", lacks.join(",")));
        define("#endif");
    }
    define("\n#endif /* XEN_HEAP_AUDIT_TREE_H */");
    text
}

/// A head as the body of a macro, in lines of less than 80 columns.
fn wrapped(head: &str) -> String {
    let mut lines = vec![String::from("   ")];
    for piece in head.split_inclusive(", ") {
        let piece = piece.trim_end();
        if let Some(line) = lines.last_mut() {
            if line.len() + 1 + piece.len() <= 76 {
                line.push(' ');
                line.push_str(piece);
            } else {
                lines.push(format!("        {piece}"));
            }
        }
    }
    lines.join(" \\\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::edit::{self, Presence};

    /// Files by their path below `xen/`.
    type Files = BTreeMap<&'static str, String>;

    /// How a definition is laid out.
    #[derive(Clone, Debug)]
    struct Layout {
        is_static: bool,
        /// Between the tokens of the head.
        gaps: Vec<&'static str>,
        /// Does it stand in both branches of an `#if`?
        twice: bool,
        which: usize,
    }

    fn layout() -> impl Strategy<Value = Layout> {
        let gap = proptest::sample::select(vec![" ", "\n", "  ", " /* , ( { */ ", "\n    ", " // ;\n "]);
        (any::<bool>(), proptest::collection::vec(gap, 1..12), any::<bool>(), 0_usize..4)
            .prop_map(|(is_static, gaps, twice, which)| Layout { is_static, gaps, twice, which })
    }

    /// A definition of a hook in one of its heads, as some version of Xen could have it.
    fn definition(head: &str, layout: &Layout) -> String {
        let mut gaps = layout.gaps.iter().cycle();
        let mut text = String::from(if layout.is_static { "static " } else { "" });
        // The first word stays in column 0, and words stay apart.
        for (index, word) in head.split(' ').enumerate() {
            if index > 0 {
                text.push_str(gaps.next().copied().unwrap_or(" "));
            }
            text.push_str(word);
        }
        let one = format!("{text}\n{{\n    {}(1);\n}}\n", name_of(head));
        if layout.twice { format!("#ifdef A\n{one}#else\n{one}#endif\n") } else { one }
    }

    fn name_of(head: &str) -> String {
        Head::parse(head).unwrap().name
    }

    /// A piece of C that defines nothing, however much it looks like it.
    fn noise() -> impl Strategy<Value = String> {
        let hooks: Vec<_> = PARTS.iter().flat_map(|part| part.hooks).collect();
        let head = proptest::sample::select(hooks).prop_map(|hook| hook.heads[0]);
        let words = "[ -~]{0,40}";
        prop_oneof![
            words.prop_map(|text| format!("/* {} */\n", text.replace("*/", ""))),
            words.prop_map(|text| format!("// {}\n", text.replace('\\', ""))),
            words.prop_map(|text| format!("#error {}\n", text.replace(['\\', '/'], ""))),
            head.clone().prop_map(|head| format!("/*\n{head}\n{{\n}}\n*/\n")),
            head.clone().prop_map(|head| format!("static char *s = \"{head} {{\";\n")),
            head.clone().prop_map(|head| format!("{head};\n")),
            head.clone().prop_map(|head| format!("extern {head};\nstatic {head};\n")),
            head.clone().prop_map(|head| format!("static inline {head}\n{{\n}}\n")),
            head.clone().prop_map(|head| format!("#define X \\\n{head} \\\n{{ }}\n")),
            head.prop_map(|head| format!(
                "void caller(int a)\n{{\n    {}(a, '\"', '\\'');\n}}\n",
                name_of(head)
            )),
            Just("\n".to_owned()),
            Just("#if 1\n".to_owned()),
            Just("#endif\n".to_owned()),
        ]
    }

    /// A tree as the table says that versions of Xen can be: every hook in one of its heads, in one of its
    /// files, in any layout and order; without those whose names are `left_out`.
    fn tree(left_out: Vec<&'static str>) -> impl Strategy<Value = Files> {
        let hooks: Vec<_> = PARTS.iter().flat_map(|part| part.hooks).collect();
        let layouts = proptest::collection::vec(layout(), hooks.len());
        let noises = proptest::collection::vec((noise(), any::<prop::sample::Index>()), 0..40);
        (layouts, noises).prop_map(move |(layouts, noises)| {
            let mut files = Files::new();
            for (hook, layout) in hooks.iter().zip(&layouts) {
                if let Some(file) = hook.only_with {
                    files.entry(file).or_default();
                }
                let text = if left_out.contains(&hook.name()) {
                    "int nothing;\n".to_owned()
                } else {
                    definition(hook.heads[layout.which % hook.heads.len()], layout)
                };
                files.entry(hook.files[layout.which % hook.files.len()]).or_default().push_str(&text);
            }
            let paths: Vec<_> = files.keys().copied().collect();
            for (noise, path) in noises {
                let file = files.entry(*path.get::<&str>(&paths)).or_default();
                *file =
                    if noise.len() % 2 == 0 { format!("{noise}{file}") } else { format!("{file}{noise}") };
            }
            files
        })
    }

    fn survey_of(files: &Files) -> Survey {
        survey(&|path| Ok(files.get(path).map(|text| text.clone().into_bytes()))).unwrap()
    }

    fn any_hook() -> impl Strategy<Value = (&'static Part, &'static Hook)> {
        let all = PARTS.iter().flat_map(|part| part.hooks.iter().map(move |hook| (part, hook)));
        proptest::sample::select(all.collect::<Vec<_>>())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_version_that_the_table_allows_has_everything(files in tree(Vec::new())) {
            let seen = survey_of(&files);
            prop_assert_eq!(&seen.problems, &[]);
            prop_assert_eq!(&seen.lacks, &[]);
            for hook in PARTS.iter().flat_map(|part| part.hooks) {
                let defined = format!("#define HA_HAS_{} 1\n", hook.name());
                prop_assert!(seen.header().contains(&defined), "{}", defined);
            }
            prop_assert!(seen.header().lines().all(|line| line.len() < 80));
            prop_assert_eq!(seen.header().matches("#define HA_LACKS \"\"\n").count(), 2);

            let mut instrumented = files.clone();
            for file in &seen.files {
                let there = edit::renames(&file.definitions, file.path, &file.content);
                prop_assert_eq!(there.pristine.as_deref(), Some(files[file.path].as_bytes()));
                prop_assert_eq!(
                    edit::count_lines(&there.instrumented), edit::count_lines(files[file.path].as_bytes())
                );
                instrumented.insert(file.path, String::from_utf8(there.instrumented).unwrap());
            }
            // The same is found again, and nothing is left to do; and it can be taken out.
            let again = survey_of(&instrumented);
            prop_assert_eq!(&again.header(), &seen.header());
            for file in &again.files {
                let there = edit::renames(&file.definitions, file.path, &file.content);
                prop_assert_eq!(there.presence, Presence::Present);
                prop_assert_eq!(there.pristine.as_deref(), Some(files[file.path].as_bytes()));
            }
        }

        #[test]
        fn a_hook_that_is_gone_is_an_error_or_a_part_that_is_left_out(
            ((part, hook), files) in any_hook()
                .prop_flat_map(|(part, hook)| (Just((part, hook)), tree(vec![hook.name()])))
        ) {
            let seen = survey_of(&files);
            let names: Vec<_> = seen.lacks.iter().map(|lack| (lack.part, lack.missing[0].function)).collect();
            let arch = part.arch.name();
            match part.tells {
                None => {
                    let Some(Problem::NoAllocator(missing)) = seen.problems.first() else { panic!("no problem") };
                    prop_assert_eq!((missing.function, seen.problems.len()), (hook.name(), 1));
                    prop_assert_eq!(names, []);
                }
                Some(_) => {
                    prop_assert_eq!(names, [(part.name, hook.name())]);
                    prop_assert_eq!(seen.lacks[0].arch, arch);
                    prop_assert_eq!(&seen.problems, &[]);
                    for hook in part.hooks {
                        let defined = format!("#define HA_HAS_{} ", hook.name());
                        prop_assert!(!seen.header().contains(&defined), "{}", defined);
                    }
                    let lacks = format!("#define HA_LACKS \"{}\"\n", part.name);
                    let times = if arch.is_none() { 2 } else { 1 };
                    prop_assert_eq!(seen.header().matches(&lacks).count(), times);
                }
            }
        }
    }

    #[test]
    fn only_the_allocators_are_necessary_and_reports_know_all_other_parts() {
        let necessary: Vec<_> =
            PARTS.iter().filter(|part| part.tells.is_none()).map(|part| part.name).collect();
        assert_eq!(necessary, ["page-allocator", "xmalloc", "refusals"]);
        for part in PARTS {
            assert_eq!(part.tells, xenheap_model::untold(part.name), "{}", part.name);
        }
    }

    #[test]
    fn what_a_version_cannot_have_is_not_lacking() {
        for hook in PARTS.iter().flat_map(|part| part.hooks).filter(|hook| hook.only_with.is_some()) {
            let seen = survey(&|_| Ok(None)).unwrap();
            let missing = |lack: &Lack| lack.missing.iter().any(|missing| missing.function == hook.name());
            assert!(!seen.lacks.iter().any(missing), "{}", hook.name());
        }
    }
}
