//! `xenheap graph build`.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use xenheap_callgraph::{
    Graph, GraphFileError, Lack, NAME, Whole,
    build::{Linkage, Sources, assemble, parse_ci, units},
    entries, flow,
};
use xenheap_facts::{self as facts, build::Build, dwarf::Debug, image::Image, replay::replay};
use xenheap_lab::{BuildConfig, Cache, XenSource};
use xenheap_output::printable;

use super::super::lab;
use crate::{
    failure::{Exit, Failure},
    output,
    progress::LabProgress,
};

/// Of what a graph is made, and where it goes.
#[derive(Debug)]
pub struct Config {
    pub origin: Origin,
    /// A compile_commands.json whose commands are run again.
    pub commands: Option<PathBuf>,
    pub from: MadeFrom,
    /// Units may lack files.
    pub may_be_part: bool,
    pub out_dir: PathBuf,
}

/// Where a build is.
#[derive(Debug)]
pub enum Origin {
    /// In this folder.
    Folder(PathBuf),
    /// It is made as the lab makes it, or kept from then.
    Tree { source: XenSource, config: BuildConfig, install: bool },
}

/// What a graph is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeFrom {
    /// The image, .ci files, GIMPLE dumps. `fallback`: types of pointers, too, where nothing else
    /// tells.
    All { fallback: bool },
    /// .ci files alone.
    Ci,
}

pub fn run(config: &Config) -> Result<Exit, Failure> {
    let folder = match &config.origin {
        Origin::Folder(folder) => folder.clone(),
        Origin::Tree { source, config, install } => built(source, config, *install)?,
    };
    let mut build = Build::open(&folder).map_err(|error| input(&error))?;
    // Kept until the graph is made.
    let again = tempfile::tempdir().map_err(|error| Failure::output("to a temporary folder", &error))?;
    if let Some(commands) = &config.commands {
        replay(commands, again.path()).map_err(|error| input(&error))?;
        build = build.with_files(again.path());
    }
    let graph = graph(&build, config.from)?;
    if let (Whole::Lacks(lacks), false) = (graph.whole(), config.may_be_part) {
        return Err(incomplete(&folder, &lacks));
    }
    fs::create_dir_all(&config.out_dir).map_err(|error| Failure::write(&config.out_dir, &error))?;
    let path = config.out_dir.join(NAME);
    graph.save(&path, super::TOOL).map_err(|error| match error {
        GraphFileError::Write { path, source } => Failure::write(&path, &source),
        error => input(&error),
    })?;
    output::print(format!("{}\n", printable(&path.display().to_string())).as_bytes())?;
    Ok(Exit::Done)
}

/// Builds a tree as the lab does, or finds what the lab has built before.
fn built(source: &XenSource, config: &BuildConfig, install: bool) -> Result<PathBuf, Failure> {
    let progress = LabProgress::new();
    let cache = Cache::from_environment();
    xenheap_lab::prepare_machine(config.arch, install, &progress)
        .and_then(|()| xenheap_lab::fetch(&cache, source, &progress))
        .and_then(|origin| xenheap_lab::build(&cache, &origin, config, &progress))
        .map(|build| build.folder().to_owned())
        .map_err(lab::failure)
}

/// Makes the graph of a build.
fn graph(build: &Build, from: MadeFrom) -> Result<Graph, Failure> {
    let ci = build.ci().map_err(|error| input(&error))?;
    let (xen, config_sha256) = build.configuration().map_err(|error| input(&error))?;
    let mut draft = match from {
        MadeFrom::Ci => {
            let units = parse_ci(&ci).map_err(|error| input(&error))?;
            let (lacks, linkage) = match described(build) {
                Ok((image, debug)) => {
                    (units::of_image(&image, &debug, &units), Linkage::of_image(&image, &debug))
                }
                // An image that cannot tell is none.
                Err(
                    facts::Error::NoImage { .. }
                    | facts::Error::Machine { .. }
                    | facts::Error::Stripped { .. }
                    | facts::Error::NoDebugInfo { .. },
                ) => {
                    let objects = build.objects().map_err(|error| input(&error))?;
                    (units::of_objects(&objects, &ci, &units), Linkage::of_objects(&objects))
                }
                Err(error) => return Err(input(&error)),
            };
            let sources = Sources { ci: &ci, linkage: Some(&linkage), ..Sources::default() };
            let mut draft = assemble(sources).map_err(|error| input(&error))?.draft;
            draft.facts.lacks = lacks;
            draft
        }
        MadeFrom::All { fallback } => {
            let (image, debug) = described(build).map_err(|error| input(&error))?;
            let sources = Sources { image: Some((&image, &debug)), ci: &ci, ..Sources::default() };
            let mut draft = assemble(sources).map_err(|error| input(&error))?.draft;
            flow::resolve(&mut draft, &image, build, fallback).map_err(|error| input(&error))?;
            draft
        }
    };
    draft.facts.xen = xen;
    draft.facts.config_sha256 = config_sha256;
    let mut graph = draft.finish();
    graph.entries = entries::entries(&graph.functions, &graph.facts.architecture)
        .map_err(|error| Failure::from_error(Exit::Failed, &error))?;
    graph.seal();
    Ok(graph)
}

/// The image of a build, with its debug information.
fn described(build: &Build) -> Result<(Image, Debug), facts::Error> {
    let image = build.image().and_then(Image::open)?;
    let debug = Debug::read(&image)?;
    Ok((image, debug))
}

/// Why there is no graph of a build that is not whole: each unit that lacks something, with what it
/// lacks.
fn incomplete(folder: &Path, lacks: &[(String, Vec<Lack>)]) -> Failure {
    const SHOWN: usize = 40;
    let count = match lacks.len() {
        1 => "a unit lacks".to_owned(),
        many => format!("{many} units lack"),
    };
    let mut message = format!("{}: {count} files that a complete graph needs", folder.display());
    for (unit, lacks) in lacks.iter().take(SHOWN) {
        let lacks: Vec<&str> = lacks.iter().map(|lack| lack.describe()).collect();
        message += &format!("\n  {unit}: {}", lacks.join(", "));
    }
    if lacks.len() > SHOWN {
        message += &format!("\n  and {} more", lacks.len() - SHOWN);
    }
    Failure::new(Exit::Input, message).help(
        "build it in one go with -g -fcallgraph-info=su -fdump-tree-gimple-lineno; --part makes a graph of the files that exist, but this graph cannot show that something is unreachable",
    )
}

fn input(error: &dyn Error) -> Failure {
    Failure::from_error(Exit::Input, error)
}
