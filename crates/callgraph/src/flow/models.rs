//! Mechanisms of Xen's by which functions are called that no pointer in C leads to. One line each,
//! as data where that is possible.

/// The kind of bug frame that `run_in_exception_handler` makes.
pub(super) const BUGFRAME_RUN_FN: &str = "0";
/// The same where the kind is not an operand (arm64).
pub(super) const BUG_FRAMES_RUN_FN: &str = ".bug_frames.0";

/// Arrays that the linker script collects: which function runs through them, from which mark to
/// which.
pub(super) struct Collected {
    pub(super) mechanism: &'static str,
    pub(super) first: &'static str,
    pub(super) end: &'static str,
}

/// Arrays of functions between two marks of the linker script.
pub(super) const COLLECTED: [Collected; 4] = [
    Collected { mechanism: "initcall", first: "__initcall_start", end: "__presmp_initcall_end" },
    Collected { mechanism: "initcall", first: "__presmp_initcall_end", end: "__initcall_end" },
    Collected { mechanism: "vPCI initialiser", first: "__start_vpci_array", end: "__end_vpci_array" },
    Collected { mechanism: "constructor", first: "__ctors_start", end: "__ctors_end" },
];

/// Functions whose calls run what an exception was raised for.
pub(super) const RUNS_BUG_FRAMES: [&str; 3] = ["do_bug_frame", "do_invalid_op", "do_trap_bug"];

/// Tables that assembly calls through: the function that does, and the table's symbol.
pub(super) struct AssemblyTable {
    pub(super) mechanism: &'static str,
    pub(super) callers: &'static [&'static str],
    pub(super) table: &'static str,
}

pub(super) const ASSEMBLY_TABLES: [AssemblyTable; 1] = [AssemblyTable {
    mechanism: "exception table",
    callers: &["handle_exception", "handle_exception_saved"],
    table: "exception_table",
}];

/// Code that Xen writes while it runs, and calls.
pub(super) struct Stub {
    /// The calls stand in units whose names begin so,
    pub(super) units: &'static str,
    /// and go through a field or variable of this name.
    pub(super) through: &'static str,
    /// What is written.
    pub(super) what: &'static str,
    /// Which functions it calls.
    pub(super) calls: &'static [&'static str],
}

/// All stubs: their contents are written by the functions that call them.
pub(super) const STUBS: [Stub; 3] = [
    Stub {
        units: "arch/x86/x86_emulate",
        through: "func",
        what: "stub of one emulated instruction and a return",
        calls: &[],
    },
    Stub {
        units: "arch/x86/pv/emul-priv-op.c",
        through: "io_emul",
        what: "stub of one I/O instruction between two calls",
        calls: &["load_guest_gprs", "save_guest_gprs"],
    },
    Stub {
        units: "arch/x86/extable.c",
        through: "addr",
        what: "stub of one faulting instruction and a return",
        calls: &[],
    },
];

/// An operand of inline assembly that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called<'t> {
    /// `%c10`
    Numbered(usize),
    /// `%[addr]`
    Named(&'t str),
}

/// Which operands a template calls or jumps to, and whether through the memory at them
/// (`call *%c[addr](%%rip)`).
pub(super) fn called_operands(template: &str) -> Vec<(Called<'_>, bool)> {
    let mut found = Vec::new();
    for piece in template.split(['\n', ';', '\t']) {
        let piece = piece.trim();
        let Some((word, rest)) = piece.split_once(char::is_whitespace) else { continue };
        // A label may stand before the instruction.
        let (word, rest) =
            match word.ends_with(':').then(|| rest.trim().split_once(char::is_whitespace)).flatten() {
                Some(after) => after,
                None => (word, rest),
            };
        if !matches!(word, "call" | "jmp" | "INDIRECT_CALL" | "INDIRECT_JMP" | "bl" | "blr" | "br") {
            continue;
        }
        let rest = rest.trim();
        let (rest, star) = rest.strip_prefix('*').map_or((rest, false), |rest| (rest, true));
        let Some(operand) = rest.strip_prefix('%') else { continue };
        let operand = operand.trim_start_matches(|c: char| c.is_ascii_alphabetic());
        let through = star && rest.contains('(');
        let called = match operand.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, _)) => Called::Named(name),
            None => {
                let digits = operand.find(|c: char| !c.is_ascii_digit()).unwrap_or(operand.len());
                match operand.get(..digits).unwrap_or_default().parse() {
                    Ok(index) => Called::Numbered(index),
                    Err(_) => continue,
                }
            }
        };
        if !found.contains(&(called, through)) {
            found.push((called, through));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_operands_are_found_in_templates() {
        assert_eq!(called_operands("\tcall *%c10(%%rip)\n .L:\n"), [(Called::Numbered(10), true)]);
        assert_eq!(
            called_operands("mov %2, %%rsp;call check_for_livepatch_work;jmp %c3"),
            [(Called::Numbered(3), false)]
        );
        assert_eq!(called_operands("1: INDIRECT_CALL %[stub]"), [(Called::Named("stub"), false)]);
        assert_eq!(called_operands("xchg %q0, %0"), []);
        assert_eq!(called_operands("jmp 1f; call *%rax"), []);
    }
}
