//! What two runs have differently, by stacks that can be compared across builds.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use xenheap_model::{
    AllocatorRole, Charge, Counters, Kind, NormalStack, Question, Run, Stack, Uncertain, Untold, clean,
};

use crate::{
    EntryPoint, Key, Lifetime,
    lifetime::judgements_without,
    tally::{by_key, sum},
};

/// What differs between two runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diff {
    /// What differs: what is worse first, then by bytes, then by the stack's text.
    pub changed: Vec<Changed>,
    /// How many findings are the same in both.
    pub same: usize,
    /// How many findings are not compared: one of the runs lacks the part that tells them.
    pub apart: usize,
    /// Parts of the recorder that the runs lack, which are called [`OLD`] and [`NEW`]. What only
    /// one of them lacks makes no difference: the lifetimes are those that both would have without
    /// it.
    pub untold: Vec<Untold>,
    /// How many paths of the old and of the new run may not be what happened: differences can come
    /// of that.
    pub uncertain: [usize; 2],
}

/// What the first run is called in [`Diff::untold`].
pub const OLD: &str = "old";
/// What the second one is called.
pub const NEW: &str = "new";

/// A finding that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// At which level.
    pub kind: Kind,
    /// Whom it is charged to.
    pub charge: Charge,
    /// Names of the functions, root first.
    pub stack: Vec<String>,
    /// How the outside came in.
    pub point: EntryPoint,
    /// In the old run.
    pub old: Option<Side>,
    /// In the new run.
    pub new: Option<Side>,
    /// What is different.
    pub changes: Vec<Change>,
}

/// A finding in one of the runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Side {
    /// How long it lives.
    pub lifetime: Lifetime,
    /// The sum of all that is the same but for domains and lines.
    pub counters: Counters,
    /// Why its stack may not be what happened; of several, the first place in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertain: Option<Uncertain>,
}

/// A difference. The order is that of concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// It lives longer.
    LongerLife,
    /// Only the new run has it.
    New,
    /// A larger single allocation.
    LargerAllocation,
    /// A higher peak.
    HigherPeak,
    /// More bytes live at the end.
    MoreLive,
    /// More bytes in sum.
    MoreBytes,
    /// It lives shorter.
    ShorterLife,
    /// Smaller or fewer in some way, and in none larger or more.
    Less,
    /// Only the old run has it.
    Gone,
}

impl Change {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Change::LongerLife => "lives longer",
            Change::New => "new",
            Change::LargerAllocation => "larger allocation",
            Change::HigherPeak => "higher peak",
            Change::MoreLive => "more live",
            Change::MoreBytes => "more bytes",
            Change::ShorterLife => "lives shorter",
            Change::Less => "less",
            Change::Gone => "gone",
        }
    }

    /// Whether somebody must look at it.
    pub fn is_worse(self) -> bool {
        self < Change::ShorterLife
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What makes findings of two builds the same: names of functions, inlined or not, without files,
/// which move.
type Same = (Kind, Charge, Vec<String>);

/// A finding in one of the runs, with what it takes to compare it.
struct Found {
    point: EntryPoint,
    side: Side,
    /// How many rows it was added up from.
    rows: usize,
    /// Whether its stack passes a vmalloc.
    in_vmalloc: bool,
}

/// Parts that one of the runs lacks and the other does not.
struct OneSided<'a>(BTreeSet<&'a str>);

impl<'a> OneSided<'a> {
    fn new(old: &'a Run, new: &'a Run) -> Self {
        let lacks = |run: &'a Run| run.facts.lacks.iter().map(String::as_str).collect::<BTreeSet<_>>();
        OneSided(lacks(old).symmetric_difference(&lacks(new)).copied().collect())
    }

    fn has(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.0.contains(part))
    }

    /// Whether a finding can only be of a run that has the part: pages that are taken, or vmallocs.
    fn is_apart(&self, found: &Found) -> bool {
        let counters = &found.side.counters;
        let is_taken = counters.taken > 0 && counters.allocs == 0 && counters.failed == 0;
        self.has(&["taken"]) && is_taken || self.has(&["vmalloc"]) && found.in_vmalloc
    }
}

/// Compares two runs.
pub fn diff(old: &Run, new: &Run) -> Diff {
    let one_sided = OneSided::new(old, new);
    let lacks = [(OLD, old.facts.lacks.as_slice()), (NEW, new.facts.lacks.as_slice())];
    let untold = Untold::of(Question::Differences, lacks);
    let (old, new) = (sides(old, &one_sided), sides(new, &one_sided));
    let doubtful =
        |all: &BTreeMap<Same, Found>| all.values().filter(|found| found.side.uncertain.is_some()).count();
    let uncertain = [doubtful(&old), doubtful(&new)];
    let (mut same, mut apart) = (0, 0);
    let mut changed = Vec::new();
    let mut keys: Vec<&Same> = old.keys().chain(new.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let (a, b) = (old.get(key), new.get(key));
        if a.into_iter().chain(b).any(|found| one_sided.is_apart(found)) {
            apart += 1;
            continue;
        }
        let changes = changes(a, b, &one_sided);
        if changes.is_empty() {
            same += 1;
            continue;
        }
        let Some(Found { point, .. }) = b.or(a) else { continue };
        let (kind, charge, stack) = key.clone();
        changed.push(Changed {
            kind,
            charge,
            stack,
            point: point.clone(),
            old: a.map(|found| found.side),
            new: b.map(|found| found.side),
            changes,
        });
    }
    let bytes = |side: Option<Side>| side.map_or(0, |side| side.counters.peak.max(side.counters.bytes));
    changed.sort_by_cached_key(|changed| {
        let first = changed.changes.first().copied();
        (first, std::cmp::Reverse(bytes(changed.new).max(bytes(changed.old))), changed.stack.clone())
    });
    Diff { changed, same, apart, untold, uncertain }
}

fn sides(run: &Run, one_sided: &OneSided<'_>) -> BTreeMap<Same, Found> {
    let judgements = judgements_without(run, &one_sided.0);
    let mut all: BTreeMap<Same, Found> = BTreeMap::new();
    for (key, rows) in by_key(run) {
        let (Some(stack), Some(judgement)) = (run.stacks.get(&key.stack), judgements.get(&key)) else {
            continue;
        };
        let names = NormalStack::from(stack).0.into_iter().map(|frame| frame.function);
        let mut names: Vec<String> = names.collect();
        // With the part, a stack ends with who asked for the vmalloc.
        while one_sided.has(&["vmalloc"])
            && names.len() > 1
            && names.last().and_then(|last| AllocatorRole::of(last)).is_some_and(AllocatorRole::is_of_vmalloc)
        {
            names.pop();
        }
        let Key { kind, charge, .. } = key;
        let (count, counters) = (rows.len(), sum(rows));
        let in_vmalloc = kind == Kind::Vmalloc || is_in_vmalloc(stack);
        match all.entry((kind, charge, names)) {
            std::collections::btree_map::Entry::Vacant(place) => {
                let side = Side { lifetime: judgement.lifetime, counters, uncertain: stack.uncertain };
                let point = judgement.point.clone();
                place.insert(Found { point, side, rows: count, in_vmalloc });
            }
            std::collections::btree_map::Entry::Occupied(mut place) => {
                let Found { side, rows, in_vmalloc: any_in_vmalloc, .. } = place.get_mut();
                *rows += count;
                *any_in_vmalloc |= in_vmalloc;
                side.lifetime = side.lifetime.max(judgement.lifetime);
                side.counters.add(&counters);
                let of_both = side.uncertain.into_iter().chain(stack.uncertain);
                side.uncertain = of_both.min_by_key(|uncertain| uncertain.line);
            }
        }
    }
    all
}

/// Whether memory is pages, or the array of its pages, of a vmalloc.
fn is_in_vmalloc(stack: &Stack) -> bool {
    let mut roles = stack.frames.iter().filter_map(|frame| AllocatorRole::of(clean(&frame.function)));
    roles.any(AllocatorRole::is_of_vmalloc)
}

fn changes(old: Option<&Found>, new: Option<&Found>, one_sided: &OneSided<'_>) -> Vec<Change> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(_)) => return vec![Change::New],
        (Some(_), None) => return vec![Change::Gone],
        (None, None) => return Vec::new(),
    };
    let any = |has: fn(&Counters) -> bool| has(&old.side.counters) || has(&new.side.counters);
    let taken = one_sided.has(&["taken"]) && any(|of| of.taken > 0);
    // Pages that change hands unseen stay live, or never were.
    let unseen = taken || one_sided.has(&["given"]) && any(|of| of.given > 0);
    // The peak of several owners is that of the largest one; where owners are not known, that of
    // all.
    let summed = old.rows > 1 || new.rows > 1;
    let owners = summed && one_sided.has(&["owners", "domctls", "moves", "security"]);
    let is_told = |change: Change| match change {
        Change::HigherPeak => !unseen && !owners,
        Change::MoreLive => !unseen,
        Change::LargerAllocation | Change::MoreBytes => !taken,
        _ => true,
    };
    let (old, new) = (&old.side, &new.side);
    let mut changes = Vec::new();
    if new.lifetime > old.lifetime {
        changes.push(Change::LongerLife);
    }
    let (a, b) = (&old.counters, &new.counters);
    let pairs = [
        (Change::LargerAllocation, a.max, b.max),
        (Change::HigherPeak, a.peak, b.peak),
        (Change::MoreLive, a.live_bytes, b.live_bytes),
        (Change::MoreBytes, a.bytes.saturating_add(a.taken_bytes), b.bytes.saturating_add(b.taken_bytes)),
    ];
    let pairs = pairs.into_iter().filter(|(change, ..)| is_told(*change));
    changes.extend(pairs.clone().filter(|(_, a, b)| b > a).map(|(change, ..)| change));
    if new.lifetime < old.lifetime {
        changes.push(Change::ShorterLife);
    }
    if changes.is_empty() && pairs.into_iter().any(|(_, a, b)| b < a) {
        changes.push(Change::Less);
    }
    changes
}

#[cfg(test)]
mod tests {
    use xenheap_model::{Domain, Frame, Owner, Row, RowKey, Stack, StackId};

    use super::*;

    fn run(rows: &[(&str, Counters)]) -> Run {
        let mut run = Run::default();
        for (at, (names, counters)) in (1u32..).zip(rows) {
            let frames = names.split(' ').map(|name| Frame {
                function: name.trim_start_matches('+').to_owned(),
                file: None,
                inlined: name.starts_with('+'),
                source: None,
                addr: None,
            });
            run.stacks.insert(StackId(at), Stack { frames: frames.collect(), ..Stack::default() });
            let key = RowKey {
                stack: StackId(at),
                kind: Kind::Xmalloc,
                charge: Charge::Nobody,
                current: Domain::Id(0),
                owner: Owner::Unknown,
            };
            run.profile.push(Row { key, counters: *counters });
        }
        run
    }

    fn bytes(bytes: u64) -> Counters {
        Counters { allocs: 1, bytes, max: bytes, peak: bytes, ..Counters::default() }
    }

    #[test]
    fn what_compilers_change_is_no_change() {
        let old = run(&[("a b c", bytes(8))]);
        let new = run(&[("a +b c.isra.0", bytes(8))]);
        let same = Diff { changed: Vec::new(), same: 1, apart: 0, untold: Vec::new(), uncertain: [0, 0] };
        assert_eq!(diff(&old, &new), same);
        assert_eq!(diff(&new, &old).same, 1);
    }

    /// The same run, by a recorder that lacks a part.
    fn lacking(run: &Run, part: &str) -> Run {
        let mut run = run.clone();
        run.facts.lacks = vec![part.to_owned()];
        run
    }

    /// Complete, so that lifetimes are known.
    fn whole(rows: &[(&str, Counters)]) -> Run {
        let mut run = run(rows);
        let outcome = xenheap_model::CheckOutcome::Ok;
        let id = xenheap_model::CheckId::Ended;
        run.checks.push(xenheap_model::Check { id, outcome, detail: String::new() });
        run
    }

    /// That of the only difference, with the changes.
    fn only(old: &Run, new: &Run) -> (Vec<Change>, [Option<Lifetime>; 2]) {
        let diff = diff(old, new);
        let [one] = &diff.changed[..] else { panic!("{diff:#?}") };
        (one.changes.clone(), [one.old, one.new].map(|side| side.map(|side| side.lifetime)))
    }

    #[test]
    fn what_only_one_run_can_tell_is_no_difference() {
        let freed = Counters { freed: 1, freed_bytes: 8, bracketed: Some(1), ..bytes(8) };
        let old = whole(&[("a b", freed)]);
        let mut new = lacking(&old, "calls");
        new.profile.iter_mut().for_each(|row| row.counters.bracketed = None);
        for (old, new) in [(&old, &new), (&new, &old)] {
            let diff = diff(old, new);
            assert_eq!((diff.changed.len(), diff.same, diff.apart), (0, 1, 0));
            assert_eq!(diff.untold.iter().map(|untold| untold.part.as_str()).collect::<Vec<_>>(), ["calls"]);
        }
        // What else differs is shown with lifetimes that both runs know.
        let more = whole(&[("a b", Counters { bracketed: None, freed: 1, freed_bytes: 9, ..bytes(9) })]);
        let more = lacking(&more, "calls");
        let changes = vec![Change::LargerAllocation, Change::HigherPeak, Change::MoreBytes];
        assert_eq!(only(&old, &more), (changes, [Some(Lifetime::Returned); 2]));
        // What both lack, both judge alike anyhow.
        let both = diff(&lacking(&old, "calls"), &new);
        assert_eq!((both.same, both.untold.first().map(|one| one.runs.len())), (0, Some(2)));
    }

    #[test]
    fn pages_that_change_hands_unseen_are_no_difference() {
        let given = Counters { given: 1, given_bytes: 8, ..bytes(8) };
        let old = whole(&[("a b", given)]);
        let unseen = whole(&[("a b", Counters { live: 1, live_bytes: 8, peak: 16, ..bytes(8) })]);
        let diff_of = |new: &Run| diff(&old, new);
        assert_eq!(diff_of(&unseen).changed.len(), 1);
        assert_eq!((diff_of(&lacking(&unseen, "given")).changed.len()), 0);

        let taken = Counters { taken: 1, taken_bytes: 8, live: 1, live_bytes: 8, ..Counters::default() };
        let old = whole(&[("a b", taken)]);
        let new = lacking(&whole(&[]), "taken");
        assert_eq!((diff(&old, &new).changed.len(), diff(&old, &new).apart), (0, 1));
        assert_eq!(only(&old, &whole(&[])).0, [Change::Gone]);
    }

    #[test]
    fn a_vmalloc_is_not_compared_with_its_pages() {
        let mut old = whole(&[("a b", bytes(8))]);
        old.profile.iter_mut().for_each(|row| row.key.kind = Kind::Vmalloc);
        let pages = lacking(&whole(&[("a b vzalloc vmalloc_type", bytes(4096))]), "vmalloc");
        let diff = diff(&old, &pages);
        assert_eq!((diff.changed.len(), diff.apart), (0, 2));
    }

    #[test]
    fn peaks_of_owners_are_not_compared_with_one_of_all() {
        let mut old = whole(&[("a b", bytes(8)), ("a b", bytes(8))]);
        for (row, id) in old.profile.iter_mut().zip(1..) {
            row.key.owner = Owner::Created(xenheap_model::DomainId { domain: Domain::Id(id), generation: 1 });
        }
        let new = Counters { allocs: 2, bytes: 16, peak: 16, ..bytes(8) };
        let new = whole(&[("a b", new)]);
        assert_eq!(only(&old, &new).0, [Change::HigherPeak]);
        assert_eq!(diff(&old, &lacking(&new, "owners")).same, 1);
    }

    #[test]
    fn what_is_worse_comes_first() {
        let old = run(&[("a gone", bytes(8)), ("a less", bytes(8)), ("a more", bytes(8))]);
        let new = run(&[("a less", bytes(4)), ("a more", bytes(9)), ("a new", bytes(1))]);
        let diff = diff(&old, &new);
        let names: Vec<_> =
            diff.changed.iter().map(|one| (one.stack.join(" "), one.changes.first().copied())).collect();
        assert_eq!(
            names,
            [
                ("a new".to_owned(), Some(Change::New)),
                ("a more".to_owned(), Some(Change::LargerAllocation)),
                ("a less".to_owned(), Some(Change::Less)),
                ("a gone".to_owned(), Some(Change::Gone)),
            ]
        );
    }
}
