//! What becomes of what mirrors no longer have: real apt, with a repository of Debian's form in a
//! folder.
//!
//! apt is told of it by a file that the environment names; so each test does its work in a process
//! of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::apt::Apt;
use crate::cache::Cache;
use crate::debian::Release;
use crate::hash;
use crate::origin::Origin;
use crate::package::Package;
use crate::progress::{Progress, Stage};
use crate::source::{fetch, source_tree};
use crate::source_archive::Archive;
use crate::xen_source::XenSource;
use xenheap_model::BuildArch;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Set in the process that does the work: where the repository is.
const PLACE: &str = "XENHEAP_LAB_TEST_MIRROR";

/// Printed by it at its end.
const DONE: &str = "all of it held";

/// Remembers what is noted.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Notes {
    fn take(&self) -> Vec<String> {
        self.0.lock().map(|mut notes| std::mem::take(&mut *notes)).unwrap_or_default()
    }
}

impl Progress for Notes {
    fn note(&self, _: Stage, what: &str) {
        if let Ok(mut notes) = self.0.lock() {
            notes.push(what.to_owned());
        }
    }
}

/// A repository with what is put into it.
struct Mirror {
    place: PathBuf,
    sources: String,
    packages: String,
}

impl Mirror {
    fn new(place: &Path) -> Self {
        Self { place: place.to_path_buf(), sources: String::new(), packages: String::new() }
    }

    fn file(&self, path: &str) -> PathBuf {
        self.place.join("mirror").join(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result {
        let path = self.file(path);
        fs::create_dir_all(path.parent().ok_or("no parent")?)?;
        Ok(fs::write(path, bytes)?)
    }

    /// A source package of Xen; without an archive it is listed, and not there.
    fn source(&mut self, version: &str, archive: Option<&[u8]>) -> Result {
        let upstream = version.split('-').next().unwrap_or_default();
        let (folder, name) = ("pool/main/x/xen", format!("xen_{upstream}.orig.tar.xz"));
        let body = archive.unwrap_or(b"gone");
        if archive.is_some() {
            self.write(&format!("{folder}/{name}"), body)?;
        }
        let size = body.len();
        self.sources.push_str(&format!(
            "Package: xen\nBinary: xen-utils\nVersion: {version}\nMaintainer: A <a@example.org>\nArchitecture: any\n\
             Format: 3.0 (quilt)\nDirectory: {folder}\nFiles:\n {} {size} {name}\nChecksums-Sha256:\n {} {size} {name}\n\n",
            "0".repeat(32),
            hash::bytes(body),
        ));
        Ok(())
    }

    /// A package; `body`: its file, if that is there.
    fn package(&mut self, name: &str, version: &str, depends: &str, body: Option<&str>) -> Result {
        let file = format!("pool/main/{name}_{version}_amd64.deb");
        if let Some(body) = body {
            self.write(&file, body.as_bytes())?;
        }
        let body = body.unwrap_or("gone");
        let depends = if depends.is_empty() { String::new() } else { format!("Depends: {depends}\n") };
        self.packages.push_str(&format!(
            "Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: A <a@example.org>\n{depends}\
             Filename: {file}\nSize: {}\nSHA256: {}\nDescription: a package\n\n",
            body.len(),
            hash::bytes(body.as_bytes()),
        ));
        Ok(())
    }

    /// Writes the lists, and what tells apt of them.
    fn publish(&self) -> Result {
        let lists = [("main/source/Sources", &self.sources), ("main/binary-amd64/Packages", &self.packages)];
        let mut release = "Origin: Debian\nLabel: Debian\nSuite: oldstable\nCodename: bookworm\nDate: Sat, 28 Nov 2026 00:00:00 UTC\n\
            Architectures: amd64\nComponents: main\nSHA256:\n"
            .to_owned();
        for (path, text) in lists {
            self.write(&format!("dists/bookworm/{path}"), text.as_bytes())?;
            release.push_str(&format!(" {} {} {path}\n", hash::bytes(text.as_bytes()), text.len()));
        }
        self.write("dists/bookworm/Release", release.as_bytes())?;
        let place = self.place.display();
        fs::write(
            self.place.join("machine.list"),
            format!("deb [trusted=yes] copy:{place}/mirror/ bookworm main\n"),
        )?;
        for folder in ["state/lists/partial", "apt-cache/archives/partial"] {
            fs::create_dir_all(self.place.join(folder))?;
        }
        let none = "/dev/null";
        let settings = format!(
            "Dir::Etc::main \"{none}\";\nDir::Etc::Parts \"{none}\";\nDir::Etc::SourceParts \"{none}\";\n\
             Dir::Etc::SourceList \"{place}/machine.list\";\nDir::State \"{place}/state\";\nDir::State::status \"{none}\";\n\
             Dir::Cache \"{place}/apt-cache\";\nAPT::Architecture \"amd64\";\nAPT::Sandbox::User \"root\";\n\
             Acquire::AllowInsecureRepositories \"true\";\nAPT::Get::AllowUnauthenticated \"true\";\n"
        );
        Ok(fs::write(self.place.join("apt.conf"), settings)?)
    }
}

/// Does a test's work in a process whose apt knows the mirror in `place`, and no other.
fn in_child(test: &str, place: &Path) -> Result {
    let settings = place.join("apt.conf");
    let updated = Command::new("apt-get").args(["-q", "update"]).env("APT_CONFIG", &settings).output()?;
    assert!(updated.status.success(), "{}", String::from_utf8_lossy(&updated.stderr));
    let done = Command::new(std::env::current_exe()?)
        .args(["--exact", test, "--nocapture"])
        .env(PLACE, place)
        .env("APT_CONFIG", &settings)
        .output()?;
    let said = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains(DONE), "{said}\n{errors}");
    Ok(())
}

/// Where the mirror is, in the process that does the work.
fn place() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

/// A source archive with so much of a Xen in it.
fn archive(version: &str) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(version.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append_data(&mut header, "xen/xen/Makefile", version.as_bytes())?;
    let mut packed = Vec::new();
    std::io::Read::read_to_end(
        &mut liblzma::read::XzEncoder::new(tar.into_inner()?.as_slice(), 6),
        &mut packed,
    )?;
    Ok(packed)
}

#[test]
fn a_source_that_is_gone_gives_way_to_the_newest_of_its_series() -> Result {
    let folder = tempfile::tempdir()?;
    let mut mirror = Mirror::new(folder.path());
    // apt knows nothing of a mirror whose list is empty.
    mirror.package("busybox-static", "1.0-1", "", None)?;
    // Of another series, older, newest, and one that the list has and the mirror has not.
    for (version, is_there) in
        [("4.20.9-1", true), ("4.17.9-1", true), ("4.17.10-1~deb12u1", true), ("4.17.11-1", false)]
    {
        mirror.source(version, is_there.then(|| archive(version)).transpose()?.as_deref())?;
    }
    mirror.publish()?;
    in_child("mirror_tests::the_source_in_a_process_of_its_own", folder.path())
}

#[test]
fn the_source_in_a_process_of_its_own() -> Result {
    let Some(place) = place() else { return Ok(()) };
    let cache = Cache::at(place.join("cache"));
    let pinned = crate::pins::pin("debian:4.17")?.version;
    for _ in 0..2 {
        let notes = Notes::default();
        let origin = fetch(&cache, &XenSource::Debian417, &notes)?;
        let Origin::Archive(Archive { pin, instead_of, .. }) = &origin else {
            return Err("another origin".into());
        };
        assert_eq!((pin.version.as_str(), instead_of.as_ref()), ("4.17.10-1~deb12u1", Some(&pinned)));
        let note = format!(
            "the mirrors no longer have Debian's {pinned}: using 4.17.10-1~deb12u1, the newest of the series"
        );
        assert_eq!(notes.take(), [note]);
        let tree = source_tree(&cache, &origin, &notes)?;
        assert_eq!(fs::read_to_string(tree.join("xen/Makefile"))?, "4.17.10-1~deb12u1");
    }
    // Lists are kept until they are of no use.
    let mut mirror = Mirror::new(&place);
    mirror.source("4.17.12-1", Some(&archive("4.17.12")?))?;
    mirror.publish()?;
    fs::remove_dir_all(cache.folder("sources")?)?;
    fs::remove_file(mirror.file("pool/main/x/xen/xen_4.17.10.orig.tar.xz"))?;
    fs::remove_file(mirror.file("pool/main/x/xen/xen_4.17.9.orig.tar.xz"))?;
    let origin = fetch(&cache, &XenSource::Debian417, &Notes::default())?;
    assert!(matches!(origin, Origin::Archive(Archive { pin, .. }) if pin.version == "4.17.12-1"));
    // A series of which there is nothing at all is the error that it was.
    let none = fetch(&cache, &XenSource::Debian420, &Notes::default());
    assert!(none.is_err());
    println!("{DONE}");
    Ok(())
}

#[test]
fn packages_that_are_gone_give_way_to_what_there_is() -> Result {
    let folder = tempfile::tempdir()?;
    let mut mirror = Mirror::new(folder.path());
    mirror.package("linux-image-amd64", "6.1.1-1", "linux-image-6.1.0-1-amd64", None)?;
    mirror.package("linux-image-6.1.0-1-amd64", "6.1.1-1", "", Some("old kernel"))?;
    mirror.package("busybox-static", "1.0-1", "", Some("old busybox"))?;
    mirror.publish()?;
    in_child("mirror_tests::the_packages_in_a_process_of_its_own", folder.path())
}

#[test]
fn the_packages_in_a_process_of_its_own() -> Result {
    let Some(place) = place() else { return Ok(()) };
    let cache = Cache::at(place.join("cache"));
    let notes = Notes::default();
    let open = || Apt::open(&cache, Release::Bookworm, BuildArch::X86_64, Stage::Image, &notes);
    let both = |apt: &Apt<'_>| -> Result<[Package; 2]> {
        Ok([apt.package_behind("linux-image-amd64", "linux-image-")?, apt.package("busybox-static")?])
    };
    let versions = |packages: &[Package; 2]| {
        packages.clone().map(|package| (package.name, package.version, package.instead_of))
    };
    let was = |name: &str, version: &str| (name.to_owned(), version.to_owned(), None);
    let old = [was("linux-image-6.1.0-1-amd64", "6.1.1-1"), was("busybox-static", "1.0-1")];
    assert_eq!(versions(&both(&open()?)?), old);
    // What is kept is kept, whatever has become of the mirror.
    fs::remove_dir_all(place.join("mirror/pool"))?;
    assert_eq!(versions(&both(&open()?)?), old);
    assert_eq!(notes.take(), Vec::<String>::new());

    // The lists are kept, the files are not: the kernel has another name now, and the newest
    // busybox is not there yet.
    fs::remove_dir_all(cache.folder("packages")?)?;
    let mut mirror = Mirror::new(&place);
    mirror.package("linux-image-amd64", "6.1.2-1", "linux-image-6.1.0-2-amd64", None)?;
    mirror.package("linux-image-6.1.0-2-amd64", "6.1.2-1", "", Some("new kernel"))?;
    mirror.package("busybox-static", "1.2-1", "", None)?;
    mirror.package("busybox-static", "1.1-1", "", Some("new busybox"))?;
    mirror.publish()?;
    let now =
        |name: &str, version: &str, gone: &str| (name.to_owned(), version.to_owned(), Some(gone.to_owned()));
    let apt = open()?;
    assert_eq!(
        versions(&both(&apt)?),
        [
            now("linux-image-6.1.0-2-amd64", "6.1.2-1", "linux-image-6.1.0-1-amd64 6.1.1-1"),
            now("busybox-static", "1.1-1", "busybox-static 1.2-1"),
        ]
    );
    assert_eq!(
        notes.take(),
        [
            "the mirrors no longer have linux-image-6.1.0-1-amd64 6.1.1-1: using linux-image-6.1.0-2-amd64 6.1.2-1",
            "the mirrors no longer have busybox-static 1.2-1: using busybox-static 1.1-1",
        ]
    );
    println!("{DONE}");
    Ok(())
}
