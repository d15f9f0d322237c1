//! Kinds of guests.

use xenheap_model::Arch;

/// What kind of guest the flags of a domain's creation ask for. On Arm there is one kind.
pub(crate) fn guest(flags: Option<u64>, arch: Arch) -> &'static str {
    const HVM: u64 = 1;
    const HAP: u64 = 2;
    match (flags, arch) {
        (None, _) => "unknown",
        (Some(_), Arch::Arm64 | Arch::Arm32) => "Arm",
        (Some(flags), _) if flags & HVM == 0 => "PV",
        (Some(flags), _) if flags & HAP == 0 => "HVM/PVH, shadow",
        (Some(_), _) => "HVM/PVH, HAP",
    }
}
