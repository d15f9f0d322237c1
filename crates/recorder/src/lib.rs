//! The heap recorder for Xen, and how it goes into a source tree and out again.
//!
//! Xen's allocators, and some functions more, are wrapped by renaming them where they are defined:
//! `void xfree(` becomes `void HEAP_AUDITED(xfree)(`, and `static void hap_free(ARGS)` becomes
//! `AUDITED_STATIC(void, hap_free, (ARGS))`. With `CONFIG_HEAP_AUDIT=n` the macros give the plain
//! text back, and the objects are what they were; with it, the recorder's own file defines the
//! public names. No line of an existing C file moves, because Xen's bug frames hold line numbers.
//!
//! ```no_run
//! use xenheap_recorder::{LocalChanges, Tree, plan};
//!
//! # fn main() -> Result<(), xenheap_recorder::Error> {
//! let tree = Tree::open("xen.git")?;
//! let outcome = plan(&tree)?.apply(LocalChanges::Keep)?;
//! println!("{} files edited", outcome.changed.len());
//! // ... and out again, byte for byte:
//! plan(&tree)?.undo(LocalChanges::Keep)?;
//! # Ok(())
//! # }
//! ```

mod documents;
mod edit;
mod error;
mod git;
mod head;
mod patch;
mod plan;
mod rules;
mod scan;
mod series;
mod stamp;
mod survey;
mod tree;
mod write;

pub use edit::Change;
pub use error::{Error, GitError, Problem};
pub use git::Repository;
pub use patch::{Author, PatchInfo};
pub use plan::{Action, Applied, Description, FileDescription, LocalChanges, Plan, State, plan};
pub use survey::{Lack, MissingHook};
pub use tree::{Tree, Version};

use sha2::{Digest, Sha256};

/// Identifies what this version puts into a tree: a hash, in 64 hex digits, of the recorder's
/// sources and of the rules by which a tree is edited. Two instrumented trees that were the same
/// before are the same if this is the same.
#[must_use]
pub fn recorder_id() -> String {
    let mut hash = Sha256::new();
    // Each item is preceded by its length, so that no two lists give the same bytes.
    let mut add = |item: &[u8]| {
        hash.update((item.len() as u64).to_le_bytes());
        hash.update(item);
    };
    add(rules::REVISION.as_bytes());
    for rule in rules::NEW_FILES {
        add(rule.path.as_bytes());
        add(&stamp::stamped(rule.source));
    }
    for rule in rules::INSERTIONS {
        add(rule.path.as_bytes());
        add(format!("{:?}", rule.place).as_bytes());
        add(rule.text.as_bytes());
    }
    for part in rules::PARTS {
        add(format!("{part:?}").as_bytes());
    }
    for fact in rules::FACTS {
        add(format!("{fact:?}").as_bytes());
    }
    hex(&hash.finalize())
}

/// Bytes as lower-case hex digits.
fn hex<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> String {
    bytes.into_iter().map(|byte| format!("{byte:02x}")).collect()
}
