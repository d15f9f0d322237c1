//! Any texts as what GitLab answers: a header with the next page, and lists of jobs and of bridges
//! for a pipeline and for those that it starts. What is read says the same when it is written; each
//! job stands once in the plan, under a name that no other has and that is one part of a path; and
//! the next page is a part of the header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use xenheap_fuzz::files;
use xenheap_gitlab::{
    Answers, Error, PullPlan, Project, Selection, Site,
    api::{self, Bridge, Job},
};

/// The pipeline that is asked for; all others have the same answers.
const FIRST: u64 = 1;

/// A name that something else has in the folder of a pull.
const RESERVED: &str = "verbose";

struct Canned {
    site: Site,
    jobs: [Vec<Job>; 2],
    bridges: [Vec<Bridge>; 2],
}

impl Answers for Canned {
    fn site(&self) -> &Site {
        &self.site
    }

    fn jobs(&self, _: &Project, pipeline: u64) -> Result<Vec<Job>, Error> {
        Ok(self.jobs[usize::from(pipeline != FIRST)].clone())
    }

    fn bridges(&self, _: &Project, pipeline: u64) -> Result<Vec<Bridge>, Error> {
        Ok(self.bridges[usize::from(pipeline != FIRST)].clone())
    }
}

fn list<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str) -> Vec<T> {
    let list: Vec<T> = serde_json::from_str(text).unwrap_or_default();
    let again = serde_json::to_string(&list).expect("it can be written");
    assert_eq!(serde_json::from_str::<Vec<T>>(&again).expect("it is a list"), list);
    list
}

fn is_one_part(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.len() < 256
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let [link, jobs, bridges, more, further] = files(text);
    if let Some(next) = api::next_of_link(link) {
        assert!(link.contains(&format!("?{next}>")));
    }
    let answers = Canned {
        site: Site::new("https://gitlab.example.com/here").expect("it is an address"),
        jobs: [jobs, more].map(list),
        bridges: [bridges, further].map(list),
    };
    let project = Project::number(7);
    let Ok(plan) = PullPlan::make(&answers, &project, FIRST, &Selection::default(), &[RESERVED]) else { return };

    let started = answers.bridges[0].iter().filter_map(|bridge| bridge.downstream_pipeline.as_ref());
    let others = started.map(|pipeline| pipeline.id).any(|id| id != FIRST);
    let all = answers.jobs[0].iter().chain(answers.jobs[1].iter().filter(|_| others));
    assert_eq!(plan.jobs.len(), all.map(|job| job.id).collect::<BTreeSet<_>>().len());
    let mut names = BTreeSet::from([RESERVED.to_owned()]);
    let mut folders = BTreeSet::new();
    for planned in &plan.jobs {
        assert!(is_one_part(&planned.name) && is_one_part(&planned.folder()));
        assert!(names.insert(planned.name.to_ascii_lowercase()), "{} stands twice", planned.name);
        assert!(folders.insert(planned.folder().to_ascii_lowercase()), "{} stands twice", planned.folder());
    }
});
