//! `xenheap graph build`.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use xenheap_callgraph::{
    Graph, GraphFileError, Lack, NAME, Whole,
    build::{Linkage, Sources, assemble, parse_ci, units},
    entries, flow,
};
use xenheap_facts::{self as facts, build::Build, dwarf::Debug, image::Image, replay::replay};
use xenheap_lab::{BuildConfig, Cache, XenSource};
use xenheap_output::printable;

use crate::{
    failure::{Exit, Failure},
    lab, output,
    progress::LabProgress,
};

/// What a graph is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// The image, .ci files, GIMPLE dumps
    #[default]
    All,
    /// .ci files alone: what the compiler knew of each unit, no more
    Ci,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  xenheap graph build debian:4.17 --out-dir graph                 build what `xenheap lab run` builds, or take the kept one
  xenheap graph build debian:4.20 --config CONFIG_DEBUG=y --config CONFIG_XEN_IBT=y --out-dir graph-4.20
  xenheap graph build ../xen.git@RELEASE-4.20.0 --out-dir graph   take a revision of a git repository
  xenheap graph build --build ../xen.git/xen --out-dir graph      take a build that has its .ci files and dumps
  xenheap graph build --build ../xen.git/xen --part --out-dir g   the same where files of some units are missing
  xenheap graph build --commands ../xen.git/xen/compile_commands.json --out-dir graph")]
pub struct Arguments {
    /// debian:4.17, debian:4.20, the path of a source tree (which is copied, never changed), or
    /// GIT@REVISION (a commit of a repository, bare or not). A tree's own xen/.config is taken
    #[arg(value_name = "TREE", required_unless_present_any = ["build", "commands"])]
    pub tree: Option<String>,
    /// What the tree is built for: x86_64, or arm64 (with a cross compiler)
    #[arg(long, value_name = "ARCH", default_value = "x86_64", conflicts_with_all = ["build", "commands"])]
    pub arch: String,
    /// A line for the tree's configuration, such as CONFIG_DEBUG=y; repeatable
    #[arg(long = "config", value_name = "LINE", conflicts_with_all = ["build", "commands"])]
    pub options: Vec<String>,
    /// Build the tree without the recorder; recorded runs are then of another build
    #[arg(long, conflicts_with_all = ["build", "commands"])]
    pub no_recorder: bool,
    /// Install what is missing on this machine for the build (needs root)
    #[arg(long, conflicts_with_all = ["build", "commands"])]
    pub install: bool,
    /// How many compilers run at once; without it one for each processor
    #[arg(long, value_name = "N", conflicts_with_all = ["build", "commands"])]
    pub build_jobs: Option<usize>,
    /// A folder in which Xen was built with `-fcallgraph-info=su -fdump-tree-gimple-lineno`
    #[arg(long, value_name = "DIR", conflicts_with = "tree")]
    pub build: Option<PathBuf>,
    /// Run the compiler commands of this compile_commands.json again to get the call information.
    /// The image is that of --build, or in the folder of FILE
    #[arg(long, value_name = "FILE", conflicts_with = "tree")]
    pub commands: Option<PathBuf>,
    /// What the graph is made from
    #[arg(long, value_enum, default_value_t)]
    pub sources: From,
    /// For indirect calls without known targets, guess targets by the type of the pointer
    #[arg(long, conflicts_with = "sources")]
    pub fallback: bool,
    /// Accept a build in which some units lack compiler files. The graph is partial: no function is
    /// reported as unreachable
    #[arg(long)]
    pub part: bool,
    /// The folder for the graph; it is made
    #[arg(long, value_name = "DIR")]
    pub out_dir: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let beside = arguments.commands.as_deref().and_then(Path::parent).map(Path::to_owned);
    let folder = match (&arguments.build, beside, &arguments.tree) {
        (Some(folder), ..) => folder.clone(),
        (None, Some(folder), _) if folder.as_os_str().is_empty() => PathBuf::from("."),
        (None, Some(folder), _) => folder,
        (None, None, Some(tree)) => built(&arguments, tree)?,
        (None, None, None) => return Err(Failure::usage("give a tree, or a build with --build")),
    };
    let mut build = Build::open(&folder).map_err(|error| input(&error))?;
    // Kept until the graph is made.
    let again = tempfile::tempdir().map_err(|error| Failure::output("to a temporary folder", &error))?;
    if let Some(commands) = &arguments.commands {
        replay(commands, again.path()).map_err(|error| input(&error))?;
        build = build.with_files(again.path());
    }
    let graph = graph(&build, arguments.sources, arguments.fallback)?;
    if let (Whole::Lacks(lacks), false) = (graph.whole(), arguments.part) {
        return Err(incomplete(&folder, &lacks));
    }
    fs::create_dir_all(&arguments.out_dir).map_err(|error| Failure::write(&arguments.out_dir, &error))?;
    let path = arguments.out_dir.join(NAME);
    graph.save(&path, super::TOOL).map_err(|error| match error {
        GraphFileError::Write { path, source } => Failure::write(&path, &source),
        error => input(&error),
    })?;
    output::print(format!("{}\n", printable(&path.display().to_string())).as_bytes())?;
    Ok(Exit::Done)
}

/// Builds a tree as the lab does, or finds what the lab has built before.
fn built(arguments: &Arguments, tree: &str) -> Result<PathBuf, Failure> {
    let usage = |error: xenheap_lab::Error| Failure::from_error(Exit::Usage, &error);
    let source: XenSource = tree.parse().map_err(usage)?;
    let config = BuildConfig {
        arch: arguments.arch.parse().map_err(usage)?,
        recorder: !arguments.no_recorder,
        options: arguments.options.clone(),
        jobs: arguments.build_jobs.filter(|jobs| *jobs > 0).unwrap_or_else(xenheap_lab::default_jobs),
    };
    let progress = LabProgress::new();
    let cache = Cache::from_environment();
    xenheap_lab::prepare_machine(config.arch, arguments.install, &progress)
        .and_then(|()| xenheap_lab::fetch(&cache, &source, &progress))
        .and_then(|origin| xenheap_lab::build(&cache, &origin, &config, &progress))
        .map(|build| build.folder().to_owned())
        .map_err(lab::failure)
}

/// Makes the graph of a build.
fn graph(build: &Build, from: From, fallback: bool) -> Result<Graph, Failure> {
    let ci = build.ci().map_err(|error| input(&error))?;
    let (xen, config_sha256) = build.configuration().map_err(|error| input(&error))?;
    let mut draft = match from {
        From::Ci => {
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
        From::All => {
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
    let mut message = format!("{}: {count} what a graph of all calls needs", folder.display());
    for (unit, lacks) in lacks.iter().take(SHOWN) {
        let lacks: Vec<&str> = lacks.iter().map(|lack| lack.describe()).collect();
        message += &format!("\n  {unit}: {}", lacks.join(", "));
    }
    if lacks.len() > SHOWN {
        message += &format!("\n  and {} more", lacks.len() - SHOWN);
    }
    Failure::new(Exit::Input, message).help(
        "build it in one go with -g -fcallgraph-info=su -fdump-tree-gimple-lineno; with --part the graph is made of what is there, and nothing is unreachable by it",
    )
}

fn input(error: &dyn Error) -> Failure {
    Failure::from_error(Exit::Input, error)
}
