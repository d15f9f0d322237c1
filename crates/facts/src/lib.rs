//! What a build of Xen says about itself, each source read by a module of its own; nothing here
//! knows of graphs.

pub mod build;
pub mod ci;
pub mod decode;
pub mod dwarf;
mod error;
pub mod gimple;
pub mod image;
pub mod objects;
pub mod place;
pub mod replay;
pub mod types;

pub use error::Error;
