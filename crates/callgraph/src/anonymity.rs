//! Whether what a call allocates is charged to somebody, judged from its arguments: the domain and
//! the flags of
//! `alloc_domheap_pages`, followed through variables, and through parameters to the callers that set them. All other
//! allocators charge nobody.

mod argument;
mod calls;
mod shown;

use std::collections::{BTreeSet, HashMap};

use xenheap_model::{AllocatorRole, CHARGING, is_recorders, relative};

use self::{
    argument::{Can, Question},
    calls::{Call, Calls, Handed, Wrappers},
};
use crate::{
    Allocation, Anonymity, Draft, Edge, FunctionId, Site, SiteId, SiteKind,
    program::{Program, Routine},
};

/// Whether a function of this name is one of Xen's allocators.
pub fn is_allocator(name: &str) -> bool {
    AllocatorRole::of(name).is_some_and(AllocatorRole::is_allocator)
}

/// Whether a function works within an allocator: what it calls is a step of somebody else's
/// request.
pub fn serves(name: &str) -> bool {
    AllocatorRole::of(name).is_some_and(AllocatorRole::serves)
}

/// Judges every call of an allocator that the graph has, and the calls of functions that hand their
/// parameters on to one.
pub fn classify(draft: &mut Draft, program: &Program<'_>, units: &HashMap<u64, u32>) {
    let judge = Judge::new(program);
    let mut found = Vec::new();
    // The image and a .ci file can both say that an edge exists.
    let mut judged = BTreeSet::new();
    for edge in draft.edges.iter().filter(|edge| judged.insert((edge.site, edge.callee))) {
        if let Some((site, unit)) = source_call(draft, edge, units)
            && let Some(callee) = draft.functions.get(edge.callee.0 as usize)
        {
            let judgement = judge.judgement(&callee.name, site, unit);
            found.extend(judgement.map(|judgement| judgement.of(edge.site, edge.callee)));
        }
    }
    draft.allocations.extend(found);
}

/// The site of an edge that is a call of the source, with the unit of its caller.
fn source_call<'d>(
    draft: &'d Draft,
    edge: &Edge,
    units: &HashMap<u64, u32>,
) -> Option<(&'d Site, Option<u32>)> {
    let site = draft.sites.get(edge.site.0 as usize)?;
    let caller = draft.functions.get(site.caller.0 as usize);
    let unit = caller.and_then(|caller| caller.pieces.iter().find_map(|piece| units.get(&piece.start)));
    // The recorder hands on what it is asked for, and allocates for nobody else.
    let recorders = caller.and_then(|caller| caller.unit.as_deref()).is_some_and(is_recorders);
    (!recorders && matches!(site.kind, SiteKind::Call | SiteKind::Tail)).then_some((site, unit.copied()))
}

/// What is known of a call of an allocator.
struct Judgement {
    anonymity: Anonymity,
    evidence: String,
    condition: Option<String>,
}

impl Judgement {
    /// From what the domain and the flags of a call can be.
    fn from(domain: Can, flags: Can, evidence: BTreeSet<String>) -> Self {
        let anonymity = match (&domain, &flags) {
            (Can { no: false, yes: true, .. }, _) | (_, Can { no: false, yes: true, .. }) => {
                Anonymity::Always
            }
            (Can { yes: false, .. }, Can { yes: false, .. }) => Anonymity::Never,
            _ => Anonymity::May,
        };
        let why: BTreeSet<String> = domain.why.into_iter().chain(flags.why).collect();
        let condition = (anonymity == Anonymity::May).then(|| join(why, "; "));
        Judgement { anonymity, evidence: join(evidence, " or "), condition }
    }

    fn of(self, site: SiteId, callee: FunctionId) -> Allocation {
        let Judgement { anonymity, evidence, condition } = self;
        Allocation { site, callee, anonymity, evidence, condition }
    }
}

fn join(texts: BTreeSet<String>, between: &str) -> String {
    texts.into_iter().collect::<Vec<_>>().join(between)
}

/// A call as the graph and the dumps both name it: unit, file, line and called function.
type CallPlace<'p> = (u32, String, u32, &'p str);

/// The dumps of a build, with the calls that lead to the allocator that is told whom to charge.
struct Judge<'a, 't> {
    program: &'a Program<'t>,
    calls: Calls<'a, 't>,
    wrappers: Wrappers,
    by_place: HashMap<CallPlace<'a>, Vec<Call<'a, 't>>>,
}

impl<'a, 't> Judge<'a, 't> {
    fn new(program: &'a Program<'t>) -> Self {
        let calls = Calls::new(program);
        let wrappers = calls.wrappers();
        let mut by_place: HashMap<CallPlace<'a>, Vec<Call<'a, 't>>> = HashMap::new();
        for (callee, of_callee) in calls.by_callee() {
            let Some(name) = program.get(callee).map(|known| known.name) else { continue };
            if name != CHARGING.name && !wrappers.contains_key(&callee) {
                continue;
            }
            for call in of_callee {
                let unit = program.get(call.caller).and_then(|known| known.unit);
                if let (Some(unit), Some(at)) = (unit, call.at) {
                    let place = (unit, relative(at.file, None), at.line, name);
                    by_place.entry(place).or_default().push(*call);
                }
            }
        }
        Judge { program, calls, wrappers, by_place }
    }

    /// Of a call of the function `name`; none, if that allocates nothing itself.
    fn judgement(&self, name: &str, site: &Site, unit: Option<u32>) -> Option<Judgement> {
        let charges = name == CHARGING.name;
        if !charges && is_allocator(name) {
            let evidence = format!("{name} charges nobody");
            return Some(Judgement { anonymity: Anonymity::Always, evidence, condition: None });
        }
        let routine = self.program.resolve(unit, name);
        let wrapper = routine.and_then(|routine| self.wrappers.get(&routine));
        if !charges && wrapper.is_none() {
            return None;
        }
        let handed = wrapper.copied().unwrap_or(Handed::ALLOCATOR);
        let calls = unit
            .zip(site.location.as_ref())
            .and_then(|(unit, at)| self.by_place.get(&(unit, at.file.clone(), at.line, name)));
        let Some(calls) = calls else {
            let why = "the call is in no dump".to_owned();
            let unknown =
                Judgement { anonymity: Anonymity::May, evidence: why.clone(), condition: Some(why) };
            return charges.then_some(unknown);
        };
        let (mut domain, mut flags) = (Can::default(), Can::default());
        let mut evidence = BTreeSet::new();
        for call in calls {
            domain = domain.or(self.can(call, routine, handed, Question::Domain));
            flags = flags.or(self.can(call, routine, handed, Question::Flags));
            evidence.insert(self.calls.show_call(name, call));
        }
        Some(Judgement::from(domain, flags, evidence))
    }

    /// What the domain or the flags of a call can be. `callee`: what it calls.
    fn can(&self, call: &Call<'a, 't>, callee: Option<Routine>, handed: Handed, question: Question) -> Can {
        match (handed.index(question), callee) {
            (Some(index), _) => {
                self.calls.resolved(call.caller, call.statement, call.arguments.get(index), question)
            }
            // The wrapper has its own.
            (None, Some(callee)) => self.calls.inside(callee, question, &self.wrappers, &mut BTreeSet::new()),
            (None, None) => Can::NO(),
        }
    }
}

#[cfg(test)]
mod tests {
    use xenheap_facts::types::Types;

    use super::*;
    use crate::program::Dumps;

    /// What each call of `alloc_domheap_pages` can be: null, and with the flag.
    fn judged(dump: &str) -> Vec<(String, Can, Can, String)> {
        let dumps = Dumps::of(vec![("common/a.o".to_owned(), dump.to_owned())]);
        let mut types = Types::default();
        types.units.push("common/a.c".to_owned());
        let program = Program::new(&dumps, &types, std::iter::empty()).unwrap();
        let calls = Calls::new(&program);
        let mut found = Vec::new();
        for (callee, of_callee) in calls.by_callee() {
            if !calls.is_allocator(callee) {
                continue;
            }
            for call in of_callee {
                let ask = |index: usize, question| {
                    calls.resolved(call.caller, call.statement, call.arguments.get(index), question)
                };
                let caller = program.get(call.caller).unwrap().name.to_owned();
                let shown = calls.show_call(CHARGING.name, call);
                found.push((caller, ask(0, Question::Domain), ask(2, Question::Flags), shown));
            }
        }
        found
    }

    const ALLOCATOR: &str = "struct page_info * alloc_domheap_pages (struct domain * d, unsigned int order, unsigned int memflags)
[common/a.c:1:1] {
}


";

    #[test]
    fn a_wrapper_is_what_its_callers_make_it() {
        let found = judged(&format!(
            "{ALLOCATOR}void wrap (struct domain * d, unsigned int flags)
[common/a.c:2:1] {{
  [common/a.c:3:1] _1 = flags | 256;
  [common/a.c:3:1] alloc_domheap_pages (d, 0, _1);
}}


void nobody ()
[common/a.c:4:1] {{
  [common/a.c:5:1] wrap (0B, 0);
}}


void somebody (struct vcpu * v)
[common/a.c:6:1] {{
  [common/a.c:7:1] _1 = [common/a.c:7:2] v->domain;
  [common/a.c:7:1] wrap (_1, 32);
}}
"
        ));
        let [(caller, domain, flags, shown)] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(caller, "wrap");
        assert_eq!(shown, "alloc_domheap_pages (d, 0, flags | 256)");
        assert!(domain.yes && domain.no && flags.yes && flags.no);
        assert_eq!(domain.why.iter().collect::<Vec<_>>(), ["d of wrap is null from nobody"]);
        assert_eq!(
            flags.why.iter().collect::<Vec<_>>(),
            ["flags of wrap is with MEMF_no_owner from somebody"]
        );
    }

    /// `kimage_alloc_control_page` of Xen: the flags come from above, the domain from two layers below.
    #[test]
    fn a_wrapper_of_a_wrapper_passes_what_the_lower_one_does() {
        let text = format!(
            "{ALLOCATOR}void zeroed (unsigned int flags)
[common/a.c:2:1] {{
  [common/a.c:3:1] alloc_domheap_pages (0B, 0, flags);
}}


void control (unsigned int flags)
[common/a.c:4:1] {{
  [common/a.c:5:1] zeroed (flags);
}}


void top ()
[common/a.c:6:1] {{
  [common/a.c:7:1] control (4);
}}
"
        );
        let dumps = Dumps::of(vec![("common/a.o".to_owned(), text)]);
        let mut types = Types::default();
        types.units.push("common/a.c".to_owned());
        let program = Program::new(&dumps, &types, std::iter::empty()).unwrap();
        let calls = Calls::new(&program);
        let wrappers = calls.wrappers();
        let names: Vec<&str> = wrappers.keys().map(|found| program.get(*found).unwrap().name).collect();
        assert_eq!(names, ["zeroed", "control"]);
        for wrapper in wrappers.keys() {
            let domain = calls.inside(*wrapper, Question::Domain, &wrappers, &mut BTreeSet::new());
            assert!(domain.yes && !domain.no, "{domain:?}");
        }
    }

    #[test]
    fn a_branch_that_makes_the_domain_null_is_the_condition() {
        let found = judged(&format!(
            "{ALLOCATOR}void alloc (struct domain * d)
[common/a.c:2:1] {{
  struct domain * iftmp.1;

  [common/a.c:3:1] _1 = is_hardware_domain (d);
  [common/a.c:3:1] if (_1 != 0) goto <D.1>; else goto <D.2>;
  <D.1>:
  [common/a.c:4:1] iftmp.1 = 0B;
  [common/a.c:4:1] goto <D.3>;
  <D.2>:
  [common/a.c:5:1] _2 = [common/a.c:5:1] d->parent;
  [common/a.c:5:1] iftmp.1 = _2;
  <D.3>:
  [common/a.c:6:1] alloc_domheap_pages (iftmp.1, 0, 0);
}}
"
        ));
        let [(_, domain, flags, _)] = found.as_slice() else { panic!("{found:?}") };
        assert!(domain.yes && domain.no && !flags.yes);
        assert_eq!(domain.why.iter().collect::<Vec<_>>(), ["common/a.c:3: is_hardware_domain (d) != 0"]);
    }
}
