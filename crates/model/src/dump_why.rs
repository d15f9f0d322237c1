use std::fmt;

use serde::{Deserialize, Serialize};

/// Why the recorder printed its totals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DumpWhy {
    /// The hardware domain shut the machine down.
    Shutdown,
    /// The machine was put to sleep or switched off by ACPI.
    Sleep,
    /// The debug key.
    Key,
    /// A word of a newer recorder.
    Other(String),
}

impl DumpWhy {
    /// The word of the record format.
    pub fn as_str(&self) -> &str {
        match self {
            DumpWhy::Shutdown => "shutdown",
            DumpWhy::Sleep => "sleep",
            DumpWhy::Key => "key",
            DumpWhy::Other(word) => word,
        }
    }
}

impl Default for DumpWhy {
    fn default() -> Self {
        DumpWhy::Other(String::new())
    }
}

impl From<String> for DumpWhy {
    fn from(word: String) -> Self {
        match word.as_str() {
            "shutdown" => DumpWhy::Shutdown,
            "sleep" => DumpWhy::Sleep,
            "key" => DumpWhy::Key,
            _ => DumpWhy::Other(word),
        }
    }
}

impl From<DumpWhy> for String {
    fn from(why: DumpWhy) -> Self {
        why.as_str().to_owned()
    }
}

impl fmt::Display for DumpWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
