//! From a path to a run in memory.
//!
//! A RUN is a folder of the lab, a log, compressed or not, standard input, or a run file. [`load`]
//! reads it whole and gives its stacks names; [`account`] reads the log alone, for those who need
//! no names; [`facts`] only says what it is a log of. What a user should know and is no error goes
//! to an [`Observer`] as a [`Notice`].

mod error;
mod image;
mod load;
mod log;
mod names;
mod observer;
mod options;
mod place;
mod sinks;

pub use error::RunError;
pub use image::image;
pub use load::{Loaded, load};
pub use log::{account, facts};
pub use names::names;
pub use observer::{Notice, Observer, Silent, Tick};
pub use options::{Options, Symbols};
