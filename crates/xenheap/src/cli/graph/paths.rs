//! `xenheap graph paths`: its arguments.

use std::path::PathBuf;

use clap::Args;
use xenheap_paths::Shape;

use super::{Seen, selecting::Selecting};
use crate::{
    failure::Failure,
    format::PathsFormat,
    run::graph::{Command, paths::Config},
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
    graph: Option<PathBuf>,
    /// The function that paths start from; repeatable
    #[arg(long, value_name = "FUNCTION")]
    from: Vec<String>,
    /// The function that paths lead to; repeatable
    #[arg(long, value_name = "FUNCTION")]
    to: Vec<String>,
    /// Print the presets and what each does
    #[arg(long)]
    presets: bool,

    #[command(flatten)]
    selecting: Selecting,
    #[command(flatten)]
    seen: Seen,

    /// At most N functions on a path
    #[arg(long, value_name = "N")]
    max_length: Option<u32>,
    /// A function may be on a path more than once (needs --max-length)
    #[arg(long, requires = "max_length")]
    recursive: bool,
    /// Calls at different places are different paths; show where each function calls the next
    #[arg(long)]
    locations: bool,
    /// Show how much of the stack is used up to each function
    #[arg(long)]
    stack: bool,
    /// Show at most N paths; 0: all
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: u64,
    /// How it is written
    #[arg(long, value_enum, default_value_t)]
    format: PathsFormat,
}

impl Arguments {
    pub fn lower(self) -> Result<Command, Failure> {
        let Some(path) = self.graph.filter(|_| !self.presets) else {
            return Ok(Command::Presets);
        };
        if self.to.is_empty() && self.from.is_empty() {
            return Err(Failure::usage("all paths of a graph are too many")
                .help("name the function that they lead to with --to, or start from with --from, or both"));
        }
        Ok(Command::Paths(Config {
            graph: self.seen.of(path),
            from: self.from,
            to: self.to,
            selecting: self.selecting.lower(),
            shape: Shape { max_length: self.max_length, recursive: self.recursive },
            locations: self.locations,
            stack: self.stack,
            limit: self.limit,
            format: self.format,
        }))
    }
}
