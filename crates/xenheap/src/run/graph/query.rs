//! What the questions to a graph have in common: which graph, which calls count, and what is left
//! out.

use std::{fs, path::PathBuf};

use xenheap_callgraph::{
    Certainty, Filter, FunctionId, Graph, NameError, Names, Pattern, PresetError, Selection, View,
    ViewOptions, presets,
};
use xenheap_paths::{Direction, NodeSet, Paths, Query, Shape, reach};
use xenheap_report::graph::LeftOut;

use crate::failure::{Exit, Failure, warn};

/// Which calls count, and what is left out.
#[derive(Debug)]
pub struct Selecting {
    /// Only paths through one of these functions; `@FILE` lists some.
    pub include: Vec<String>,
    /// No paths through these functions; `@FILE` lists some.
    pub exclude: Vec<String>,
    pub presets: Vec<String>,
    /// The least certain calls that count.
    pub least: Certainty,
    /// Inlined functions are steps of their own.
    pub source: bool,
}

/// A graph as it was query for.
pub struct GraphQuery<'a> {
    pub names: Names<'a>,
    pub view: View<'a>,
    pub selection: Selection,
}

impl<'a> GraphQuery<'a> {
    pub fn new(graph: &'a Graph, selecting: &Selecting, locations: bool) -> Result<Self, Failure> {
        let options = ViewOptions { source: selecting.source, least: selecting.least, locations };
        let names = Names::of(graph);
        let filter = Filter {
            include: patterns(&selecting.include)?,
            exclude: patterns(&selecting.exclude)?,
            presets: presets::chosen(&selecting.presets).map_err(|error| preset_failure(&error))?,
        };
        let selection = filter.select(graph, &names).map_err(|error| name_failure(&error))?;
        let view = View::new(graph, options).map_err(|error| Failure::from_error(Exit::Input, &error))?;
        Ok(GraphQuery { names, view, selection })
    }

    /// The one function that a name means; it is never left out.
    pub fn function(&mut self, name: &str) -> Result<FunctionId, Failure> {
        let id = self.names.one(name).map_err(|error| name_failure(&error))?;
        self.selection.keep(id);
        let inlined_only = self.view.function(id.0).is_some_and(|function| {
            function.pieces.is_empty() && self.view.compact().in_edges(id.0).is_empty()
        });
        if inlined_only && self.view.graph().functions.iter().any(|function| !function.pieces.is_empty()) {
            warn(format_args!("`{name}` is inlined everywhere; --source shows it as a step of its own"));
        }
        Ok(id)
    }

    /// The same as a set.
    pub fn functions(&mut self, names: &[String]) -> Result<NodeSet, Failure> {
        let mut set = self.none();
        for name in names {
            let id = self.function(name)?;
            self.insert(&mut set, id);
        }
        Ok(set)
    }

    /// The names by which the graph shows functions.
    pub fn shown(&self, names: &[String]) -> Result<Vec<String>, Failure> {
        let show = |name: &String| {
            let id = self.names.one(name).map_err(|error| name_failure(&error))?;
            Ok(self.names.show(id).to_owned())
        };
        names.iter().map(show).collect()
    }

    /// Adds all nodes of a function to a set.
    pub fn insert(&self, set: &mut NodeSet, id: FunctionId) {
        for node in self.view.nodes().of(id) {
            set.insert(node);
        }
    }

    pub fn none(&self) -> NodeSet {
        NodeSet::none(self.view.compact().nodes())
    }

    /// Where paths start unless it is said: at the preset's entries, else at functions that nobody
    /// calls.
    pub fn starts(&self) -> NodeSet {
        self.selection.sources.clone().unwrap_or_else(|| self.view.roots())
    }

    /// Where paths start: at the functions that are named, if any are.
    pub fn sources(&mut self, named: &[String]) -> Result<NodeSet, Failure> {
        if named.is_empty() { Ok(self.starts()) } else { self.functions(named) }
    }

    /// The paths.
    pub fn paths(&self, sources: &NodeSet, targets: &NodeSet, shape: Shape) -> Result<Paths, Failure> {
        let query = Query {
            graph: self.view.compact(),
            sources,
            targets,
            within: Some(&self.selection.within),
            through: self.selection.through.as_ref(),
            shape,
        };
        Paths::new(&query).map_err(|error| Failure::from_error(Exit::Usage, &error))
    }

    /// Everything that leads to some functions, or that they lead to.
    pub fn reach(&self, from: &NodeSet, direction: Direction) -> NodeSet {
        reach(self.view.compact(), from, Some(&self.selection.within), direction)
    }

    /// What an answer does not cover.
    pub fn left_out(&self) -> LeftOut<'_> {
        LeftOut::new(self.view.graph(), &self.names, &self.selection)
    }

    /// How a node is called.
    pub fn name(&self, node: u32) -> &str {
        self.names.show(FunctionId(node))
    }
}

/// Names, or `@file` with one a line; what is listed for several versions of Xen may be absent in
/// this one.
fn patterns(texts: &[String]) -> Result<Vec<Pattern>, Failure> {
    let mut patterns = Vec::new();
    for text in texts {
        let Some(file) = text.strip_prefix('@') else {
            patterns.push(Pattern { text: text.clone(), may_be_absent: false });
            continue;
        };
        let path = PathBuf::from(file);
        let lines = fs::read_to_string(&path)
            .map_err(|error| Failure::new(Exit::Input, format!("cannot read {}: {error}", path.display())))?;
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
        patterns.extend(lines.map(|line| Pattern { text: line.to_owned(), may_be_absent: true }));
    }
    Ok(patterns)
}

pub fn name_failure(error: &NameError) -> Failure {
    let help = match error {
        NameError::Unknown { .. } => "`xenheap graph export --format json` lists all functions of a graph",
        NameError::Ambiguous { .. } => "name one of them as it stands there",
    };
    Failure::usage(error).help(help)
}

fn preset_failure(error: &PresetError) -> Failure {
    Failure::from_error(Exit::Usage, error).help("`xenheap graph paths --presets` says what each does")
}
