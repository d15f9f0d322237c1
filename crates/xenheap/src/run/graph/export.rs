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

use super::asking::{Asked, Selecting};
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
    let mut asked = Asked::new(&graph, &config.selecting, false)?;
    let functions = part(&mut asked, config)?;
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
    let excerpt = Excerpt { view: &asked.view, names: &asked.names, functions: &functions };
    write(config, |out| renderer.render(&excerpt, out))?;
    Ok(Exit::Done)
}

fn write(config: &Config, what: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    output::to(config.output.as_deref(), what)
}

/// The functions on the paths that are meant; all that are left if none are.
fn part(asked: &mut Asked, config: &Config) -> Result<NodeSet, Failure> {
    let paths_meant = !(config.from.is_empty() && config.to.is_empty());
    if !paths_meant && asked.selection.sources.is_none() {
        return Ok(asked.view.without_vain(asked.selection.within.clone()));
    }
    let targets = match config.to.is_empty() {
        true => asked.view.leaves(),
        false => asked.functions(&config.to)?,
    };
    let sources = asked.sources(&config.from)?;
    let paths = asked.paths(&sources, &targets, Shape::default())?;
    Ok(NodeSet::of(asked.view.compact().nodes(), paths.nodes().iter().copied()))
}
