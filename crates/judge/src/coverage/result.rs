//! What the runs of a join show together.

use std::collections::{BTreeMap, BTreeSet};

use xenheap_callgraph::{
    Anonymity, FunctionId, Open, Who, Whole,
    recall::{Explained, indirect},
};
use xenheap_model::{AllocatorRole, Arch, Kind, NormalFrame, NormalStack, Question, Untold, clean};
use xenheap_verdicts::{Match, Subject};

use super::{
    CUTS, Call, Calls, Conclusion, Configuration, Counts, Coverage, CoveredEntry, Decided, Evidence, Funnel,
    Join, MissingPair, Next, Note, Pairs, RunSummary, Site, State, Untaken,
    ground::{AllocationSite, Place},
    join::{RunEvidence, times},
};

impl Join<'_> {
    /// Everything together.
    pub fn finish(mut self) -> Coverage {
        self.count_boots_once();
        self.name_apart();
        self.notes_of_the_graph();
        let sites = self.sites();
        let runs = self.summaries();
        let pairs = self.pairs();
        let unseen: BTreeSet<usize> = {
            let states = self.ground.anonymous().map(|(at, _)| at).zip(&sites);
            states.filter(|(_, site)| site.state.is_unseen()).map(|(at, _)| at).collect()
        };
        let (entries, mut next) = self.entries(&unseen);
        let funnels = self.funnels(&unseen, &mut next);
        let calls = self.calls();
        for (at, _) in self.ground.anonymous().filter(|(at, _)| unseen.contains(at)) {
            if let (Some(who), name) = (self.ground.who(self.ground.node(at)), self.shown(at)) {
                let way = self.ground.way(self.ground.node(at));
                next.push(Next { who, what: Untaken::Site, name, behind: 1, way });
            }
        }
        let rank = |next: &Next| {
            (next.who, std::cmp::Reverse(next.behind), next.what, next.name.clone(), next.way.len())
        };
        next.sort_by_cached_key(rank);
        let counts = self.counts(&sites);
        let mut sites = sites;
        sites.sort_by_cached_key(|site| {
            (
                site.state,
                site.who.unwrap_or(Who::Boot),
                site.function.clone(),
                site.at.clone(),
                site.address.clone(),
            )
        });
        let facts = &self.ground.graph.facts;
        let lacks = runs.iter().map(|run| (run.name.as_str(), run.lacks.as_slice()));
        let untold = Untold::of(Question::Findings, lacks);
        Coverage {
            configuration: Configuration {
                architecture: facts.architecture.clone(),
                xen: facts.xen.clone(),
                build_id: facts.build_id.clone(),
                config_sha256: facts.config_sha256.clone(),
            },
            runs,
            notes: self.notes.iter().cloned().collect(),
            untold,
            pairs,
            counts,
            sites,
            entries,
            funnels,
            calls,
            next,
            assumptions: self.assumptions(),
        }
    }

    /// Logs of one boot are one run: what any of them shows is shown, and nothing twice.
    fn count_boots_once(&mut self) {
        let mut by_tag: BTreeMap<String, Vec<RunEvidence>> = BTreeMap::new();
        let mut runs = Vec::new();
        for run in std::mem::take(&mut self.runs) {
            match run.tag.clone() {
                Some(tag) => by_tag.entry(tag).or_default().push(run),
                None => runs.push(run),
            }
        }
        for mut logs in by_tag.into_values() {
            logs.sort_by_cached_key(RunEvidence::order);
            if logs.len() > 1 {
                let names = logs.iter().map(|log| log.summary.name.clone());
                self.notes.insert(Note::SameBoot { runs: names.collect() });
            }
            runs.extend(logs.into_iter().reduce(RunEvidence::with));
        }
        self.runs = runs;
    }

    /// Puts runs in order, and gives those of one name different ones.
    fn name_apart(&mut self) {
        self.runs.sort_by_cached_key(RunEvidence::order);
        let mut last: Option<(String, usize)> = None;
        for run in &mut self.runs {
            last = match last.take() {
                Some((name, count)) if name == run.summary.name => {
                    run.summary.name = format!("{name} ({})", count + 1);
                    Some((name, count + 1))
                }
                _ => Some((run.summary.name.clone(), 1)),
            };
        }
    }

    fn notes_of_the_graph(&mut self) {
        let ground = self.ground;
        match ground.graph.whole() {
            Whole::Yes => {}
            Whole::Unknown => {
                self.notes.insert(Note::Unsealed);
            }
            Whole::Lacks(units) => {
                self.notes.extend(units.into_iter().map(|(unit, lacks)| Note::Lacks { unit, lacks }));
            }
            Whole::No(differ) => {
                let differ = differ.into_iter();
                self.notes.extend(differ.map(|(what, was, is)| Note::Changed { what, was, is }));
            }
        }
        if ground.unresolved > 0 {
            self.notes.insert(Note::Unresolved { calls: ground.unresolved });
        }
        let unjudged: Vec<String> = {
            let sites = ground.sites.iter().enumerate().filter(|(_, site)| !site.judged);
            sites.map(|(at, _)| self.shown(at)).collect()
        };
        if !unjudged.is_empty() {
            self.notes.insert(Note::Unjudged { sites: unjudged });
        }
        if ground.sites.is_empty() {
            self.notes.insert(Note::NoAllocation);
        }
        if ground.graph.entries.is_empty() {
            self.notes.insert(Note::NoEntry);
        }
        let contradictions = self.contradictions();
        self.notes.extend(contradictions);
    }

    /// Sites that were seen to do what the graph concludes that they do not.
    fn contradictions(&self) -> Vec<Note> {
        let ground = self.ground;
        let part = ground.graph.is_part();
        let mut found = Vec::new();
        for (at, site) in ground.sites.iter().enumerate() {
            let runs: Vec<String> = self.runs_at(at).map(|run| run.summary.name.clone()).collect();
            if runs.is_empty() {
                continue;
            }
            let graph = match (&site.place, site.anonymity) {
                (_, Anonymity::Never) => Conclusion::Charged,
                (Place::BootOnly(_), _) => Conclusion::BootOnly,
                // A part says nothing of the kind.
                (Place::NotKnown, _) if part => continue,
                (Place::Unreachable(_) | Place::NotKnown, _) => Conclusion::Unreachable,
                _ => continue,
            };
            found.push(Note::Contradiction { site: self.shown(at), runs, graph });
        }
        found
    }

    fn runs_at(&self, site: usize) -> impl Iterator<Item = &RunEvidence> {
        self.runs.iter().filter(move |run| run.sites.contains_key(&site))
    }

    /// Sites that can be anonymous by the graph, or were seen to be; in order of the graph.
    fn sites(&self) -> Vec<Site> {
        let ground = self.ground;
        let seen_lines: BTreeSet<(String, Option<String>)> = {
            let seen = ground.anonymous().filter(|(at, _)| self.runs_at(*at).next().is_some());
            seen.map(|(_, site)| (self.function(self.holder(site)), self.place(site))).collect()
        };
        ground.anonymous().map(|(at, site)| self.site(at, site, &seen_lines)).collect()
    }

    fn place(&self, site: &AllocationSite) -> Option<String> {
        self.ground.location(site.site).map(ToString::to_string)
    }

    fn site(
        &self,
        at: usize,
        known: &AllocationSite,
        seen_lines: &BTreeSet<(String, Option<String>)>,
    ) -> Site {
        let ground = self.ground;
        let graph = ground.graph;
        let found = graph.sites.get(known.site.0 as usize);
        let holder = self.holder(known);
        let (function, place) = (self.function(holder), self.place(known));
        let evidence = self.evidence(at);
        let (mut state, mut reason) = match &known.place {
            Place::Run(_) => (State::Unseen, None),
            Place::Cut => (State::UnseenByCuts, None),
            Place::NotKnown => (State::NotKnown, None),
            Place::BootOnly(why) => (State::BootOnly, Some(why.clone())),
            Place::Unreachable(why) => (State::Unreachable, Some(why.clone())),
        };
        if evidence.is_some() {
            state = State::Seen;
        } else if state.is_unseen() && seen_lines.contains(&(function.clone(), place.clone())) {
            reason = Some("another copy that the compiler made of this line was seen".to_owned());
        }
        let decisions = match &evidence {
            Some(_) => {
                let shown = self.runs.iter().filter_map(|run| run.sites.get(&at));
                shown
                    .flat_map(|shown| shown.decisions.iter().cloned())
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect()
            }
            None => self.decided_unseen(known).into_iter().collect(),
        };
        let entries: BTreeSet<&str> = known
            .entries
            .iter()
            .filter_map(|entry| graph.entries.get(*entry))
            .map(|entry| entry.operation.as_str())
            .collect();
        let within = found.map(|site| site.caller).filter(|caller| Some(*caller) != holder);
        let node = ground.node(at);
        Site {
            at: place,
            within: within.map(|within| self.function(Some(within))).filter(|within| *within != function),
            function,
            address: found.and_then(|site| site.address).map(|address| format!("{address:#x}")),
            allocators: known.callees.iter().map(|callee| self.function(Some(*callee))).collect(),
            anonymity: known.anonymity,
            condition: known.condition.clone(),
            state,
            reason,
            who: ground.who(node),
            entries: entries.into_iter().map(str::to_owned).collect(),
            way: ground.way(node),
            evidence,
            decisions,
        }
    }

    fn evidence(&self, at: usize) -> Option<Evidence> {
        let mut evidence = Evidence::default();
        for run in &self.runs {
            let Some(shown) = run.sites.get(&at) else { continue };
            evidence.runs.insert(run.summary.name.clone(), times(&shown.counters));
            evidence.stacks += shown.stacks;
            evidence.refused += shown.refused;
            evidence.counters.add(&shown.counters);
            evidence.lifetimes.extend(&shown.lifetimes);
        }
        (!evidence.runs.is_empty()).then_some(evidence)
    }

    /// What the verdict file says of every stack that can end at a site, seen or not: an entry that
    /// begins with a gap, and whose frames are those that the site itself stands in.
    fn decided_unseen(&self, known: &AllocationSite) -> Option<Decided> {
        let graph = self.ground.graph;
        let site = graph.sites.get(known.site.0 as usize)?;
        let ids = std::iter::once(site.caller).chain(site.inlined.iter().map(|frame| frame.function));
        let frames: Vec<NormalFrame> = ids
            .filter_map(|id| graph.functions.get(id.0 as usize))
            .enumerate()
            .map(|(at, function)| NormalFrame {
                function: clean(&function.name).to_owned(),
                file: function.unit.clone().filter(|_| function.is_static),
                inlined: at > 0,
            })
            .collect();
        // Whatever stands before: nothing, one function, or more of them than an entry has lines
        // for. These are names of none.
        let before = |count: usize| {
            let any =
                (0..count).map(|at| NormalFrame { function: format!("?{at}"), file: None, inlined: false });
            NormalStack::new(any.chain(frames.iter().cloned()))
        };
        let lines =
            self.verdicts.entries().iter().map(|entry| entry.stack.lines().count()).max().unwrap_or(0);
        let stacks = [before(0), before(1), before(lines + 1)];
        let arch = Arch::named(&graph.facts.architecture);
        let mut found: BTreeSet<Decided> = BTreeSet::new();
        for kind in self.kinds(known) {
            for stack in &stacks {
                let subject = Subject { kind, arch, stack, truncated: false };
                let matched = self.verdicts.find(&subject);
                let (entry, remarks) = match &matched {
                    Match::None => return None,
                    Match::Entry(entry) => (Some(*entry), Vec::new()),
                    Match::Ambiguous(entries) => {
                        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
                        (None, vec![format!("entries that contradict each other: {}", ids.join(", "))])
                    }
                };
                found.insert(Decided {
                    accepted: entry.is_some_and(xenheap_verdicts::Entry::accepts),
                    remarks,
                    ..Decided::by(entry, matched.verdict())
                });
            }
        }
        // Another entry for another stack: none speaks of all.
        if found.len() == 1 { found.pop_first() } else { None }
    }

    /// The levels at which a site can allocate.
    fn kinds(&self, known: &AllocationSite) -> BTreeSet<Kind> {
        let names = known.callees.iter().filter_map(|id| self.ground.graph.functions.get(id.0 as usize));
        names
            .flat_map(|function| match AllocatorRole::of(clean(&function.name)) {
                Some(AllocatorRole::Xenheap) => &[Kind::Xenheap][..],
                // By the size.
                Some(AllocatorRole::Vmalloc) if clean(&function.name).starts_with("_xv") => {
                    &[Kind::Xmalloc, Kind::Vmalloc]
                }
                Some(AllocatorRole::Vmalloc) => &[Kind::Vmalloc],
                Some(AllocatorRole::Xmalloc) => &[Kind::Xmalloc],
                _ => &[Kind::Domheap],
            })
            .copied()
            .collect()
    }

    fn summaries(&self) -> Vec<RunSummary> {
        let alone =
            |run: &RunEvidence| run.sites.keys().filter(|site| self.runs_at(**site).count() == 1).count();
        self.runs.iter().map(|run| RunSummary { alone: alone(run), ..run.summary.clone() }).collect()
    }

    fn pairs(&self) -> Pairs {
        let mut all: BTreeMap<&(String, String), (Explained, BTreeSet<String>)> = BTreeMap::new();
        for run in &self.runs {
            for (pair, how) in &run.pairs {
                let known = all.entry(pair).or_insert_with(|| (*how, BTreeSet::new()));
                let is_missing = |how| matches!(how, Explained::Missing | Explained::Unknown);
                if is_missing(*how) {
                    known.1.insert(run.summary.name.clone());
                }
                known.0 = known.0.max(*how);
            }
        }
        let count = |wanted: Explained| all.values().filter(|(how, _)| *how == wanted).count();
        let missing = all.iter().filter_map(|((caller, callee), (how, runs))| {
            let reason = match how {
                Explained::Missing => "the graph has no such call there",
                Explained::Unknown => "one of the two is no function of the graph",
                _ => return None,
            };
            Some(MissingPair {
                caller: caller.clone(),
                callee: callee.clone(),
                reason: reason.to_owned(),
                runs: runs.clone(),
            })
        });
        Pairs {
            direct: count(Explained::Direct),
            tail: count(Explained::Tail),
            indirect: count(Explained::Indirect),
            arrivals: count(Explained::Arrival),
            missing: missing.collect(),
        }
    }

    fn entries(&self, unseen: &BTreeSet<usize>) -> (Vec<CoveredEntry>, Vec<Next>) {
        let ground = self.ground;
        let mut entries = Vec::new();
        let mut next = Vec::new();
        for (index, entry) in ground.graph.entries.iter().enumerate() {
            let behind: BTreeSet<usize> = ground
                .anonymous()
                .filter(|(_, site)| site.entries.contains(&index))
                .map(|(at, _)| at)
                .collect();
            let open: BTreeSet<usize> = behind.intersection(unseen).copied().collect();
            if behind.is_empty() {
                continue;
            }
            let runs = self.runs_through(entry.function);
            let way = if open.is_empty() { Vec::new() } else { ground.way_from(index, &open) };
            let function = ground.names.show(entry.function).to_owned();
            if runs.is_empty() && !open.is_empty() {
                next.push(Next {
                    who: entry.who,
                    what: Untaken::Entry,
                    name: format!("{} ({function})", entry.operation),
                    behind: open.len(),
                    way: way.clone(),
                });
            }
            entries.push(CoveredEntry {
                operation: entry.operation.clone(),
                function,
                class: entry.class,
                who: entry.who,
                sites: behind.len(),
                unseen: open.len(),
                runs,
                way,
            });
        }
        entries.sort_by_cached_key(|entry| {
            (entry.who, entry.class, entry.operation.clone(), entry.function.clone())
        });
        (entries, next)
    }

    fn runs_through(&self, function: FunctionId) -> BTreeMap<String, u64> {
        let through = self
            .runs
            .iter()
            .filter_map(|run| Some((run.summary.name.clone(), *run.functions.get(&function)?)));
        through.collect()
    }

    fn funnels(&self, unseen: &BTreeSet<usize>, next: &mut Vec<Next>) -> Vec<Funnel> {
        let ground = self.ground;
        let all: BTreeSet<usize> = ground.anonymous().map(|(at, _)| at).collect();
        let open = ground.funnels(unseen);
        let mut funnels = Vec::new();
        for (id, sites) in ground.funnels(&all) {
            let behind = open.get(&id).copied().unwrap_or(0);
            let function = ground.names.show(id).to_owned();
            let runs = self.runs_through(id);
            let who = ground.who(ground.node_of(id));
            if let (Some(who), true, true) = (who, runs.is_empty(), behind > 1) {
                let way = ground.way_on(ground.node_of(id), unseen);
                next.push(Next { who, what: Untaken::Funnel, name: function.clone(), behind, way });
            }
            funnels.push(Funnel { function, who, sites, unseen: behind, runs });
        }
        funnels.sort_by_cached_key(|funnel| {
            (std::cmp::Reverse((funnel.sites, funnel.unseen)), funnel.function.clone())
        });
        funnels
    }

    fn calls(&self) -> Calls {
        let ground = self.ground;
        let sites: BTreeSet<usize> = ground.anonymous().map(|(at, _)| at).collect();
        let list: Vec<Call> = ground
            .calls_to(&sites)
            .into_iter()
            .map(|site| {
                let runs = self.runs.iter();
                let runs = runs.filter_map(|run| Some((run.summary.name.clone(), *run.calls.get(&site)?)));
                let known = ground.graph.sites.get(site.0 as usize);
                let at = known.and_then(|site| site.location.as_ref());
                // Each evidence of an edge has a row.
                let callees: BTreeSet<FunctionId> = ground.callees(site).collect();
                Call {
                    function: self.function(ground.innermost(site)),
                    at: at.map(ToString::to_string),
                    address: known.and_then(|site| site.address).map(|address| format!("{address:#x}")),
                    callees: callees.into_iter().map(|id| self.function(Some(id))).collect(),
                    runs: runs.collect(),
                }
            })
            .collect();
        Calls { all: list.len(), seen: list.iter().filter(|call| !call.runs.is_empty()).count(), list }
    }

    fn counts(&self, sites: &[Site]) -> Counts {
        let mut counts = Counts {
            sites: sites.len(),
            charged: self.ground.sites.len() - sites.len(),
            inner: self.ground.inner,
            ..Counts::default()
        };
        for site in sites {
            *counts.by_state.entry(site.state).or_default() += 1;
            if let (State::Unseen, Some(who)) = (site.state, site.who) {
                *counts.unseen_by.entry(who).or_default() += 1;
            }
        }
        counts
    }

    fn assumptions(&self) -> Vec<String> {
        let graph = self.ground.graph;
        let mut said = vec![
            format!(
                "who can come to a site is said by ways around what the cuts take out (`xenheap graph paths --presets`, preset {CUTS}); sites that have no other way are listed apart"
            ),
            "who can take an entry is that of Xen's own rules without a policy of FLASK (crates/callgraph/data/entries.toml)".to_owned(),
            "a charged call is one whose domain and flags are so in the source; a call through assembly or a livepatch is not followed".to_owned(),
        ];
        let open = indirect(graph).open;
        for (reason, what) in [
            (Open::Firmware, "call firmware"),
            (Open::NeverSet, "call what nothing in this build ever sets"),
            (Open::Uncalled, "stand in functions that nothing in this build calls"),
            (Open::Loaded, "call what a livepatch brings"),
            (Open::Assembly, "stand in assembly"),
        ] {
            if let Some(count) = open.get(&reason).filter(|count| **count > 0) {
                said.push(format!(
                    "{count} indirect calls of the graph {what}, and are taken to reach no allocator"
                ));
            }
        }
        if !graph.facts.unreached.is_empty() {
            said.push(format!(
                "{} functions may be called through a pointer by their landing pads, and no such call is in the graph",
                graph.facts.unreached.len()
            ));
        }
        said
    }
}
