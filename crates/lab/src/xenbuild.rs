//! Building a Xen, instrumented or as it is, or finding the one that was built before.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use xenheap_facts::build::ARCHIVE;
use xenheap_recorder::{LocalChanges, Tree};

use crate::arch::Arch;
use crate::cache::{self, Cache};
use crate::error::{BuildError, Error, SourceError};
use crate::git::GitFacts;
use crate::hash;
use crate::kconfig;
use crate::logged;
use crate::progress::{Progress, Stage};
use crate::run_tool::stdout;
use crate::source::{self, Origin};
use crate::supervise::{self, Job, describe};
use crate::text;

/// Added to the configuration of a tree. `HEAP_AUDIT` selects `FRAME_POINTER`; `DEBUG` stays what
/// the tree has.
const CONFIG: &str = "CONFIG_EXPERT=y\nCONFIG_DEBUG_INFO=y\nCONFIG_HEAP_AUDIT=y\n";

/// The same without the recorder: nothing but the recorder shall differ.
const PLAIN_CONFIG: &str = "CONFIG_EXPERT=y\nCONFIG_DEBUG_INFO=y\nCONFIG_FRAME_POINTER=y\n";

/// Added to the compiler's flags. For Xens that are older than the compiler: it has warnings they
/// do not know, which stay in the log. And what the compiler knows of calls is written down,
/// always, so that a run and its call graph are of one build.
const FLAGS: &str = "-Wno-error -fcallgraph-info=su -fdump-tree-gimple-lineno";

/// Where the sources seem to lie, for debug information: where they do lie would make each build
/// different.
const SOURCE_PLACE: &str = "/usr/src/xen";

/// A tree's configuration.
const TREE_CONFIG: &str = "xen/.config";

/// Changed when builds made by an older version of this file are not to be used any more.
const SCHEMA: u32 = 2;

/// A finished build in the cache.
#[derive(Debug, Clone)]
pub struct Build {
    folder: PathBuf,
    /// What it was made from.
    pub facts: BuildFacts,
}

/// What a build was made from, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildFacts {
    /// Version of this form.
    pub schema: u32,
    /// Hash over everything that went in.
    pub key: String,
    /// What it is built for. Builds of before there was a choice do not say.
    #[serde(default)]
    pub architecture: Arch,
    /// The source as it was named.
    pub source: String,
    /// The Debian version, for a pinned source.
    pub debian_version: Option<String>,
    /// The version that is pinned, if no mirror has it any more and another had to be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_version: Option<String>,
    /// The commit, for a revision in a git repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitFacts>,
    /// Xen's own version, as its makefile says it.
    pub xen_version: String,
    /// SHA-256 of the source archive, or of the content of the tree.
    pub source_sha256: String,
    /// Which recorder is in it, if one is.
    pub recorder: Option<String>,
    /// Compiler and linker.
    pub compiler: String,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many lines make printed.
    pub log_lines: usize,
    /// SHA-256 of `xen`.
    pub xen_sha256: String,
    /// SHA-256 of `xen-syms`.
    pub xen_syms_sha256: String,
    /// SHA-256 of `config`.
    pub config_sha256: String,
    /// Whether it is configured by the tree's own `.config`; else by its defaults.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tree_config: bool,
    /// What the user added to the configuration.
    #[serde(default)]
    pub options: Vec<String>,
    /// SHA-256 of the archive of what the compiler knew of calls. Builds of before it was kept have
    /// none.
    #[serde(default)]
    pub analysis_sha256: Option<String>,
}

impl Build {
    /// The bootable image, not compressed: QEMU refuses the compressed one.
    pub fn xen(&self) -> PathBuf {
        self.folder.join("xen")
    }

    /// The same with symbols and debug information.
    pub fn xen_syms(&self) -> PathBuf {
        self.folder.join("xen-syms")
    }

    /// The final `.config`.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config")
    }

    /// Where all this lies, with what the compiler knew of calls: `xenheap-facts` reads it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All that make printed.
    pub fn log(&self) -> PathBuf {
        self.folder.join("build.log")
    }

    /// Opens a kept build, if it is whole.
    fn open(folder: PathBuf) -> Option<Self> {
        let text = fs::read(folder.join("build.json")).ok()?;
        let facts: BuildFacts = serde_json::from_slice(&text).ok()?;
        let build = Self { folder, facts };
        let archive = build.folder.join(ARCHIVE);
        let whole = build.facts.schema == SCHEMA
            && build.facts.analysis_sha256.is_some()
            && hash::file(&archive).ok() == build.facts.analysis_sha256
            && [
                (build.xen(), &build.facts.xen_sha256),
                (build.xen_syms(), &build.facts.xen_syms_sha256),
                (build.config(), &build.facts.config_sha256),
            ]
            .iter()
            .all(|(path, wanted)| hash::file(path).is_ok_and(|found| found == **wanted));
        whole.then_some(build)
    }

    /// The same with where its source came from this time: one build serves all sources of the same
    /// content.
    fn of(mut self, origin: &Origin) -> Self {
        let facts = &mut self.facts;
        facts.source = origin.name();
        (facts.debian_version, facts.pinned_version, facts.git) = match origin {
            Origin::Archive { pin, instead_of, .. } => (Some(pin.version.clone()), instead_of.clone(), None),
            Origin::Tree { .. } => (None, None, None),
            Origin::Git { facts, .. } => (None, None, Some(facts.clone())),
        };
        self
    }
}

/// What a source is made into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildConfig {
    /// What it is built for.
    pub arch: Arch,
    /// Whether the recorder goes in.
    pub recorder: bool,
    /// Lines for the configuration, such as `CONFIG_DEBUG=y`.
    pub options: Vec<String>,
    /// How many compilers run at once.
    pub jobs: usize,
}

/// The same, with all that it depends on.
struct Recipe {
    arch: Arch,
    /// Whether the tree's own `.config` is taken, else its defaults.
    tree_config: bool,
    options: Vec<String>,
    /// Which recorder goes in, if one does.
    recorder: Option<String>,
    /// What compiler and linker say of themselves.
    compiler: String,
}

impl Recipe {
    fn new(config: &BuildConfig) -> Result<Self, Error> {
        let arch = config.arch;
        let recorder = config.recorder.then(xenheap_recorder::recorder_id);
        for option in &config.options {
            if !kconfig::is_option(option) {
                return Err(Error::Build(BuildError::NoOption { given: text::escape(option.as_bytes()) }));
            }
        }
        let options = config.options.clone();
        Ok(Self { arch, tree_config: false, options, recorder, compiler: compiler(arch)? })
    }

    /// What is added to the tree's configuration: to one of the user's no more than what is needed
    /// and asked for.
    fn config(&self) -> String {
        let config = if self.recorder.is_some() { CONFIG } else { PLAIN_CONFIG };
        let usual = if self.tree_config { "" } else { self.arch.platform().config };
        let options = self.options.iter().map(|option| format!("{option}\n")).collect::<String>();
        config.to_owned() + usual + &options
    }

    /// The key of the build.
    fn key(&self, source_sha256: &str) -> String {
        hash::key(&[
            ("schema", &SCHEMA.to_string()),
            ("architecture", &self.arch.to_string()),
            ("source", source_sha256),
            ("config", &self.config()),
            ("flags", &flags(self.arch)),
            ("recorder", self.recorder.as_deref().unwrap_or("none")),
            ("compiler", &self.compiler),
        ])
    }
}

/// A copy of a source that may be changed, in the cache.
#[derive(Debug)]
struct Prepared {
    root: PathBuf,
    sha256: String,
}

/// Builds a Xen from that source, unless there is such a build.
pub fn build(
    cache: &Cache,
    origin: &Origin,
    config: &BuildConfig,
    progress: &dyn Progress,
) -> Result<Build, Error> {
    let mut recipe = Recipe::new(config)?;
    let jobs = config.jobs;
    let built = match origin {
        Origin::Archive { pin, path, .. } => {
            let key = recipe.key(&pin.sha256);
            let _lock = cache.lock(&format!("build-{key}"), Stage::Build, progress)?;
            if let Some(build) = reuse(cache, &key, progress)? {
                return Ok(build.of(origin));
            }
            progress.start(Stage::Instrument, "unpacking the source");
            let work = cache.work_folder(&format!("build-{key}"))?;
            let root = work.join("tree");
            source::unpack(path, source::HYPERVISOR, &root)?;
            let copy = Prepared { root, sha256: pin.sha256.clone() };
            make_build(cache, origin, &copy, &key, &recipe, jobs, progress)?
        }
        Origin::Tree { path } | Origin::Git { path, .. } => {
            progress.start(Stage::Instrument, "copying the source");
            // What the copy holds decides which build it is; until then it is named after where it
            // comes from.
            let name = format!("copy-{}", hash::key(&[("path", &path.to_string_lossy())]));
            let _copy_lock = cache.lock(&name, Stage::Instrument, progress)?;
            let copied = cache.work_folder(&name)?;
            copy_tree(path, &copied, &mut recipe, progress)?;
            let sha256 = hash::tree(&copied)?;
            let key = recipe.key(&sha256);
            let _lock = cache.lock(&format!("build-{key}"), Stage::Build, progress)?;
            if let Some(build) = reuse(cache, &key, progress)? {
                cache::remove_tree(&copied)?;
                return Ok(build.of(origin));
            }
            let root = cache.work_folder(&format!("build-{key}"))?.join("tree");
            fs::rename(&copied, &root).map_err(Error::io("move", &copied))?;
            let copy = Prepared { root, sha256 };
            make_build(cache, origin, &copy, &key, &recipe, jobs, progress)?
        }
    };
    Ok(built.of(origin))
}

/// Copies a tree without what builds have left in it, but with its own configuration if that is for
/// the same architecture.
fn copy_tree(from: &Path, to: &Path, recipe: &mut Recipe, progress: &dyn Progress) -> Result<(), Error> {
    let own = from.join(TREE_CONFIG);
    let config = match fs::read_to_string(&own) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        text => Some(text.map_err(Error::io("read", &own))?),
    };
    if source::copy(from, source::HYPERVISOR, to)? {
        clean(recipe.arch, to)?;
    }
    remove_analysis(to)?;
    let Some(config) = config else { return Ok(()) };
    if let Some(other) = kconfig::other_arch(&config, recipe.arch) {
        progress.note(Stage::Instrument, &format!("the tree's own .config is for {other}: not taken"));
        return Ok(());
    }
    progress.note(Stage::Instrument, "configured by the tree's own .config");
    recipe.tree_config = true;
    let place = to.join(TREE_CONFIG);
    fs::write(&place, config).map_err(Error::io("write", &place))
}

fn reuse(cache: &Cache, key: &str, progress: &dyn Progress) -> Result<Option<Build>, Error> {
    let folder = cache.folder("builds")?.join(key);
    let build = Build::open(folder.clone());
    if build.is_some() {
        progress.start(Stage::Instrument, "looking for an earlier build");
        progress.finish(Stage::Instrument, "done before");
        progress.start(Stage::Build, "looking for an earlier build");
        progress.finish(Stage::Build, "kept from an earlier run");
    } else {
        // Whatever it is, it is not whole.
        cache::remove_tree(&folder)?;
    }
    Ok(build)
}

/// Puts the recorder into a copy of a tree, or takes out what is there of it. Returns Xen's
/// version.
pub fn instrument(root: &Path, source_name: &str, recorder: bool) -> Result<String, Error> {
    let fail = |source: xenheap_recorder::Error| {
        Error::Source(SourceError::Recorder { source_name: source_name.to_owned(), source: Box::new(source) })
    };
    let tree = Tree::open(root).map_err(fail)?;
    let plan = xenheap_recorder::plan(&tree).map_err(fail)?;
    let done = if recorder { plan.apply(LocalChanges::Keep) } else { plan.undo(LocalChanges::Keep) };
    done.map_err(fail)?;
    Ok(tree.version().to_string())
}

fn make_build(
    cache: &Cache,
    origin: &Origin,
    copy: &Prepared,
    key: &str,
    recipe: &Recipe,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Build, Error> {
    let work = copy.root.parent().unwrap_or(&copy.root);
    let built = try_build(cache, origin, copy, key, recipe, jobs, progress);
    // A tree with its objects is large, and of no use to the next attempt; what it says is kept
    // elsewhere.
    let removed = cache::remove_tree(work);
    let build = built?;
    removed?;
    Ok(build)
}

fn try_build(
    cache: &Cache,
    origin: &Origin,
    copy: &Prepared,
    key: &str,
    recipe: &Recipe,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Build, Error> {
    let recorder = recipe.recorder.is_some();
    progress
        .line(Stage::Instrument, if recorder { "putting the recorder in" } else { "without the recorder" });
    let xen_version = instrument(&copy.root, &origin.name(), recorder)?;
    progress.finish(Stage::Instrument, &format!("Xen {xen_version}"));

    progress.start(Stage::Build, &format!("building Xen {xen_version} with {jobs} jobs"));
    let start = Instant::now();
    let work = copy.root.parent().unwrap_or(&copy.root).to_path_buf();
    let log = work.join("build.log");
    let maker = Maker { cache, key, recipe, root: &copy.root, log: &log, jobs, progress };
    maker.configure()?;
    let log_lines = maker.make("xen", &[])?;
    maker.check_config()?;
    let seconds = start.elapsed().as_secs_f64();

    let result = work.join("result");
    fs::create_dir_all(&result).map_err(Error::io("make the folder", &result))?;
    for (from, to) in [("xen", "xen"), ("xen-syms", "xen-syms"), (".config", "config")] {
        let from = copy.root.join("xen").join(from);
        fs::copy(&from, result.join(to)).map_err(Error::io("copy", &from))?;
    }
    fs::copy(&log, result.join("build.log")).map_err(Error::io("copy", &log))?;
    let archive = result.join(ARCHIVE);
    let out = File::create(&archive).map_err(Error::io("make", &archive))?;
    xenheap_facts::build::pack(&copy.root.join("xen"), out)
        .map_err(|source| Error::Build(BuildError::Analysis(Box::new(source))))?;
    let facts = BuildFacts {
        schema: SCHEMA,
        key: key.to_owned(),
        architecture: recipe.arch,
        source: origin.name(),
        debian_version: None,
        pinned_version: None,
        git: None,
        xen_version,
        source_sha256: copy.sha256.clone(),
        recorder: recipe.recorder.clone(),
        compiler: recipe.compiler.clone(),
        seconds,
        log_lines,
        xen_sha256: hash::file(&result.join("xen"))?,
        xen_syms_sha256: hash::file(&result.join("xen-syms"))?,
        config_sha256: hash::file(&result.join("config"))?,
        tree_config: recipe.tree_config,
        options: recipe.options.clone(),
        analysis_sha256: Some(hash::file(&archive)?),
    };
    crate::cache::write_json(&result.join("build.json"), &facts)?;
    let folder = cache.folder("builds")?.join(key);
    fs::rename(&result, &folder).map_err(Error::io("move", &result))?;
    progress.finish(Stage::Build, &format!("built in {seconds:.0} s"));
    Ok(Build { folder, facts })
}

/// Which compiler and linker make would use.
pub(crate) fn compiler(arch: Arch) -> Result<String, Error> {
    let mut lines = Vec::new();
    for program in ["gcc", "ld"] {
        let program = format!("{}{program}", arch.platform().tools);
        let said = stdout(&program, &["--version"], None)?;
        lines.push(text::escape(said.lines().next().unwrap_or_default().as_bytes()));
    }
    Ok(lines.join("; "))
}

/// Removes what builds have left in a copy. The tree knows best what that is.
fn clean(arch: Arch, root: &Path) -> Result<(), Error> {
    let xen = root.join("xen").display().to_string();
    stdout("make", &["-C", &xen, &format!("XEN_TARGET_ARCH={arch}"), "distclean"], None).map(drop)
}

/// Removes what earlier builds of the user's have left of the compiler's notes: no makefile knows
/// of them.
fn remove_analysis(root: &Path) -> Result<(), Error> {
    let stale = xenheap_facts::build::files(root, |name| name.ends_with(".ci") || name.ends_with(".gimple"));
    for path in stale.map_err(|source| Error::Build(BuildError::Analysis(Box::new(source))))? {
        let path = root.join(path);
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    }
    Ok(())
}

/// The environment of make: nothing that differs from user to user, host to host or day to day.
pub(crate) fn environment(arch: Arch) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("PATH", supervise::search_path().to_string_lossy().into_owned()),
        ("LC_ALL", "C".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("XEN_TARGET_ARCH", arch.to_string()),
        ("CROSS_COMPILE", arch.platform().tools.to_owned()),
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

/// Flags for the hypervisor's own files.
fn flags(arch: Arch) -> String {
    [FLAGS, arch.platform().flags].join(" ").trim_end().to_owned()
}

/// The same as make's argument, for files below that root.
fn extra_flags(arch: Arch, root: &Path) -> String {
    format!("EXTRA_CFLAGS_XEN_CORE={} -ffile-prefix-map={}={SOURCE_PLACE}", flags(arch), root.display())
}

/// Runs make.
struct Maker<'a> {
    cache: &'a Cache,
    key: &'a str,
    recipe: &'a Recipe,
    root: &'a Path,
    log: &'a Path,
    jobs: usize,
    progress: &'a dyn Progress,
}

impl Maker<'_> {
    fn configure(&self) -> Result<(), Error> {
        self.check_options()?;
        if !self.recipe.tree_config {
            self.make("defconfig", &["defconfig"])?;
        }
        let path = self.root.join(TREE_CONFIG);
        let mut config = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        config.push_str(&self.recipe.config());
        fs::write(&path, config).map_err(Error::io("write", &path))?;
        self.make("olddefconfig", &["olddefconfig"])?;
        // Now as well as at the end: it saves the wait.
        self.check_config()
    }

    /// Makes targets; returns how many lines the log, with those of earlier steps, has.
    fn make(&self, step: &str, targets: &[&str]) -> Result<usize, Error> {
        let job = Job::new("make", self.root.join("xen"))
            .arguments([format!("-j{}", self.jobs), extra_flags(self.recipe.arch, self.root)])
            .arguments(targets)
            .environment(environment(self.recipe.arch));
        let usual = self.recipe.arch.platform().log_lines;
        let ended = logged::run(&job, "make", self.log, usual, Stage::Build, self.progress)?;
        if ended.status.success() {
            return Ok(ended.lines);
        }
        Err(self.failed(step, describe(ended.status)))
    }

    fn failed(&self, step: &str, status: String) -> Error {
        match self.keep_failure() {
            Ok(kept) => {
                let log = kept.join("build.log");
                Error::Build(BuildError::Make {
                    step: step.to_owned(),
                    status,
                    lines: text::build_failure(&fs::read(&log).unwrap_or_default()),
                    log,
                })
            }
            Err(error) => error,
        }
    }

    /// Keeps log and configuration of a failed build, where the next attempt does not remove them.
    fn keep_failure(&self) -> Result<PathBuf, Error> {
        let kept = self.cache.folder("failed")?.join(self.key);
        cache::remove_tree(&kept)?;
        fs::create_dir_all(&kept).map_err(Error::io("make the folder", &kept))?;
        for (from, to) in [(self.log.to_path_buf(), "build.log"), (self.root.join(TREE_CONFIG), "config")] {
            // The configuration is not there yet when the first step fails.
            if from.exists() {
                fs::copy(&from, kept.join(to)).map_err(Error::io("copy", &from))?;
            }
        }
        Ok(kept)
    }

    /// What is asked for must be an option at all: else `CONFIG_X=n` would seem to be had wherever
    /// there is no X.
    fn check_options(&self) -> Result<(), Error> {
        if self.recipe.options.is_empty() {
            return Ok(());
        }
        let known = kconfig::known(&self.root.join("xen"))?;
        let unknown: Vec<String> =
            self.recipe.options.iter().filter(|line| !kconfig::is_known(line, &known)).cloned().collect();
        if unknown.is_empty() { Ok(()) } else { Err(Error::Build(BuildError::UnknownOptions(unknown))) }
    }

    fn check_config(&self) -> Result<(), Error> {
        let path = self.root.join(TREE_CONFIG);
        let config = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let options = &self.recipe.options;
        let mut missing = kconfig::missing_options(&config, self.recipe.recorder.is_some());
        // A Xen without the recorder, that only a graph is made of, can do without frame pointers.
        if self.recipe.recorder.is_none() {
            missing.retain(|option| !options.contains(&format!("{option}=n")));
        }
        let refused: Vec<String> =
            options.iter().filter(|option| !kconfig::has_option(&config, option)).cloned().collect();
        if missing.is_empty() && refused.is_empty() {
            return Ok(());
        }
        let config = self.keep_failure()?.join("config");
        Err(if missing.is_empty() {
            Error::Build(BuildError::RefusedOptions { refused, config })
        } else {
            Error::Build(BuildError::Config { missing, config })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn whatever_goes_in_makes_another_build() {
        let key = |source, recorder: &str, arch, compiler: &str| {
            let recorder = (recorder != "none").then(|| recorder.to_owned());
            let compiler = compiler.to_owned();
            Recipe { arch, tree_config: false, options: Vec::new(), recorder, compiler }.key(source)
        };
        let keys: BTreeSet<_> = [
            key("a", "b", Arch::X86_64, "c"),
            key("x", "b", Arch::X86_64, "c"),
            key("a", "x", Arch::X86_64, "c"),
            key("a", "none", Arch::X86_64, "c"),
            key("a", "b", Arch::Arm64, "c"),
            key("a", "b", Arch::X86_64, "x"),
        ]
        .into();
        assert_eq!(keys.len(), 6);
        let options = vec!["CONFIG_DEBUG=y".to_owned()];
        let plain = Recipe {
            arch: Arch::X86_64,
            tree_config: false,
            options: Vec::new(),
            recorder: Some("b".into()),
            compiler: "c".into(),
        };
        assert!(keys.contains(&plain.key("a")));
        assert!(!keys.contains(&Recipe { options, ..plain }.key("a")));
        assert_eq!(key("a", "b", Arch::Arm64, "c"), key("a", "b", Arch::Arm64, "c"));
    }

    fn recipe(arch: Arch, options: &[&str]) -> Recipe {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Recipe { arch, tree_config: false, options, recorder: Some("r".into()), compiler: "c".into() }
    }

    /// Remembers what is noted.
    #[derive(Default)]
    struct Notes(std::cell::RefCell<Vec<String>>);

    impl Progress for Notes {
        fn note(&self, _: Stage, what: &str) {
            self.0.borrow_mut().push(what.to_owned());
        }
    }

    #[test]
    fn a_trees_own_configuration_is_taken() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("tree/xen"))?;
        // As Xen's own does, it removes the configuration.
        fs::write(at("tree/xen/Makefile"), "distclean:\n\trm -f .config cleaned; touch cleaned\n")?;
        let config = "CONFIG_ARM_64=y\n# CONFIG_SYSCTL is not set\n";
        fs::write(at("tree").join(TREE_CONFIG), config)?;
        let notes = Notes::default();
        let mut own = recipe(Arch::Arm64, &[]);
        copy_tree(&at("tree"), &at("own"), &mut own, &notes)?;
        assert!(own.tree_config && at("own/xen/cleaned").exists());
        assert_eq!(fs::read_to_string(at("own").join(TREE_CONFIG))?, config);
        assert_eq!(own.config(), CONFIG, "nothing is added but what the recorder needs");
        // For another architecture it would be none.
        let mut other = recipe(Arch::X86_64, &[]);
        copy_tree(&at("tree"), &at("other"), &mut other, &notes)?;
        assert!(!other.tree_config && !at("other").join(TREE_CONFIG).exists());
        assert!(other.config().contains("CONFIG_SHADOW_PAGING=y\n"));
        assert_eq!(
            notes.0.take(),
            ["configured by the tree's own .config", "the tree's own .config is for arm64: not taken"]
        );
        assert!(at("tree").join(TREE_CONFIG).exists(), "the user's tree was changed");
        Ok(())
    }

    #[test]
    fn a_configuration_is_as_asked_or_refused() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().join("tree");
        fs::create_dir_all(root.join("xen"))?;
        fs::write(root.join("xen/Kconfig"), "config SYSCTL\nconfig DEBUG_INFO\nconfig HEAP_AUDIT\n")?;
        let cache = Cache::at(folder.path().join("cache"));
        let log = folder.path().join("build.log");
        let check = |config: &str, recipe: &Recipe| -> Result<String, std::io::Error> {
            fs::write(root.join(TREE_CONFIG), config)?;
            let progress = &crate::progress::Silent;
            let maker = Maker { cache: &cache, key: "k", recipe, root: &root, log: &log, jobs: 1, progress };
            let checked = maker.check_options().and_then(|()| maker.check_config());
            Ok(checked.err().map(|error| error.to_string()).unwrap_or_default())
        };
        let needed = "CONFIG_HEAP_AUDIT=y\nCONFIG_FRAME_POINTER=y\nCONFIG_DEBUG_INFO=y\n";
        let safe = recipe(Arch::Arm64, &["CONFIG_SYSCTL=n"]);
        assert_eq!(check(needed, &safe)?, "");
        let text = check(&format!("{needed}CONFIG_SYSCTL=y\n"), &safe)?;
        assert!(text.contains("CONFIG_SYSCTL=n did not come to be"), "{text}");
        let text = check(needed, &recipe(Arch::Arm64, &["CONFIG_SYSCTLS=n"]))?;
        assert_eq!(text, "this Xen has no such option: CONFIG_SYSCTLS=n");
        // Whoever asks for it: without these a log cannot be read.
        for option in ["CONFIG_DEBUG_INFO", "CONFIG_HEAP_AUDIT"] {
            let without = recipe(Arch::Arm64, &[&format!("{option}=n")]);
            let text = check(&needed.replace(&format!("{option}=y"), ""), &without)?;
            assert!(text.contains(&format!("lacks {option}; without it")), "{text}");
            assert_eq!(
                check(&needed.replace(&format!("{option}=y"), ""), &Recipe { recorder: None, ..without })?,
                ""
            );
        }
        Ok(())
    }

    #[test]
    fn flags_hide_where_the_build_ran() {
        let flags = |arch| extra_flags(arch, Path::new("/c/work/t"));
        assert_eq!(
            flags(Arch::X86_64),
            "EXTRA_CFLAGS_XEN_CORE=-Wno-error -fcallgraph-info=su -fdump-tree-gimple-lineno -mno-mmx -ffile-prefix-map=/c/work/t=/usr/src/xen"
        );
        assert_eq!(
            flags(Arch::Arm64),
            "EXTRA_CFLAGS_XEN_CORE=-Wno-error -fcallgraph-info=su -fdump-tree-gimple-lineno -ffile-prefix-map=/c/work/t=/usr/src/xen"
        );
    }

    #[test]
    fn a_kept_build_must_be_whole() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        for name in ["xen", "xen-syms", "config", ARCHIVE] {
            fs::write(at(name), name)?;
        }
        let facts = BuildFacts {
            schema: SCHEMA,
            key: "k".into(),
            architecture: Arch::Arm64,
            source: "debian:4.17".into(),
            debian_version: Some("4.17.5".into()),
            pinned_version: None,
            git: None,
            xen_version: "4.17.5".into(),
            source_sha256: "s".into(),
            recorder: Some("r".into()),
            compiler: "c".into(),
            seconds: 1.5,
            log_lines: 7,
            xen_sha256: hash::file(&at("xen"))?,
            xen_syms_sha256: hash::file(&at("xen-syms"))?,
            config_sha256: hash::file(&at("config"))?,
            tree_config: true,
            options: vec!["CONFIG_DEBUG=y".into()],
            analysis_sha256: Some(hash::file(&at(ARCHIVE))?),
        };
        let open = || Build::open(folder.path().to_path_buf());
        assert!(open().is_none(), "no build.json");
        crate::cache::write_json(&at("build.json"), &facts)?;
        assert_eq!(open().map(|build| build.facts), Some(facts.clone()));
        fs::write(at("xen-syms"), "cut")?;
        assert!(open().is_none(), "damaged");
        fs::write(at("xen-syms"), "xen-syms")?;
        fs::write(at(ARCHIVE), "cut")?;
        assert!(open().is_none(), "damaged");
        fs::write(at(ARCHIVE), ARCHIVE)?;
        assert!(open().is_some());
        crate::cache::write_json(&at("build.json"), &BuildFacts { schema: 0, ..facts })?;
        assert!(open().is_none(), "another schema");
        Ok(())
    }
}
