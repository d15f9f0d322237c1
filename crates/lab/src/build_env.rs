//! What every build of Xen's or of its tools' has around it: the compiler, and make's environment.

use crate::error::Error;
use crate::platform;
use crate::run_tool::stdout;
use crate::supervise;
use crate::text;
use xenheap_model::BuildArch;

/// The first lines that compiler and linker print of their versions, as make would use them.
pub(crate) fn compiler(arch: BuildArch) -> Result<String, Error> {
    let mut lines = Vec::new();
    for program in ["gcc", "ld"] {
        let program = format!("{}{program}", platform::of(arch).tools);
        let said = stdout(&program, &["--version"], None)?;
        lines.push(text::escape(said.lines().next().unwrap_or_default().as_bytes()));
    }
    Ok(lines.join("; "))
}

/// The environment of make: nothing that differs from user to user, host to host or day to day.
pub(crate) fn environment(arch: BuildArch) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("PATH", supervise::search_path().to_string_lossy().into_owned()),
        ("LC_ALL", "C".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("XEN_TARGET_ARCH", arch.to_string()),
        ("CROSS_COMPILE", platform::of(arch).tools.to_owned()),
        // To 4.14 the option EXPERT is read from here.
        ("XEN_CONFIG_EXPERT", "y".to_owned()),
        ("XEN_BUILD_DATE", "1970-01-01".to_owned()),
        ("XEN_BUILD_TIME", "00:00:00".to_owned()),
        ("XEN_BUILD_HOST", "lab".to_owned()),
        ("XEN_DOMAIN", "xenheap".to_owned()),
        ("XEN_WHOAMI", "xenheap".to_owned()),
    ];
    if let Ok(place) = std::env::var("TMPDIR") {
        all.push(("TMPDIR", place));
    }
    all
}
