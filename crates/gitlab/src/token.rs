use std::fmt;

use ureq::http::HeaderValue;

use crate::Error;

/// How a token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Of a person, a project or a group:
    /// <https://docs.gitlab.com/api/rest/authentication/#personalprojectgroup-access-tokens>.
    Private,
    /// Of a running job: <https://docs.gitlab.com/api/rest/authentication/#job-tokens>.
    Job,
}

impl Header {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Header::Private => "private-token",
            Header::Job => "job-token",
        }
    }
}

/// What shows GitLab who asks. It is never displayed, not even for debugging.
#[derive(Clone)]
pub struct Token {
    pub(crate) header: Header,
    pub(crate) value: HeaderValue,
    source: String,
}

impl Token {
    /// Where a token is looked for, the first first.
    pub const VARIABLES: [(&'static str, Header); 3] = [
        ("XENHEAP_GITLAB_TOKEN", Header::Private),
        ("GITLAB_TOKEN", Header::Private),
        ("CI_JOB_TOKEN", Header::Job),
    ];

    /// A token; `source` says in messages where it came from.
    pub fn new(header: Header, token: &str, source: impl Into<String>) -> Result<Self, Error> {
        let source = source.into();
        // A file that was read into the variable ends with an end of line.
        match HeaderValue::from_str(token.trim()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                Ok(Token { header, value, source })
            }
            Err(_) => Err(Error::Token { source_name: source }),
        }
    }

    /// The first token that the environment has. Empty variables count as unset.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Error> {
        Self::VARIABLES
            .into_iter()
            .find_map(|(name, header)| {
                let token = variable(name).filter(|token| !token.trim().is_empty())?;
                Some(Token::new(header, &token, name))
            })
            .transpose()
    }

    /// Where it came from.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(from {})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let with = |set: &[(&str, &str)]| {
            Token::from_environment(|name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
            .expect("a token")
            .map(|token| {
                (token.source().to_owned(), token.header, token.value.to_str().expect("ASCII").to_owned())
            })
        };
        assert_eq!(with(&[]), None);
        assert_eq!(
            with(&[("XENHEAP_GITLAB_TOKEN", " \n"), ("CI_JOB_TOKEN", "j\n")]),
            Some(("CI_JOB_TOKEN".to_owned(), Header::Job, "j".to_owned()))
        );
        assert_eq!(
            with(&[("GITLAB_TOKEN", "g"), ("XENHEAP_GITLAB_TOKEN", "x")]),
            Some(("XENHEAP_GITLAB_TOKEN".to_owned(), Header::Private, "x".to_owned()))
        );
    }

    #[test]
    fn a_token_is_not_told() {
        let token = Token::new(Header::Private, "glpat-secret", "HERE").expect("a token");
        assert_eq!(format!("{token:?}"), "Token(from HERE)");
        let error = Token::new(Header::Private, "glpat\nsecret", "HERE").expect_err("two lines");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
