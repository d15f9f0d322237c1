//! What calls of guests leave behind when they complete, by what was asked for.

use std::{cmp::Reverse, collections::BTreeMap};

use xenheap_model::{Amount, Service, Stack, StackId};

use xenheap_judge::EntryPoint;

use crate::finding;

/// The calls of one entry point. A call that allocated by several paths is counted by each, so what is known of single
/// calls is known by path.
#[derive(Clone, Debug)]
pub struct Calls<'a> {
    /// What was asked for.
    pub point: EntryPoint,
    /// By path: how often it was taken, and what was left; most bytes first.
    pub paths: Vec<(&'a Stack, Service)>,
    /// What was left behind in sum.
    pub total: Amount,
    /// The most that one call left behind by one path.
    pub most: Amount,
}

/// Groups what calls left; most bytes first.
pub(crate) fn by_entry<'a>(
    services: impl Iterator<Item = &'a Service>,
    stacks: &'a BTreeMap<StackId, Stack>,
) -> Vec<Calls<'a>> {
    let mut points: BTreeMap<EntryPoint, Vec<(&'a Stack, Service)>> = BTreeMap::new();
    for service in services {
        let stack = finding::stack(stacks, service.stack);
        points.entry(EntryPoint::of(stack)).or_default().push((stack, *service));
    }
    let mut calls: Vec<Calls<'_>> = points
        .into_iter()
        .map(|(point, mut paths)| {
            paths.sort_by_cached_key(|(stack, service)| {
                (Reverse(service.total.bytes), finding::look(stack), service.kind, service.stack)
            });
            let mut total = Amount::default();
            paths.iter().for_each(|(_, path)| total.add(path.total.count, path.total.bytes));
            let most = paths.iter().map(|(_, path)| path.most).max_by_key(|most| (most.bytes, most.count));
            Calls { point, total, most: most.unwrap_or_default(), paths }
        })
        .collect();
    calls.sort_by_key(|calls| Reverse(calls.total.bytes));
    calls
}
