//! What differs between the architectures that Xen is built for and booted on: one table each.

mod arm64;
mod form;
mod x86_64;

pub(crate) use form::{Domus, Platform};

use crate::arch::Arch;

/// What is particular to an architecture.
pub(crate) fn of(arch: Arch) -> &'static Platform {
    match arch {
        Arch::X86_64 => &x86_64::PLATFORM,
        Arch::Arm64 => &arm64::PLATFORM,
    }
}
