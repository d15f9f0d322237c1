use std::collections::BTreeMap;

use xenheap_paths::NodeSet;

use crate::{Context, ContextId, Entry, FunctionId, Graph, InlinedFrame, Nodes, Site, SiteId, Way};

impl Graph {
    /// A graph of some of the functions and the calls between them; with those that are inlined
    /// around these calls.
    pub fn part(&self, functions: &NodeSet) -> Graph {
        let nodes = Nodes::new(self);
        let functions =
            &NodeSet::of(self.functions.len(), functions.iter().map(|node| nodes.function(node).0));
        let has = |id: FunctionId| functions.has(id.0);
        let site = |id: SiteId| self.sites.get(id.0 as usize);
        let edges = self
            .edges
            .iter()
            .filter(|edge| has(edge.callee) && site(edge.site).is_some_and(|site| has(site.caller)));
        let sites: BTreeMap<SiteId, &Site> =
            edges.clone().filter_map(|edge| site(edge.site).map(|site| (edge.site, site))).collect();
        let mut keep = functions.clone();
        for frame in sites.values().flat_map(|site| &site.inlined) {
            keep.insert(frame.function.0);
        }
        let function_ids: BTreeMap<FunctionId, FunctionId> =
            keep.iter().enumerate().map(|(new, old)| (FunctionId(old), FunctionId(new as u32))).collect();
        let site_ids: BTreeMap<SiteId, SiteId> =
            sites.keys().enumerate().map(|(new, old)| (*old, SiteId(new as u32))).collect();
        let function = |id: &FunctionId| function_ids.get(id).copied();
        let inlined = |frame: &InlinedFrame| {
            Some(InlinedFrame { function: function(&frame.function)?, location: frame.location.clone() })
        };
        let sites = sites.values().filter_map(|site| {
            let inlined = site.inlined.iter().filter_map(inlined).collect();
            Some(Site { caller: function(&site.caller)?, inlined, ..(*site).clone() })
        });
        let edges = edges.filter_map(|edge| {
            let mut edge = *edge;
            edge.site = site_ids.get(&edge.site).copied()?;
            edge.callee = function(&edge.callee)?;
            Some(edge)
        });
        let entries = self
            .entries
            .iter()
            .filter_map(|entry| Some(Entry { function: function(&entry.function)?, ..entry.clone() }));
        let allocations = self.allocations.iter().filter_map(|allocation| {
            let mut allocation = allocation.clone();
            allocation.site = site_ids.get(&allocation.site).copied()?;
            allocation.callee = function(&allocation.callee)?;
            Some(allocation)
        });
        let context_ids: BTreeMap<ContextId, ContextId> = (0..)
            .map(ContextId)
            .zip(&self.contexts)
            .filter(|(_, context)| function_ids.contains_key(&context.function))
            .zip(0..)
            .map(|((old, _), new)| (old, ContextId(new)))
            .collect();
        let contexts = self.contexts.iter().filter_map(|context| {
            Some(Context { function: function(&context.function)?, ..context.clone() })
        });
        let context = |id: ContextId| context_ids.get(&id).copied();
        let ways = self.ways.iter().filter_map(|way| {
            let (within, into) = (way.within.and_then(context), way.into.and_then(context));
            Some(Way {
                site: site_ids.get(&way.site).copied()?,
                callee: function(&way.callee)?,
                within,
                into,
            })
        });
        Graph {
            contexts: contexts.collect(),
            ways: ways.collect(),
            facts: self.facts.clone(),
            functions: keep.iter().filter_map(|old| self.functions.get(old as usize).cloned()).collect(),
            sites: sites.collect(),
            edges: edges.collect(),
            entries: entries.collect(),
            allocations: allocations.collect(),
        }
    }
}
