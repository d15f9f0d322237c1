//! What Xen's ordinary messages say of the machine.

use xenheap_model::Arch;

use crate::record::XenSays;

/// How many lines behind `Xen version` are looked at for what only one architecture prints.
pub(crate) const BOOT_LINES: u32 = 1000;
/// What Xen says first.
pub(crate) const VERSION: &[u8] = b"Xen version ";
/// What it says second.
pub(crate) const BUILD_ID: &[u8] = b"build-id: ";

/// What `message`, a line of Xen's without its prefix, says; at most two things.
pub(crate) fn of_message(message: &[u8]) -> impl Iterator<Item = XenSays<'_>> {
    let said = if let Some(rest) = message.strip_prefix(VERSION) {
        [word(rest).map(XenSays::Version), compiler_arch(rest).map(XenSays::Arch)]
    } else if let Some(rest) = message.strip_prefix(BUILD_ID) {
        let id = word(rest).filter(|id| id.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        [id.map(XenSays::BuildId), None]
    } else {
        [boot_arch(message).map(XenSays::Arch), None]
    };
    said.into_iter().flatten()
}

/// The first word, if it is fit to be shown.
fn word(text: &[u8]) -> Option<&str> {
    let word = text.split(|&byte| byte == b' ').next()?;
    let fit = !word.is_empty() && word.len() <= 64 && word.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(word).ok().filter(|_| fit)
}

/// The banner names the compiler, often with its target.
fn compiler_arch(banner: &[u8]) -> Option<Arch> {
    let has = |name: &str| memchr::memmem::find(banner, name.as_bytes()).is_some();
    if has("x86_64-") {
        Some(Arch::X86_64)
    } else if has("aarch64-") {
        Some(Arch::Arm64)
    } else if has("arm-linux-gnueabi") {
        Some(Arch::Arm32)
    } else {
        None
    }
}

/// Messages of each boot of one architecture, from 4.14 on.
fn boot_arch(message: &[u8]) -> Option<Arch> {
    const ONLY: [(&[u8], Arch); 6] = [
        (b"Xen-e820 RAM map:", Arch::X86_64),
        (b"EFI RAM map:", Arch::X86_64),
        (b"Video information:", Arch::X86_64),
        (b"CPU Vendor: ", Arch::X86_64),
        (b"64-bit Execution:", Arch::Arm64),
        (b"arm64: ", Arch::Arm64),
    ];
    ONLY.into_iter().find(|(text, _)| message.starts_with(text)).map(|(_, arch)| arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str) -> Vec<XenSays<'_>> {
        of_message(message.as_bytes()).collect()
    }

    #[test]
    fn banners() {
        assert_eq!(
            said("Xen version 4.17.5 (Debian 4.17.5-1) (x@y) (x86_64-linux-gnu-gcc (Debian) 12.2.0) debug=n"),
            [XenSays::Version("4.17.5"), XenSays::Arch(Arch::X86_64)]
        );
        assert_eq!(said("Xen version 4.17.5 (Debian) debug=y"), [XenSays::Version("4.17.5")]);
        assert_eq!(said("build-id: 0123456789abcdef"), [XenSays::BuildId("0123456789abcdef")]);
        assert_eq!(said("build-id: \u{1b}[31mx"), []);
        assert_eq!(said("64-bit Execution:"), [XenSays::Arch(Arch::Arm64)]);
        assert_eq!(said("Xen version \u{7f}"), []);
    }
}
