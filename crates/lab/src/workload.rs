//! What dom0 does once it is up.
//!
//! A workload is one shell script. Its lines that begin with `#:` are its header, in TOML: what the
//! machine needs. The scripts in `workloads/` are built in under their names; any other can be
//! named by its path.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use crate::domu::Domu;
use crate::error::{Error, WorkloadError};
use crate::platform;
use xenheap_model::BuildArch;

include!(concat!(env!("OUT_DIR"), "/workloads.rs"));

/// A checked workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// Its name: the file's, without `.sh`.
    pub(crate) name: String,
    /// One line for people.
    pub(crate) summary: String,
    /// How long the machine may run, without what each cycle adds.
    pub(crate) timeout: Duration,
    /// The machine's memory: a number with `M` or `G` behind it.
    pub(crate) memory: String,
    /// How many CPUs the machine has, from 1.
    pub(crate) cpus: u8,
    /// Further arguments for Xen, each one word.
    pub(crate) xen: Vec<String>,
    /// Further arguments for dom0's kernel, each one word.
    pub(crate) linux: Vec<String>,
    /// Whether there is a dom0.
    pub(crate) dom0: bool,
    /// The guests that Xen starts by itself.
    pub(crate) domus: Vec<Domu>,
    /// When a machine without dom0 has done its work.
    pub(crate) until: Until,
    /// Whether dom0 has guests: it gets Xen's toolstack, and a kernel and a small system for them.
    pub(crate) guests: bool,
    /// Whether dom0 can have HVM guests: it gets QEMU too.
    pub(crate) device_model: bool,
    /// Which of the lab's own programs its guests have, besides those that the user gives.
    pub(crate) guest_programs: Vec<String>,
    /// How much longer the machine may run for each of its `cycles`.
    pub(crate) cycle_timeout: Duration,
    /// What can be chosen from outside, with the values that the script will find.
    pub parameters: BTreeMap<String, String>,
    /// The whole file, with its header.
    pub(crate) script: String,
}

/// When a machine without dom0 has done its work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Until {
    /// When each guest has ended its part of the workload.
    #[default]
    Marks,
    /// When its time is up.
    Time,
}

/// Guests that Xen starts: so many usual ones, or each by itself.
#[derive(Deserialize)]
#[serde(untagged)]
enum Domus {
    Count(u8),
    List(Vec<Domu>),
}

impl Default for Domus {
    fn default() -> Self {
        Self::Count(0)
    }
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    summary: String,
    timeout: u64,
    memory: String,
    cpus: u8,
    #[serde(default)]
    xen: Vec<String>,
    #[serde(default)]
    linux: Vec<String>,
    #[serde(default = "yes")]
    dom0: bool,
    #[serde(default)]
    domus: Domus,
    #[serde(default)]
    until: Until,
    #[serde(default)]
    guests: bool,
    #[serde(default)]
    device_model: bool,
    #[serde(default)]
    guest_programs: Vec<String>,
    #[serde(default)]
    cycle_timeout: u64,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// The most guests that Xen starts.
const MOST_DOMUS: usize = 16;

/// The parameter that says how often a workload does what it does.
pub const CYCLES: &str = "cycles";

impl Workload {
    /// The names of the built-in ones.
    pub(crate) fn built_in() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// A built-in workload, or, if there is a `/` in what is given, the script at that path.
    pub(crate) fn load(given: &str) -> Result<Self, Error> {
        if given.contains('/') {
            let path = Path::new(given);
            let script = fs::read_to_string(path).map_err(Error::io("read", path))?;
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            return Self::parse(&name.unwrap_or_default(), &script);
        }
        match BUILT_IN.iter().find(|(name, _)| *name == given) {
            Some((name, script)) => Self::parse(name, script),
            None => Err(Error::Workload(WorkloadError::UnknownWorkload {
                given: crate::text::escape(given.as_bytes()),
                known: Self::built_in().map(str::to_owned).collect(),
            })),
        }
    }

    /// Reads a script with its header.
    pub(crate) fn parse(name: &str, script: &str) -> Result<Self, Error> {
        let fail = |reason: String| {
            Error::Workload(WorkloadError::Header { workload: crate::text::escape(name.as_bytes()), reason })
        };
        // Lines that are not the header's stay, empty, so that a message has the script's line
        // numbers.
        let header: String = script
            .lines()
            .map(|line| line.strip_prefix("#:").unwrap_or_default().to_owned() + "\n")
            .collect();
        let header: Header = toml::from_str(&header)
            .map_err(|error| fail(format!("in the header (lines beginning with `#:`): {error}")))?;
        if header.timeout == 0 || header.cpus == 0 {
            return Err(fail("`timeout` and `cpus` must not be 0".to_owned()));
        }
        if !is_memory(&header.memory) {
            return Err(fail(format!(
                "`memory` must be a number with M or G behind it, such as 2G, not `{}`",
                crate::text::escape(header.memory.as_bytes())
            )));
        }
        if header.xen.iter().chain(&header.linux).any(|argument| !is_argument(argument)) {
            return Err(fail(
                "an argument of `xen` and `linux` must be one word of printable ASCII".to_owned(),
            ));
        }
        for (parameter, value) in &header.parameters {
            if !is_name(parameter) {
                return Err(fail(format!(
                    "a parameter's name must be of small letters, digits and `_`, not `{}`",
                    crate::text::escape(parameter.as_bytes())
                )));
            }
            check_value(parameter, value)?;
        }
        let domus = match header.domus {
            Domus::Count(count) => vec![Domu::default(); usize::from(count)],
            Domus::List(list) => list,
        };
        if domus.len() > MOST_DOMUS || domus.iter().any(|domu| !is_memory(&domu.memory) || domu.cpus == 0) {
            return Err(fail(format!(
                "`domus` must be a number up to {MOST_DOMUS}, or a list like [{{ memory = \"64M\", cpus = 1 }}]"
            )));
        }
        if !header.dom0 && header.guests {
            return Err(fail("`guests` are those of a dom0; without one there are `domus`".to_owned()));
        }
        if header.dom0 && header.until != Until::Marks {
            return Err(fail("`until` is for `dom0 = false`: a dom0 powers off when it is done".to_owned()));
        }
        if header.device_model && !header.guests {
            return Err(fail("`device_model` is for `guests`".to_owned()));
        }
        if !header.guest_programs.is_empty() && !header.guests {
            return Err(fail("`guest_programs` are for `guests`".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            summary: header.summary,
            timeout: Duration::from_secs(header.timeout),
            memory: header.memory,
            cpus: header.cpus,
            xen: header.xen,
            linux: header.linux,
            dom0: header.dom0,
            domus,
            until: header.until,
            guests: header.guests,
            device_model: header.device_model,
            guest_programs: header.guest_programs,
            cycle_timeout: Duration::from_secs(header.cycle_timeout),
            parameters: header.parameters,
            script: script.to_owned(),
        })
    }

    /// Whether a machine of that kind can do it.
    pub(crate) fn check(&self, arch: BuildArch) -> Result<(), Error> {
        if (!self.dom0 || !self.domus.is_empty()) && platform::of(arch).domus.is_none() {
            return Err(Error::Workload(WorkloadError::NoDomus {
                workload: crate::text::escape(self.name.as_bytes()),
                arch: arch.as_str(),
            }));
        }
        if self.guests && arch != BuildArch::X86_64 {
            return Err(Error::Workload(WorkloadError::NoGuests {
                workload: crate::text::escape(self.name.as_bytes()),
                arch: arch.as_str(),
            }));
        }
        Ok(())
    }

    /// Gives a parameter another value than the header's.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let Some(old) = self.parameters.get_mut(name) else {
            return Err(Error::Workload(WorkloadError::UnknownParameter {
                workload: crate::text::escape(self.name.as_bytes()),
                given: crate::text::escape(name.as_bytes()),
                known: self.parameters.keys().cloned().collect(),
            }));
        };
        check_value(name, value)?;
        if name == CYCLES && !value.parse::<u32>().is_ok_and(|number| number > 0) {
            return Err(Error::Workload(WorkloadError::ParameterValue {
                name: name.to_owned(),
                given: crate::text::escape(value.as_bytes()),
            }));
        }
        value.clone_into(old);
        Ok(())
    }

    /// How long the machine may run.
    pub(crate) fn limit(&self) -> Duration {
        let cycles = self.parameters.get(CYCLES).and_then(|value| value.parse().ok()).unwrap_or(0);
        self.timeout.saturating_add(self.cycle_timeout.saturating_mul(cycles))
    }

    /// The parameters as lines of a shell script.
    pub(crate) fn assignments(&self) -> String {
        self.parameters.iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// SHA-256 of the script, in lower-case hex.
    pub fn sha256(&self) -> String {
        crate::hash::bytes(self.script.as_bytes())
    }
}

/// Whether QEMU takes it as a size of memory.
fn is_memory(text: &str) -> bool {
    text.strip_suffix(['M', 'G']).is_some_and(|number| {
        (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether it can stand on a command line of Xen's or Linux' as one argument.
pub(crate) fn is_argument(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whether it can be a variable of the script's, and none that the shell knows: those are in
/// capitals.
fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A value is a word that means nothing but itself to a shell and to `xl`.
fn check_value(name: &str, value: &str) -> Result<(), Error> {
    let plain = !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:,+".contains(&byte));
    if plain {
        return Ok(());
    }
    Err(Error::Workload(WorkloadError::ParameterValue {
        name: name.to_owned(),
        given: crate::text::escape(value.as_bytes()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_workload_is_good() {
        let names: Vec<_> = Workload::built_in().collect();
        assert!(names.contains(&"boot"), "{names:?}");
        for name in names {
            let workload = Workload::load(name);
            assert!(workload.as_ref().is_ok_and(|workload| workload.name == name), "{workload:?}");
        }
    }

    #[test]
    fn a_script_may_lie_anywhere() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("mine.sh");
        fs::write(
            &path,
            "#!/bin/sh\n#: summary = \"s\"\n#: timeout = 9\n# a comment\n#: memory = \"512M\"\n#: cpus = 1\n#: xen = [\"dom0_mem=256M\"]\ntrue\n",
        )?;
        let workload = Workload::load(&path.display().to_string())?;
        assert_eq!(workload.name, "mine");
        assert_eq!(workload.timeout, Duration::from_secs(9));
        assert_eq!(workload.xen, ["dom0_mem=256M"]);
        assert_eq!(workload.linux, Vec::<String>::new());
        Ok(())
    }

    #[test]
    fn guests_of_xen_s_own_need_a_xen_that_starts_some() -> Result<(), Error> {
        let workload = Workload::load("dom0less")?;
        assert_eq!(workload.domus, [Domu { memory: "256M".to_owned(), cpus: 1 }]);
        assert_eq!(workload.domus.first().map(Domu::kib), Some(256 << 10));
        workload.check(BuildArch::Arm64)?;
        let error = workload.check(BuildArch::X86_64).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|text| text.ends_with("use --arch arm64")), "{error:?}");
        Workload::load("boot")?.check(BuildArch::X86_64)
    }

    #[test]
    fn a_machine_may_have_no_dom0() -> Result<(), Error> {
        let script = "#: summary = \"s\"\n#: timeout = 9\n#: memory = \"1G\"\n#: cpus = 1\n#: dom0 = false\n\
            #: until = \"time\"\n#: domus = [{ memory = \"1G\", cpus = 2 }, {}]\n";
        let workload = Workload::parse("w", script)?;
        assert_eq!((workload.dom0, workload.until), (false, Until::Time));
        assert_eq!(workload.domus, [Domu { memory: "1G".to_owned(), cpus: 2 }, Domu::default()]);
        assert_eq!(workload.domus.iter().map(Domu::kib).collect::<Vec<_>>(), [1 << 20, 256 << 10]);
        assert!(Workload::load("boot")?.dom0);
        assert!(workload.check(BuildArch::X86_64).is_err());
        workload.check(BuildArch::Arm64)
    }

    #[test]
    fn a_bad_one_says_what_and_where() {
        let whole = "#: summary = \"s\"\n#: timeout = 9\n#: memory = \"1G\"\n#: cpus = 1\n";
        assert!(Workload::parse("w", whole).is_ok());
        for (from, to, says) in [
            ("#: cpus = 1\n", "", "missing field `cpus`"),
            ("timeout = 9", "timeout = nine", "line 2"),
            ("timeout = 9", "timeout = 0", "must not be 0"),
            ("\"1G\"", "\"1G,x\"", "such as 2G"),
            ("\"1G\"", "\"G\"", "such as 2G"),
            ("cpus = 1", "cpus = 1\n#: xen = [\"a b\"]", "one word"),
            ("cpus = 1", "cpus = 1\n#: color = 1", "unknown field `color`"),
            ("cpus = 1", "cpus = 1\n#: device_model = true", "is for `guests`"),
            ("cpus = 1", "cpus = 1\n#: guest_programs = [\"stress\"]", "are for `guests`"),
            ("cpus = 1", "cpus = 1\n#: dom0 = false\n#: guests = true", "without one there are `domus`"),
            ("cpus = 1", "cpus = 1\n#: until = \"time\"", "is for `dom0 = false`"),
            ("cpus = 1", "cpus = 1\n#: domus = 17", "up to 16"),
            ("cpus = 1", "cpus = 1\n#: domus = [{ memory = \"64\" }]", "like [{ memory"),
            ("cpus = 1", "cpus = 1\n#: domus = [{ cpus = 0 }]", "like [{ memory"),
            ("cpus = 1", "cpus = 1\n#: parameters = { PATH = \"x\" }", "small letters"),
        ] {
            let error = Workload::parse("w", &whole.replace(from, to)).err();
            let text = error.map(|error| error.to_string()).unwrap_or_default();
            assert!(text.starts_with("workload w: ") && text.contains(says), "{says}: {text}");
        }
        let unknown = Workload::load("nothing").err().map(|error| error.to_string());
        assert!(unknown.as_ref().is_some_and(|text| text.contains("use one of boot")), "{unknown:?}");
    }

    #[test]
    fn parameters_are_those_of_the_header() -> Result<(), Error> {
        let script = "#: summary = \"s\"\n#: timeout = 100\n#: memory = \"1G\"\n#: cpus = 1\n#: cycle_timeout = 10\n\
            #: [parameters]\n#: type = \"pv\"\n#: cycles = \"5\"\n";
        let mut workload = Workload::parse("w", script)?;
        assert_eq!(workload.assignments(), "cycles=5\ntype=pv\n");
        assert_eq!(workload.limit(), Duration::from_secs(150));
        workload.set("cycles", "20")?;
        workload.set("type", "pvh")?;
        assert_eq!(workload.assignments(), "cycles=20\ntype=pvh\n");
        assert_eq!(workload.limit(), Duration::from_secs(300));
        let said =
            |outcome: Result<(), Error>| outcome.err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(
            said(workload.set("typ", "pv")),
            "the workload w has no parameter `typ`, only cycles, type"
        );
        for bad in ["", "a b", "$(reboot)", "a\nb", "'", "\u{e9}"] {
            assert!(said(workload.set("type", bad)).contains("must be one word"), "{bad:?}");
        }
        assert!(workload.set("cycles", "0").is_err());
        assert!(workload.set("cycles", "many").is_err());
        assert!(Workload::parse("w", &script.replace("\"pv\"", "\"p v\"")).is_err());
        Ok(())
    }
}
