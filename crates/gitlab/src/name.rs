//! Names that came from the network, as names of files; and what is worth keeping.

/// Longer names are cut: a file system takes 255 bytes, and something follows.
const LONGEST: usize = 160;

/// A name for a file, of a name that can be anything: letters, digits and `.`, `-`, `_`, `+`, `=`,
/// `,` stay, every other byte becomes `%XX`. It is never empty and never begins with a dot.
pub fn safe_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        let piece = match byte {
            b'.' if at == 0 => "%2E".to_owned(),
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'+' | b'=' | b',' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        if out.len() + piece.len() > LONGEST {
            break;
        }
        out.push_str(&piece);
    }
    if out.is_empty() { "%".to_owned() } else { out }
}

/// What a file of a job's artifacts is, by its name. Others are not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Content {
    /// `*serial*`, `*.log`: may be a console log. Compressed or not.
    Log,
    /// `xen-syms`: an image with symbols.
    Image,
    /// `*config*`: of a build.
    Config,
    /// `*build-id*`: the name of a build.
    BuildId,
}

impl Content {
    /// Judges a path of an archive by its last part.
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next()?.to_ascii_lowercase();
        let bare = [".gz", ".xz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        Some(match bare {
            bare if bare == "xen-syms" || bare.starts_with("xen-syms-") || bare.ends_with(".xen-syms") => {
                Content::Image
            }
            bare if bare.contains("build-id") || bare.contains("build_id") || bare.contains("buildid") => {
                Content::BuildId
            }
            bare if bare.ends_with(".log") || bare.contains("serial") => Content::Log,
            bare if bare.contains("config") => Content::Config,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names() {
        for (name, expected) in [
            ("qemu-smoke-x86-64-gcc-debug", "qemu-smoke-x86-64-gcc-debug"),
            ("build: [a, b] 1/2", "build%3A%20%5Ba,%20b%5D%201%2F2"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("..", "%2E."),
            (".", "%2E"),
            ("", "%"),
            ("\u{1b}[2J", "%1B%5B2J"),
        ] {
            assert_eq!(safe_name(name), expected);
        }
    }

    #[test]
    fn what_is_kept() {
        for (path, expected) in [
            ("smoke.serial", Some(Content::Log)),
            ("logs/qemu-smoke.log.gz", Some(Content::Log)),
            ("binaries/xen-syms", Some(Content::Image)),
            ("binaries/xen-syms.zst", Some(Content::Image)),
            ("binaries/xen-syms.map", None),
            ("xen-config", Some(Content::Config)),
            ("xen/.config", Some(Content::Config)),
            ("build-id", Some(Content::BuildId)),
            ("config.log", Some(Content::Log)),
            ("binaries/xen", None),
            ("serial/", None),
            ("binaries/xen-tools.cpio.gz", None),
        ] {
            assert_eq!(Content::of(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn a_safe_name_is_one_part_of_a_path_and_printable(name in any::<String>()) {
            let safe = safe_name(&name);
            prop_assert!(!safe.is_empty() && safe.len() <= LONGEST && !safe.starts_with('.'));
            prop_assert!(safe.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b'\\'), "{safe}");
        }

        #[test]
        fn different_names_stay_different(a in "[ -~]{0,40}", b in "[ -~]{0,40}") {
            prop_assert_eq!(safe_name(&a) == safe_name(&b), a == b);
        }
    }
}
