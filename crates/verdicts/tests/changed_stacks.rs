//! Suggestions for real stacks that another version or build of Xen changed
//! (`testdata/changed-stacks`), paired by hand.

use std::{collections::BTreeMap, fs, path::Path};

use xenheap_model::{Arch, Frame, NormalStack, Stack};
use xenheap_verdicts::{Entry, Match, Subject, VerdictFile};

const FILES: [&str; 3] = ["4.17", "4.20", "4.17-debug"];

fn read(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/changed-stacks");
    fs::read_to_string(folder.join(name)).expect("a text")
}

/// The stack of an entry, as a run would show it.
fn stack(entry: &Entry) -> Stack {
    let frames = entry.stack.clone();
    let frames = frames.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
        let (line, inlined) = line.strip_suffix(" [inlined]").map_or((line, false), |line| (line, true));
        let (file, function) = line.split_once('#').map_or((None, line), |(file, name)| (Some(file), name));
        Frame {
            function: function.to_owned(),
            file: file.map(str::to_owned),
            inlined,
            source: None,
            addr: None,
        }
    });
    Stack { frames: frames.collect(), ..Stack::default() }
}

#[test]
fn the_right_entry_is_the_first_suggestion() {
    let files: BTreeMap<&str, VerdictFile> = FILES
        .into_iter()
        .map(|name| (name, VerdictFile::parse(name, &read(&format!("{name}.toml"))).expect("verdicts")))
        .collect();
    let pairs: toml::Table = read("pairs.toml").parse().expect("pairs");
    let (mut right, mut wrong) = (0, Vec::new());
    for pair in pairs["pair"].as_array().expect("pairs") {
        let pair = pair.as_table().expect("a pair");
        let sides: Vec<(&str, &str)> =
            FILES.into_iter().filter_map(|name| Some((name, pair.get(name)?.as_str()?))).collect();
        let [one, other] = sides.as_slice() else { panic!("two of {FILES:?}: {pair}") };
        for ((from, id), (to, expected)) in [(one, other), (other, one)] {
            let entry = files[from].get(id).expect("an entry");
            let normal = NormalStack::from(&stack(entry));
            let subject = Subject {
                kind: entry.kind.expect("a kind"),
                arch: Arch::Unknown,
                stack: &normal,
                truncated: false,
            };
            // Its own file knows it, so it was read as it is; the other one must not take it for
            // another.
            assert_eq!(files[from].find(&subject).entry().map(|found| found.id.as_str()), Some(*id));
            assert!(
                matches!(files[to].find(&subject), Match::None),
                "{from} {id} is taken for another in {to}"
            );
            match files[to].near(&subject, 3).first() {
                Some(near) if near.entry.id == *expected => right += 1,
                near => {
                    wrong.push(format!("{from} {id}: {:?}, not {expected}", near.map(|near| &near.entry.id)))
                }
            }
        }
    }
    let all = right + wrong.len();
    println!("{right} of {all} first suggestions are right; the others: {wrong:#?}");
    assert!(all >= 40, "{all} stacks");
    assert!(right * 10 >= all * 9, "{right} of {all}: {wrong:#?}");
}
