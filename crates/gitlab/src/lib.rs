//! GitLab's pipelines and what their jobs left: logs, images and configurations.
//!
//! [`api`] is the part of GitLab's REST API that is used, each field with the page that documents
//! it. [`Client`] asks, waits and asks again. [`PullPlan`] says which jobs a pipeline has and what is
//! wanted of each; [`fetch`] downloads it, several at once, into a [`Store`]: a folder in which
//! what lies under its name is whole, so that a second run goes on where the first one ended.
//!
//! What comes from the network is not believed: sizes are bounded, names are made safe before they
//! become names of files, an archive that would write elsewhere or unpack without end is refused as
//! a whole, and the token goes to GitLab's own host only. This crate knows nothing of logs but the
//! runner's stamps; who reads them says which images are still missing.

pub mod api;
mod archive;
mod client;
mod error;
mod name;
mod plan;
mod pull;
mod store;
mod token;
mod url;

pub use archive::{Limits, Stop, unpack};
pub use client::{Client, Config, Found, Retry};
pub use error::Error;
pub use name::{Content, safe_name};
pub use plan::{Answers, Planned, PullPlan, Role, Selection};
pub use pull::{DownloadOutcome, Task, Watch, What, fetch};
pub use store::{Artifacts, NEW, Store};
pub use token::{Header, Token};
pub use url::{Project, Site};
