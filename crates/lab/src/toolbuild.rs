//! Building a tree's own toolstack, or finding the one that was built before.
//!
//! It is compiled against Debian's libraries as they are in their packages, which also come into
//! dom0's image: what this machine has installed plays no part.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::apt::Apt;
use crate::build_env;
use crate::cache::{self, Cache};
use crate::deb::{self, Content, Member};
use crate::debian::Release;
use crate::error::{BuildError, Error};
use crate::hash;
use crate::logged;
use crate::origin::Origin;
use crate::package::Package;
use crate::progress::{Progress, Stage};
use crate::run_tool::stdout;
use crate::supervise::{Job, describe};
use crate::text;
use crate::unpack;
use crate::xen_tree;
use xenheap_model::BuildArch;

/// What builds it. It leaves the files of the image, and no others.
const SCRIPT: &str = include_str!("../toolstack/build.sh");

/// Whose libraries it is compiled against.
pub(crate) const RELEASE: Release = Release::Bookworm;

/// What the build uses besides the compiler: headers, libraries, and the compiler of ACPI tables.
const PACKAGES: [&str; 10] = [
    "acpica-tools",
    "libc6",
    "libc6-dev",
    "libuuid1",
    "libyajl2",
    "libyajl-dev",
    "linux-libc-dev",
    "uuid-dev",
    "zlib1g",
    "zlib1g-dev",
];

/// Those of them whose libraries its programs need.
pub(crate) const RUNTIME: [&str; 4] = ["libc6", "libuuid1", "libyajl2", "zlib1g"];

/// How many lines a build writes, about: only for telling how far it is.
const LOG_LINES: usize = 2200;

/// What lies in the folder of a kept one: files as in dom0's image, and [`ToolstackBuild`].
const FILES: &str = "files";
const RECORD: &str = "toolstack.json";

/// A toolstack in the cache.
#[derive(Debug, Clone)]
pub(crate) struct Toolstack {
    folder: PathBuf,
    pub(crate) facts: ToolstackBuild,
}

/// What a toolstack of a tree's own was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToolstackBuild {
    /// Hash over everything that went in.
    pub(crate) key: String,
    /// SHA-256 of the source archive, or of what of the tree the toolstack is made of.
    pub(crate) source_sha256: String,
    /// What compiler and linker say of their versions.
    pub(crate) compiler: String,
    /// The packages that it was compiled against.
    pub(crate) packages: Vec<Package>,
    /// How long it took, in seconds.
    pub(crate) seconds: u64,
    /// SHA-256 over names and content of its files.
    pub(crate) files_sha256: String,
}

impl Toolstack {
    /// Opens a kept one, if it is whole.
    fn open(folder: PathBuf) -> Option<Self> {
        let facts: ToolstackBuild = serde_json::from_slice(&fs::read(folder.join(RECORD)).ok()?).ok()?;
        let whole = hash::tree(&folder.join(FILES)).is_ok_and(|found| found == facts.files_sha256);
        whole.then_some(Self { folder, facts })
    }

    /// Its files and links, as they are to lie in dom0's image, in order of their paths.
    pub(crate) fn members(&self) -> Result<Vec<Member>, Error> {
        let mut members = Vec::new();
        add_members(&self.folder.join(FILES), Path::new(""), &mut members)?;
        members.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(members)
    }
}

fn add_members(root: &Path, folder: &Path, members: &mut Vec<Member>) -> Result<(), Error> {
    let place = root.join(folder);
    for entry in fs::read_dir(&place).map_err(Error::io("read the folder", &place))? {
        let entry = entry.map_err(Error::io("read the folder", &place))?;
        let kind = entry.file_type().map_err(Error::io("read", &place))?;
        let path = folder.join(entry.file_name());
        if kind.is_dir() {
            add_members(root, &path, members)?;
            continue;
        }
        let from = entry.path();
        let content = if kind.is_symlink() {
            let target = fs::read_link(&from).map_err(Error::io("read", &from))?;
            Content::Link(target.to_string_lossy().into_owned())
        } else {
            Content::File(fs::read(&from).map_err(Error::io("read", &from))?)
        };
        members.push(Member { path: path.to_string_lossy().into_owned(), content });
    }
    Ok(())
}

/// Builds the toolstack of that source, unless there is such a one.
pub(crate) fn build(
    cache: &Cache,
    origin: &Origin,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Toolstack, Error> {
    progress.start(Stage::Toolstack, "copying the source of the tools");
    // What the copy holds decides which one it is; until then it is named after where it comes
    // from.
    let name = format!("toolstack-copy-{}", hash::key(&[("source", &origin.name())]));
    let _copy_lock = cache.lock(&name, Stage::Toolstack, progress)?;
    let copy = cache.work_folder(&name)?;
    let source_sha256 = match origin {
        Origin::Archive(archive) => archive.pin.sha256.clone(),
        Origin::Tree { path } | Origin::Git { path, .. } => {
            if xen_tree::copy(path, xen_tree::TOOLSTACK, &copy)? {
                // The tree knows best what a build leaves.
                stdout("make", &["-C", &copy.join("tools").display().to_string(), "distclean"], None)?;
            }
            hash::tree(&copy)?
        }
    };

    let apt = Apt::open(cache, RELEASE, BuildArch::X86_64, Stage::Toolstack, progress)?;
    let packages = PACKAGES.into_iter().map(|name| apt.package(name)).collect::<Result<Vec<_>, _>>()?;
    drop(apt);
    let compiler = build_env::compiler(BuildArch::X86_64)?;
    let key = key(&source_sha256, &compiler, &packages);
    let _lock = cache.lock(&format!("toolstack-{key}"), Stage::Toolstack, progress)?;
    let folder = cache.folder("toolstacks")?.join(&key);
    if let Some(toolstack) = Toolstack::open(folder.clone()) {
        cache::remove_tree(&copy)?;
        progress.finish(Stage::Toolstack, "kept from an earlier run");
        return Ok(toolstack);
    }
    // Whatever it is, it is not whole.
    cache::remove_tree(&folder)?;

    let work = cache.work_folder(&format!("toolstack-{key}"))?;
    let root = work.join("tree");
    fs::rename(&copy, &root).map_err(Error::io("move", &copy))?;
    if let Origin::Archive(archive) = origin {
        unpack::part(&archive.path, xen_tree::TOOLSTACK, &root)?;
    }
    let made = make(&work, &packages, jobs, progress);
    let seconds = match made {
        Ok(seconds) => seconds,
        Err(error) => {
            let error = keep_log(cache, &key, &work, error)?;
            cache::remove_tree(&work)?;
            return Err(error);
        }
    };
    let result = work.join("result");
    let files_sha256 = hash::tree(&result.join(FILES))?;
    let facts = ToolstackBuild { key, source_sha256, compiler, packages, seconds, files_sha256 };
    crate::cache::write_json(&result.join(RECORD), &facts)?;
    fs::rename(&result, &folder).map_err(Error::io("move", &result))?;
    cache::remove_tree(&work)?;
    progress.finish(Stage::Toolstack, &format!("built in {seconds} s"));
    Ok(Toolstack { folder, facts })
}

/// The key of a toolstack: any other input makes another.
fn key(source_sha256: &str, compiler: &str, packages: &[Package]) -> String {
    let hashes: Vec<&str> = packages.iter().map(|package| package.sha256.as_str()).collect();
    hash::key(&[
        ("source", source_sha256),
        ("script", SCRIPT),
        ("packages", &hashes.join(" ")),
        ("compiler", compiler),
    ])
}

/// Runs the script. Returns how long it took.
fn make(work: &Path, packages: &[Package], jobs: usize, progress: &dyn Progress) -> Result<u64, Error> {
    progress.start(Stage::Toolstack, &format!("building the tree's own toolstack with {jobs} jobs"));
    let start = Instant::now();
    let sysroot = work.join("sysroot");
    fs::create_dir_all(&sysroot).map_err(Error::io("make the folder", &sysroot))?;
    for package in packages {
        deb::extract(package, &sysroot)?;
    }
    let script = work.join("build.sh");
    cache::write_whole(&script, SCRIPT.as_bytes())?;
    let files = work.join("result").join(FILES);
    fs::create_dir_all(&files).map_err(Error::io("make the folder", &files))?;
    let job = Job::new("sh", work.join("tree"))
        .arguments([&script, &sysroot, &files])
        .arguments([jobs.to_string()])
        .environment(build_env::environment(BuildArch::X86_64));
    let log = work.join("build.log");
    let ended = logged::run(&job, "sh", &log, LOG_LINES, Stage::Toolstack, progress)?;
    if ended.status.success() {
        return Ok(start.elapsed().as_secs());
    }
    Err(Error::Build(BuildError::Make {
        step: "toolstack".to_owned(),
        status: describe(ended.status),
        lines: text::build_failure(&fs::read(&log).unwrap_or_default()),
        log,
    }))
}

/// Keeps the log of a failed build where the next attempt does not remove it. Returns the error
/// that names it there.
fn keep_log(cache: &Cache, key: &str, work: &Path, error: Error) -> Result<Error, Error> {
    let Error::Build(BuildError::Make { step, status, lines, .. }) = error else { return Ok(error) };
    let kept = cache.folder("failed")?.join(key);
    fs::create_dir_all(&kept).map_err(Error::io("make the folder", &kept))?;
    let (from, log) = (work.join("build.log"), kept.join("build.log"));
    fs::copy(&from, &log).map_err(Error::io("copy", &from))?;
    Ok(Error::Build(BuildError::Make { step, status, lines, log }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::os::unix::fs::symlink;

    use super::*;

    fn package(sha256: &str) -> Package {
        let [name, version, architecture] = ["libc6", "2.36", "amd64"].map(str::to_owned);
        Package {
            name,
            version,
            architecture,
            sha256: sha256.to_owned(),
            instead_of: None,
            path: PathBuf::new(),
        }
    }

    #[test]
    fn whatever_goes_in_makes_another_toolstack() {
        let (one, two) = ([package("1")], [package("1"), package("2")]);
        let keys: BTreeSet<_> =
            [key("a", "c", &one), key("b", "c", &one), key("a", "d", &one), key("a", "c", &two)].into();
        assert_eq!(keys.len(), 4);
        assert!(keys.contains(&key("a", "c", &[package("1")])));
    }

    #[test]
    fn what_its_programs_need_comes_from_packages_that_it_is_built_with() {
        assert!(RUNTIME.iter().all(|name| PACKAGES.contains(name)));
    }

    #[test]
    fn the_script_is_a_script() -> std::io::Result<()> {
        let output = std::process::Command::new("sh").args(["-n", "-c", SCRIPT]).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    #[test]
    fn a_kept_one_must_be_whole() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let files = folder.path().join(FILES);
        fs::create_dir_all(files.join("usr/lib"))?;
        fs::write(files.join("usr/lib/libx.so.1.0"), "x")?;
        symlink("libx.so.1.0", files.join("usr/lib/libx.so.1"))?;
        fs::write(files.join("a"), "a")?;
        let open = || Toolstack::open(folder.path().to_path_buf());
        assert!(open().is_none(), "no record");
        let facts = ToolstackBuild {
            key: "k".into(),
            source_sha256: "s".into(),
            compiler: "c".into(),
            packages: vec![package("1")],
            seconds: 1,
            files_sha256: hash::tree(&files)?,
        };
        crate::cache::write_json(&folder.path().join(RECORD), &facts)?;
        let members = open().ok_or("not whole")?.members()?;
        let member = |path: &str, content| Member { path: path.to_owned(), content };
        assert_eq!(
            members,
            [
                member("a", Content::File(b"a".to_vec())),
                member("usr/lib/libx.so.1", Content::Link("libx.so.1.0".into())),
                member("usr/lib/libx.so.1.0", Content::File(b"x".to_vec())),
            ]
        );
        fs::write(files.join("a"), "b")?;
        assert!(open().is_none(), "damaged");
        Ok(())
    }
}
