//! Building a Xen, instrumented or as it is, or finding the one that was built before.

mod attempt;
mod kept;
mod maker;
mod recipe;
mod tree_copy;

use std::fs;

use attempt::Attempt;
pub use kept::{Build, BuildFacts};
pub use recipe::BuildConfig;
use recipe::Recipe;
use tree_copy::{TreeCopy, copy_tree};

use crate::cache::{self, Cache};
use crate::error::Error;
use crate::hash;
use crate::origin::Origin;
use crate::progress::{Progress, Stage};
use crate::unpack;
use crate::xen_tree;

/// Builds a Xen from that source, unless there is such a build.
pub fn build(
    cache: &Cache,
    origin: &Origin,
    config: &BuildConfig,
    progress: &dyn Progress,
) -> Result<Build, Error> {
    let mut recipe = Recipe::new(config)?;
    let attempt = |copy: &TreeCopy, key: &str, recipe: &Recipe| {
        Attempt { cache, origin, copy, key, recipe, jobs: config.jobs, progress }.run()
    };
    let built = match origin {
        Origin::Archive(archive) => {
            let key = recipe.key(&archive.pin.sha256);
            let _lock = cache.lock(&format!("build-{key}"), Stage::Build, progress)?;
            if let Some(build) = reuse(cache, &key, progress)? {
                return Ok(build.of(origin));
            }
            progress.start(Stage::Instrument, "unpacking the source");
            let work = cache.work_folder(&format!("build-{key}"))?;
            let root = work.join("tree");
            unpack::part(&archive.path, xen_tree::HYPERVISOR, &root)?;
            let copy = TreeCopy { root, sha256: archive.pin.sha256.clone() };
            attempt(&copy, &key, &recipe)?
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
            let copy = TreeCopy { root, sha256 };
            attempt(&copy, &key, &recipe)?
        }
    };
    Ok(built.of(origin))
}

/// The build of that key, if a whole one is in the cache.
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
