//! Algorithms on a compact directed graph. Knows nothing of Xen: a node is a number.
//!
//! A [`Query`] says which paths are meant; [`Paths`] is the part of the graph that lies on them,
//! and counts, streams and measures them. What enters a query is checked once, so that nothing
//! below can fail.

mod count;
mod cut;
mod dominators;
mod error;
mod graph;
mod query;
mod reach;
mod scc;
mod set;
mod shortest;
mod stream;
mod ways;

pub use count::{Collapsed, Count};
pub use cut::{Cut, cut};
pub use dominators::{Funnel, funnels};
pub use error::Error;
pub use graph::Graph;
pub use query::{Paths, Query, Shape};
pub use reach::{Direction, reach};
pub use scc::{Components, components};
pub use set::NodeSet;
pub use shortest::{Path, shortest};
pub use stream::{Step, Stream};
pub use ways::Ways;
