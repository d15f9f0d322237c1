//! `xenheap graph export`: a graph for other programs.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
};

use clap::Args;
use xenheap_callgraph::Excerpt;
use xenheap_paths::{NodeSet, Shape};
use xenheap_report::{
    Render,
    graph::export::{Dot, GraphMl, Json},
};

use super::{
    Given,
    asking::{Asked, Selecting},
};
use crate::{
    failure::{Exit, Failure},
    format::ExportFormat,
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph export graph --to alloc_xenheap_pages --preset boot --preset cuts --format dot | dot -Tsvg > paths.svg
  xenheap graph export graph --format graphml -o xen.graphml")]
pub struct Arguments {
    #[command(flatten)]
    pub graph: Given,
    /// Only what lies on paths from this function; repeatable
    #[arg(long, value_name = "FUNCTION")]
    pub from: Vec<String>,
    /// Only what lies on paths to this function; repeatable
    #[arg(long, value_name = "FUNCTION")]
    pub to: Vec<String>,
    #[command(flatten)]
    pub selecting: Selecting,
    /// The form
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    /// Write this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The folder for the files of the csv form
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub out_dir: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    arguments.selecting.no_include()?;
    let graph = arguments.graph.load()?;
    let mut asked = Asked::new(&graph, &arguments.selecting, false)?;
    let functions = part(&mut asked, arguments)?;
    if arguments.out_dir.is_some() && arguments.format != ExportFormat::Csv {
        return Err(Failure::usage(
            "--out-dir belongs to --format csv; the other forms are one file, -o FILE",
        ));
    }
    let renderer: &dyn Render<Excerpt<'_>> = match arguments.format {
        ExportFormat::Dot => &Dot,
        ExportFormat::Json => &Json,
        ExportFormat::Graphml => &GraphMl,
        ExportFormat::Graph => {
            let part = graph.part(&functions);
            write(arguments, |out| part.write(out, super::TOOL))?;
            return Ok(Exit::Done);
        }
        ExportFormat::Csv => {
            let Some(folder) = &arguments.out_dir else {
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
    write(arguments, |out| renderer.render(&excerpt, out))?;
    Ok(Exit::Done)
}

fn write(arguments: &Arguments, what: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    output::to(arguments.output.as_deref(), what)
}

/// The functions on the paths that are meant; all that are left if none are.
fn part(asked: &mut Asked, arguments: &Arguments) -> Result<NodeSet, Failure> {
    let paths_meant = !(arguments.from.is_empty() && arguments.to.is_empty());
    if !paths_meant && asked.selection.sources.is_none() {
        return Ok(asked.view.without_vain(asked.selection.within.clone()));
    }
    let targets = match arguments.to.is_empty() {
        true => asked.view.leaves(),
        false => asked.functions(&arguments.to)?,
    };
    let sources = asked.sources(&arguments.from)?;
    let paths = asked.paths(&sources, &targets, Shape::default())?;
    Ok(NodeSet::of(asked.view.compact().nodes(), paths.nodes().iter().copied()))
}
