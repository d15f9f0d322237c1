//! What an answer does not cover: what the graph lacks, and what filters took out.

use std::io::{self, Write};

use serde::Serialize;
use xenheap_callgraph::{Graph, Lack, Names, Selection, Whole};
use xenheap_output::Escaped;

/// What an answer does not cover.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LeftOut<'a> {
    /// What filters took out.
    #[serde(rename = "left_out")]
    pub taken_out: Vec<TakenOut<'a>>,
    /// What the graph is a part of, if it is not whole.
    pub part: Option<String>,
    /// Names in lists of the user that the graph lacks.
    #[serde(skip)]
    pub absent: &'a [String],
}

/// What one preset, or the list of the user, took out.
#[derive(Clone, Debug, Serialize)]
pub struct TakenOut<'a> {
    /// The preset; none: the user.
    pub preset: Option<&'a str>,
    /// Names of the functions.
    pub functions: Vec<&'a str>,
    /// Names of the preset that the graph lacks.
    pub absent: &'a [String],
}

impl<'a> LeftOut<'a> {
    /// What a selection leaves out of a graph.
    pub fn new(graph: &Graph, names: &'a Names<'a>, selection: &'a Selection) -> Self {
        let taken_out = selection.removed.iter().map(|removed| TakenOut {
            preset: removed.preset.as_deref(),
            functions: removed.functions.iter().map(|id| names.show(*id)).collect(),
            absent: &removed.absent,
        });
        LeftOut { taken_out: taken_out.collect(), part: part_of(graph), absent: &selection.absent }
    }

    /// What stands after "no path": there may be one in what the graph lacks, if it lacks
    /// something.
    pub(super) fn in_this_part(&self) -> &'static str {
        if self.part.is_some() { " in this part" } else { "" }
    }

    /// All of it as comments: what the graph lacks first.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write_limits(self.part.as_deref(), out)?;
        self.write_taken_out("", out)
    }

    /// What filters took out, one comment for each that did it. Each begins with `where_`.
    pub(super) fn write_taken_out(&self, where_: &str, out: &mut dyn Write) -> io::Result<()> {
        for taken_out in &self.taken_out {
            writeln!(out, "// {where_}{}", Escaped(taken_out.sentence()))?;
        }
        if !self.absent.is_empty() {
            let absent = self.absent.join(", ");
            writeln!(out, "// {where_}lists name what this graph lacks: {}", Escaped(absent))?;
        }
        Ok(())
    }
}

impl TakenOut<'_> {
    fn sentence(&self) -> String {
        let who = self.preset.map_or("--exclude".to_owned(), |name| format!("preset {name}"));
        // Boot code is hundreds of functions; the JSON form lists them too.
        let list = match self.functions.len() {
            0 => String::new(),
            1..=40 => format!(": {}", self.functions.join(", ")),
            _ => ", too many to list here".to_owned(),
        };
        let functions = if self.functions.len() == 1 { "function" } else { "functions" };
        let lacks = match self.absent.is_empty() {
            true => String::new(),
            false => format!("; this graph lacks {}", self.absent.join(", ")),
        };
        format!("{who} takes out {} {functions}{list}{lacks}", self.functions.len())
    }
}

/// So many units are named in one line.
const SHOWN: usize = 10;

/// What a graph is a part of; none, if it is whole or does not say.
pub fn part_of(graph: &Graph) -> Option<String> {
    match graph.whole() {
        Whole::Yes | Whole::Unknown => None,
        Whole::No(differ) => {
            let differ = differ.iter().map(|(what, was, is)| format!("{is} of {was} {what}"));
            let differ: Vec<String> = differ.collect();
            Some(format!("this is a part of a graph, with {}", differ.join(", ")))
        }
        Whole::Lacks(lacks) => Some(format!("this is a graph of a part of a build: {}", lacking(&lacks))),
    }
}

/// Units with what each lacks, or the first of them.
fn lacking(lacks: &[(String, Vec<Lack>)]) -> String {
    let units = lacks.iter().take(SHOWN).map(|(unit, lacks)| {
        let lacks: Vec<&str> = lacks.iter().map(|lack| lack.describe()).collect();
        format!("{unit} ({})", lacks.join(", "))
    });
    let shown = units.collect::<Vec<_>>().join(", ");
    match lacks.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

/// That a graph is a part, and what follows from that.
pub fn limits(part: &str) -> String {
    format!("{part}; what it lacks can be possible all the same")
}

/// The same as a comment; nothing for a whole graph.
pub(super) fn write_limits(part: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    match part {
        Some(part) => writeln!(out, "// {}", Escaped(limits(part))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_of_a_part_of_a_build_says_what_lacks() {
        let mut graph = Graph::default();
        assert_eq!(part_of(&graph), None);
        let lacks = [Lack::Ci, Lack::Dump].into_iter().collect();
        graph.facts.lacks.insert("common/a.c".to_owned(), lacks);
        assert_eq!(
            part_of(&graph).as_deref(),
            Some("this is a graph of a part of a build: common/a.c (no .ci file, no GIMPLE dump)")
        );
    }
}
