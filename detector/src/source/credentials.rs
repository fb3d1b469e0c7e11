//! Who we are to a metrics page: taken from the environment, sent in a header, never shown.
//!
//! An address is no place for a password: every user of the machine can read a command line.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::HeaderValue;

/// What the variables' names begin with, where nobody says otherwise.
const PREFIX: &str = "METRICS_AUTH";

/// The value of the header `authorization`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(HeaderValue);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// The names of the variables that hold one set of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variables {
    username: String,
    password: String,
    token: String,
}

impl Variables {
    /// `X_USERNAME`, `X_PASSWORD` and `X_TOKEN` for the prefix `X`.
    pub fn of(prefix: &str) -> Self {
        let name = |what| format!("{prefix}_{what}");
        Self { username: name("USERNAME"), password: name("PASSWORD"), token: name("TOKEN") }
    }
}

impl Default for Variables {
    fn default() -> Self {
        Self::of(PREFIX)
    }
}

/// As one asks for them.
impl fmt::Display for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { username, password, token } = self;
        write!(f, "set {username} and {password} in the environment, or {token}")
    }
}

/// Credentials that cannot be meant; the message names variables and no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// Half of a pair.
    #[error("{0} is set and {1} is not; set both, or neither")]
    Half(String, String),
    /// Two ways at once.
    #[error("{0} and {1} are both set; unset one")]
    TwoWays(String, String),
    /// The colon separates the name from the password.
    #[error("{0} holds a colon, which basic authentication cannot carry")]
    Colon(String),
    /// A line break, say, at the end of a file that was read into the variable.
    #[error("{0} holds a character that a header cannot carry (a line break?)")]
    Unsendable(String),
    /// Not even text.
    #[error("{0} is not UTF-8")]
    NotText(String),
    /// Credentials were promised, and none of the variables is set.
    #[error("no credentials: {0}")]
    Absent(Variables),
}

impl Credentials {
    /// Basic from `METRICS_AUTH_USERNAME` and `METRICS_AUTH_PASSWORD`, bearer from
    /// `METRICS_AUTH_TOKEN`; nothing if none is set. An empty variable counts as unset.
    pub fn from_environment() -> Result<Option<Self>, BadCredentials> {
        Self::from_variables(&Variables::default(), in_environment)
    }

    /// The same from variables of other names, which must be set.
    pub fn from_environment_of(variables: &Variables) -> Result<Self, BadCredentials> {
        let found = Self::from_variables(variables, in_environment)?;
        found.ok_or_else(|| BadCredentials::Absent(variables.clone()))
    }

    fn from_variables(
        Variables { username, password, token }: &Variables,
        variable: impl Fn(&str) -> Result<Option<String>, BadCredentials>,
    ) -> Result<Option<Self>, BadCredentials> {
        let half = |set: &String, unset: &String| BadCredentials::Half(set.clone(), unset.clone());
        match (variable(username)?, variable(password)?, variable(token)?) {
            (None, None, None) => Ok(None),
            (None, None, Some(value)) => Self::header(&format!("Bearer {value}"), token).map(Some),
            (Some(user), Some(word), None) => {
                Self::basic((username, &user), (password, &word)).map(Some)
            }
            (Some(_), None, None) => Err(half(username, password)),
            (None, Some(_), None) => Err(half(password, username)),
            (_, _, Some(_)) => Err(BadCredentials::TwoWays(token.clone(), username.clone())),
        }
    }

    /// A pair, each with the variable that it comes from.
    fn basic(user: (&str, &str), word: (&str, &str)) -> Result<Self, BadCredentials> {
        if user.1.contains(':') {
            return Err(BadCredentials::Colon(user.0.to_owned()));
        }
        for (name, value) in [user, word] {
            if value.chars().any(char::is_control) {
                return Err(BadCredentials::Unsendable(name.to_owned()));
            }
        }
        let pair = BASE64_STANDARD.encode(format!("{}:{}", user.1, word.1));
        Self::header(&format!("Basic {pair}"), word.0)
    }

    fn header(value: &str, from: &str) -> Result<Self, BadCredentials> {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| BadCredentials::Unsendable(from.to_owned()))?;
        // Kept out of the logs of whatever handles the request.
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The value of the header `authorization`.
    pub fn header_value(&self) -> &HeaderValue {
        &self.0
    }
}

fn in_environment(name: &str) -> Result<Option<String>, BadCredentials> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => Err(BadCredentials::NotText(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERNAME: &str = "METRICS_AUTH_USERNAME";
    const PASSWORD: &str = "METRICS_AUTH_PASSWORD";
    const TOKEN: &str = "METRICS_AUTH_TOKEN";

    fn given(set: &[(&'static str, &str)]) -> Result<Option<Credentials>, BadCredentials> {
        Credentials::from_variables(&Variables::default(), |name| {
            Ok(set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
        })
    }

    fn header(set: &[(&'static str, &str)]) -> String {
        let credentials = given(set).expect("sound").expect("set");
        credentials.header_value().to_str().expect("ASCII").to_owned()
    }

    #[test]
    fn a_pair_is_basic_a_token_is_bearer_and_nothing_is_nothing() {
        assert_eq!(given(&[]), Ok(None));
        // The example of RFC 7617, section 2.
        let pair = [(USERNAME, "Aladdin"), (PASSWORD, "open sesame")];
        assert_eq!(header(&pair), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(header(&[(USERNAME, "a"), (PASSWORD, "b:c")]), "Basic YTpiOmM=");
        assert_eq!(header(&[(TOKEN, "abc.def")]), "Bearer abc.def");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_no_value_is_shown() {
        use BadCredentials::{Colon, Half, TwoWays, Unsendable};
        let own = str::to_owned;
        for (set, refusal) in [
            (&[(USERNAME, "s3cret")][..], Half(own(USERNAME), own(PASSWORD))),
            (&[(PASSWORD, "s3cret")], Half(own(PASSWORD), own(USERNAME))),
            (
                &[(USERNAME, "a"), (PASSWORD, "b"), (TOKEN, "s3cret")],
                TwoWays(own(TOKEN), own(USERNAME)),
            ),
            (&[(USERNAME, "a"), (TOKEN, "s3cret")], TwoWays(own(TOKEN), own(USERNAME))),
            (&[(USERNAME, "s3c:ret"), (PASSWORD, "b")], Colon(own(USERNAME))),
            (&[(USERNAME, "a"), (PASSWORD, "s3cret\n")], Unsendable(own(PASSWORD))),
            (&[(TOKEN, "s3cret\n")], Unsendable(own(TOKEN))),
        ] {
            let refused = given(set).expect_err("refused");
            assert_eq!(refused, refusal);
            assert!(!refused.to_string().contains("s3c"), "{refused}");
        }
        let shown = format!("{:?}", given(&[(TOKEN, "s3cret")]));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
