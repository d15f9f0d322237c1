use std::collections::BTreeMap;

use xenheap_paths::NodeSet;

use crate::{Entry, FunctionId, Graph, InlinedFrame, Site, SiteId};

impl Graph {
    /// A graph of some of the functions and the calls between them; with those that are inlined around these calls.
    pub fn part(&self, functions: &NodeSet) -> Graph {
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
        Graph {
            facts: self.facts.clone(),
            functions: keep.iter().filter_map(|old| self.functions.get(old as usize).cloned()).collect(),
            sites: sites.collect(),
            edges: edges.collect(),
            entries: entries.collect(),
            allocations: allocations.collect(),
        }
    }
}
