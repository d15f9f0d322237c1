//! Parts of the recorder.

/// What cannot be told without a part of the recorder, for which a tree of Xen can have nothing to hook into.
const UNTOLD: &[(&str, &str)] = &[
    ("given", "pages that Xen allocates for itself and gives to a domain later"),
    ("taken", "pages that Xen takes from a domain"),
    ("totals", "whether the totals balance: memory can come to the heaps at run time"),
    ("shutdown", "totals where the hardware domain ends"),
    ("sleep", "totals where the hardware domain turns the machine off with ACPI"),
    ("owners", "which domain memory is for, when domains begin and end, and so leaks"),
    ("domctls", "which domain memory is for that a domctl allocates"),
    ("moves", "which domain memory is for that is allocated as it moves to another cpupool"),
    ("calls", "whether memory was freed before the call that allocated it was over"),
    ("pools-hap", "what is taken from the pools of guests with hardware-assisted paging"),
    ("pools-shadow", "what is taken from the pools of guests with shadow paging"),
    ("pools-p2m", "what is taken from the pools of guests"),
];

/// What cannot be told without the part of this name; `None`: no part is called so.
pub const fn untold(part: &str) -> Option<&'static str> {
    let mut at = 0;
    while at < UNTOLD.len() {
        if same(UNTOLD[at].0.as_bytes(), part.as_bytes()) {
            return Some(UNTOLD[at].1);
        }
        at += 1;
    }
    None
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
