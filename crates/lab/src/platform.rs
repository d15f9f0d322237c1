//! What differs between the architectures that Xen is built for and booted on: one table each.

mod arm64;
mod form;
mod x86_64;

pub(crate) use form::{Domus, Platform};

use xenheap_model::BuildArch;

/// What is particular to an architecture.
pub(crate) fn of(arch: BuildArch) -> &'static Platform {
    match arch {
        BuildArch::X86_64 => &x86_64::PLATFORM,
        BuildArch::Arm64 => &arm64::PLATFORM,
    }
}
