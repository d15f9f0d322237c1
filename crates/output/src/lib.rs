//! How anything is written, whatever it is.
//!
//! [`Escaped`] and [`write_json`] let nothing but printable ASCII through; [`write_whole`] makes
//! files that are there as a whole or not at all; [`layout`] has columns, wrapped text and colours,
//! [`size`] numbers for people. What is written stands in `xenheap_report`.

mod escape;
mod file;
mod json;
pub mod layout;
pub mod size;
mod word;

pub use escape::{Escaped, printable, without_controls};
pub use file::{folder, write_whole};
pub use json::{write_json, write_json_line};
pub use layout::Paint;
pub use word::word;
