//! `xenheap graph paths`: the ways that calls can take, counted and listed.

pub mod json;
mod text;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use xenheap_callgraph::presets;
use xenheap_paths::{Count, Direction, Shape, Step};

use crate::{
    failure::{Exit, Failure},
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
    pub format: Format,
}

/// How paths are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// As the RFC writes stacks: root first, two spaces a level
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// What is said before the first path.
struct Head<'a> {
    /// Names of functions; none: where nothing calls.
    from: &'a [String],
    /// Names of functions; none: what calls nothing.
    to: &'a [String],
    count: &'a Count,
    /// Functions that lead there though no path starts before them.
    unrooted: usize,
}

/// How paths are written: one form a file.
trait Writer {
    fn head(&mut self, asked: &Asked, head: &Head, out: &mut dyn Write) -> io::Result<()>;
    fn path(&mut self, asked: &Asked, path: &[Step], out: &mut dyn Write) -> io::Result<()>;
    fn end(&mut self, shown: u64, more: bool, out: &mut dyn Write) -> io::Result<()>;
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
    let head = Head { from: &from, to: &to, count: &count, unrooted };
    let mut writer: Box<dyn Writer> = match arguments.format {
        Format::Text => Box::new(text::Text::new(&asked, arguments.locations, arguments.stack)),
        Format::Json => Box::new(json::JsonLines { locations: arguments.locations, stack: arguments.stack }),
    };
    output::stdout(|out| {
        writer.head(&asked, &head, out)?;
        let mut stream = paths.stream();
        let mut shown = 0;
        while let Some(path) = stream.advance() {
            if arguments.limit > 0 && shown == arguments.limit {
                return writer.end(shown, true, out);
            }
            writer.path(&asked, path, out)?;
            shown += 1;
        }
        writer.end(shown, false, out)
    })?;
    Ok(Exit::Done)
}

/// What a path takes of the stack, function by function.
#[derive(Default)]
struct Used {
    bytes: u64,
    /// Whether it can be more: a function's use is not known, or depends on what happens.
    open: bool,
}

impl Used {
    fn add(&mut self, asked: &Asked, node: u32) {
        match asked.view.function(node).and_then(|function| function.stack) {
            Some(stack) => {
                self.bytes += u64::from(stack.bytes);
                self.open |= stack.dynamic;
            }
            None => self.open = true,
        }
    }
}
