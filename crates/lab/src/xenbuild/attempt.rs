//! A build that is not in the cache yet.

use std::fs::{self, File};
use std::path::Path;
use std::time::Instant;

use xenheap_facts::build::ARCHIVE;
use xenheap_recorder::{LocalChanges, Tree};

use super::kept::{Build, BuildFacts, SCHEMA};
use super::maker::Maker;
use super::recipe::Recipe;
use super::tree_copy::TreeCopy;
use crate::cache::{self, Cache};
use crate::error::{BuildError, Error, SourceError};
use crate::hash;
use crate::origin::Origin;
use crate::progress::{Progress, Stage};

/// What is made into what, and how. Whoever attempts it holds the build's lock.
pub(super) struct Attempt<'a> {
    pub(super) cache: &'a Cache,
    pub(super) origin: &'a Origin,
    pub(super) copy: &'a TreeCopy,
    /// Of the build.
    pub(super) key: &'a str,
    pub(super) recipe: &'a Recipe,
    /// How many compilers run at once.
    pub(super) jobs: usize,
    pub(super) progress: &'a dyn Progress,
}

impl Attempt<'_> {
    /// Makes the build. The copy is gone afterwards, whatever comes of it.
    pub(super) fn run(&self) -> Result<Build, Error> {
        let built = self.make();
        // A tree with its objects is large, and of no use to the next attempt; what it says is kept
        // elsewhere.
        let removed = cache::remove_tree(self.work());
        let build = built?;
        removed?;
        Ok(build)
    }

    /// The folder of this attempt alone, above the copy.
    fn work(&self) -> &Path {
        self.copy.root.parent().unwrap_or(&self.copy.root)
    }

    fn maker<'a>(&'a self, log: &'a Path) -> Maker<'a> {
        Maker {
            cache: self.cache,
            key: self.key,
            recipe: self.recipe,
            root: &self.copy.root,
            log,
            jobs: self.jobs,
            progress: self.progress,
        }
    }

    fn make(&self) -> Result<Build, Error> {
        let recorder = self.recipe.recorder.is_some();
        self.progress.line(
            Stage::Instrument,
            if recorder { "putting the recorder in" } else { "without the recorder" },
        );
        let xen_version = instrument(&self.copy.root, &self.origin.name(), recorder)?;
        self.progress.finish(Stage::Instrument, &format!("Xen {xen_version}"));

        self.progress.start(Stage::Build, &format!("building Xen {xen_version} with {} jobs", self.jobs));
        let start = Instant::now();
        let work = self.work().to_path_buf();
        let log = work.join("build.log");
        let maker = self.maker(&log);
        maker.configure()?;
        let log_lines = maker.make("xen", &[])?;
        maker.check_config()?;
        let seconds = start.elapsed().as_secs_f64();

        let result = work.join("result");
        fs::create_dir_all(&result).map_err(Error::io("make the folder", &result))?;
        for (from, to) in [("xen", "xen"), ("xen-syms", "xen-syms"), (".config", "config")] {
            let from = self.copy.root.join("xen").join(from);
            fs::copy(&from, result.join(to)).map_err(Error::io("copy", &from))?;
        }
        fs::copy(&log, result.join("build.log")).map_err(Error::io("copy", &log))?;
        let archive = result.join(ARCHIVE);
        let out = File::create(&archive).map_err(Error::io("make", &archive))?;
        xenheap_facts::build::pack(&self.copy.root.join("xen"), out)
            .map_err(|source| Error::Build(BuildError::Analysis(Box::new(source))))?;
        let facts = BuildFacts {
            schema: SCHEMA,
            key: self.key.to_owned(),
            architecture: self.recipe.arch,
            source: self.origin.name(),
            debian_version: None,
            pinned_version: None,
            git: None,
            xen_version,
            source_sha256: self.copy.sha256.clone(),
            recorder: self.recipe.recorder.clone(),
            compiler: self.recipe.compiler.clone(),
            seconds,
            log_lines,
            xen_sha256: hash::file(&result.join("xen"))?,
            xen_syms_sha256: hash::file(&result.join("xen-syms"))?,
            config_sha256: hash::file(&result.join("config"))?,
            tree_config: self.recipe.tree_config,
            options: self.recipe.options.clone(),
            analysis_sha256: Some(hash::file(&archive)?),
        };
        cache::write_json(&result.join("build.json"), &facts)?;
        let folder = self.cache.folder("builds")?.join(self.key);
        fs::rename(&result, &folder).map_err(Error::io("move", &result))?;
        self.progress.finish(Stage::Build, &format!("built in {seconds:.0} s"));
        Ok(Build { folder, facts })
    }
}

/// Puts the recorder into a copy of a tree, or takes out what is there of it. Returns Xen's
/// version.
fn instrument(root: &Path, source_name: &str, recorder: bool) -> Result<String, Error> {
    let fail = |source: xenheap_recorder::Error| {
        Error::Source(SourceError::Recorder { source_name: source_name.to_owned(), source: Box::new(source) })
    };
    let tree = Tree::open(root).map_err(fail)?;
    let plan = xenheap_recorder::plan(&tree).map_err(fail)?;
    let done = if recorder { plan.apply(LocalChanges::Keep) } else { plan.undo(LocalChanges::Keep) };
    done.map_err(fail)?;
    Ok(tree.version().to_string())
}
