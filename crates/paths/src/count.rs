use num_bigint::BigUint;

use crate::{Components, Graph, NodeSet, Paths, components};

/// How many steps the enumeration of one cycle may take before the cycle counts as too large.
const STEPS: u64 = 1 << 21;
/// How many sums the bound by walks may take before the cheaper one has to do.
const SUMS: u64 = 1 << 21;

/// How many paths there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub lower: BigUint,
    /// At most so many.
    pub upper: BigUint,
    /// The cycles that were too large to enumerate, whose inside was bounded instead. None: the
    /// count is exact.
    pub collapsed: Vec<Collapsed>,
}

/// A cycle that was too large to enumerate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collapsed {
    /// Its nodes, ascending.
    pub nodes: Vec<u32>,
}

impl Count {
    /// The number, if it is known exactly.
    pub fn exact(&self) -> Option<&BigUint> {
        (self.lower == self.upper).then_some(&self.lower)
    }
}

impl Paths {
    /// Counts without enumerating: cycles are collapsed, each cycle small enough is enumerated for
    /// itself, and what remains is acyclic and summed up from the targets.
    pub fn count(&self) -> Count {
        self.count_within(STEPS)
    }

    /// The same, with another limit for the enumeration of one cycle.
    pub fn count_within(&self, steps: u64) -> Count {
        let all = self.count_all(steps);
        let Some(through) = &self.through else { return all };
        // A path through one of them is one that does not avoid all of them.
        let avoiding = self.avoiding(through);
        let without = avoiding.count_all(steps);
        let less = |a: &BigUint, b: &BigUint| if a > b { a - b } else { BigUint::ZERO };
        let mut collapsed = all.collapsed;
        for cycle in without.collapsed {
            let nodes: Vec<u32> = cycle.nodes.iter().map(|node| self.part.nodes[*node as usize]).collect();
            let known = |other: &Collapsed| nodes.iter().all(|node| other.nodes.binary_search(node).is_ok());
            if !collapsed.iter().any(known) {
                collapsed.push(Collapsed { nodes });
            }
        }
        Count { lower: less(&all.lower, &without.upper), upper: less(&all.upper, &without.lower), collapsed }
    }

    fn count_all(&self, steps: u64) -> Count {
        match self.shape.max_length {
            Some(most) if self.shape.recursive => {
                let number = self.walks(most);
                Count { lower: number.clone(), upper: number, collapsed: Vec::new() }
            }
            // No simple path is longer than the number of nodes.
            Some(most) if (most as usize) < self.part.nodes.len() => {
                let (lower, collapsed) = self.sum::<ByLength>(most as usize, steps, Bound::Lower);
                if collapsed.is_empty() {
                    return Count { upper: lower.clone(), lower, collapsed: Vec::new() };
                }
                let edges = self.part.graph.edges() as u64;
                let by_length = u64::from(most).saturating_pow(2).saturating_mul(edges) < 16 * SUMS;
                let (upper, _) = match by_length {
                    true => self.sum::<ByLength>(most as usize, steps, Bound::Upper),
                    false => self.sum::<BigUint>(0, steps, Bound::Upper),
                };
                self.bounds(lower, upper, collapsed)
            }
            _ => {
                let (lower, collapsed) = self.sum::<BigUint>(0, steps, Bound::Lower);
                if collapsed.is_empty() {
                    return Count { upper: lower.clone(), lower, collapsed: Vec::new() };
                }
                let (upper, _) = self.sum::<BigUint>(0, steps, Bound::Upper);
                self.bounds(lower, upper, collapsed)
            }
        }
    }

    fn bounds(&self, lower: BigUint, upper: BigUint, collapsed: Vec<Vec<u32>>) -> Count {
        let back = |nodes: Vec<u32>| nodes.iter().map(|node| self.part.nodes[*node as usize]).collect();
        let collapsed = collapsed.into_iter().map(|nodes| Collapsed { nodes: back(nodes) }).collect();
        Count { lower, upper, collapsed }
    }

    /// Walks of at most so many nodes, by length: exact whatever the cycles.
    fn walks(&self, most: u32) -> BigUint {
        let graph = &self.part.graph;
        let nodes = graph.nodes();
        let mut number: Vec<BigUint> =
            (0..nodes as u32).map(|node| BigUint::from(u8::from(self.targets.has(node)))).collect();
        let mut total = BigUint::ZERO;
        for _ in 0..most {
            total += self.sources.iter().map(|source| &number[source as usize]).sum::<BigUint>();
            number = (0..nodes as u32)
                .map(|node| graph.successors(node).iter().map(|to| &number[*to as usize]).sum())
                .collect();
        }
        total
    }

    /// Sums up, from the targets to the sources, how many paths each node has to a target; and
    /// which cycles were bounded.
    fn sum<T: Tally>(&self, lengths: usize, steps: u64, bound: Bound) -> (BigUint, Vec<Vec<u32>>) {
        let graph = &self.part.graph;
        let components = components(graph);
        let mut sums: Vec<T> = vec![T::zero(lengths); graph.nodes()];
        let mut collapsed = Vec::new();
        // Components come with those first that the others lead to.
        for (number, nodes) in components.nodes.iter().enumerate() {
            if let [node] = nodes[..] {
                sums[node as usize] = match self.targets.has(node) {
                    true => T::one(lengths),
                    false => leaving(graph, &components, node, &sums, lengths),
                };
                continue;
            }
            let exits: Vec<T> =
                nodes.iter().map(|node| leaving(graph, &components, *node, &sums, lengths)).collect();
            let cycle = Cycle::new(graph, &components, number as u32, nodes);
            let entered = |node: u32| {
                self.sources.has(node)
                    || graph.predecessors(node).any(|from| components.of[from as usize] != number as u32)
            };
            let entries: Vec<usize> = (0..nodes.len()).filter(|index| entered(nodes[*index])).collect();
            let found = match cycle.enumerate::<T>(&entries, &exits, lengths, steps) {
                Some(found) => found,
                None => {
                    collapsed.push(nodes.clone());
                    match bound {
                        Bound::Lower => cycle.lower(&exits, nodes, &self.distance),
                        Bound::Upper => cycle.upper(&exits, lengths),
                    }
                }
            };
            for (node, sum) in nodes.iter().zip(found) {
                sums[*node as usize] = sum;
            }
        }
        collapsed.sort_unstable();
        (self.sources.iter().map(|source| sums[source as usize].total()).sum(), collapsed)
    }
}

#[derive(Clone, Copy)]
enum Bound {
    Lower,
    Upper,
}

/// The paths of a node whose first step leaves its component.
fn leaving<T: Tally>(graph: &Graph, components: &Components, node: u32, sums: &[T], lengths: usize) -> T {
    let mut sum = T::zero(lengths);
    for to in graph.successors(node) {
        if components.of[*to as usize] != components.of[node as usize] {
            sum.add(&sums[*to as usize], 1, 1);
        }
    }
    sum
}

/// A component with more than one node, numbered for itself.
struct Cycle {
    /// For each node its successors inside, each with the number of parallel edges.
    inside: Vec<Vec<(usize, u128)>>,
}

impl Cycle {
    fn new(graph: &Graph, components: &Components, number: u32, nodes: &[u32]) -> Self {
        let successors = |node: &u32| {
            let mut found: Vec<(usize, u128)> = Vec::new();
            for to in graph.successors(*node).iter().filter(|to| components.of[**to as usize] == number) {
                let to = nodes.binary_search(to).unwrap_or(0);
                match found.last_mut() {
                    Some((last, times)) if *last == to => *times += 1,
                    _ => found.push((to, 1)),
                }
            }
            found
        };
        Cycle { inside: nodes.iter().map(successors).collect() }
    }

    /// The sums of the entries, by going every simple path inside; none if there are too many.
    /// Other nodes stay zero.
    fn enumerate<T: Tally>(
        &self,
        entries: &[usize],
        exits: &[T],
        lengths: usize,
        steps: u64,
    ) -> Option<Vec<T>> {
        let size = self.inside.len();
        // Lengths beyond the greatest one are of no interest, and of none at all without one.
        let longest = lengths.min(size).max(1);
        let mut sums = vec![T::zero(lengths); size];
        let mut left = steps;
        for &entry in entries {
            let mut times = vec![0u128; size * longest];
            let mut on_path = vec![false; size];
            let mut path = vec![(entry, 0, 1u128)];
            on_path[entry] = true;
            times[entry * longest] = 1;
            while let Some((node, next, ways)) = path.last_mut() {
                let ways = *ways;
                let Some(&(to, parallel)) = self.inside[*node].get(*next) else {
                    on_path[*node] = false;
                    path.pop();
                    continue;
                };
                *next += 1;
                let length = path.len();
                if on_path[to] || (lengths > 0 && length >= longest) {
                    continue;
                }
                left = left.checked_sub(1)?;
                let ways = ways.checked_mul(parallel)?;
                let slot = &mut times[to * longest + if lengths > 0 { length } else { 0 }];
                *slot = slot.checked_add(ways)?;
                on_path[to] = true;
                path.push((to, 0, ways));
            }
            for (index, times) in times.into_iter().enumerate().filter(|(_, times)| *times > 0) {
                sums[entry].add(&exits[index / longest], times, index % longest);
            }
        }
        Some(sums)
    }

    /// The paths that come nearer to a target with each step (or stay as near and go to a smaller
    /// node): these cannot go around.
    fn lower<T: Tally>(&self, exits: &[T], nodes: &[u32], distance: &[u32]) -> Vec<T> {
        let rank = |index: usize| (distance[nodes[index] as usize], index);
        let mut order: Vec<usize> = (0..exits.len()).collect();
        order.sort_unstable_by_key(|index| rank(*index));
        let mut sums = exits.to_vec();
        for from in order {
            for &(to, parallel) in &self.inside[from] {
                if rank(to) < rank(from) {
                    let nearer = sums[to].clone();
                    sums[from].add(&nearer, parallel, 1);
                }
            }
        }
        sums
    }

    /// The least of some bounds that are simple to see. A simple path is a walk of no more nodes
    /// than there are. And it is known from the successor that each node on it chose, or from the
    /// predecessor.
    fn upper<T: Tally>(&self, exits: &[T], lengths: usize) -> Vec<T> {
        let size = self.inside.len();
        let edges: usize = self.inside.iter().map(Vec::len).sum();
        let longest = if lengths > 0 { lengths.min(size) } else { size };
        let chosen = T::choices(self, exits);
        if chosen.is_some() && (longest as u64).saturating_mul(edges as u64) > SUMS {
            return chosen.unwrap_or_default();
        }
        let mut walks = exits.to_vec();
        for _ in 1..longest {
            let step = |from: usize| {
                let mut sum = exits[from].clone();
                for &(to, parallel) in &self.inside[from] {
                    sum.add(&walks[to], parallel, 1);
                }
                sum
            };
            walks = (0..size).map(step).collect();
        }
        match chosen {
            Some(chosen) => walks
                .into_iter()
                .zip(chosen)
                .map(|(a, b)| if a.total() < b.total() { a } else { b })
                .collect(),
            None => walks,
        }
    }

    fn out_degrees(&self) -> Vec<u128> {
        self.inside
            .iter()
            .map(|next| next.iter().map(|(_, parallel)| parallel).sum::<u128>().max(1))
            .collect()
    }

    fn in_degrees(&self) -> Vec<u128> {
        let mut degrees = vec![0; self.inside.len()];
        for (to, parallel) in self.inside.iter().flatten() {
            degrees[*to] += parallel;
        }
        degrees.into_iter().map(|degree| degree.max(1)).collect()
    }
}

/// What is summed up: a number, or one for each length.
trait Tally: Clone {
    /// None.
    fn zero(lengths: usize) -> Self;
    /// One of length 0.
    fn one(lengths: usize) -> Self;
    /// Adds the other so many times, each longer by so much.
    fn add(&mut self, other: &Self, times: u128, longer: usize);
    /// All lengths together.
    fn total(&self) -> BigUint;
    /// For each node of a cycle the bound by choices, if this kind of sum has one.
    fn choices(cycle: &Cycle, exits: &[Self]) -> Option<Vec<Self>>;
}

impl Tally for BigUint {
    fn zero(_: usize) -> Self {
        BigUint::ZERO
    }

    fn one(_: usize) -> Self {
        BigUint::from(1u8)
    }

    fn add(&mut self, other: &Self, times: u128, _: usize) {
        match times {
            1 => *self += other,
            times => *self += other * times,
        }
    }

    fn total(&self) -> BigUint {
        self.clone()
    }

    fn choices(cycle: &Cycle, exits: &[Self]) -> Option<Vec<Self>> {
        let (out, into) = (cycle.out_degrees(), cycle.in_degrees());
        let all_out: BigUint = out.iter().product();
        let all_in: BigUint = into.iter().product();
        // The last node inside chooses no successor there, and the first one no predecessor.
        let by_successor: BigUint = exits.iter().zip(&out).map(|(exit, own)| exit * (&all_out / own)).sum();
        let ends: BigUint = exits.iter().sum();
        let by_predecessor = into.iter().map(|own| &ends * (&all_in / own));
        Some(by_predecessor.map(|bound| bound.min(by_successor.clone())).collect())
    }
}

/// For each length the number of paths with so many edges.
#[derive(Clone)]
struct ByLength(Vec<BigUint>);

impl Tally for ByLength {
    fn zero(lengths: usize) -> Self {
        ByLength(vec![BigUint::ZERO; lengths])
    }

    fn one(lengths: usize) -> Self {
        let mut one = Self::zero(lengths);
        if let Some(first) = one.0.first_mut() {
            *first = BigUint::from(1u8);
        }
        one
    }

    fn add(&mut self, other: &Self, times: u128, longer: usize) {
        for (sum, more) in self.0.iter_mut().skip(longer).zip(&other.0) {
            sum.add(more, times, 0);
        }
    }

    fn total(&self) -> BigUint {
        self.0.iter().sum()
    }

    fn choices(_: &Cycle, _: &[Self]) -> Option<Vec<Self>> {
        None
    }
}

/// Which of some nodes lie in a cycle with another one.
pub(crate) fn cyclic(graph: &Graph) -> (Vec<u32>, NodeSet) {
    let components = components(graph);
    let nodes = 0..graph.nodes() as u32;
    let cyclic = NodeSet::of(graph.nodes(), nodes.filter(|node| components.is_cyclic(*node)));
    (components.of, cyclic)
}
