//! `xenheap graph build`: its arguments.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use xenheap_lab::BuildConfig;

use crate::{
    cli::values::{jobs, source},
    failure::Failure,
    run::graph::build::{Config, MadeFrom, Origin},
};

/// What a graph is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum From {
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
    /// GIT@REVISION (a commit of a repository, bare or not). If the tree has a xen/.config, it is
    /// used
    #[arg(value_name = "TREE", required_unless_present_any = ["build", "commands"])]
    tree: Option<String>,
    /// What the tree is built for: x86_64, or arm64 (with a cross compiler)
    #[arg(long, value_name = "ARCH", default_value = "x86_64", conflicts_with_all = ["build", "commands"])]
    arch: String,
    /// A line for the tree's configuration, such as CONFIG_DEBUG=y; repeatable
    #[arg(long = "config", value_name = "LINE", conflicts_with_all = ["build", "commands"])]
    options: Vec<String>,
    /// Build the tree without the recorder; recorded runs are then of another build
    #[arg(long, conflicts_with_all = ["build", "commands"])]
    no_recorder: bool,
    /// Install what is missing on this machine for the build (needs root)
    #[arg(long, conflicts_with_all = ["build", "commands"])]
    install: bool,
    /// How many compilers run at once; without it one for each processor
    #[arg(long, value_name = "N", conflicts_with_all = ["build", "commands"])]
    build_jobs: Option<usize>,
    /// A folder in which Xen was built with `-fcallgraph-info=su -fdump-tree-gimple-lineno`
    #[arg(long, value_name = "DIR", conflicts_with = "tree")]
    build: Option<PathBuf>,
    /// Run the compiler commands of this compile_commands.json again to get the call information.
    /// The image is that of --build, or in the folder of FILE
    #[arg(long, value_name = "FILE", conflicts_with = "tree")]
    commands: Option<PathBuf>,
    /// What the graph is made from
    #[arg(long, value_enum, default_value_t)]
    sources: From,
    /// For indirect calls without known targets, guess targets by the type of the pointer
    #[arg(long, conflicts_with = "sources")]
    fallback: bool,
    /// Accept a build in which some units lack compiler files. The graph is partial: no function is
    /// reported as unreachable
    #[arg(long)]
    part: bool,
    /// The folder for the graph; it is made
    #[arg(long, value_name = "DIR")]
    out_dir: PathBuf,
}

impl Arguments {
    pub fn lower(self) -> Result<Config, Failure> {
        let beside = self.commands.as_deref().and_then(Path::parent).map(Path::to_owned);
        let origin = match (self.build, beside, self.tree) {
            (Some(folder), ..) => Origin::Folder(folder),
            (None, Some(folder), _) if folder.as_os_str().is_empty() => Origin::Folder(PathBuf::from(".")),
            (None, Some(folder), _) => Origin::Folder(folder),
            (None, None, Some(tree)) => Origin::Tree {
                source: source(&tree)?,
                config: BuildConfig {
                    arch: self.arch.parse().map_err(Failure::usage)?,
                    recorder: !self.no_recorder,
                    options: self.options,
                    jobs: jobs(self.build_jobs),
                },
                install: self.install,
            },
            (None, None, None) => return Err(Failure::usage("give a tree, or a build with --build")),
        };
        let from = match self.sources {
            From::All => MadeFrom::All { fallback: self.fallback },
            From::Ci => MadeFrom::Ci,
        };
        Ok(Config { origin, commands: self.commands, from, may_be_part: self.part, out_dir: self.out_dir })
    }
}
