use xenheap_facts::types::Types;

use super::{
    lower::{Lowering, Name},
    run,
    solve::Held,
};
use crate::program::{Dumps, Program};

/// Follows the pointers of one unit; what its `callee` calls at each indirect call, by the function
/// it stands in.
fn follow(dump: &str) -> Vec<(String, Vec<String>)> {
    let dumps = Dumps::of(vec![("common/a.o".to_owned(), dump.to_owned())]);
    let mut types = Types::default();
    types.units.push("common/a.c".to_owned());
    types.producers.push("GNU C99 12.2.0 -O1".to_owned());
    let program = Program::new(&dumps, &types, std::iter::empty()).unwrap();
    let mut lowering = Lowering::new(&program, &mut types);
    lowering.all();
    run(&mut lowering);
    let name = |routine| program.get(routine).unwrap().name.to_owned();
    let mut found: Vec<_> = lowering
        .indirect
        .iter()
        .map(|call| {
            let held = lowering.solver.held(call.callee);
            let mut callees: Vec<_> = held
                .filter_map(
                    |held| if let Held::Function(routine) = held { Some(name(routine)) } else { None },
                )
                .collect();
            callees.sort();
            (name(call.caller), callees)
        })
        .collect();
    found.sort();
    found
}

const HANDLERS: &str =
    "void one (int x)\n[common/a.c:1:1] {\n}\n\n\nvoid two (int x)\n[common/a.c:2:1] {\n}\n\n\n";

#[test]
fn a_pointer_is_followed_through_parameters_and_results() {
    let dump = format!(
        "{HANDLERS}void (*<T1>) (int) choose (void (*<T1>) (int) fn)
[common/a.c:3:1] {{
  [common/a.c:4:1] return fn;
}}


void top ()
[common/a.c:5:1] {{
  void (*<T1>) (int) chosen;

  [common/a.c:6:1] chosen = choose (two);
  [common/a.c:7:1] chosen (3);
}}
"
    );
    assert_eq!(follow(&dump), [("top".to_owned(), vec!["two".to_owned()])]);
}

#[test]
fn an_exchange_stores_through_the_pointer_that_it_gets() {
    let dump = format!(
        "{HANDLERS}long unsigned int __xchg (long unsigned int x, volatile void * ptr, int size)
[common/a.c:3:1] {{
  [common/a.c:4:1] __asm__ __volatile__(\"xchg %q0, %1\" : \"=r\" x, \"=m\" MEM[(volatile uint64_t *)ptr] : \"0\" x, \"m\" MEM[(volatile uint64_t *)ptr] : \"memory\");
  [common/a.c:5:1] return x;
}}


void top ()
[common/a.c:6:1] {{
  void (*<T1>) (int) hook;

  [common/a.c:7:1] hook = two;
  [common/a.c:8:1] _1 = __xchg (one, [common/a.c:8:2] &hook, 8);
  [common/a.c:9:1] hook (1);
}}
"
    );
    assert_eq!(follow(&dump), [("top".to_owned(), vec!["one".to_owned(), "two".to_owned()])]);
}

#[test]
fn what_one_caller_exchanges_does_not_get_to_the_others() {
    let helper = "long unsigned int __xchg (volatile void * ptr, long unsigned int x)
[include/a.h:3:1] {
  [include/a.h:4:1] __asm__ __volatile__(\"xchg %0, %1\" : \"=r\" x, \"=m\" MEM[(volatile uint64_t *)ptr] : \"0\" x : \"memory\");
  [include/a.h:5:1] return x;
}


long unsigned int outer (volatile void * at, long unsigned int y)
[include/a.h:6:1] {
  [include/a.h:7:1] _1 = __xchg (at, y);
  [include/a.h:7:1] return _1;
}


";
    let caller = |name: &str, how: &str, function: &str| {
        format!(
            "void {name} ()
[common/a.c:6:1] {{
  void (*<T1>) (int) hook;

  [common/a.c:8:1] {how} ([common/a.c:8:2] &hook, {function});
  [common/a.c:9:1] hook (1);
}}


"
        )
    };
    let first = caller("first", "__xchg", "one");
    let second = caller("second", "outer", "two");
    let expected =
        [("first".to_owned(), vec!["one".to_owned()]), ("second".to_owned(), vec!["two".to_owned()])];
    assert_eq!(follow(&format!("{HANDLERS}{helper}{first}{second}")), expected);
}

#[test]
fn a_call_that_is_resolved_hands_its_arguments_on() {
    let dump = format!(
        "{HANDLERS}void apply (void (*<T1>) (int) fn)
[common/a.c:3:1] {{
  [common/a.c:4:1] fn (1);
}}


void top ()
[common/a.c:5:1] {{
  void (*<T2>) (void (*<T1>) (int)) how;

  [common/a.c:6:1] how = apply;
  [common/a.c:7:1] how (one);
}}
"
    );
    let expected =
        [("apply".to_owned(), vec!["one".to_owned()]), ("top".to_owned(), vec!["apply".to_owned()])];
    assert_eq!(follow(&dump), expected);
}

#[test]
fn an_exception_runs_the_function_of_its_bug_frame() {
    let dump = format!(
        "{HANDLERS}void top ()
[common/a.c:5:1] {{
  [common/a.c:6:1] __asm__ __volatile__(\".Lbug%=: ud2
.pushsection .bug_frames.%c0, \"a\", @progbits
\" :  : \"bf_type\" \"i\" 0, \"bf_ptr\" \"i\" [common/a.c:6:1] one, \"bf_msg\" \"i\" 0B);
}}
"
    );
    let dumps = Dumps::of(vec![("common/a.o".to_owned(), dump)]);
    let mut types = Types::default();
    types.units.push("common/a.c".to_owned());
    let program = Program::new(&dumps, &types, std::iter::empty()).unwrap();
    let mut lowering = Lowering::new(&program, &mut types);
    lowering.all();
    run(&mut lowering);
    let all = lowering.node(Name::RunInException);
    assert_eq!(lowering.raised.len(), 1);
    assert_eq!(lowering.solver.held(all).count(), 1);
}

#[test]
fn dumps_of_an_untried_compiler_are_refused_by_name() {
    let dumps = Dumps::of(Vec::new());
    let mut types = Types::default();
    types.units.push("common/a.c".to_owned());
    types.producers.push("GNU C11 13.2.0 -O2".to_owned());
    let error = Program::new(&dumps, &types, std::iter::empty()).err().unwrap();
    assert!(error.to_string().contains("GNU C11 13.2.0"), "{error}");
}
