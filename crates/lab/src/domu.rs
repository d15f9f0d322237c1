//! A guest that Xen starts by itself.

use serde::Deserialize;

/// Its size. Without a word of it, the usual one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Domu {
    /// A number with `M` or `G` behind it.
    pub(crate) memory: String,
    /// How many CPUs it has, from 1.
    pub(crate) cpus: u8,
}

impl Default for Domu {
    fn default() -> Self {
        Self { memory: "256M".to_owned(), cpus: 1 }
    }
}

impl Domu {
    /// Its memory in KiB. A text of another form has been refused before.
    pub(crate) fn kib(&self) -> u64 {
        let (number, unit) = self.memory.split_at(self.memory.len().saturating_sub(1));
        number.parse::<u64>().unwrap_or_default() << if unit == "G" { 20 } else { 10 }
    }
}
