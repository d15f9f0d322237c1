//! `xenheap graph export`: a graph for other programs.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use xenheap_callgraph::Excerpt;
use xenheap_paths::{NodeSet, Shape};
use xenheap_report::{
    Render,
    graph::export::{Dot, GraphMl, Json},
};

use super::query::{GraphQuery, Selecting};
use crate::{
    failure::{Exit, Failure},
    format::ExportFormat,
    graph_file::GraphFile,
    output,
};

/// Which part of a graph, and in which form.
#[derive(Debug)]
pub struct Config {
    pub graph: GraphFile,
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub selecting: Selecting,
    pub format: ExportFormat,
    pub output: Option<PathBuf>,
    /// The folder of the csv form.
    pub out_dir: Option<PathBuf>,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let graph = config.graph.load()?;
    let mut query = GraphQuery::new(&graph, &config.selecting, false)?;
    let functions = part(&mut query, config)?;
    if config.out_dir.is_some() && config.format != ExportFormat::Csv {
        return Err(Failure::usage(
            "--out-dir belongs to --format csv; the other forms are one file, -o FILE",
        ));
    }
    let renderer: &dyn Render<Excerpt<'_>> = match config.format {
        ExportFormat::Dot => &Dot,
        ExportFormat::Json => &Json,
        ExportFormat::Graphml => &GraphMl,
        ExportFormat::Graph => {
            let part = graph.part(&functions);
            write(config, |out| part.write(out, super::TOOL))?;
            return Ok(Exit::Done);
        }
        ExportFormat::Csv => {
            let Some(folder) = &config.out_dir else {
                return Err(Failure::usage(
                    "the csv form is a folder of three files; name it with --out-dir",
                ));
            };
            fs::create_dir_all(folder).map_err(|error| Failure::write(folder, &error))?;
            let part = graph.part(&functions);
            part.write_csv(folder, super::TOOL).map_err(|error| Failure::from_error(Exit::Usage, &error))?;
            return Ok(Exit::Done);
        }
    };
    let excerpt = Excerpt { view: &query.view, names: &query.names, functions: &functions };
    write(config, |out| renderer.render(&excerpt, out))?;
    Ok(Exit::Done)
}

fn write(config: &Config, what: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    output::to(config.output.as_deref(), what)
}

/// The functions on the paths that are meant; all that are left if none are.
fn part(query: &mut GraphQuery, config: &Config) -> Result<NodeSet, Failure> {
    let paths_meant = !(config.from.is_empty() && config.to.is_empty());
    if !paths_meant && query.selection.sources.is_none() {
        return Ok(query.view.without_vain(query.selection.within.clone()));
    }
    let targets = match config.to.is_empty() {
        true => query.view.leaves(),
        false => query.functions(&config.to)?,
    };
    let sources = query.sources(&config.from)?;
    let paths = query.paths(&sources, &targets, Shape::default())?;
    Ok(NodeSet::of(query.view.compact().nodes(), paths.nodes().iter().copied()))
}
