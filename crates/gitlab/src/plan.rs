use std::collections::{BTreeMap, BTreeSet};

use xenheap_model::glob;

use crate::{
    Client, Error, Project, Site,
    api::{Bridge, Job},
    name::safe_name,
};

/// A pipeline and all those that it started may be so many.
const PIPELINES: usize = 100;

/// Who knows the jobs of a pipeline: a GitLab, which a [`Client`] asks.
pub trait Answers {
    /// Where it is.
    fn site(&self) -> &Site;

    /// The jobs of a pipeline, by number.
    fn jobs(&self, project: &Project, pipeline: u64) -> Result<Vec<Job>, Error>;

    /// The jobs of a pipeline that start others, by number.
    fn bridges(&self, project: &Project, pipeline: u64) -> Result<Vec<Bridge>, Error>;
}

impl Answers for Client {
    fn site(&self) -> &Site {
        Client::site(self)
    }

    fn jobs(&self, project: &Project, pipeline: u64) -> Result<Vec<Job>, Error> {
        Client::jobs(self, project, pipeline)
    }

    fn bridges(&self, project: &Project, pipeline: u64) -> Result<Vec<Bridge>, Error> {
        Client::bridges(self, project, pipeline)
    }
}

/// Which jobs are wanted. Patterns are those of [`glob`].
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Jobs whose logs are wanted; none: all but those that build.
    pub jobs: Vec<String>,
    /// Jobs that are left alone.
    pub exclude: Vec<String>,
    /// Jobs whose artifacts may hold an image; none: those that build.
    pub images: Vec<String>,
}

/// What is wanted of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// All that it left: its log, and its artifacts with more logs and perhaps images.
    Log,
    /// Its artifacts, if an image is still missing.
    Image,
    /// Nothing.
    None,
}

impl Selection {
    fn role(&self, job: &Job) -> Role {
        let is_one_of = |patterns: &[String]| patterns.iter().any(|pattern| glob(pattern, &job.name));
        // Xen's pipelines have the stages `analyze`, `build` and `test`.
        let builds = job.stage.to_ascii_lowercase().contains("build");
        let is = |patterns: &[String], otherwise| {
            if patterns.is_empty() { otherwise } else { is_one_of(patterns) }
        };
        if is_one_of(&self.exclude) {
            Role::None
        } else if is(&self.jobs, !builds) {
            Role::Log
        } else if is(&self.images, builds) {
            Role::Image
        } else {
            Role::None
        }
    }
}

/// A job with what is wanted of it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// What GitLab says of it.
    pub job: Job,
    /// Whose it is.
    pub project: Project,
    /// The pipeline it belongs to.
    pub pipeline: u64,
    /// What is wanted.
    pub role: Role,
    /// Its name as that of a file, unlike that of every other job of the plan.
    pub name: String,
}

impl Planned {
    /// The folder for what it left. A job that is run again has another number, and so another
    /// folder.
    pub fn folder(&self) -> String {
        format!("{}.{}", safe_name(&self.job.name), self.job.id)
    }
}

/// The jobs of a pipeline and of those that it started.
#[derive(Clone, Debug)]
pub struct PullPlan {
    /// Where it is.
    pub site: Site,
    /// The project by its number, or as it was asked for.
    pub project: Project,
    /// The number of the pipeline.
    pub pipeline: u64,
    /// By number; those of the pipeline itself first.
    pub jobs: Vec<Planned>,
    /// Pipelines that were started, and that GitLab does not show: who started them, and their
    /// numbers.
    pub unseen: Vec<(String, u64)>,
}

impl PullPlan {
    /// Asks for the jobs of a pipeline. `reserved` names are given to no job.
    pub fn make(
        client: &impl Answers,
        project: &Project,
        pipeline: u64,
        selection: &Selection,
        reserved: &[&str],
    ) -> Result<Self, Error> {
        let mut waiting = vec![(project.clone(), pipeline, None::<String>)];
        let mut seen = BTreeSet::from([pipeline]);
        let mut known = BTreeSet::new();
        let (mut jobs, mut unseen) = (Vec::new(), Vec::new());
        let mut next = 0;
        while let Some((project, number, starter)) = waiting.get(next).cloned() {
            next += 1;
            let found = match client.jobs(&project, number) {
                Ok(found) => found,
                Err(Error::NotFound { .. }) if starter.is_some() => {
                    unseen.push((starter.unwrap_or_default(), number));
                    continue;
                }
                Err(error) => return Err(error),
            };
            // A job is of one pipeline. What says otherwise would have two jobs write into one
            // folder.
            jobs.extend(found.into_iter().filter(|job| known.insert(job.id)).map(|job| Planned {
                role: selection.role(&job),
                name: safe_name(&job.name),
                project: project.clone(),
                pipeline: number,
                job,
            }));
            for bridge in client.bridges(&project, number)? {
                let Some((project, number)) = downstream(client.site(), &project, &bridge) else { continue };
                if seen.insert(number) {
                    waiting.push((project, number, Some(bridge.name)));
                }
            }
            if waiting.len() > PIPELINES {
                let place = format!("pipeline {pipeline}");
                return Err(Error::Endless { place, what: "pipelines below it", limit: PIPELINES });
            }
        }
        tell_apart(&mut jobs, reserved);
        let number = jobs.first().and_then(|planned| planned.job.pipeline.as_ref()?.project_id);
        Ok(PullPlan {
            site: client.site().clone(),
            project: number.map_or_else(|| project.clone(), Project::number),
            pipeline,
            jobs,
            unseen,
        })
    }

    /// Those with a role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Planned> {
        self.jobs.iter().filter(move |planned| planned.role == role)
    }
}

/// Which pipeline a bridge started, and of which project: a child is of the same.
fn downstream(site: &Site, project: &Project, bridge: &Bridge) -> Option<(Project, u64)> {
    let pipeline = bridge.downstream_pipeline.as_ref()?;
    let by_number = pipeline.project_id.map(Project::number);
    let by_page = || site.project_of(pipeline.web_url.as_deref()?);
    Some((by_number.or_else(by_page).unwrap_or_else(|| project.clone()), pipeline.id))
}

/// Gives jobs whose names are the same, even where a file system ignores case, their numbers too.
fn tell_apart(jobs: &mut [Planned], reserved: &[&str]) {
    // A name with a number can be that of another job, which then needs its own number: each round
    // gives one to a job at least.
    let mut numbered: BTreeSet<u64> = BTreeSet::new();
    loop {
        let mut count: BTreeMap<String, usize> =
            reserved.iter().map(|name| (name.to_ascii_lowercase(), 1)).collect();
        for planned in jobs.iter() {
            *count.entry(planned.name.to_ascii_lowercase()).or_default() += 1;
        }
        let mut is_done = true;
        for planned in jobs.iter_mut() {
            if count.get(&planned.name.to_ascii_lowercase()).is_some_and(|count| *count > 1)
                && numbered.insert(planned.job.id)
            {
                planned.name = format!("{}.{}", planned.name, planned.job.id);
                is_done = false;
            }
        }
        if is_done {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(id: u64, name: &str, stage: &str) -> Job {
        let text = serde_json::json!({ "id": id, "name": name, "stage": stage });
        serde_json::from_value(text).expect("a job")
    }

    #[test]
    fn what_is_wanted_of_a_job() {
        let selection = |jobs: &[&str], exclude: &[&str], images: &[&str]| {
            let own = |patterns: &[&str]| patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            Selection { jobs: own(jobs), exclude: own(exclude), images: own(images) }
        };
        let build = job(1, "debian-12-gcc-debug", "build");
        let test = job(2, "qemu-smoke-x86-64-gcc", "test");
        for (selection, expected) in [
            (selection(&[], &[], &[]), [Role::Image, Role::Log]),
            (selection(&["*-gcc"], &[], &[]), [Role::Image, Role::Log]),
            (selection(&["*debug"], &[], &[]), [Role::Log, Role::None]),
            (selection(&[], &["debian*"], &[]), [Role::None, Role::Log]),
            (selection(&[], &[], &["alpine*"]), [Role::None, Role::Log]),
            (selection(&["x"], &["*"], &["*"]), [Role::None, Role::None]),
        ] {
            assert_eq!([&build, &test].map(|job| selection.role(job)), expected, "{selection:?}");
        }
    }

    #[test]
    fn no_two_jobs_have_one_name() {
        let planned = |id, name: &str| Planned {
            name: safe_name(name),
            job: job(id, name, "test"),
            project: Project::number(1),
            pipeline: 1,
            role: Role::Log,
        };
        let mut jobs = vec![planned(1, "a"), planned(2, "b"), planned(3, "B"), planned(4, "verbose")];
        tell_apart(&mut jobs, &["verbose"]);
        let names: Vec<&str> = jobs.iter().map(|planned| planned.name.as_str()).collect();
        assert_eq!(names, ["a", "b.2", "B.3", "verbose.4"]);
        assert_eq!(jobs.first().map(Planned::folder).as_deref(), Some("a.1"));
        // Found when the fuzz target `jobs` was written: a job can be called what another gets with
        // its number.
        let mut jobs = vec![planned(1, "a"), planned(2, "a"), planned(3, "a.1"), planned(4, "a.1.3")];
        tell_apart(&mut jobs, &[]);
        let names: Vec<&str> = jobs.iter().map(|planned| planned.name.as_str()).collect();
        assert_eq!(names, ["a.1", "a.2", "a.1.3", "a.1.3.4"]);
    }
}
