//! Permanent names of entries.

use sha2::{Digest, Sha256};
use xenheap_model::Kind;

use crate::Pattern;

/// Whether a text can be an id: one word, for command lines and comments.
pub fn is_valid(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// The shortest hash, from eight hexadecimal digits on, that nobody has.
pub fn fresh(kind: Option<Kind>, pattern: &Pattern, is_taken: impl Fn(&str) -> bool) -> String {
    let mut round = 0u32;
    loop {
        let text = format!("{}\n{pattern}{round}", kind.map_or("", Kind::as_str));
        let hash = Sha256::digest(text.as_bytes());
        let id = hash.iter().take(4).fold("xh-".to_owned(), |id, byte| format!("{id}{byte:02x}"));
        if !is_taken(&id) {
            return id;
        }
        round += 1;
    }
}
