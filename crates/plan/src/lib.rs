//! wip
pub mod pool;
