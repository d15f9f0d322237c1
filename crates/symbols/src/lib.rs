//! `xen-syms`: addresses to functions, inlined frames and source lines.
//!
//! This is the only place where a frame gets its name. [`Image`] reads an image and answers for one
//! address; [`Symbolizer`] makes whole [`Stack`](xenheap_model::Stack)s, from an image where there
//! is one, else from the names that the log itself contains.

mod clean;
mod dwarf;
mod elf;
mod error;
mod hints;
mod image;
mod symbolizer;

pub use error::{ImageError, Mismatch};
pub use hints::Hints;
pub use image::Image;
pub use symbolizer::Symbolizer;
