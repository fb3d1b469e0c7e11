//! Who may scrape the metrics: anybody, unless a name and a password are set.

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::access::{credentials, same};
use super::problem::Problem;

/// Who may scrape the metrics.
#[derive(Clone, Debug, Default)]
pub struct MetricsAccess {
    /// Refuses every scrape for as long as no name and password are set.
    pub required: bool,
    /// If set, every scrape must carry them, as basic authentication.
    pub login: Option<Login>,
}

/// A name and a password.
#[derive(Clone)]
pub struct Login {
    /// As they travel: `base64(name:password)`.
    encoded: String,
}

impl Login {
    /// The name may have no colon, because what comes after one is the password.
    pub fn new(name: &str, password: &str) -> Option<Self> {
        let encoded = || STANDARD.encode(format!("{name}:{password}"));
        (!name.contains(':')).then(|| Self { encoded: encoded() })
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Login(..)")
    }
}

impl MetricsAccess {
    /// Lets a scrape pass, or says why not.
    pub fn judge(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let given = credentials(headers.get(AUTHORIZATION), "Basic");
        match &self.login {
            Some(login) if given.is_some_and(|given| same(given, &login.encoded)) => Ok(()),
            Some(_) => Err(Problem {
                status: StatusCode::UNAUTHORIZED,
                error: "the metrics need the right name and password".to_owned(),
                hint:
                    "send METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD as basic authentication"
                        .to_owned(),
            }),
            None if self.required => Err(Problem {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                error: "authentication is required for metrics, but not configured".to_owned(),
                hint: "start the service with METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD in \
                       its environment, or without --metrics-auth"
                    .to_owned(),
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn metrics_are_open_unless_a_login_is_set_or_required() {
        // base64 of prom:secret, and of prom:wrong.
        let (right, wrong) = ("Basic cHJvbTpzZWNyZXQ=", "Basic cHJvbTp3cm9uZw==");
        let login = || Login::new("prom", "secret");
        let cases = [
            (false, None, None, 200),
            (false, None, Some(right), 200),
            (true, None, Some(right), 500),
            (true, None, None, 500),
            (true, login(), None, 401),
            (true, login(), Some(wrong), 401),
            (true, login(), Some("Bearer cHJvbTpzZWNyZXQ="), 401),
            (true, login(), Some("Basic"), 401),
            (true, login(), Some(right), 200),
            (false, login(), Some(right), 200),
            (false, login(), Some("basic cHJvbTpzZWNyZXQ="), 200),
            (false, login(), None, 401),
        ];
        for (required, login, header, expected) in cases {
            let told = format!("{required} {login:?} {header:?}");
            let access = MetricsAccess { required, login };
            let mut headers = HeaderMap::new();
            headers.extend(header.map(|value| (AUTHORIZATION, HeaderValue::from_static(value))));
            let status = access.judge(&headers).map_or_else(|no| no.status.as_u16(), |()| 200);
            assert_eq!(status, expected, "{told}");
        }
    }

    #[test]
    fn a_name_with_a_colon_is_none() {
        assert!(Login::new("a:b", "c").is_none());
        assert!(Login::new("a", "b:c").is_some());
    }
}
