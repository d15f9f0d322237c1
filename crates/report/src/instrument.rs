//! What was done with a tree of Xen, or would be done.

use std::{
    fmt::Write as _,
    io::{self, Write},
    path::Path,
};

use xenheap_output::printable;
use xenheap_recorder::{Action, Applied, Change, Description, FileDescription, Lack, State};

use crate::Render;

/// What became of a tree.
#[derive(Clone, Copy, Debug)]
pub enum Instrumented<'a> {
    /// It was only asked whether the recorder would apply, and it would.
    Asked(&'a Description),
    /// The recorder is in it. The description is from before.
    Applied(&'a Description),
    /// The recorder is not in it. The description is from before.
    Undone(&'a Description, &'a Applied),
    /// This file is the change as a patch.
    Patch(&'a Path),
}

/// For people: a line what was done, and a line for each part of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct InstrumentedText;

impl Render<Instrumented<'_>> for InstrumentedText {
    fn render(&self, done: &Instrumented<'_>, out: &mut dyn Write) -> io::Result<()> {
        let text = match done {
            Instrumented::Asked(description) => applied(description, false),
            Instrumented::Applied(description) => applied(description, true),
            Instrumented::Undone(description, outcome) => undone(description, outcome),
            Instrumented::Patch(file) => {
                let name = file.display();
                format!("{name} is the recorder as a patch; apply it with `git am {name}`\n")
            }
        };
        out.write_all(printable(&text).as_bytes())
    }
}

fn applied(description: &Description, is_done: bool) -> String {
    let Description { xen_dir, version, state, files, lacks, next_steps } = description;
    let mut text = format!("Xen {version} in {}: ", xen_dir.display());
    text.push_str(match (state, is_done) {
        (State::Instrumented, _) => "the recorder is there already, nothing to do\n",
        (_, false) => "the recorder would apply\n",
        (State::OtherVersion, true) => "the recorder was brought to this version\n",
        (_, true) => "the recorder was put in\n",
    });
    lacks.iter().for_each(|lack| lacking(lack, &mut text));
    if *state != State::Instrumented {
        files.iter().for_each(|file| describe(file, is_done, &mut text));
        if is_done {
            text.push_str("\nNext:\n");
            next_steps.iter().for_each(|step| line(&mut text, &format!("  - {step}")));
        }
    }
    text
}

/// A part that is left out, and why.
fn lacking(lack: &Lack, text: &mut String) {
    let arch = lack.arch.map_or(String::new(), |arch| format!(" on {arch}"));
    line(text, &format!("  left out  {}{arch}: reports cannot tell {}", lack.part, lack.tells));
    lack.missing.iter().for_each(|missing| line(text, &format!("{:14}{missing}", "")));
}

fn describe(file: &FileDescription, is_done: bool, text: &mut String) {
    let action = match (file.action, is_done) {
        (Action::Create, true) => "created",
        (Action::Create, false) => "to create",
        (Action::Change, true) => "changed",
        (Action::Change, false) => "to change",
        _ => return,
    };
    line(text, &format!("  {action:<9} {}", file.path));
    for change in &file.changes {
        match change {
            Change::Rename { function, line: at } => {
                line(text, &format!("{:14}line {at}: {function} renamed", ""))
            }
            Change::Insert { what, line: at, lines } => {
                line(text, &format!("{:14}line {at}: {what} ({})", "", count(*lines)));
            }
            Change::Create { lines } => line(text, &format!("{:14}{}", "", count(*lines))),
            _ => {}
        }
    }
}

fn count(lines: usize) -> String {
    format!("{lines} line{}", if lines == 1 { "" } else { "s" })
}

fn undone(description: &Description, outcome: &Applied) -> String {
    let mut text = format!("Xen {} in {}: ", description.version, description.xen_dir.display());
    if outcome.is_empty() {
        text.push_str("the recorder is not there, nothing to do\n");
    } else {
        text.push_str("the recorder was taken out\n");
        for (action, files) in [("removed", &outcome.removed), ("restored", &outcome.changed)] {
            files.iter().for_each(|file| line(&mut text, &format!("  {action:<9} {file}")));
        }
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
