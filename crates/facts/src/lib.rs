//! What a build of Xen says about itself, each source read by a module of its own; nothing here knows of graphs.

pub mod gimple;
pub mod types;
