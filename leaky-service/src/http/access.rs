//! Who may use the admin API: people on this machine, or whoever holds the token.
//!
//! With a token every admin call must carry it, from wherever it comes. Without one, calls from
//! other machines are refused unless the operator allowed them. Calls that a browser makes for a
//! page of another site are refused in any case: being on this machine, the browser would pass.

use std::net::{Ipv4Addr, SocketAddr};

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, StatusCode};

use super::problem::Problem;

/// Who may use the admin API.
#[derive(Clone, Debug, Default)]
pub struct AdminAccess {
    /// Lets other machines in without a token.
    pub allow_remote: bool,
    /// If set, every admin call must carry it as `Authorization: Bearer TOKEN`.
    pub token: Option<String>,
}

impl AdminAccess {
    /// Lets a request of `peer` pass, or says why not.
    pub fn judge(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<(), Problem> {
        if is_foreign(headers) {
            return Err(Problem {
                status: StatusCode::FORBIDDEN,
                error: "the admin API does not answer pages of other sites".to_owned(),
                hint: "call it from a program, or from a page that this service serves".to_owned(),
            });
        }
        let is_local = peer.ip().to_canonical().is_loopback();
        match &self.token {
            Some(token)
                if credentials(headers.get(AUTHORIZATION), "Bearer")
                    .is_some_and(|given| same(given, token)) =>
            {
                Ok(())
            }
            Some(_) => Err(Problem {
                status: StatusCode::UNAUTHORIZED,
                error: "the admin API needs the right token".to_owned(),
                hint: "send 'Authorization: Bearer TOKEN' with the value of LEAKLAB_ADMIN_TOKEN"
                    .to_owned(),
            }),
            None if is_rebound(headers) => Err(Problem {
                status: StatusCode::FORBIDDEN,
                error: "the admin API does not answer pages that reach it by a name".to_owned(),
                hint: "open the page at localhost or at an address, or set LEAKLAB_ADMIN_TOKEN"
                    .to_owned(),
            }),
            None if self.allow_remote || is_local => Ok(()),
            None => Err(Problem {
                status: StatusCode::FORBIDDEN,
                error: "the admin API answers this machine only".to_owned(),
                hint:
                    "start the service with --allow-remote-admin, or set LEAKLAB_ADMIN_TOKEN and \
                       send it as a bearer token"
                        .to_owned(),
            }),
        }
    }
}

/// What follows the scheme in an `Authorization` header, if it is that scheme.
pub fn credentials<'a>(value: Option<&'a HeaderValue>, scheme: &str) -> Option<&'a [u8]> {
    let (found, rest) = value?.as_bytes().split_at_checked(scheme.len())?;
    let is_scheme = found.eq_ignore_ascii_case(scheme.as_bytes());
    rest.strip_prefix(b" ").filter(|_| is_scheme)
}

/// Whether a page of another site may be behind a call: browsers say whose page it is.
fn is_foreign(headers: &HeaderMap) -> bool {
    let authority = |origin: &str| origin.split_once("://").map(|(_, rest)| rest.to_owned());
    let origin = headers.get(ORIGIN).map(|value| value.to_str().ok().and_then(authority));
    let host = headers.get(HOST).and_then(|value| value.to_str().ok());
    match (origin, host) {
        (None, _) => false,
        (Some(Some(origin)), Some(host)) => !origin.eq_ignore_ascii_case(host),
        _ => true,
    }
}

/// Whether a browser believes to talk to another site although it talks to this machine: whoever
/// owns a name can make it point here, and then the page is not even foreign.
fn is_rebound(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_ours = name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok()
        || name.starts_with('[');
    headers.contains_key(ORIGIN) && !is_ours
}

/// Compares in a time that depends on what was given, never on how much of it is right.
pub fn same(given: &[u8], token: &str) -> bool {
    let token = token.as_bytes();
    let differs = given.iter().enumerate().fold(given.len() ^ token.len(), |differs, (i, byte)| {
        differs | usize::from(byte ^ token[i % token.len().max(1)])
    });
    std::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &str = "127.0.0.1:5000";
    const MAPPED: &str = "[::ffff:127.0.0.1]:5000";
    const REMOTE: &str = "192.0.2.7:5000";

    #[test]
    fn the_admin_api_is_for_this_machine_unless_opened() {
        let cases = [
            (false, None, LOCAL, None, 200),
            (false, None, MAPPED, None, 200),
            (false, None, REMOTE, None, 403),
            (true, None, REMOTE, None, 200),
            (false, Some("secret"), LOCAL, None, 401),
            (true, Some("secret"), REMOTE, Some("Bearer wrong"), 401),
            (false, Some("secret"), REMOTE, Some("Bearer secret"), 200),
            (false, Some("secret"), REMOTE, Some("bearer secret"), 200),
            (false, Some("secret"), REMOTE, Some("Bearer secretsecret"), 401),
            (false, Some("secret"), REMOTE, Some("Bearer "), 401),
            (false, Some("secret"), REMOTE, Some("Basic secret"), 401),
        ];
        for (allow_remote, token, peer, header, expected) in cases {
            let access = AdminAccess { allow_remote, token: token.map(str::to_owned) };
            let mut headers = HeaderMap::new();
            headers.extend(header.map(|value| (AUTHORIZATION, HeaderValue::from_static(value))));
            let judged = access.judge(&headers, peer.parse().unwrap());
            let status = judged.map_or_else(|problem| problem.status.as_u16(), |()| 200);
            assert_eq!(status, expected, "{allow_remote} {token:?} {peer} {header:?}");
        }
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        for (origin, host, foreign) in [
            (None, Some("localhost:8080"), false),
            (None, None, false),
            (Some("http://localhost:8080"), Some("localhost:8080"), false),
            (Some("http://LocalHost:8080"), Some("localhost:8080"), false),
            (Some("http://localhost:3000"), Some("localhost:8080"), true),
            (Some("https://example.com"), Some("localhost:8080"), true),
            (Some("null"), Some("localhost:8080"), true),
            (Some("http://localhost:8080"), None, true),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(origin.map(|value| (ORIGIN, HeaderValue::from_static(value))));
            headers.extend(host.map(|value| (HOST, HeaderValue::from_static(value))));
            assert_eq!(is_foreign(&headers), foreign, "{origin:?} {host:?}");
        }
    }

    #[test]
    fn a_name_of_another_site_that_points_here_is_refused() {
        for (host, rebound) in [
            ("localhost:8080", false),
            ("127.0.0.1:8080", false),
            ("[::1]:8080", false),
            ("[::1]", false),
            ("example.com:8080", true),
            ("example.com", true),
        ] {
            let mut headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            assert!(!is_rebound(&headers), "{host}: no page is behind it");
            headers.insert(ORIGIN, format!("http://{host}").parse().unwrap());
            assert_eq!(is_rebound(&headers), rebound, "{host}");
            for (allow_remote, peer) in [(false, LOCAL), (true, LOCAL), (true, REMOTE)] {
                let access = AdminAccess { allow_remote, token: None };
                let judged = access.judge(&headers, peer.parse().unwrap());
                assert_eq!(judged.is_err(), rebound, "{host} {allow_remote} {peer}");
            }
        }
    }
}
