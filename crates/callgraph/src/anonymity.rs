//! Whether what a call allocates is charged to somebody, judged from its arguments: the domain and
//! the flags of `alloc_domheap_pages`, followed through variables, and through parameters to the
//! callers that set them. All other allocators charge nobody.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use xenheap_facts::gimple::{At, Base, Function, Kind, Operand, Place, Statement, Step, Value};
use xenheap_model::{is_recorders, relative};

use crate::{
    Allocation, Anonymity, Draft, FunctionId, SiteId, SiteKind,
    flow::{Program, Routine},
};

/// Allocators that charge nobody, whatever their arguments.
const UNCHARGED: [&str; 10] = [
    "alloc_xenheap_pages",
    "_xmalloc",
    "_xzalloc",
    "_xrealloc",
    "_xvmalloc",
    "_xvzalloc",
    "_xvrealloc",
    "vmalloc",
    "vzalloc",
    "vmalloc_xen",
];

/// The allocator that is told whom to charge: its parameters for the domain and the flags.
const CHARGING: (&str, usize, usize) = ("alloc_domheap_pages", 0, 2);

/// `MEMF_no_owner`: the domain is only a hint of where to allocate.
const NO_OWNER: u64 = 1 << 5;

/// Whether a function of this name is one of Xen's allocators.
pub fn is_allocator(name: &str) -> bool {
    name == CHARGING.0 || UNCHARGED.contains(&name)
}

/// Whether a function works within an allocator: what it calls is a step of somebody else's
/// request.
pub fn serves(name: &str) -> bool {
    is_allocator(name)
        || ["xmalloc_pool_get", "xmalloc_whole_pages", "xmem_pool_alloc", "vmalloc_type"].contains(&name)
}

/// What an argument can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Can {
    /// Null, or with the flag.
    yes: bool,
    /// Not null, or without it.
    no: bool,
    /// What the function's own parameters are.
    parameters: BTreeSet<usize>,
    /// What decides, where both are possible.
    why: BTreeSet<String>,
}

impl Can {
    const YES: fn() -> Can = || Can { yes: true, ..Can::default() };
    const NO: fn() -> Can = || Can { no: true, ..Can::default() };

    fn or(mut self, other: Can) -> Can {
        self.yes |= other.yes;
        self.no |= other.no;
        self.parameters.extend(other.parameters);
        self.why.extend(other.why);
        self
    }
}

/// Which of the two arguments is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Question {
    /// Is it null?
    Domain,
    /// Has it `MEMF_no_owner`?
    Flags,
}

/// A call in a dump.
#[derive(Clone, Copy)]
struct CallOf<'a, 't> {
    caller: Routine,
    statement: usize,
    at: Option<At<'t>>,
    arguments: &'a [Operand<'t>],
}

/// Judges every call of an allocator that the graph has, and the calls of functions that hand their
/// parameters on to one.
pub fn classify(draft: &mut Draft, program: &Program<'_>, units: &HashMap<u64, u32>) {
    let judge = Judge::new(program);
    let mut by_place: HashMap<(u32, String, u32, &str), Vec<CallOf<'_, '_>>> = HashMap::new();
    let wrappers = judge.wrappers();
    for (callee, calls) in &judge.calls {
        let Some(name) = program.get(*callee).map(|known| known.name) else { continue };
        if name != CHARGING.0 && !wrappers.contains_key(callee) {
            continue;
        }
        for call in calls {
            let unit = program.get(call.caller).and_then(|known| known.unit);
            if let (Some(unit), Some(at)) = (unit, call.at) {
                by_place.entry((unit, relative(at.file, None), at.line, name)).or_default().push(*call);
            }
        }
    }
    let mut found = Vec::new();
    // The image and a .ci file can both say that an edge exists.
    let mut judged = BTreeSet::new();
    for edge in draft.edges.iter().filter(|edge| judged.insert((edge.site, edge.callee))) {
        let (Some(site), Some(callee)) =
            (draft.sites.get(edge.site.0 as usize), draft.functions.get(edge.callee.0 as usize))
        else {
            continue;
        };
        let caller = draft.functions.get(site.caller.0 as usize);
        let unit = caller.and_then(|caller| caller.pieces.iter().find_map(|piece| units.get(&piece.start)));
        // The recorder hands on what it is asked for, and allocates for nobody else.
        if caller.and_then(|caller| caller.unit.as_deref()).is_some_and(is_recorders)
            || !matches!(site.kind, SiteKind::Call | SiteKind::Tail)
        {
            continue;
        }
        let name = callee.name.as_str();
        if UNCHARGED.contains(&name) {
            found.push(row(
                edge.site,
                edge.callee,
                Anonymity::Always,
                format!("{name} charges nobody"),
                None,
            ));
            continue;
        }
        let routine = program.resolve(unit.copied(), name);
        let wrapper = routine.and_then(|routine| wrappers.get(&routine));
        if name != CHARGING.0 && wrapper.is_none() {
            continue;
        }
        let calls = match (unit, &site.location) {
            (Some(unit), Some(at)) => by_place.get(&(*unit, at.file.clone(), at.line, name)),
            _ => None,
        };
        let Some(calls) = calls else {
            if name == CHARGING.0 {
                let why = "the call is in no dump".to_owned();
                found.push(row(edge.site, edge.callee, Anonymity::May, why.clone(), Some(why)));
            }
            continue;
        };
        let (domain, flags) = wrapper.copied().unwrap_or((Some(CHARGING.1), Some(CHARGING.2)));
        let mut null = Can::default();
        let mut flag = Can::default();
        let mut evidence = BTreeSet::new();
        for call in calls {
            let ask = |index: Option<usize>, question| match index {
                Some(index) => {
                    judge.resolved(call.caller, call.statement, call.arguments.get(index), question)
                }
                // The wrapper has its own.
                None => match routine {
                    Some(routine) => judge.inside(routine, question, &wrappers, &mut BTreeSet::new()),
                    None => Can::NO(),
                },
            };
            null = null.or(ask(domain, Question::Domain));
            flag = flag.or(ask(flags, Question::Flags));
            evidence.insert(judge.show_call(name, call));
        }
        let anonymity = match (&null, &flag) {
            (Can { no: false, yes: true, .. }, _) | (_, Can { no: false, yes: true, .. }) => {
                Anonymity::Always
            }
            (Can { yes: false, .. }, Can { yes: false, .. }) => Anonymity::Never,
            _ => Anonymity::May,
        };
        let why: BTreeSet<String> = null.why.into_iter().chain(flag.why).collect();
        let condition = (anonymity == Anonymity::May).then(|| join(why, "; "));
        found.push(row(edge.site, edge.callee, anonymity, join(evidence, " or "), condition));
    }
    draft.allocations.extend(found);
}

fn join(texts: BTreeSet<String>, between: &str) -> String {
    texts.into_iter().collect::<Vec<_>>().join(between)
}

fn row(
    site: SiteId,
    callee: FunctionId,
    anonymity: Anonymity,
    evidence: String,
    condition: Option<String>,
) -> Allocation {
    Allocation { site, callee, anonymity, evidence, condition }
}

/// Functions that hand on a parameter as the domain, or as the flags.
type Wrappers = BTreeMap<Routine, (Option<usize>, Option<usize>)>;

struct Judge<'a, 't> {
    program: &'a Program<'t>,
    /// All direct calls, by what is called.
    calls: BTreeMap<Routine, Vec<CallOf<'a, 't>>>,
}

impl<'a, 't> Judge<'a, 't> {
    fn new(program: &'a Program<'t>) -> Self {
        let mut calls: BTreeMap<Routine, Vec<CallOf<'a, 't>>> = BTreeMap::new();
        for (caller, known) in (0..).map(Routine).zip(&program.functions) {
            let Some(body) = &known.body else { continue };
            for (index, statement) in body.statements.iter().enumerate() {
                let Kind::Call { callee, arguments, .. } = &statement.kind else { continue };
                let local =
                    body.parameters.iter().chain(&body.variables).any(|variable| variable.name == *callee);
                let Some(called) = program.resolve(known.unit, callee).filter(|_| !local) else { continue };
                let call = CallOf { caller, statement: index, at: statement.at, arguments };
                calls.entry(called).or_default().push(call);
            }
        }
        Judge { program, calls }
    }

    fn body(&self, routine: Routine) -> Option<&'a Function<'t>> {
        self.program.get(routine).and_then(|known| known.body.as_ref())
    }

    /// Functions that hand a parameter on as the domain or the flags, and which.
    fn wrappers(&self) -> Wrappers {
        let mut found = Wrappers::new();
        let mut waiting: Vec<(Routine, Option<usize>, Option<usize>)> = self
            .calls
            .keys()
            .filter(|routine| self.program.get(**routine).is_some_and(|known| known.name == CHARGING.0))
            .map(|routine| (*routine, Some(CHARGING.1), Some(CHARGING.2)))
            .collect();
        while let Some((callee, domain, flags)) = waiting.pop() {
            for call in self.calls.get(&callee).into_iter().flatten() {
                let handed = |index: Option<usize>, question| {
                    let can =
                        self.argument(call.caller, call.statement, call.arguments.get(index?), question);
                    can.parameters.first().copied()
                };
                let through = (handed(domain, Question::Domain), handed(flags, Question::Flags));
                let named = self.program.get(call.caller).is_some_and(|known| known.name == CHARGING.0);
                if through == (None, None) || named || found.contains_key(&call.caller) {
                    continue;
                }
                found.insert(call.caller, through);
                waiting.push((call.caller, through.0, through.1));
            }
        }
        found
    }

    /// What a wrapper itself passes where its callers have no say, to the allocator or to a wrapper
    /// below it.
    fn inside(
        &self,
        routine: Routine,
        question: Question,
        wrappers: &Wrappers,
        seen: &mut BTreeSet<Routine>,
    ) -> Can {
        let mut can = Can::default();
        if !seen.insert(routine) {
            return can;
        }
        for (callee, calls) in &self.calls {
            let called = self.program.get(*callee).is_some_and(|known| known.name == CHARGING.0);
            let handed = if called {
                (Some(CHARGING.1), Some(CHARGING.2))
            } else {
                wrappers.get(callee).copied().unwrap_or_default()
            };
            if handed == (None, None) {
                continue;
            }
            let index = if question == Question::Domain { handed.0 } else { handed.1 };
            for call in calls.iter().filter(|call| call.caller == routine) {
                can = can.or(match index {
                    Some(index) => {
                        self.argument(routine, call.statement, call.arguments.get(index), question)
                    }
                    None => self.inside(*callee, question, wrappers, seen),
                });
            }
        }
        can
    }

    /// What an argument can be, with the parameters it depends on followed to all callers.
    fn resolved(
        &self,
        routine: Routine,
        statement: usize,
        operand: Option<&'a Operand<'t>>,
        question: Question,
    ) -> Can {
        let can = self.argument(routine, statement, operand, question);
        self.follow(routine, can, question, &mut BTreeSet::new())
    }

    fn follow(
        &self,
        routine: Routine,
        mut can: Can,
        question: Question,
        seen: &mut BTreeSet<(Routine, usize)>,
    ) -> Can {
        let name = self.program.get(routine).map_or("", |known| known.name);
        for index in std::mem::take(&mut can.parameters) {
            if !seen.insert((routine, index)) {
                continue;
            }
            let parameter =
                self.body(routine).and_then(|body| body.parameters.get(index)).map_or("", |found| found.name);
            let calls = self.calls.get(&routine).map_or(&[][..], Vec::as_slice);
            if calls.is_empty() {
                // Called through a pointer only, or not at all: a domain that is passed is one.
                let unknown = Can { no: true, yes: question == Question::Flags, ..Can::default() };
                can = can.or(unknown);
                if question == Question::Flags {
                    can.why.insert(format!("{parameter} of {name}, which nobody calls by name"));
                }
                continue;
            }
            let (mut with, mut without) = (BTreeSet::new(), BTreeSet::new());
            for call in calls {
                let inner = self.argument(call.caller, call.statement, call.arguments.get(index), question);
                let inner = self.follow(call.caller, inner, question, seen);
                let caller = self.program.get(call.caller).map_or("", |known| known.name);
                if inner.yes {
                    with.insert(caller);
                }
                if inner.no {
                    without.insert(caller);
                }
                can = can.or(inner);
            }
            if !with.is_empty() && !without.is_empty() {
                let what = if question == Question::Domain { "null" } else { "with MEMF_no_owner" };
                let some: Vec<_> = with.into_iter().take(6).collect();
                can.why.insert(format!("{parameter} of {name} is {what} from {}", some.join(", ")));
            }
        }
        can
    }

    /// What an argument can be within its function.
    fn argument(
        &self,
        routine: Routine,
        statement: usize,
        operand: Option<&'a Operand<'t>>,
        question: Question,
    ) -> Can {
        let (Some(body), Some(operand)) = (self.body(routine), operand) else { return Can::NO() };
        operand_can(body, statement, operand, question, 0)
    }

    fn show_call(&self, name: &str, call: &CallOf<'a, 't>) -> String {
        let Some(body) = self.body(call.caller) else { return String::new() };
        let arguments: Vec<String> =
            call.arguments.iter().map(|operand| show(body, call.statement, operand, 0)).collect();
        format!("{name} ({})", arguments.join(", "))
    }
}

fn number(text: &str) -> Option<u64> {
    text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()
}

fn constant(operand: &Operand<'_>) -> Option<u64> {
    match operand {
        Operand::Number(text, negative) => {
            number(text).map(|value| if *negative { value.wrapping_neg() } else { value })
        }
        _ => None,
    }
}

/// The name of a whole variable.
fn whole<'t>(place: &Place<'t>) -> Option<&'t str> {
    match (&place.base, place.steps.as_slice()) {
        (Base::Name(name), []) => Some(name),
        _ => None,
    }
}

fn operand_can(
    body: &Function<'_>,
    before: usize,
    operand: &Operand<'_>,
    question: Question,
    depth: usize,
) -> Can {
    if let Some(value) = constant(operand) {
        let yes = match question {
            Question::Domain => value == 0,
            Question::Flags => value & NO_OWNER != 0,
        };
        return if yes { Can::YES() } else { Can::NO() };
    }
    let name = match operand {
        Operand::Place(place) => whole(place),
        _ => return Can::NO(),
    };
    let text = || show(body, before, operand, 0);
    // A domain that a structure points to is one.
    let unknown = || match question {
        Question::Domain => Can::NO(),
        Question::Flags => Can { yes: true, no: true, why: BTreeSet::from([text()]), ..Can::default() },
    };
    let Some(name) = name.filter(|_| depth < 12) else { return unknown() };
    let mut can = Can::default();
    let mut definitions = 0;
    let mut reasons = Vec::new();
    for (index, statement) in body.statements.iter().enumerate() {
        let value = match &statement.kind {
            Kind::Assign { to, from } if whole(to) == Some(name) => {
                value_can(body, index, from, question, depth + 1)
            }
            Kind::Call { to: Some(to), .. } if whole(to) == Some(name) => unknown(),
            Kind::Asm { outputs, .. }
                if outputs.iter().any(
                    |output| matches!(&output.operand, Operand::Place(place) if whole(place) == Some(name)),
                ) =>
            {
                unknown()
            }
            _ => continue,
        };
        definitions += 1;
        if value.yes
            && let Some(condition) = condition(body, index)
        {
            reasons.push(condition);
        }
        can = can.or(value);
    }
    if let Some(index) = body.parameters.iter().position(|parameter| parameter.name == name) {
        // What is looked into before without being tested is not null.
        if question == Question::Domain && is_looked_into(body, before, name) {
            can.no = true;
        } else {
            can.parameters.insert(index);
        }
        definitions += 1;
    }
    // Of several values that a variable can have, the branch before each says when it has that one.
    if definitions > 1 && can.yes && (can.no || !can.parameters.is_empty()) {
        can.why.extend(reasons);
    }
    if definitions > 0 { can } else { unknown() }
}

fn value_can(body: &Function<'_>, at: usize, value: &Value<'_>, question: Question, depth: usize) -> Can {
    match value {
        Value::Just(operand) | Value::Cast(_, operand) => operand_can(body, at, operand, question, depth),
        Value::Binary(left, "|" | "+" | "^", right) if question == Question::Flags => {
            let (left, right) =
                (operand_can(body, at, left, question, depth), operand_can(body, at, right, question, depth));
            // One of them is enough.
            match (&left, &right) {
                (Can { yes: true, no: false, .. }, _) | (_, Can { yes: true, no: false, .. }) => Can::YES(),
                _ => left.or(right),
            }
        }
        Value::Binary(left, "&", right) if question == Question::Flags => {
            let mask = |operand| constant(operand).is_some_and(|value| value & NO_OWNER == 0);
            if mask(left) || mask(right) {
                return Can::NO();
            }
            let kept = if constant(right).is_some() { left } else { right };
            operand_can(body, at, kept, question, depth)
        }
        // Shifted and computed flags are node numbers and orders; MEMF_no_owner is never made so.
        _ => Can::NO(),
    }
}

/// Whether a statement before the given one reads through a pointer that is never compared with
/// null before.
fn is_looked_into(body: &Function<'_>, before: usize, name: &str) -> bool {
    let through = |place: &Place<'_>| matches!((&place.base, place.steps.first()), (Base::Name(base), Some(Step::Arrow(_))) if *base == name);
    for Statement { kind, .. } in body.statements.iter().take(before) {
        match kind {
            Kind::If { condition, .. } => {
                let (left, _, right) = condition.as_ref();
                let tests = |operand: &Operand<'_>| matches!(operand, Operand::Place(place) if whole(place) == Some(name));
                if tests(left) || tests(right) {
                    return false;
                }
            }
            Kind::Assign { to, from } => {
                let read = match from {
                    Value::Just(Operand::Place(place)) | Value::Cast(_, Operand::Place(place)) => {
                        through(place)
                    }
                    Value::Binary(left, _, right) => {
                        let tests = |operand: &Operand<'_>| matches!(operand, Operand::Place(place) if whole(place) == Some(name));
                        if tests(left) || tests(right) {
                            return false;
                        }
                        false
                    }
                    _ => false,
                };
                if read || through(to) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// The condition under which a statement runs: the branch to the label before it.
fn condition(body: &Function<'_>, index: usize) -> Option<String> {
    let label = body.statements.get(..index)?.iter().rev().find_map(|statement| match statement.kind {
        Kind::Label(label) => Some(label),
        _ => None,
    })?;
    let (at, branch) = body.statements.iter().enumerate().find(|(_, statement)| {
        matches!(statement.kind, Kind::If { then, otherwise, .. } if then == label || otherwise == label)
    })?;
    let Kind::If { condition, then, .. } = &branch.kind else { return None };
    let (left, test, right) = condition.as_ref();
    let text = format!("{} {test} {}", show(body, at, left, 0), show(body, at, right, 0));
    let text = if *then == label { text } else { format!("not ({text})") };
    Some(match branch.at {
        Some(at) => format!("{}:{}: {text}", relative(at.file, None), at.line),
        None => text,
    })
}

/// An operand as the source has it, temporaries replaced by what they are.
fn show(body: &Function<'_>, before: usize, operand: &Operand<'_>, depth: usize) -> String {
    match operand {
        Operand::Number("0B", _) => "NULL".to_owned(),
        Operand::Number(text, negative) => format!("{}{text}", if *negative { "-" } else { "" }),
        Operand::Text(text) => format!("\"{text}\""),
        Operand::Address(place) => format!("&{}", show_place(body, before, place, depth)),
        Operand::Place(place) => show_place(body, before, place, depth),
    }
}

fn show_place(body: &Function<'_>, before: usize, place: &Place<'_>, depth: usize) -> String {
    let mut text = match &place.base {
        Base::Name(name) => show_name(body, before, name, depth),
        Base::Pointee(name) => format!("*{}", show_name(body, before, name, depth)),
        Base::Memory(_, operand) => format!("*{}", show(body, before, operand, depth + 1)),
        Base::View(_, inner) => show_place(body, before, inner, depth + 1),
    };
    for step in &place.steps {
        match step {
            Step::Field(name) | Step::Arrow(name) if name.starts_with("D.") => {}
            Step::Field(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Arrow(name) => {
                text.push_str("->");
                text.push_str(name);
            }
            Step::Index => text.push_str("[…]"),
        }
    }
    text
}

fn show_name(body: &Function<'_>, before: usize, name: &str, depth: usize) -> String {
    let declared = body
        .parameters
        .iter()
        .chain(&body.variables)
        .any(|variable| variable.name == name && !name.contains('.'));
    if declared || depth > 3 {
        return name.to_owned();
    }
    let defined =
        body.statements.get(..before).unwrap_or_default().iter().rev().find_map(|statement| match &statement
            .kind
        {
            Kind::Assign { to, from } if whole(to) == Some(name) => Some(match from {
                Value::Just(operand) | Value::Cast(_, operand) => show(body, before, operand, depth + 1),
                Value::Binary(left, sign, right) => {
                    format!(
                        "{} {sign} {}",
                        show(body, before, left, depth + 1),
                        show(body, before, right, depth + 1)
                    )
                }
                Value::Unary(sign, operand) => format!("{sign}{}", show(body, before, operand, depth + 1)),
                Value::Aggregate(_) | Value::Clobber => name.to_owned(),
            }),
            Kind::Call { to: Some(to), callee, arguments } if whole(to) == Some(name) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|operand| show(body, before, operand, depth + 1)).collect();
                Some(format!("{callee} ({})", arguments.join(", ")))
            }
            _ => None,
        });
    defined.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use xenheap_facts::types::Types;

    use super::*;
    use crate::flow::Dumps;

    /// What each call of `alloc_domheap_pages` can be: null, and with the flag.
    fn judged(dump: &str) -> Vec<(String, Can, Can, String)> {
        let dumps = Dumps::of(vec![("common/a.o".to_owned(), dump.to_owned())]);
        let mut types = Types::default();
        types.units.push("common/a.c".to_owned());
        let program = Program::new(&dumps, &types, std::iter::empty()).unwrap();
        let judge = Judge::new(&program);
        let mut found = Vec::new();
        for (callee, calls) in &judge.calls {
            if program.get(*callee).unwrap().name != CHARGING.0 {
                continue;
            }
            for call in calls {
                let ask = |index: usize, question| {
                    judge.resolved(call.caller, call.statement, call.arguments.get(index), question)
                };
                let caller = program.get(call.caller).unwrap().name.to_owned();
                let shown = judge.show_call(CHARGING.0, call);
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

    /// `kimage_alloc_control_page` of Xen: the flags come from above, the domain from two layers
    /// below.
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
        let judge = Judge::new(&program);
        let wrappers = judge.wrappers();
        let names: Vec<&str> = wrappers.keys().map(|found| program.get(*found).unwrap().name).collect();
        assert_eq!(names, ["zeroed", "control"]);
        for wrapper in wrappers.keys() {
            let domain = judge.inside(*wrapper, Question::Domain, &wrappers, &mut BTreeSet::new());
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
