use crate::{
    Graph, NodeSet, Paths,
    count::cyclic,
    reach::{Direction, distances, reach},
};

/// One node of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Which.
    pub node: u32,
    /// The edge that leads here; none at the start.
    pub edge: Option<u32>,
}

/// All paths, one after the other, in ascending order of their nodes and edges. Memory is needed
/// for one path only.
///
/// No step is taken that leads to no path: outside of cycles because only nodes from which a target
/// can be reached are left, and in a cycle because it is tried, before each step, whether there
/// still is a way out that avoids the path so far. (Where a path must pass through some nodes, a
/// cycle that makes it pass twice the same way may still cost steps.)
#[derive(Debug, Clone)]
pub struct Stream {
    /// Its nodes are states: a node together with whether a node to pass was seen.
    graph: Graph,
    /// For each state its node in the part: what must not repeat.
    key: Vec<u32>,
    /// For each state its node in the whole graph, for each edge its edge there.
    node: Vec<u32>,
    edge: Vec<u32>,
    starts: Vec<u32>,
    targets: NodeSet,
    distance: Vec<u32>,
    /// For each state the next one on a shortest way.
    nearer: Vec<u32>,
    /// For each key its component, and whether that is a cycle.
    component: Vec<u32>,
    cyclic: NodeSet,
    simple: bool,
    max_length: u32,
    /// The least length that was too long for `max_length`.
    beyond: Option<u32>,

    next_start: usize,
    steps: Vec<Step>,
    /// For each step its state and the next edge to try.
    frames: Vec<(u32, u32)>,
    on_path: NodeSet,
    /// For the search for a way out.
    seen: Vec<u32>,
    search: u32,
    todo: Vec<(u32, u32)>,
}

impl Paths {
    /// Begins with the first path.
    pub fn stream(&self) -> Stream {
        let (component, cyclic) = match self.shape.recursive {
            // Whether something lies in a cycle is of no interest to walks.
            true => (vec![0; self.part.nodes.len()], NodeSet::none(self.part.nodes.len())),
            false => cyclic(&self.part.graph),
        };
        let states = States::new(self);
        let distance = distances(&states.graph, &states.targets, Direction::Backward);
        let nearer = (0..states.graph.nodes() as u32).map(|state| {
            let nearer = |to: &&u32| distance[**to as usize] < distance[state as usize];
            states.graph.successors(state).iter().find(nearer).copied().unwrap_or(state)
        });
        let nearer = nearer.collect();
        let back = |node: &u32| self.part.nodes[*node as usize];
        Stream {
            node: states.key.iter().map(back).collect(),
            edge: states.edge.iter().map(|edge| self.part.edges[*edge as usize]).collect(),
            seen: vec![0; states.key.len()],
            key: states.key,
            starts: states.starts,
            targets: states.targets,
            graph: states.graph,
            distance,
            nearer,
            component,
            on_path: NodeSet::none(self.part.nodes.len()),
            cyclic,
            simple: !self.shape.recursive,
            max_length: self.shape.max_length.unwrap_or(u32::MAX),
            beyond: None,
            next_start: 0,
            steps: Vec::new(),
            frames: Vec::new(),
            search: 0,
            todo: Vec::new(),
        }
    }
}

impl Stream {
    /// The next path, root first.
    pub fn advance(&mut self) -> Option<&[Step]> {
        loop {
            let Some((state, next)) = self.frames.last_mut() else {
                let start = *self.starts.get(self.next_start)?;
                self.next_start += 1;
                if self.short_enough(start, 1) && self.push(start, None) {
                    return Some(&self.steps);
                }
                continue;
            };
            let (state, edge) = (*state, *next);
            if edge == self.graph.out_edges(state).end {
                self.on_path.remove(self.key[state as usize]);
                self.frames.pop();
                self.steps.pop();
                continue;
            }
            *next += 1;
            let to = self.graph.head(edge);
            let length = self.frames.len() as u32 + 1;
            if self.short_enough(to, length) && self.can_end(to, length) && self.push(to, Some(edge)) {
                return Some(&self.steps);
            }
        }
    }

    /// Goes on at the start, with another greatest length.
    pub(crate) fn restart(&mut self, max_length: u32) {
        self.max_length = max_length;
        self.beyond = None;
        self.next_start = 0;
        self.steps.clear();
        self.frames.clear();
        self.on_path = NodeSet::none(self.on_path.universe());
    }

    /// The least length of what was left out because of the greatest one.
    pub(crate) fn beyond(&self) -> Option<u32> {
        self.beyond
    }

    /// Puts a state on the path, and says whether the path is complete.
    fn push(&mut self, state: u32, edge: Option<u32>) -> bool {
        let key = self.key[state as usize];
        if self.cyclic.has(key) {
            self.on_path.insert(key);
        }
        let edge = edge.map(|edge| self.edge[edge as usize]);
        self.steps.push(Step { node: self.node[state as usize], edge });
        self.frames.push((state, self.graph.out_edges(state).start));
        self.targets.has(state)
    }

    /// Whether a path whose last of `length` nodes is this one can end in time.
    fn short_enough(&mut self, state: u32, length: u32) -> bool {
        self.in_time(length.saturating_add(self.distance[state as usize]))
    }

    fn in_time(&mut self, least: u32) -> bool {
        if least > self.max_length {
            self.beyond = Some(self.beyond.map_or(least, |beyond| beyond.min(least)));
        }
        least <= self.max_length
    }

    /// Whether a simple path can end after this state as its last of `length` nodes.
    fn can_end(&mut self, state: u32, length: u32) -> bool {
        let key = self.key[state as usize];
        if !self.simple || !self.cyclic.has(key) {
            return true;
        }
        if self.on_path.has(key) {
            return false;
        }
        // Mostly the shortest way is free.
        let component = self.component[key as usize];
        let mut at = state;
        loop {
            at = self.nearer[at as usize];
            let key = self.key[at as usize];
            if self.component[key as usize] != component {
                return true;
            }
            if self.on_path.has(key) {
                return self.way_out(state, length);
            }
        }
    }

    /// Searches, nearest first, for a way out of the cycle that avoids the path. Beyond the cycle
    /// nothing can be in the way.
    fn way_out(&mut self, state: u32, length: u32) -> bool {
        self.search = self.search.wrapping_add(1);
        if self.search == 0 {
            self.seen.fill(0);
            self.search = 1;
        }
        let component = self.component[self.key[state as usize] as usize];
        self.todo.clear();
        self.todo.push((state, length));
        self.seen[state as usize] = self.search;
        let mut first = 0;
        let mut least = u32::MAX;
        while let Some(&(at, length)) = self.todo.get(first) {
            first += 1;
            for &to in self.graph.successors(at) {
                let key = self.key[to as usize];
                if self.component[key as usize] != component {
                    least = least.min((length + 1).saturating_add(self.distance[to as usize]));
                    if least <= self.max_length {
                        return true;
                    }
                } else if self.seen[to as usize] != self.search && !self.on_path.has(key) {
                    self.seen[to as usize] = self.search;
                    self.todo.push((to, length + 1));
                }
            }
        }
        least != u32::MAX && self.in_time(least)
    }
}

/// The graph that is streamed.
struct States {
    graph: Graph,
    key: Vec<u32>,
    /// For each edge its edge in the part.
    edge: Vec<u32>,
    starts: Vec<u32>,
    targets: NodeSet,
}

impl States {
    fn new(paths: &Paths) -> Self {
        let part = &paths.part;
        match &paths.through {
            None => States {
                graph: part.graph.clone(),
                key: (0..part.nodes.len() as u32).collect(),
                edge: (0..part.edges.len() as u32).collect(),
                starts: paths.sources.iter().collect(),
                targets: paths.targets.clone(),
            },
            Some(through) => Self::passing(paths, through),
        }
    }

    /// Each node twice: before and since a node to pass was seen. What cannot end after one is left
    /// out.
    fn passing(paths: &Paths, through: &NodeSet) -> Self {
        let graph = &paths.part.graph;
        let state = |node: u32, seen: bool| 2 * node + u32::from(seen || through.has(node));
        let mut ends = Vec::new();
        let mut edges = Vec::new();
        for node in 0..graph.nodes() as u32 {
            for seen in [false, true] {
                for edge in graph.out_edges(node) {
                    ends.push((2 * node + u32::from(seen), state(graph.head(edge), seen)));
                    edges.push(edge);
                }
            }
        }
        let twice = 2 * graph.nodes();
        let double = Graph::from_sorted(twice, &ends);
        let starts = NodeSet::of(twice, paths.sources.iter().map(|node| state(node, false)));
        let targets = NodeSet::of(twice, paths.targets.iter().map(|node| state(node, true)));
        let mut live = reach(&double, &targets, None, Direction::Backward);
        live.keep(&reach(&double, &starts, None, Direction::Forward));
        let live = double.part(&live, |_| true);
        States {
            key: live.nodes.iter().map(|state| state / 2).collect(),
            edge: live.edges.iter().map(|edge| edges[*edge as usize]).collect(),
            starts: live.set(&starts).iter().collect(),
            targets: live.set(&targets),
            graph: live.graph,
        }
    }
}
