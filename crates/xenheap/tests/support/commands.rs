//! The command's own tree of subcommands, as its help shows it.

/// A subcommand that does something.
#[derive(Debug)]
pub struct Command {
    /// Its words: `graph`, `why`.
    pub words: Vec<String>,
    options: Vec<Choice>,
}

/// An option that says in which form something is written, or which takes a file or a folder.
#[derive(Debug, Default)]
struct Choice {
    name: String,
    short: Option<String>,
    /// The forms; none for a file.
    values: Vec<String>,
    default: Option<String>,
}

/// All of them. Groups such as `graph` do nothing of their own.
pub fn commands() -> Vec<Command> {
    let mut root = xenheap::command().term_width(100);
    root.build();
    let mut all = Vec::new();
    walk(&[], &root, &mut all);
    all.sort_by(|a, b| a.words.cmp(&b.words));
    assert!(all.len() > 30, "{all:?}");
    all
}

fn walk(words: &[String], command: &clap::Command, all: &mut Vec<Command>) {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let words = [words, &[sub.get_name().to_owned()]].concat();
        if sub.has_subcommands() {
            walk(&words, sub, all);
        } else {
            let help = sub.clone().render_long_help().to_string();
            all.push(Command { options: choices(&help), words });
        }
    }
}

/// The command that the arguments name.
pub fn of<'a>(all: &'a [Command], arguments: &[&str]) -> &'a Command {
    let is_it = |command: &&Command| {
        command.words.len() <= arguments.len()
            && command.words.iter().zip(arguments).all(|(word, argument)| word == argument)
    };
    all.iter().find(is_it).unwrap_or_else(|| panic!("{arguments:?} is no command"))
}

/// Reads `  -o, --output <FILE>` with the text below it, for files and for `--format`.
fn choices(help: &str) -> Vec<Choice> {
    let mut all: Vec<Choice> = Vec::new();
    let mut is_within = false;
    for line in help.lines() {
        let trimmed = line.trim_start();
        let indent = line.len() - trimmed.len();
        if (2..=6).contains(&indent) && trimmed.starts_with('-') {
            let (short, rest) = match trimmed.split_once(", ") {
                Some((short, rest)) if short.len() == 2 => (Some(short.to_owned()), rest),
                _ => (None, trimmed),
            };
            let mut words = rest.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            let value = words.next().unwrap_or_default();
            is_within = name == "--format" || value.contains("FILE>") || value == "<DIR>";
            if is_within {
                all.push(Choice { name, short, ..Choice::default() });
            }
        } else if !trimmed.is_empty() && indent < 8 {
            is_within = false;
        }
        if let Some(choice) = all.last_mut().filter(|_| is_within) {
            if let Some((value, _)) = trimmed.strip_prefix("- ").and_then(|rest| rest.split_once(':')) {
                choice.values.push(value.to_owned());
            }
            if let Some((_, rest)) = line.split_once("[default: ") {
                choice.default = rest.split_once(']').map(|(value, _)| value.to_owned());
            }
        }
    }
    for choice in &all {
        assert!(choice.name != "--format" || choice.values.len() > 1, "{choice:?} in {help}");
    }
    all
}

impl Command {
    fn part(&self, more: &str) -> String {
        format!("{} {more}", self.words.join(" ")).trim_end().to_owned()
    }

    /// What can be asked for: `check --format json`, `check --junit`; a command without formats as
    /// it is.
    pub fn all_parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        for option in &self.options {
            match option.values.as_slice() {
                [] => parts.push(self.part(&option.name)),
                values => parts.extend(values.iter().map(|value| self.part(&format!("--format {value}")))),
            }
        }
        if self.options.iter().all(|option| option.values.is_empty()) {
            parts.push(self.part(""));
        }
        parts
    }

    /// Those of them that the arguments ask for.
    pub fn parts(&self, arguments: &[&str]) -> Vec<String> {
        let value_of = |option: &Choice| {
            let is_it = |word: &&&str| **word == option.name || Some(**word) == option.short.as_deref();
            let at = arguments.iter().position(|word| is_it(&word))?;
            arguments.get(at + 1).copied()
        };
        let mut parts = Vec::new();
        for option in &self.options {
            match (option.values.as_slice(), value_of(option)) {
                ([], None) => {}
                ([], Some(_)) => parts.push(self.part(&option.name)),
                (_, value) => {
                    let value = value.or(option.default.as_deref());
                    parts.extend(value.map(|value| self.part(&format!("--format {value}"))));
                }
            }
        }
        if self.options.iter().all(|option| option.values.is_empty()) {
            parts.push(self.part(""));
        }
        parts
    }
}
