//! What calls of guests leave behind when they complete, by what was asked for.

use std::{cmp::Reverse, collections::BTreeMap};

use xenheap_callgraph::Who;
use xenheap_model::{Amount, Service, Stack, StackId};

use xenheap_judge::{EntryKind, EntryPoint};

use crate::finding;

/// The calls of one function, by one way in. A call that allocated by several paths is counted by
/// each.
#[derive(Clone, Debug)]
pub struct Calls<'a> {
    /// What was asked for; by the least trusted one that can take one of the paths.
    pub point: EntryPoint,
    /// By path: how often it was taken, and what was left; most bytes first.
    pub paths: Vec<(&'a Stack, Service)>,
    /// What was left behind in sum.
    pub total: Amount,
    /// The most that one call left behind by one path.
    pub most: Amount,
    /// The most that one call left behind by all of its paths, also those that a filter leaves out.
    pub most_whole: Amount,
}

/// Groups what calls left; most bytes first.
pub(crate) fn by_entry<'a>(
    services: impl Iterator<Item = &'a Service>,
    stacks: &'a BTreeMap<StackId, Stack>,
) -> Vec<Calls<'a>> {
    type Of<'a> = (Option<Who>, Vec<(&'a Stack, Service)>);
    let mut points: BTreeMap<(EntryKind, String), Of<'a>> = BTreeMap::new();
    for service in services {
        let stack = finding::stack(stacks, service.stack);
        let EntryPoint { entry, function, who } = EntryPoint::of(stack);
        let (least, paths) = points.entry((entry, function)).or_default();
        *least = [*least, who].into_iter().flatten().min();
        paths.push((stack, *service));
    }
    let mut calls: Vec<Calls<'_>> = points
        .into_iter()
        .map(|((entry, function), (who, mut paths))| {
            paths.sort_by_cached_key(|(stack, service)| {
                (Reverse(service.total.bytes), finding::look(stack), service.kind, service.stack)
            });
            let total = paths.iter().map(|(_, path)| path.total).sum();
            let most = paths.iter().map(|(_, path)| path.most).max_by_key(|most| (most.bytes, most.count));
            let most_whole =
                paths.iter().fold(Amount::default(), |most, (_, path)| most.most(path.most_whole));
            let point = EntryPoint { entry, function, who };
            Calls { point, total, most: most.unwrap_or_default(), most_whole, paths }
        })
        .collect();
    calls.sort_by_key(|calls| Reverse(calls.total.bytes));
    calls
}
