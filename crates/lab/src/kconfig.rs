//! Lines of Xen's configuration: what is asked for, what a `.config` has, what there is to ask for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::error::{BuildError, Error};
use crate::platform;
use xenheap_model::BuildArch;

/// Without these a log cannot be read. The first is the recorder.
const REQUIRED: [&str; 3] = ["CONFIG_HEAP_AUDIT", "CONFIG_FRAME_POINTER", "CONFIG_DEBUG_INFO"];

/// Those required options that a `.config` does not set.
pub(crate) fn missing_options(config: &str, recorder: bool) -> Vec<String> {
    REQUIRED
        .into_iter()
        .skip(usize::from(!recorder))
        .filter(|option| !config.lines().any(|line| line.strip_prefix(option) == Some("=y")))
        .map(str::to_owned)
        .collect()
}

/// Name and value of a line such as `CONFIG_NAME=value`.
fn split(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("CONFIG_")?.split_once('=')
}

/// `CONFIG_NAME=value`, as a line of a configuration.
pub(crate) fn is_option(line: &str) -> bool {
    let Some((name, value)) = split(line) else {
        return false;
    };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.is_empty() && name.bytes().all(named) && !value.is_empty() && !value.contains(['\n', '\r'])
}

/// Whether a `.config` has what a line asks for: what is `n` there, is not set.
pub(crate) fn has_option(config: &str, option: &str) -> bool {
    match option.strip_suffix("=n") {
        Some(name) => {
            !config.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
        }
        None => config.lines().any(|line| line == option),
    }
}

/// The architecture that a `.config` says that it is for, if it is another one.
pub(crate) fn other_arch(config: &str, arch: BuildArch) -> Option<BuildArch> {
    let is_for = |arch: &BuildArch| has_option(config, platform::of(*arch).config_sign);
    if is_for(&arch) { None } else { BuildArch::ALL.into_iter().find(is_for) }
}

/// The names of all options that a tree's `Kconfig` files define, without `CONFIG_`.
pub(crate) fn known(xen: &Path) -> Result<BTreeSet<String>, Error> {
    let files = xenheap_facts::build::files(xen, |name| name.starts_with("Kconfig"))
        .map_err(|source| Error::Build(BuildError::Kconfig(Box::new(source))))?;
    let mut names = BTreeSet::new();
    for file in files {
        let path = xen.join(file);
        let text = fs::read(&path).map_err(Error::io("read", &path))?;
        names.extend(String::from_utf8_lossy(&text).lines().filter_map(defined).map(str::to_owned));
    }
    Ok(names)
}

/// The name that a line of a `Kconfig` file defines.
fn defined(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    matches!(words.next(), Some("config" | "menuconfig")).then(|| words.next()).flatten()
}

/// Whether what a line sets is among those names.
pub(crate) fn is_known(line: &str, names: &BTreeSet<String>) -> bool {
    split(line).is_some_and(|(name, _)| names.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_lines_of_a_configuration() {
        for good in ["CONFIG_DEBUG=y", "CONFIG_XEN_IBT=n", "CONFIG_NR_CPUS=8", "CONFIG_CMDLINE=\"a=b\""] {
            assert!(is_option(good), "{good}");
        }
        for bad in [
            "DEBUG=y",
            "CONFIG_=y",
            "CONFIG_DEBUG",
            "CONFIG_DEBUG=",
            "CONFIG_A-B=y",
            "CONFIG_A=y\nCONFIG_B=y",
        ] {
            assert!(!is_option(bad), "{bad}");
        }
        let config = "CONFIG_DEBUG=y\nCONFIG_NR_CPUS=64\n# CONFIG_XEN_IBT is not set\n";
        assert!(has_option(config, "CONFIG_DEBUG=y") && has_option(config, "CONFIG_XEN_IBT=n"));
        assert!(has_option(config, "CONFIG_NOT_KNOWN=n") && has_option(config, "CONFIG_NR=n"));
        assert!(!has_option(config, "CONFIG_DEBUG=n") && !has_option(config, "CONFIG_NR_CPUS=6"));
    }

    #[test]
    fn what_can_be_asked_for_stands_in_the_tree() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("common"))?;
        fs::write(folder.path().join("Kconfig.debug"), "config DEBUG\n\tbool \"config OTHER\"\n")?;
        fs::write(folder.path().join("common/Kconfig"), "if X\n  menuconfig HVM # all of it\nendif\n")?;
        fs::write(folder.path().join("common/README"), "config NOT_READ\n")?;
        let names = known(folder.path())?;
        assert_eq!(names.iter().collect::<Vec<_>>(), ["DEBUG", "HVM"]);
        assert!(is_known("CONFIG_HVM=n", &names) && is_known("CONFIG_DEBUG=y", &names));
        assert!(!is_known("CONFIG_SYSCTL=n", &names) && !is_known("HVM", &names));
        Ok(())
    }

    #[test]
    fn a_configuration_says_what_it_is_for() {
        let config = "CONFIG_X86_64=y\nCONFIG_PV=y\n";
        assert_eq!(other_arch(config, BuildArch::X86_64), None);
        assert_eq!(other_arch(config, BuildArch::Arm64), Some(BuildArch::X86_64));
        assert_eq!(
            other_arch("CONFIG_64BIT=y\nCONFIG_ARM_64=y\n", BuildArch::X86_64),
            Some(BuildArch::Arm64)
        );
        // A few lines for `make olddefconfig` to complete.
        assert_eq!(other_arch("CONFIG_SYSCTL=n\n", BuildArch::Arm64), None);
    }

    #[test]
    fn a_configuration_must_have_all_three() {
        let good = "# comment\nCONFIG_HEAP_AUDIT=y\nCONFIG_FRAME_POINTER=y\nCONFIG_DEBUG_INFO=y\n";
        assert_eq!(missing_options(good, true), Vec::<String>::new());
        assert_eq!(
            missing_options(
                "CONFIG_HEAP_AUDIT=y\n# CONFIG_FRAME_POINTER is not set\nCONFIG_DEBUG_INFO=yes\n",
                true
            ),
            ["CONFIG_FRAME_POINTER", "CONFIG_DEBUG_INFO"]
        );
        assert_eq!(missing_options("", true).len(), 3);
        assert_eq!(missing_options(&good.replace("CONFIG_H", " CONFIG_H"), true), ["CONFIG_HEAP_AUDIT"]);
        assert_eq!(missing_options(&good.replace("CONFIG_H", "# CONFIG_H"), false), Vec::<String>::new());
        assert_eq!(missing_options("", false).len(), 2);
    }
}
