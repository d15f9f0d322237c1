//! Filters for the usual questions, kept as data.

use serde::{Deserialize, Serialize};

use crate::{EntryClass, TableError, Who};

/// The table, as it is kept.
pub const TABLE: &str = include_str!("../data/presets.toml");

/// One filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub title: String,
    /// Functions that it takes out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Whether it takes out what exists only until Xen has booted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub boot_only: bool,
    /// The classes of entries that paths start from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<EntryClass>,
    /// Who can take the entries that paths start from; what only the more privileged may do is
    /// taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<Who>,
    /// Other presets that it consists of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presets: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Table {
    preset: Vec<Preset>,
}

/// A preset that does not exist.
#[derive(Debug, thiserror::Error)]
pub enum PresetError {
    /// The name.
    #[error("there is no preset `{name}`; there are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The table itself.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// All presets.
pub fn presets() -> Result<Vec<Preset>, TableError> {
    let table: Table = toml::from_str(TABLE).map_err(|source| TableError { table: "presets", source })?;
    Ok(table.preset)
}

/// Those of these names, each taken apart into those it consists of; each once.
pub fn chosen(names: &[String]) -> Result<Vec<Preset>, PresetError> {
    let all = presets()?;
    let find = |name: &String| {
        all.iter().find(|preset| preset.name == *name).cloned().ok_or_else(|| PresetError::Unknown {
            name: name.clone(),
            known: all.iter().map(|preset| preset.name.clone()).collect(),
        })
    };
    let mut chosen: Vec<Preset> = Vec::new();
    for name in names {
        let preset = find(name)?;
        let parts = match preset.presets.is_empty() {
            true => vec![preset],
            false => preset.presets.iter().map(find).collect::<Result<_, _>>()?,
        };
        for part in parts {
            if !chosen.contains(&part) {
                chosen.push(part);
            }
        }
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_consist_of_known_ones() {
        let all = presets().expect("a table");
        for preset in &all {
            for part in &preset.presets {
                let part = all.iter().find(|other| other.name == *part).expect("a known preset");
                assert!(part.presets.is_empty(), "{} is nested too deep", part.name);
            }
            let says = preset.boot_only || preset.who.is_some();
            let lists =
                !(preset.exclude.is_empty() && preset.classes.is_empty() && preset.presets.is_empty());
            assert!(says || lists, "{} does nothing", preset.name);
        }
        let names = |chosen: Vec<Preset>| chosen.into_iter().map(|preset| preset.name).collect::<Vec<_>>();
        let two = ["crash".to_owned(), "cuts".to_owned()];
        let expected = ["noreturn", "diagnostics", "softirq", "context-switch", "interrupts", "page-tables"];
        assert_eq!(names(chosen(&two).expect("known")), expected);
        assert!(chosen(&["no".to_owned()]).expect_err("unknown").to_string().contains("boot, noreturn"));
    }
}
