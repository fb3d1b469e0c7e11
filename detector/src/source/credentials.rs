//! Who we are to a metrics page: taken from the environment, sent in a header, never shown.
//!
//! An address is no place for a password: every user of the machine can read a command line.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ureq::http::HeaderValue;

const USERNAME: &str = "METRICS_AUTH_USERNAME";
const PASSWORD: &str = "METRICS_AUTH_PASSWORD";
const TOKEN: &str = "METRICS_AUTH_TOKEN";

/// The value of the header `authorization`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(HeaderValue);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// Credentials that cannot be meant; the message names variables and no values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// Half of a pair.
    #[error("{0} is set and {1} is not; set both, or neither")]
    Half(&'static str, &'static str),
    /// Two ways at once.
    #[error("{TOKEN} and {USERNAME} are both set; unset one")]
    TwoWays,
    /// The colon separates the name from the password.
    #[error("{USERNAME} holds a colon, which basic authentication cannot carry")]
    Colon,
    /// A line break, say, at the end of a file that was read into the variable.
    #[error("{0} holds a character that a header cannot carry (a line break?)")]
    Unsendable(&'static str),
    /// Not even text.
    #[error("{0} is not UTF-8")]
    NotText(&'static str),
}

impl Credentials {
    /// Basic from `METRICS_AUTH_USERNAME` and `METRICS_AUTH_PASSWORD`, bearer from
    /// `METRICS_AUTH_TOKEN`; nothing if none is set. An empty variable counts as unset.
    pub fn from_environment() -> Result<Option<Self>, BadCredentials> {
        Self::from_variables(|name| match std::env::var(name) {
            Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => Err(BadCredentials::NotText(name)),
        })
    }

    fn from_variables(
        variable: impl Fn(&'static str) -> Result<Option<String>, BadCredentials>,
    ) -> Result<Option<Self>, BadCredentials> {
        match (variable(USERNAME)?, variable(PASSWORD)?, variable(TOKEN)?) {
            (None, None, None) => Ok(None),
            (None, None, Some(token)) => Self::bearer(&token).map(Some),
            (Some(username), Some(password), None) => Self::basic(&username, &password).map(Some),
            (Some(_), None, None) => Err(BadCredentials::Half(USERNAME, PASSWORD)),
            (None, Some(_), None) => Err(BadCredentials::Half(PASSWORD, USERNAME)),
            (_, _, Some(_)) => Err(BadCredentials::TwoWays),
        }
    }

    fn basic(username: &str, password: &str) -> Result<Self, BadCredentials> {
        if username.contains(':') {
            return Err(BadCredentials::Colon);
        }
        for (name, value) in [(USERNAME, username), (PASSWORD, password)] {
            if value.chars().any(char::is_control) {
                return Err(BadCredentials::Unsendable(name));
            }
        }
        let pair = BASE64_STANDARD.encode(format!("{username}:{password}"));
        Self::header(&format!("Basic {pair}"), PASSWORD)
    }

    fn bearer(token: &str) -> Result<Self, BadCredentials> {
        Self::header(&format!("Bearer {token}"), TOKEN)
    }

    fn header(value: &str, from: &'static str) -> Result<Self, BadCredentials> {
        let mut value =
            HeaderValue::from_str(value).map_err(|_| BadCredentials::Unsendable(from))?;
        // Kept out of the logs of whatever handles the request.
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn header_value(&self) -> &HeaderValue {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(set: &[(&'static str, &str)]) -> Result<Option<Credentials>, BadCredentials> {
        Credentials::from_variables(|name| {
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
        for (set, refusal) in [
            (&[(USERNAME, "s3cret")][..], Half(USERNAME, PASSWORD)),
            (&[(PASSWORD, "s3cret")], Half(PASSWORD, USERNAME)),
            (&[(USERNAME, "a"), (PASSWORD, "b"), (TOKEN, "s3cret")], TwoWays),
            (&[(USERNAME, "a"), (TOKEN, "s3cret")], TwoWays),
            (&[(USERNAME, "s3c:ret"), (PASSWORD, "b")], Colon),
            (&[(USERNAME, "a"), (PASSWORD, "s3cret\n")], Unsendable(PASSWORD)),
            (&[(TOKEN, "s3cret\n")], Unsendable(TOKEN)),
        ] {
            let refused = given(set).expect_err("refused");
            assert_eq!(refused, refusal);
            assert!(!refused.to_string().contains("s3c"), "{refused}");
        }
        let shown = format!("{:?}", given(&[(TOKEN, "s3cret")]));
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
