//! `xenheap lab fetch`.

use xenheap_lab::XenSource;

use super::tree;
use crate::{
    failure::{Exit, Failure},
    output,
};

/// Gets a source and prints where its tree is.
pub fn run(source: &XenSource) -> Result<Exit, Failure> {
    let tree = tree(source)?;
    output::print(format!("{}\n", tree.display()).as_bytes())?;
    Ok(Exit::Done)
}
