use std::path::{Path, PathBuf};

use xenheap_console::{Damage, Position};
use xenheap_symbols::Mismatch;

/// Called now and then while an input is read, and dropped at its end.
pub type Tick = Box<dyn Fn()>;

/// Who wants to know how the reading goes on.
pub trait Observer {
    /// An input is opened; `position` says how far it was read.
    fn opened(&self, path: &Path, position: Position) -> Tick;

    /// Something is not as the user may think.
    fn notice(&self, notice: Notice);
}

/// Nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn opened(&self, _: &Path, _: Position) -> Tick {
        Box::new(|| ())
    }

    fn notice(&self, _: Notice) {}
}

/// What is no error, and what the user of a run should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The compressed log ends too early or is damaged.
    Damaged {
        /// The run.
        job: String,
        /// Where and how.
        damage: Damage,
    },
    /// The image is not the one which ran, and is used all the same.
    Mismatch {
        /// The image.
        image: PathBuf,
        /// What differs.
        mismatch: Mismatch,
    },
    /// The image has no debug information: no inlined functions and no lines.
    NoDebugInfo,
    /// Some addresses have no name.
    NoNames {
        /// The run.
        job: String,
    },
    /// An image was named, and a run file has its own names.
    NamesOfItsOwn {
        /// The run file.
        name: String,
    },
}
