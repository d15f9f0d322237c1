//! `xenheap graph paths`: the ways that calls can take, counted and listed.

use std::path::PathBuf;

use clap::Args;
use xenheap_callgraph::presets;
use xenheap_paths::{Direction, Shape};
use xenheap_report::{
    Render,
    graph::{Listing, PathsJson, PathsText},
};

use crate::{
    failure::{Exit, Failure},
    format::PathsFormat,
    graph::{
        self,
        asking::{Asked, Selecting},
    },
    output,
};

#[derive(Debug, Args)]
#[command(after_help = "\
A path starts at a function that nobody calls (or at --from, or at the entries that a preset names) and ends at --to (or at a \
function that calls nobody). The number of all paths comes first; docs/paths.md says how it is counted.

Examples:
  xenheap graph paths graph --to _xmalloc --preset boot --preset cuts     every way to xmalloc at run time
  xenheap graph paths graph --from do_memory_op --to alloc_domheap_pages --max-length 6 --locations --stack
  xenheap graph paths graph --to _xmalloc --preset guest --include 'do_grant_*' --limit 10
  xenheap graph paths --presets                                           what the presets do")]
pub struct Arguments {
    /// A graph file, or the folder that contains it
    #[arg(value_name = "GRAPH", required_unless_present = "presets")]
    pub graph: Option<PathBuf>,
    /// The function that paths start from; repeatable
    #[arg(long, value_name = "FUNCTION")]
    pub from: Vec<String>,
    /// The function that paths lead to; repeatable
    #[arg(long, value_name = "FUNCTION")]
    pub to: Vec<String>,
    /// Print the presets and what each does
    #[arg(long)]
    pub presets: bool,

    #[command(flatten)]
    pub selecting: Selecting,
    #[command(flatten)]
    pub seen: graph::Seen,

    /// At most N functions on a path
    #[arg(long, value_name = "N")]
    pub max_length: Option<u32>,
    /// A function may be on a path more than once (needs --max-length)
    #[arg(long, requires = "max_length")]
    pub recursive: bool,
    /// Calls at different places are different paths; show where each function calls the next
    #[arg(long)]
    pub locations: bool,
    /// Show how much of the stack is used up to each function
    #[arg(long)]
    pub stack: bool,
    /// Show at most N paths; 0: all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub limit: u64,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    pub format: PathsFormat,
}

pub fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let Some(path) = arguments.graph.filter(|_| !arguments.presets) else {
        output::print(presets::TABLE.as_bytes())?;
        return Ok(Exit::Done);
    };
    if arguments.to.is_empty() && arguments.from.is_empty() {
        return Err(Failure::usage("all paths of a graph are too many")
            .help("name the function that they lead to with --to, or start from with --from, or both"));
    }
    let graph = graph::load(&path, arguments.seen)?;
    let mut asked = Asked::new(&graph, &arguments.selecting, arguments.locations)?;
    let targets = match arguments.to.is_empty() {
        true => asked.view.leaves(),
        false => asked.functions(&arguments.to)?,
    };
    let sources = asked.sources(&arguments.from)?;
    let shape = Shape { max_length: arguments.max_length, recursive: arguments.recursive };
    let paths = asked.paths(&sources, &targets, shape)?;
    let count = paths.count();
    let unrooted = if arguments.from.is_empty() && !arguments.to.is_empty() {
        let mut lead = asked.reach(&targets, Direction::Backward);
        lead.drop_all(&asked.reach(&sources, Direction::Forward));
        lead.len()
    } else {
        0
    };
    let (from, to) = (asked.shown(&arguments.from)?, asked.shown(&arguments.to)?);
    let listing = Listing {
        paths: &paths,
        view: &asked.view,
        names: &asked.names,
        from: &from,
        to: &to,
        count: &count,
        unrooted,
        left_out: asked.left_out(),
        limit: arguments.limit,
    };
    let (locations, stack) = (arguments.locations, arguments.stack);
    let renderer: &dyn Render<Listing<'_>> = match arguments.format {
        PathsFormat::Text => &PathsText { locations, stack },
        PathsFormat::Json => &PathsJson { locations, stack },
    };
    output::stdout(|out| renderer.render(&listing, out))?;
    Ok(Exit::Done)
}
