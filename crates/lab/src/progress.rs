//! What a run tells whoever watches it.

/// The parts of a run, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Looking for the machine's programs, or installing them.
    Packages,
    /// Getting Xen's source.
    Source,
    /// Copying the source and putting the recorder into the copy.
    Instrument,
    /// Compiling Xen.
    Build,
    /// Compiling the tools of the tree, where dom0 is to have those.
    Toolstack,
    /// Getting dom0's kernel and making its image.
    Image,
    /// Running the machine.
    Boot,
    /// Writing the results' folder.
    Results,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Packages,
        Self::Source,
        Self::Instrument,
        Self::Build,
        Self::Toolstack,
        Self::Image,
        Self::Boot,
        Self::Results,
    ];

    /// A word for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Source => "source",
            Self::Instrument => "instrument",
            Self::Build => "build",
            Self::Toolstack => "toolstack",
            Self::Image => "image",
            Self::Boot => "boot",
            Self::Results => "results",
        }
    }
}

/// An observer of a run. Every text it gets is one line of printable ASCII.
///
/// A stage that needs nothing done, because an earlier run left its result, still starts and
/// finishes.
pub trait Progress {
    /// A stage begins; `what` says what it will do.
    fn start(&self, _stage: Stage, _what: &str) {}
    /// How far it is, from 0 to 100. Not every stage knows.
    fn percent(&self, _stage: Stage, _percent: u8) {}
    /// The last line of the log that the stage is writing.
    fn line(&self, _stage: Stage, _line: &str) {}
    /// Something that is not as usual, for people to see whether they look or not.
    fn note(&self, _stage: Stage, _what: &str) {}
    /// It is done; `result` says what came of it.
    fn finish(&self, _stage: Stage, _result: &str) {}
    /// Asked some times a second; `true` stops the run with
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    fn cancelled(&self) -> bool {
        false
    }
}

/// An observer that does not look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
