//! Which calls of a graph count: what most questions have in common.

use clap::{Args, ValueEnum};
use xenheap_callgraph::Certainty;

use crate::{failure::Failure, run::graph::query};

/// Which calls count, and what is left out.
#[derive(Debug, Args)]
pub struct Selecting {
    /// Only paths through one of these functions (`*` and `?` as in a shell; @FILE lists one a
    /// line); repeatable
    #[arg(long, value_name = "FUNCTION", help_heading = "Filters")]
    include: Vec<String>,
    /// No paths through these functions (`*` and `?` as in a shell; @FILE lists one a line);
    /// repeatable
    #[arg(long, value_name = "FUNCTION", help_heading = "Filters")]
    exclude: Vec<String>,
    /// A filter for a usual question, such as boot, cuts or guest (`xenheap graph paths --presets`
    /// lists them); repeatable
    #[arg(long, value_name = "NAME", help_heading = "Filters")]
    preset: Vec<String>,
    /// The least certain calls that count
    #[arg(long, value_enum, value_name = "HOW", default_value_t, help_heading = "Filters")]
    certainty: LeastCertainty,
    /// Show inlined functions as separate steps
    #[arg(long, help_heading = "Filters")]
    source: bool,
}

impl Selecting {
    pub fn lower(self) -> query::Selecting {
        query::Selecting {
            include: self.include,
            exclude: self.exclude,
            presets: self.preset,
            least: self.certainty.into(),
            source: self.source,
        }
    }

    /// For questions about all paths together, of which --include cannot choose some.
    pub fn lower_without_include(self) -> Result<query::Selecting, Failure> {
        match self.include.is_empty() {
            true => Ok(self.lower()),
            false => Err(Failure::usage(
                "this command is about all paths together; --include cannot select some of them",
            )
            .help("--exclude and --preset take functions out; `xenheap graph paths --include` lists single paths")),
        }
    }
}

/// How sure a call is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LeastCertainty {
    /// Only calls of one known function
    Certain,
    /// Also the targets found for calls through pointers
    #[default]
    Resolved,
    /// Also what only the type of a pointer allows
    Fallback,
}

impl From<LeastCertainty> for Certainty {
    fn from(sure: LeastCertainty) -> Self {
        match sure {
            LeastCertainty::Certain => Certainty::Certain,
            LeastCertainty::Resolved => Certainty::Resolved,
            LeastCertainty::Fallback => Certainty::Fallback,
        }
    }
}
