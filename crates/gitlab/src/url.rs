//! Addresses: of a GitLab, and where it sends us.

use std::{fmt, str::FromStr};

use ureq::http::{
    Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

use crate::Error;

/// A GitLab: scheme, host, port, and the folder it lies in if it has not the whole host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    uri: Uri,
    folder: String,
}

impl Site {
    /// `https://gitlab.example.com`, or `https://example.com/gitlab` where it lies in a folder
    /// (<https://docs.gitlab.com/omnibus/settings/configuration/#configure-a-relative-url-for-gitlab>).
    pub fn new(url: &str) -> Result<Self, Error> {
        let bad = |reason| Error::Site { url: url.to_owned(), reason };
        let uri = Uri::from_str(url.trim()).map_err(|_| bad("it is no address"))?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            _ => return Err(bad("it begins neither with https:// nor with http://")),
        }
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(bad("it contains a user or a password"));
        }
        if uri.query().is_some() {
            return Err(bad("it contains a `?`"));
        }
        let folder = uri.path().trim_end_matches('/').to_owned();
        Ok(Site { uri, folder })
    }

    /// Whether what is sent there can be read on the way: it is not encrypted, and goes to another
    /// machine.
    pub(crate) fn is_exposed(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        self.uri.scheme_str() != Some("https") && !here
    }

    /// `/api/v4` and what follows: <https://docs.gitlab.com/api/rest/#make-a-rest-api-request>.
    pub(crate) fn api(&self, path: &str) -> Result<Uri, Error> {
        self.at(&format!("{}/api/v4{path}", self.folder)).ok_or_else(|| Error::Site {
            url: self.to_string(),
            reason: "no address of the API can be made of it",
        })
    }

    fn at(&self, path: &str) -> Option<Uri> {
        resolve(&self.uri, path)
    }

    /// Whether it is the same scheme, host and port: the only place where a token may go.
    pub(crate) fn owns(&self, uri: &Uri) -> bool {
        uri.scheme() == self.uri.scheme()
            && uri.host().map(str::to_ascii_lowercase) == self.uri.host().map(str::to_ascii_lowercase)
            && port(uri) == port(&self.uri)
    }

    /// The project of which `web_url` is the page of a pipeline.
    pub(crate) fn project_of(&self, web_url: &str) -> Option<Project> {
        let uri = Uri::from_str(web_url).ok().filter(|uri| self.owns(uri))?;
        let path = uri.path().strip_prefix(self.folder.as_str())?.strip_prefix('/')?;
        let (project, _) = path.split_once("/-/pipelines/").or_else(|| path.split_once("/pipelines/"))?;
        Project::new(project).ok()
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}{}",
            self.uri.scheme_str().unwrap_or_default(),
            self.uri.authority().map_or("", Authority::as_str),
            self.folder
        )
    }
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

/// Where a `Location` leads, as seen from `base`: to another host, or to a path of the same one.
pub(crate) fn resolve(base: &Uri, location: &str) -> Option<Uri> {
    if location.starts_with('/') && !location.starts_with("//") {
        let mut parts = base.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::from_str(location).ok()?);
        return Uri::from_parts(parts).ok();
    }
    let uri = Uri::from_str(location).ok()?;
    (uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https"))).then_some(uri)
}

/// An address for messages: what stands behind the `?` may be as secret as a token.
pub(crate) fn shown(uri: &Uri) -> String {
    format!(
        "{}://{}{}",
        uri.scheme().map_or("?", Scheme::as_str),
        uri.authority().map_or("?", Authority::as_str),
        uri.path()
    )
}

/// A project, by number or by path: `7084`, `xen-project/xen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project(String);

impl Project {
    /// Refuses what can be neither.
    pub fn new(name: &str) -> Result<Self, Error> {
        let name = name.trim_matches('/');
        let bad = name.is_empty() || name.chars().any(char::is_control) || name.contains("://");
        if bad { Err(Error::Project { name: name.to_owned() }) } else { Ok(Project(name.to_owned())) }
    }

    /// By its number.
    pub fn number(id: u64) -> Self {
        Project(id.to_string())
    }

    /// As it stands in a path: <https://docs.gitlab.com/api/rest/#namespaced-paths>.
    pub(crate) fn encoded(&self) -> String {
        let mut out = String::with_capacity(self.0.len() + 8);
        for byte in self.0.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    out.push(char::from(byte))
                }
                byte => out.push_str(&format!("%{byte:02X}")),
            }
        }
        out
    }
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(url: &str) -> Site {
        Site::new(url).expect("a site")
    }

    #[test]
    fn addresses_of_the_api() {
        for (url, expected) in [
            ("https://gitlab.com", "https://gitlab.com/api/v4/job"),
            ("https://gitlab.com/", "https://gitlab.com/api/v4/job"),
            ("http://localhost:8080/git/lab/", "http://localhost:8080/git/lab/api/v4/job"),
        ] {
            assert_eq!(site(url).api("/job").expect("an address").to_string(), expected);
        }
        for url in
            ["gitlab.com", "ftp://gitlab.com", "https://me:secret@gitlab.com", "https://gitlab.com?x=1", ""]
        {
            let error = Site::new(url).expect_err(url);
            assert!(matches!(error, Error::Site { .. }));
        }
    }

    #[test]
    fn a_site_owns_its_scheme_host_and_port() {
        let own = site("https://gitlab.com");
        for (url, expected) in [
            ("https://gitlab.com/x", true),
            ("https://GitLab.com:443/x", true),
            ("http://gitlab.com/x", false),
            ("https://gitlab.com:8443/x", false),
            ("https://gitlab.com.evil.example/x", false),
            ("https://cdn.gitlab.com/x", false),
        ] {
            assert_eq!(own.owns(&Uri::from_static(url)), expected, "{url}");
        }
    }

    #[test]
    fn where_a_location_leads() {
        let base = Uri::from_static("https://gitlab.com/a?b");
        let to = |location: &str| resolve(&base, location).map(|uri| uri.to_string());
        assert_eq!(to("/x?y=1").as_deref(), Some("https://gitlab.com/x?y=1"));
        assert_eq!(to("http://other/x").as_deref(), Some("http://other/x"));
        for bad in ["//other/x", "x/y", "file:///etc/passwd", "", "javascript:1"] {
            assert_eq!(to(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_in_a_query_is_not_shown() {
        let uri = Uri::from_static("https://store.example/artifacts.zip?X-Amz-Signature=secret");
        assert_eq!(shown(&uri), "https://store.example/artifacts.zip");
    }

    #[test]
    fn projects() {
        assert_eq!(
            Project::new("xen-project/people/me.x/xen").expect("one").encoded(),
            "xen-project%2Fpeople%2Fme.x%2Fxen"
        );
        assert_eq!(Project::new("a/../b?c#d").expect("one").encoded(), "a%2F..%2Fb%3Fc%23d");
        for bad in ["", "/", "a\nb", "https://gitlab.com/a/b"] {
            assert!(matches!(Project::new(bad), Err(Error::Project { .. })), "{bad}");
        }
        let found =
            |url: &str| site("https://gitlab.com/sub").project_of(url).map(|project| project.to_string());
        assert_eq!(found("https://gitlab.com/sub/xen/hw/-/pipelines/5").as_deref(), Some("xen/hw"));
        assert_eq!(found("https://gitlab.com/sub/xen/hw/pipelines/5").as_deref(), Some("xen/hw"));
        assert_eq!(found("https://evil.example/sub/xen/hw/pipelines/5"), None);
        assert_eq!(found("https://gitlab.com/xen/hw/pipelines/5"), None);
    }
}
