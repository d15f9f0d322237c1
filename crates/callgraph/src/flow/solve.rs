//! Inclusion: which functions can be in which place, to a fixpoint.

use std::collections::{HashMap, HashSet};

use crate::program::Routine;

/// A place that can hold a pointer; arrays count as one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Node(pub(super) u32);

/// What a place can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Held {
    Function(Routine),
    Address(Node),
}

/// A call through a pointer, for the functions it turns out to call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) arguments: Vec<Source>,
    pub(super) result: Option<Sink>,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Node(Node),
    /// What the pointer in a node points to.
    Behind(Node),
    Held(Held),
    /// Nothing that could be a function.
    Nothing,
}

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sink {
    Node(Node),
    Behind(Node),
}

#[derive(Debug, Default)]
pub(super) struct Solver {
    held: Vec<HashSet<Held>>,
    copies: Vec<HashSet<Node>>,
    loads: HashMap<Node, HashSet<Node>>,
    stores: HashMap<Node, HashSet<Node>>,
    calls: HashMap<Node, Vec<usize>>,
    all_calls: Vec<Call>,
    waiting: Vec<(Node, Vec<Held>)>,
}

impl Solver {
    fn room(&mut self, node: Node) {
        let size = node.0 as usize + 1;
        if self.held.len() < size {
            self.held.resize_with(size, HashSet::new);
            self.copies.resize_with(size, HashSet::new);
        }
    }

    /// What a node can hold.
    pub(super) fn held(&self, node: Node) -> impl Iterator<Item = Held> + '_ {
        self.held.get(node.0 as usize).into_iter().flatten().copied()
    }

    pub(super) fn add(&mut self, node: Node, values: impl IntoIterator<Item = Held>) {
        self.room(node);
        let Some(held) = self.held.get_mut(node.0 as usize) else { return };
        let new: Vec<_> = values.into_iter().filter(|value| held.insert(*value)).collect();
        if !new.is_empty() {
            self.waiting.push((node, new));
        }
    }

    pub(super) fn copy(&mut self, from: Node, to: Node) {
        if from == to {
            return;
        }
        self.room(from);
        if self.copies.get_mut(from.0 as usize).is_some_and(|copies| copies.insert(to)) {
            let held: Vec<_> = self.held(from).collect();
            self.add(to, held);
        }
    }

    fn load(&mut self, pointer: Node, to: Node) {
        self.loads.entry(pointer).or_default().insert(to);
        for node in self.addresses(pointer) {
            self.copy(node, to);
        }
    }

    fn store(&mut self, from: Node, pointer: Node) {
        self.stores.entry(pointer).or_default().insert(from);
        for node in self.addresses(pointer) {
            self.copy(from, node);
        }
    }

    fn addresses(&self, pointer: Node) -> Vec<Node> {
        self.held(pointer)
            .filter_map(|value| if let Held::Address(node) = value { Some(node) } else { None })
            .collect()
    }

    /// A value goes from one place to another; `fresh` makes a node where none has a name.
    pub(super) fn flow(&mut self, from: Source, to: Sink, fresh: &mut dyn FnMut() -> Node) {
        match (from, to) {
            (Source::Nothing, _) => {}
            (Source::Node(from), Sink::Node(to)) => self.copy(from, to),
            (Source::Behind(pointer), Sink::Node(to)) => self.load(pointer, to),
            (Source::Held(value), Sink::Node(to)) => self.add(to, [value]),
            (Source::Node(from), Sink::Behind(pointer)) => self.store(from, pointer),
            (from, Sink::Behind(pointer)) => {
                let between = fresh();
                self.flow(from, Sink::Node(between), fresh);
                self.store(between, pointer);
            }
        }
    }

    /// The pointers whose pointees go into a node.
    pub(super) fn loaded_through(&self, to: Node) -> impl Iterator<Item = Node> + '_ {
        self.loads.iter().filter(move |(_, into)| into.contains(&to)).map(|(pointer, _)| *pointer)
    }

    pub(super) fn call(&mut self, callee: Node, call: Call) {
        self.calls.entry(callee).or_default().push(self.all_calls.len());
        self.all_calls.push(call);
    }

    /// Runs to the fixpoint. `bind` says where a function's parameters and result are.
    pub(super) fn run(
        &mut self,
        bind: &dyn Fn(Routine) -> (Vec<Node>, Node),
        fresh: &mut dyn FnMut() -> Node,
    ) {
        while let Some((node, new)) = self.waiting.pop() {
            let copies: Vec<_> = self.copies.get(node.0 as usize).into_iter().flatten().copied().collect();
            for to in copies {
                self.add(to, new.iter().copied());
            }
            for value in &new {
                match *value {
                    Held::Address(target) => {
                        for to in self.loads.get(&node).cloned().unwrap_or_default() {
                            self.copy(target, to);
                        }
                        for from in self.stores.get(&node).cloned().unwrap_or_default() {
                            self.copy(from, target);
                        }
                    }
                    Held::Function(routine) => {
                        for index in self.calls.get(&node).cloned().unwrap_or_default() {
                            let Some(call) = self.all_calls.get(index).cloned() else { continue };
                            let (parameters, result) = bind(routine);
                            for (argument, parameter) in call.arguments.iter().zip(parameters) {
                                self.flow(*argument, Sink::Node(parameter), fresh);
                            }
                            if let Some(to) = call.result {
                                self.flow(Source::Node(result), to, fresh);
                            }
                        }
                    }
                }
            }
        }
    }
}
