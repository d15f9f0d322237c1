//! Xen without the recorder: what the recorder has renamed and wrapped is one function again, and
//! its own code is no part of the graph.

use std::collections::{BTreeMap, HashMap, HashSet};

use xenheap_model::{RENAMED, is_recorders, is_static_in_xen};

use crate::{
    Allocation, Context, ContextId, Draft, Edge, Entry, Function, FunctionId, Graph, Open, Site, SiteId,
    SiteKind, Way, Whole,
};

impl Graph {
    /// The graph as a reader knows Xen: a wrapper `f` of the recorder's and the original
    /// `heap_audited_f` are the function `f`, which stands where the original stands, takes what
    /// the original takes, and calls what it calls. The recorder's own functions are left out, with
    /// their calls and the calls of them. Of a wrapper whose original is not there (in a part of a
    /// graph) the name stays, and calls nothing. A graph without a recorder stays as it is.
    pub fn without_recorder(self) -> Graph {
        let functions = Roles::of(&self);
        if functions.is_plain(&self.functions) {
            return self;
        }
        let whole = self.whole() == Whole::Yes;
        let mut draft = functions.draft(self);
        draft.facts.unreached = std::mem::take(&mut draft.facts.unreached)
            .into_iter()
            .filter_map(|(name, why)| Some((known(&name)?, why)))
            .collect();
        let mut graph = draft.finish();
        if whole {
            graph.seal();
        }
        graph
    }
}

/// `unit:function` as Xen has it; nothing for what is the recorder's.
fn known(name: &str) -> Option<String> {
    let unit = name.rsplit_once(':').map_or("", |(unit, _)| unit);
    (!is_recorders(unit)).then(|| plain(name))
}

/// A text without what the recorder puts before names.
fn plain(text: &str) -> String {
    text.replace(RENAMED, "")
}

/// What each function is.
struct Roles {
    /// For each function what stands for it: itself, or the original that it wraps. None for what
    /// is left out.
    stands: Vec<Option<FunctionId>>,
    /// Whether it is the recorder's.
    recorder: Vec<bool>,
    /// Wrappers, by their originals.
    wrappers: HashMap<FunctionId, FunctionId>,
}

impl Roles {
    fn of(graph: &Graph) -> Self {
        let all = || (0..).map(FunctionId).zip(&graph.functions);
        let recorder: Vec<bool> =
            all().map(|(_, function)| function.unit.as_deref().is_some_and(is_recorders)).collect();
        let is_recorder = |id: FunctionId| recorder.get(id.0 as usize).copied().unwrap_or(false);
        let originals: BTreeMap<&str, FunctionId> =
            all().filter_map(|(id, function)| Some((function.name.strip_prefix(RENAMED)?, id))).collect();
        // Xen calls nothing of the recorder's by name but wrappers.
        let by_name = |edge: &&Edge| {
            let site = graph.sites.get(edge.site.0 as usize);
            site.is_some_and(|site| {
                matches!(site.kind, SiteKind::Call | SiteKind::Tail | SiteKind::Fall)
                    && !is_recorder(site.caller)
            })
        };
        let named: HashSet<FunctionId> = graph.edges.iter().filter(by_name).map(|edge| edge.callee).collect();
        let mut wrappers = HashMap::new();
        let stands = all().map(|(id, function)| {
            if !is_recorder(id) {
                return Some(id);
            }
            if function.is_static {
                return None;
            }
            match originals.get(function.name.as_str()) {
                Some(original) => {
                    wrappers.insert(*original, id);
                    Some(*original)
                }
                None => named.contains(&id).then_some(id),
            }
        });
        Roles { stands: stands.collect(), wrappers, recorder }
    }

    /// Whether there is neither an original nor a function of the recorder's.
    fn is_plain(&self, functions: &[Function]) -> bool {
        !self.recorder.contains(&true) && !functions.iter().any(|function| function.name.starts_with(RENAMED))
    }

    /// Whether a function's own code is Xen's.
    fn is_xens(&self, id: FunctionId) -> bool {
        self.recorder.get(id.0 as usize) == Some(&false)
    }

    /// Whether a function stands for itself.
    fn is_kept(&self, id: FunctionId) -> bool {
        self.stands.get(id.0 as usize) == Some(&Some(id))
    }

    fn draft(&self, graph: Graph) -> Draft {
        let Graph { facts, functions, sites, edges, entries, allocations, contexts, ways } = graph;
        let mut draft = Draft { facts, ..Draft::default() };
        let landings = self.wrappers.iter().filter_map(|(original, wrapper)| {
            let wrapper = functions.get(wrapper.0 as usize)?;
            wrapper.pieces.iter().any(|piece| piece.landing).then_some(*original)
        });
        let landings: HashSet<FunctionId> = landings.collect();
        draft.count("recorder: wrappers that are one with their originals", self.wrappers.len() as u64);
        let mut places = vec![None; functions.len()];
        for (id, mut function) in (0..).map(FunctionId).zip(functions) {
            if !self.is_kept(id) {
                draft.count("recorder: its own functions, left out", u64::from(!self.stands(id)));
                continue;
            }
            if let Some(name) = function.name.strip_prefix(RENAMED) {
                function.is_static |= is_static_in_xen(name);
                function.name = name.to_owned();
            }
            if let Some(piece) = function.pieces.first_mut() {
                piece.landing |= landings.contains(&id);
            }
            if let Some(place) = places.get_mut(id.0 as usize) {
                *place = Some(draft.function(function));
            }
        }
        let function = |id: FunctionId| {
            let stands = self.stands.get(id.0 as usize).copied().flatten()?;
            places.get(stands.0 as usize).copied().flatten()
        };
        let mut targets: HashMap<SiteId, bool> = HashMap::new();
        for edge in &edges {
            *targets.entry(edge.site).or_default() |= function(edge.callee).is_some();
        }
        let mut site_places = vec![None; sites.len()];
        for (id, site) in (0..).map(SiteId).zip(sites) {
            let of_xen =
                self.is_xens(site.caller) && site.inlined.iter().all(|frame| self.is_xens(frame.function));
            let Some(site) = of_xen.then(|| without(site, targets.get(&id).copied(), &function)).flatten()
            else {
                draft.count("recorder: calls by it and of it, left out", 1);
                continue;
            };
            if let Some(place) = site_places.get_mut(id.0 as usize) {
                *place = Some(draft.site(site));
            }
        }
        let site = |id: SiteId| site_places.get(id.0 as usize).copied().flatten();
        draft.edges = edges
            .into_iter()
            .filter_map(|edge| Some(Edge { site: site(edge.site)?, callee: function(edge.callee)?, ..edge }))
            .collect();
        draft.entries = entries
            .into_iter()
            .filter_map(|entry| Some(Entry { function: function(entry.function)?, ..entry }))
            .collect();
        draft.allocations = allocations
            .into_iter()
            .filter_map(|allocation| {
                Some(Allocation {
                    site: site(allocation.site)?,
                    callee: function(allocation.callee)?,
                    evidence: plain(&allocation.evidence),
                    condition: allocation.condition.as_deref().map(plain),
                    ..allocation
                })
            })
            .collect();
        // A wrapper is handed the tables that its original is handed.
        let mut known: BTreeMap<(FunctionId, String), ContextId> = BTreeMap::new();
        let mut context_places = Vec::with_capacity(contexts.len());
        for Context { function: of, says, closed } in contexts {
            context_places.push(function(of).map(|function| {
                let next = ContextId(u32::try_from(draft.contexts.len()).unwrap_or(u32::MAX));
                let place = *known.entry((function, says.clone())).or_insert(next);
                match draft.contexts.get_mut(place.0 as usize) {
                    Some(there) => there.closed &= closed,
                    None => draft.contexts.push(Context { function, says, closed }),
                }
                place
            }));
        }
        let context = |id: ContextId| context_places.get(id.0 as usize).copied().flatten();
        draft.ways = ways
            .into_iter()
            .filter_map(|way| {
                let (within, into) = (way.within.and_then(context), way.into.and_then(context));
                Some(Way { site: site(way.site)?, callee: function(way.callee)?, within, into })
            })
            .collect();
        draft
    }

    /// Whether anything stands for a function.
    fn stands(&self, id: FunctionId) -> bool {
        self.stands.get(id.0 as usize).is_some_and(Option::is_some)
    }
}

/// A call of Xen's. `targets` says whether it has targets that stay, if it has any. One of the
/// recorder alone is nothing; one through a pointer stays, and where only the recorder has put
/// something there, nothing is put there.
fn without(
    mut site: Site,
    targets: Option<bool>,
    function: &impl Fn(FunctionId) -> Option<FunctionId>,
) -> Option<Site> {
    if targets == Some(false) {
        if !matches!(site.kind, SiteKind::Indirect | SiteKind::Alternative) {
            return None;
        }
        site.open = site.open.or(Some(Open::NeverSet));
    }
    site.caller = function(site.caller)?;
    for frame in &mut site.inlined {
        frame.function = function(frame.function)?;
    }
    site.target = site.target.as_deref().map(plain);
    Some(site)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Anonymity, Certainty, Code, EntryClass, Evidence, Names, Piece, Section, Who, testing::graph,
    };

    fn function(draft: &mut Draft, name: &str, unit: &str, section: Section) -> FunctionId {
        let start = 0x1000 * (draft.functions.len() as u64 + 1);
        draft.function(Function {
            name: name.to_owned(),
            unit: Some(unit.to_owned()),
            is_static: name.starts_with("ha_"),
            location: None,
            code: Code::C,
            pieces: vec![Piece {
                symbol: name.to_owned(),
                start,
                size: 9,
                section,
                landing: unit == WRAPPERS,
            }],
            stack: None,
            owner: None,
            noreturn: false,
        })
    }

    fn call(draft: &mut Draft, caller: FunctionId, callee: FunctionId, kind: SiteKind) -> SiteId {
        let site = draft.site(Site {
            caller,
            address: Some(draft.sites.len() as u64),
            location: None,
            kind,
            inlined: Vec::new(),
            target: Some("d of heap_audited_hap_alloc".to_owned()),
            open: None,
        });
        let (evidence, certainty) = (Evidence::Flow, Certainty::Resolved);
        draft.edges.push(Edge { site, callee, evidence, certainty });
        site
    }

    const WRAPPERS: &str = "common/heap-audit.c";

    /// `do_op` calls the wrapper `hap_alloc`, directly and through a pointer; that calls its
    /// original, which allocates, and the recorder's own code, which prints. Through another
    /// pointer Xen calls the recorder only.
    fn instrumented() -> Graph {
        let mut draft = Draft::default();
        let mut add = |name: &str, unit: &str, section| function(&mut draft, name, unit, section);
        let caller = add("do_op", "common/a.c", Section::Text);
        let wrapper = add("hap_alloc", WRAPPERS, Section::Text);
        let original = add("heap_audited_hap_alloc", "arch/x86/mm/hap/hap.c", Section::Init);
        let own = add("ha_record", "common/heap-audit-core.c", Section::Text);
        let printk = add("printk", "common/p.c", Section::Text);
        let allocator = add("alloc_domheap_pages", "common/page_alloc.c", Section::Text);
        call(&mut draft, caller, wrapper, SiteKind::Call);
        call(&mut draft, caller, wrapper, SiteKind::Indirect);
        call(&mut draft, wrapper, original, SiteKind::Call);
        call(&mut draft, wrapper, own, SiteKind::Call);
        call(&mut draft, own, printk, SiteKind::Call);
        let site = call(&mut draft, original, allocator, SiteKind::Tail);
        call(&mut draft, caller, own, SiteKind::Call);
        call(&mut draft, caller, own, SiteKind::Indirect);
        draft.allocations.push(Allocation {
            site,
            callee: allocator,
            anonymity: Anonymity::May,
            evidence: "alloc_domheap_pages (d)".to_owned(),
            condition: Some("heap_audited_hap_alloc passes NULL".to_owned()),
        });
        for function in [wrapper, own] {
            draft.entries.push(Entry {
                function,
                class: EntryClass::Hypercall,
                operation: "op".to_owned(),
                who: Who::AnyGuest,
                source: String::new(),
            });
        }
        for unreached in ["arch/x86/mm/hap/hap.c:heap_audited_hap_alloc", "common/heap-audit.c:hap_alloc"] {
            draft.facts.unreached.insert(unreached.to_owned(), "why".to_owned());
        }
        let mut graph = draft.finish();
        graph.seal();
        graph
    }

    #[test]
    fn a_wrapper_and_its_original_are_one_function_and_the_recorder_is_none() {
        let graph = instrumented().without_recorder();
        let names = Names::new(&graph.functions);
        let shown: Vec<&str> =
            (0..graph.functions.len() as u32).map(|id| names.show(FunctionId(id))).collect();
        assert_eq!(shown, ["alloc_domheap_pages", "do_op", "hap.c#hap_alloc", "printk"]);
        let calls: Vec<(&str, SiteKind, Option<&str>, Option<Open>)> = (0..)
            .map(SiteId)
            .zip(&graph.sites)
            .map(|(id, site)| {
                let callee = graph.edges_of(id).next().map(|edge| names.show(edge.callee));
                (names.show(site.caller), site.kind, callee, site.open)
            })
            .collect();
        assert_eq!(
            calls,
            [
                ("do_op", SiteKind::Call, Some("hap.c#hap_alloc"), None),
                ("do_op", SiteKind::Indirect, Some("hap.c#hap_alloc"), None),
                ("do_op", SiteKind::Indirect, None, Some(Open::NeverSet)),
                ("hap.c#hap_alloc", SiteKind::Tail, Some("alloc_domheap_pages"), None),
            ]
        );
        let merged = graph.functions.get(2).expect("hap_alloc");
        assert!(merged.boot_only(), "it lies where the original lies");
        assert!(merged.pieces.iter().all(|piece| piece.landing), "it can be called as the wrapper can");
        assert_eq!(
            graph.entries.iter().map(|entry| names.show(entry.function)).collect::<Vec<_>>(),
            ["hap.c#hap_alloc"]
        );
        let allocation = graph.allocations.first().expect("one");
        assert_eq!(allocation.condition.as_deref(), Some("hap_alloc passes NULL"));
        assert_eq!(graph.sites.first().and_then(|site| site.target.as_deref()), Some("d of hap_alloc"));
        assert_eq!(graph.facts.unreached.keys().collect::<Vec<_>>(), ["arch/x86/mm/hap/hap.c:hap_alloc"]);
        let count = |what: &str| graph.facts.counts.get(what).copied();
        assert_eq!(count("recorder: wrappers that are one with their originals"), Some(1));
        assert_eq!(count("recorder: its own functions, left out"), Some(1));
        assert_eq!(count("recorder: calls by it and of it, left out"), Some(4));
        assert_eq!(graph.whole(), Whole::Yes, "it is whole, though it has less");
        assert_eq!(graph.clone().without_recorder(), graph, "there is no recorder any more");
    }

    #[test]
    fn a_part_stays_a_part() {
        let graph = instrumented();
        let names = Names::new(&graph.functions);
        let keep = ["do_op", "hap_alloc", "ha_record"].map(|name| names.one(name).expect("it is there").0);
        let part = graph.part(&xenheap_paths::NodeSet::of(graph.functions.len(), keep)).without_recorder();
        assert!(matches!(part.whole(), Whole::No(_)));
        // The original is not there: the wrapper keeps its name, and calls nothing.
        let functions: Vec<&str> = part.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(functions, ["do_op", "hap_alloc"]);
        assert!(part.sites.iter().all(|site| site.caller == FunctionId(0)), "{:?}", part.sites);
        assert_eq!(part.edges.len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn a_graph_without_a_recorder_stays_as_it_is(graph in graph()) {
            proptest::prop_assert_eq!(graph.clone().without_recorder(), graph);
        }
    }
}
