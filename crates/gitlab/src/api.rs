//! The part of GitLab's REST API that is used. Each field names the page that documents it; the
//! pages were read at the versions of `doc/api` in GitLab's repository (`jobs.md`,
//! `job_artifacts.md`, `rest/_index.md`, `rest/authentication.md`,
//! `administration/settings/user_and_ip_rate_limits.md`).

use serde::{Deserialize, Serialize};

use crate::Project;

/// Answers list so many items on a page at most:
/// <https://docs.gitlab.com/api/rest/#offset-based-pagination>.
pub const PER_PAGE: u32 = 100;

/// Where the next page lies, as `<URL>; rel="next"`:
/// <https://docs.gitlab.com/api/rest/#pagination-link-header>.
pub const LINK: &str = "link";

/// The number of the next page, empty on the last one:
/// <https://docs.gitlab.com/api/rest/#other-pagination-headers>.
pub const NEXT_PAGE: &str = "x-next-page";

/// With status 429: seconds until requests are taken again.
/// <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#additional-headers-for-throttled-requests>.
pub const RETRY_AFTER: &str = "retry-after";

/// The time, in seconds since 1970, when requests are taken again.
/// <https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#headers-returned-for-all-requests>.
pub const RATE_LIMIT_RESET: &str = "ratelimit-reset";

/// The jobs of a pipeline, without those that were retried:
/// <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs>.
pub(crate) fn jobs(project: &Project, pipeline: u64) -> String {
    format!("/projects/{}/pipelines/{pipeline}/jobs", project.encoded())
}

/// The jobs of a pipeline that start other pipelines:
/// <https://docs.gitlab.com/api/jobs/#list-pipeline-bridges>.
pub(crate) fn bridges(project: &Project, pipeline: u64) -> String {
    format!("/projects/{}/pipelines/{pipeline}/bridges", project.encoded())
}

/// What [`bridges`] is called from GitLab 19.2 on:
/// <https://docs.gitlab.com/api/jobs/#list-pipeline-trigger-jobs>.
pub(crate) fn trigger_jobs(project: &Project, pipeline: u64) -> String {
    format!("/projects/{}/pipelines/{pipeline}/trigger_jobs", project.encoded())
}

/// What a job printed; 404 if there is nothing: <https://docs.gitlab.com/api/jobs/#get-a-log-file>.
pub(crate) fn trace(project: &Project, job: u64) -> String {
    format!("/projects/{}/jobs/{job}/trace", project.encoded())
}

/// The files that a job kept, as one zip archive; 404 if there are none. It may be a redirect to
/// another host. <https://docs.gitlab.com/api/job_artifacts/#get-job-artifacts>.
pub(crate) fn archive(project: &Project, job: u64) -> String {
    format!("/projects/{}/jobs/{job}/artifacts", project.encoded())
}

/// One job of a pipeline. All fields: <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs>, the
/// example of a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// `id`: unique within a GitLab.
    pub id: u64,
    /// `name`: as in `.gitlab-ci.yml`; several pipelines can have the same.
    pub name: String,
    /// `stage`: as in `.gitlab-ci.yml`.
    #[serde(default)]
    pub stage: String,
    /// `status`: a word of the list at `scope`, or a newer one.
    #[serde(default)]
    pub status: String,
    /// `artifacts_file`: only there if the job has an archive of artifacts.
    #[serde(default)]
    pub artifacts_file: Option<ArtifactsFile>,
    /// `artifacts`: all that GitLab keeps of a job, the archive among it.
    #[serde(default)]
    pub artifacts: Vec<Artifact>,
    /// `pipeline`: the one it belongs to.
    #[serde(default)]
    pub pipeline: Option<PipelineOfJob>,
    /// `web_url`: its page.
    #[serde(default)]
    pub web_url: Option<String>,
}

impl Job {
    /// Whether it ran to an end: what it left will not change.
    pub fn has_ended(&self) -> bool {
        matches!(self.status.as_str(), "success" | "failed" | "canceled")
    }

    /// Whether it has an archive of artifacts.
    pub fn has_archive(&self) -> bool {
        self.artifacts_file.is_some() || self.artifacts.iter().any(|artifact| artifact.file_type == "archive")
    }

    /// Bytes of the archive, as far as GitLab says that.
    pub fn archive_size(&self) -> Option<u64> {
        self.artifacts_file.as_ref().and_then(|file| file.size)
    }
}

/// `artifacts_file` of a job: <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactsFile {
    /// `size`: in bytes.
    #[serde(default)]
    pub size: Option<u64>,
}

/// One of a job's `artifacts`: <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// `file_type`: `archive`, `metadata`, `trace`, `junit`, ...
    #[serde(default)]
    pub file_type: String,
}

/// `pipeline` of a job: <https://docs.gitlab.com/api/jobs/#list-pipeline-jobs>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PipelineOfJob {
    /// `id`: the pipeline's number.
    pub id: u64,
    /// `project_id`: the project's number.
    #[serde(default)]
    pub project_id: Option<u64>,
}

/// A job that starts another pipeline. All fields:
/// <https://docs.gitlab.com/api/jobs/#list-pipeline-bridges>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// `id`: unique within a GitLab.
    pub id: u64,
    /// `name`: as in `.gitlab-ci.yml`.
    pub name: String,
    /// `downstream_pipeline`: what it started; missing or null if that did not come about.
    #[serde(default)]
    pub downstream_pipeline: Option<Downstream>,
}

/// `downstream_pipeline` of a bridge: <https://docs.gitlab.com/api/jobs/#list-pipeline-bridges>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downstream {
    /// `id`: the pipeline's number.
    pub id: u64,
    /// `project_id`: not in the example of that page, but a field of pipelines:
    /// <https://docs.gitlab.com/api/pipelines/#list-project-pipelines>.
    #[serde(default)]
    pub project_id: Option<u64>,
    /// `web_url`: its page, below that of its project.
    #[serde(default)]
    pub web_url: Option<String>,
}

/// The query of the next page, from the [`LINK`] header.
pub fn next_of_link(link: &str) -> Option<&str> {
    link.split(',').find_map(|part| {
        let (url, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        let is_next =
            parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        if is_next { url.split_once('?').map(|(_, query)| query) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_of_a_link() {
        let link = "<https://gitlab.example.com/api/v4/x?page=1&per_page=3>; rel=\"prev\", \
                    <https://gitlab.example.com/api/v4/x?page=3&per_page=3>; rel=\"next\", \
                    <https://gitlab.example.com/api/v4/x?page=1&per_page=3>; rel=\"first\"";
        assert_eq!(next_of_link(link), Some("page=3&per_page=3"));
        assert_eq!(next_of_link("<https://gitlab.example.com/api/v4/x?page=1>; rel=\"first\""), None);
        assert_eq!(next_of_link(""), None);
    }

    #[test]
    fn a_job_needs_only_number_and_name() {
        let job: Job =
            serde_json::from_str(r#"{"id": 7, "name": "teaspoon", "runner": null}"#).expect("a job");
        assert!(!job.has_ended() && !job.has_archive());
        let job: Job = serde_json::from_str(
            r#"{"id": 7, "name": "t", "status": "failed", "artifacts_file": {"filename": "artifacts.zip", "size": 1000}}"#,
        )
        .expect("a job");
        assert!(job.has_ended() && job.has_archive());
        assert_eq!(job.archive_size(), Some(1000));
    }
}
