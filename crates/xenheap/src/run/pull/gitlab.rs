//! `xenheap pull gitlab`: the logs of a pipeline, each with its image, and a report of each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use tracing::info;
use xenheap_gitlab::{
    Artifacts, Client, Content, DownloadOutcome, Error, Limits, Planned, Project, PullPlan, Role, Selection,
    Store, Task, What, fetch, safe_name,
};
use xenheap_model::{Arch, Facts, LogFormat};
use xenheap_output::printable;
use xenheap_report::{
    Filter, Render, Report,
    pull::{Build, Reported, Summary},
    rfc,
};
use xenheap_runs::{Loaded, Options, Symbols};

use super::summary::{self, Collected};
use crate::{
    failure::{Exit, Failure, warn},
    output,
    progress::Pulling,
    runs,
};

/// Which pipeline, what of it, and where it is kept.
#[derive(Debug)]
pub struct Config {
    pub project: Project,
    pub pipeline: u64,
    pub client: xenheap_gitlab::Config,
    pub out_dir: PathBuf,
    /// How many downloads run at once.
    pub parallel: usize,
    pub strict: bool,
    pub selection: Selection,
}

pub fn run(config: Config) -> Result<Exit, Failure> {
    let Config { project, pipeline, client, out_dir, parallel, strict, selection } = config;
    let client = Client::new(client).map_err(failure)?;
    // Beside the reports there is the folder `verbose`.
    let plan = PullPlan::make(&client, &project, pipeline, &selection, &["verbose"]).map_err(failure)?;
    let store = Store::open(&out_dir, &plan).map_err(failure)?;
    let pipeline = Pipeline { client, plan, store, parallel, limits: Limits::default() };
    let summary = pipeline.pull(&project)?;
    summary::write(&summary, pipeline.store.root())?;
    summary::tell(&summary, pipeline.store.root());
    Ok(summary::exit(&summary, strict))
}

pub fn failure(error: Error) -> Failure {
    let exit = match &error {
        error if error.is_network() => Exit::Network,
        Error::NotFound { .. } | Error::Foreign { .. } => Exit::Input,
        _ => Exit::Usage,
    };
    Failure::from_error(exit, &error)
}

/// A pipeline, and where it is kept.
struct Pipeline {
    client: Client,
    plan: PullPlan,
    store: Store,
    parallel: usize,
    limits: Limits,
}

/// A log that has records.
struct Log {
    path: PathBuf,
    is_trace: bool,
    facts: Facts,
}

/// An image that can be used.
struct Image {
    path: PathBuf,
    arch: Arch,
    has_debug_info: bool,
}

/// The images that were found, by build id.
#[derive(Default)]
struct Images {
    by_build_id: BTreeMap<String, Image>,
    /// Who built them.
    builds: Vec<Build>,
}

impl Pipeline {
    fn pull(&self, asked: &Project) -> Result<Summary, Failure> {
        let mut summary = Collected::new(&self.plan, asked);
        let jobs = self.logs(&mut summary)?;
        let images = self.images(&jobs, &mut summary)?;
        let mut shelves = BTreeMap::new();
        let mut names = BTreeSet::new();
        for (planned, logs) in jobs {
            let arch = self.report(planned, logs, &images, &mut names, &mut summary)?;
            shelves.insert(planned.job.id, arch);
        }
        // Only now, because the images lie in these folders.
        for planned in self.plan.jobs.iter().filter(|planned| planned.role != Role::None) {
            let built = images.builds.iter().find(|build| build.id == planned.job.id).map(|build| build.arch);
            let arch = shelves.get(&planned.job.id).copied().flatten().or(built).unwrap_or_default();
            self.store.shelve(&planned.folder(), arch.as_str()).map_err(failure)?;
        }
        Ok(summary.finish(images.builds))
    }

    fn fetch(&self, tasks: &[Task<'_>], watch: &Pulling) -> Result<Vec<DownloadOutcome>, Failure> {
        fetch(&self.client, &self.store, tasks, &self.limits, self.parallel, watch).map_err(failure)
    }

    /// Fetches what the jobs left whose logs are wanted, and reads which logs have records.
    fn logs(&self, summary: &mut Collected) -> Result<Vec<(&Planned, Vec<Log>)>, Failure> {
        let ended: Vec<&Planned> =
            self.plan.with_role(Role::Log).filter(|planned| planned.job.has_ended()).collect();
        let tasks: Vec<Task<'_>> = ended
            .iter()
            .flat_map(|job| {
                let archive = job.job.has_archive().then_some(Task { job, what: What::Archive });
                [Some(Task { job, what: What::Trace }), archive].into_iter().flatten()
            })
            .collect();
        let outcomes = self.fetch(&tasks, &Pulling::new("logs", tasks.len()))?;
        for (task, outcome) in tasks.iter().zip(&outcomes) {
            summary.outcome(task, outcome);
        }
        ended.into_iter().map(|planned| Ok((planned, self.with_records(planned, summary)?))).collect()
    }

    /// The logs of a job that have records, the best one first.
    fn with_records(&self, planned: &Planned, summary: &mut Collected) -> Result<Vec<Log>, Failure> {
        let mut logs = Vec::new();
        for Artifacts { path, is_trace, .. } in self.contents(planned, Content::Log)? {
            match xenheap_runs::facts(&path, &runs::Terminal) {
                Ok(facts) if facts.format == LogFormat::None => {}
                Ok(facts) => logs.push(Log { path, is_trace, facts }),
                Err(error) => summary.unreadable(planned, &error.to_string()),
            }
        }
        logs.sort_by(|a, b| {
            (b.facts.events, a.is_trace, &a.path).cmp(&(a.facts.events, b.is_trace, &b.path))
        });
        Ok(logs)
    }

    fn contents(&self, planned: &Planned, content: Content) -> Result<Vec<Artifacts>, Failure> {
        let mut contents = self.store.contents(&planned.folder()).map_err(failure)?;
        contents.retain(|file| file.content == content);
        Ok(contents)
    }

    /// Finds the images of logs: first in what is there already, then in one batch of archives
    /// after the other.
    fn images(&self, jobs: &[(&Planned, Vec<Log>)], summary: &mut Collected) -> Result<Images, Failure> {
        let mut missing: BTreeSet<String> =
            jobs.iter().flat_map(|(_, logs)| logs).filter_map(|log| log.facts.build_id.clone()).collect();
        let mut images = Images::default();
        for planned in self.plan.jobs.iter().filter(|planned| planned.role != Role::None) {
            self.look_for_images(planned, &mut images)?;
        }
        missing.retain(|id| !images.by_build_id.contains_key(id));
        if missing.is_empty() {
            return Ok(images);
        }
        let may_have = |planned: &&Planned| planned.job.has_ended() && planned.job.has_archive();
        let waiting: Vec<&Planned> = self.plan.with_role(Role::Image).filter(may_have).collect();
        let watch = Pulling::new("images", waiting.len());
        for batch in waiting.chunks(self.parallel) {
            let tasks: Vec<Task<'_>> = batch.iter().map(|job| Task { job, what: What::Archive }).collect();
            for (task, outcome) in tasks.iter().zip(self.fetch(&tasks, &watch)?) {
                summary.outcome(task, &outcome);
                if matches!(outcome, DownloadOutcome::Fetched(_)) {
                    self.look_for_images(task.job, &mut images)?;
                }
            }
            missing.retain(|id| !images.by_build_id.contains_key(id));
            if missing.is_empty() {
                break;
            }
        }
        Ok(images)
    }

    fn look_for_images(&self, planned: &Planned, images: &mut Images) -> Result<(), Failure> {
        for Artifacts { path, .. } in self.contents(planned, Content::Image)? {
            let image = match xenheap_runs::image(&path) {
                Ok(image) => image,
                Err(error) => {
                    warn(format_args!("{}: {error}", planned.name));
                    continue;
                }
            };
            let Some(build_id) = image.build_id().map(str::to_owned) else {
                warn(format_args!("{} has no build id: no log can be paired with it", path.display()));
                continue;
            };
            info!("{} has the build id {build_id}", printable(&path.display().to_string()));
            images.builds.push(summary::build(planned, &build_id, image.arch()));
            let image = Image { path, arch: image.arch(), has_debug_info: image.has_debug_info() };
            match images.by_build_id.get(&build_id) {
                Some(known) if known.has_debug_info || !image.has_debug_info => {}
                _ => {
                    images.by_build_id.insert(build_id, image);
                }
            }
        }
        Ok(())
    }

    /// Reports the best log of a job, and those of other boots. Gives the architecture of the
    /// first.
    fn report(
        &self,
        planned: &Planned,
        logs: Vec<Log>,
        images: &Images,
        names: &mut BTreeSet<String>,
        summary: &mut Collected,
    ) -> Result<Option<Arch>, Failure> {
        let mut boots: Vec<Option<String>> = Vec::new();
        let mut shelf = None;
        for log in logs {
            let tag = &log.facts.tag;
            if boots.iter().any(|known| known.is_none() || tag.is_none() || known == tag) {
                summary.copy(planned, file_name(&log.path));
                continue;
            }
            let mut name = planned.name.clone();
            if !boots.is_empty() {
                name = format!("{name}+{}", safe_name(&file_name(&log.path)));
            }
            boots.push(tag.clone());
            let image = log.facts.build_id.as_ref().and_then(|id| images.by_build_id.get(id));
            let arch = match log.facts.arch {
                Arch::Unknown => image.map_or(Arch::Unknown, |image| image.arch),
                arch => arch,
            };
            // No two reports of an architecture get one name.
            while !names.insert(format!("{}/{}", arch.as_str(), name.to_ascii_lowercase())) {
                name.push_str("+1");
            }
            let report = match self.read(&log.path, image, arch, name) {
                Ok(report) => report,
                // What is wrong with one log alone does not end the command.
                Err(error) if error.exit == Exit::Input => {
                    summary.unreadable(planned, &error.to_string());
                    continue;
                }
                Err(error) => return Err(error),
            };
            let path = self.write(&report, arch)?;
            let reported = Reported::new(&report, arch, file_name(&log.path), image.is_some(), &path);
            summary.reported(planned, &report, reported);
            shelf.get_or_insert(arch);
        }
        Ok(shelf)
    }

    /// Reads a log with the names of its image, and saves the run.
    fn read(&self, log: &Path, image: Option<&Image>, arch: Arch, name: String) -> Result<Report, Failure> {
        let runs = self.store.root().join("runs").join(arch.as_str());
        fs::create_dir_all(&runs).map_err(|error| Failure::write(&runs, &error))?;
        let options = Options {
            events: true,
            symbols: image.map_or(Symbols::None, |image| Symbols::File(image.path.clone())),
            save: Some(runs.join(format!("{name}.xhr"))),
            ..Options::default()
        };
        let Loaded { run, events, .. } = runs::load(log, &options)?;
        let report = Report::new(name, run, &Filter::default());
        Ok(match events {
            Some(events) => report.with_events(events),
            None => report,
        })
    }

    /// Writes both files of a report; gives the path of the first within the folder.
    fn write(&self, report: &Report, arch: Arch) -> Result<PathBuf, Failure> {
        let folder = Path::new("parsed").join(arch.as_str());
        let main = folder.join(report.name());
        let write = |path: &Path, renderer: &dyn Render<[Report]>| {
            let one = std::slice::from_ref(report);
            output::file(&self.store.root().join(path), |out| renderer.render(one, out))
        };
        write(&main, &rfc::Parsed { orphan_frees: false })?;
        write(&folder.join("verbose").join(report.name()), &rfc::Verbose)?;
        Ok(main)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
