//! Whether a dump is of the source that the image was made from.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_facts::types::Types;
use xenheap_model::relative;

use crate::{Code, Draft, program::Program};

/// The objects whose dumps are of another version of their source: the body of a function begins
/// before the line where the image has the function, or only behind the next one of the same file.
pub(super) fn of_other_sources(program: &Program<'_>, types: &Types, draft: &Draft) -> BTreeSet<String> {
    let mut lines: HashMap<&str, BTreeMap<&str, BTreeSet<u32>>> = HashMap::new();
    let mut places: HashMap<(&str, &str), (&str, u32)> = HashMap::new();
    for function in draft.functions.iter().filter(|function| function.code == Code::C) {
        let (Some(unit), Some(at)) = (&function.unit, &function.location) else { continue };
        if function.pieces.is_empty() {
            continue;
        }
        lines.entry(unit).or_default().entry(&at.file).or_default().insert(at.line);
        places.insert((unit, &function.name), (&at.file, at.line));
    }
    let mut others = BTreeSet::new();
    for known in &program.functions {
        let (Some(index), Some(body)) = (known.unit, &known.body) else { continue };
        let Some(unit) = types.units.get(index as usize).map(String::as_str) else { continue };
        let Some((file, line)) = places.get(&(unit, known.name)) else { continue };
        let next = lines.get(unit).and_then(|files| files.get(file)?.range(line + 1..).next());
        let fits = relative(body.at.file, None) == *file
            && body.at.line >= *line
            && next.is_none_or(|next| body.at.line < *next);
        if !fits && let Some(object) = program.dumps.get(&index) {
            others.insert((*object).to_owned());
        }
    }
    others
}
