//! A request as it is asked for, and its checking.

use hyper::{
    Method,
    http::{HeaderName, HeaderValue, header, uri::PathAndQuery},
};

use super::{Credentials, Problems, Target};
use crate::requests::{Parts, Template};

/// Longest body of a request.
pub(crate) const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Headers that the framing of requests decides.
const OURS: [HeaderName; 4] =
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE];

/// One request of a mix before it is checked. Path, header values and body may have holes:
/// `{{unique}}`, `{{key}}`, `{{random}}`.
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// How often it is sent, relative to the others of the mix; 1 to 1,000,000.
    pub weight: u32,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Path and query, from `/` on; by default those of the URL.
    pub path: Option<String>,
    /// Names and values, on top of those that all requests have.
    pub headers: Vec<(String, String)>,
    /// At most 16 MiB. One that is no UTF-8 has no holes and is sent as it is.
    pub body: Option<Vec<u8>>,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self { weight: 1, method: "GET".into(), path: None, headers: Vec::new(), body: None }
    }
}

/// What all requests of a plan have in common.
pub(super) struct Common<'a> {
    pub(super) target: &'a Target,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) credentials: Option<&'a Credentials>,
    pub(super) keep_alive: bool,
}

impl RequestOptions {
    /// Checks the request; `place` names it.
    pub(super) fn check(&self, common: &Common<'_>, at: &str, problems: &mut Problems) -> Parts {
        let place = |option: &str| format!("{at}{option}");
        if !(1..=1_000_000).contains(&self.weight) {
            let what = format!("{} is not within 1 to 1000000", self.weight);
            problems.push(place("weight"), what);
        }
        let method = Method::from_bytes(self.method.as_bytes()).ok();
        let method = method.filter(|method| *method != Method::CONNECT);
        if method.is_none() {
            let what = format!("`{}` is no method: write `GET` or `POST`", self.method);
            problems.push(place("method"), what);
        }
        let body = self.body.as_ref().map(|body| {
            if body.len() > MAX_BODY_BYTES {
                problems.push(place("body"), format!("has {} bytes, above 16 MiB", body.len()));
            }
            // Where there is no text there are no holes: pictures have every pair of bytes.
            match str::from_utf8(body) {
                Ok(_) => template(body, &place("body"), problems).unwrap_or_default(),
                Err(_) => Template::literal(body),
            }
        });
        Parts {
            weight: self.weight,
            method: method.unwrap_or_default(),
            path: self.path(common.target, &place("path"), problems),
            headers: self.headers(common, &place("header"), problems),
            body,
        }
    }

    fn path(&self, target: &Target, place: &str, problems: &mut Problems) -> Template {
        let path = self.path.as_deref().unwrap_or(target.path().as_str());
        let Some(template) = template(path.as_bytes(), place, problems) else {
            return Template::default();
        };
        let example = template.example();
        if !path.starts_with('/') || PathAndQuery::try_from(&example[..]).is_err() {
            let what = format!("`{path}` is no path: write `/api/data?x=1`, other bytes as `%20`");
            problems.push(place.to_owned(), what);
        }
        template
    }

    /// The request's own headers come before those of all, and each before ours.
    fn headers(
        &self,
        common: &Common<'_>,
        place: &str,
        problems: &mut Problems,
    ) -> Vec<(HeaderName, Template)> {
        let mut headers = check_headers(&self.headers, place, problems);
        let has = |headers: &[(HeaderName, Template)], name: &HeaderName| {
            headers.iter().any(|(other, _)| other == name)
        };
        let of_all = common.headers.iter().filter(|(name, _)| !has(&headers, name));
        headers = of_all.cloned().chain(headers.iter().cloned()).collect();
        let mut ours = vec![
            (header::HOST, common.target.authority().to_owned()),
            (header::USER_AGENT, concat!("loadgen/", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        if let Some(credentials) = common.credentials {
            ours.push((header::AUTHORIZATION, credentials.header()));
        }
        ours.retain(|(name, _)| !has(&headers, name));
        if !common.keep_alive {
            ours.push((header::CONNECTION, "close".to_owned()));
        }
        // `Host` first, as RFC 9110 (7.2) asks.
        let ours =
            ours.into_iter().map(|(name, value)| (name, Template::literal(value.as_bytes())));
        let mut all: Vec<_> = ours.chain(headers).collect();
        all.sort_by_key(|(name, _)| *name != header::HOST);
        all
    }
}

/// Those headers that are right.
pub(super) fn check_headers(
    headers: &[(String, String)],
    place: &str,
    problems: &mut Problems,
) -> Vec<(HeaderName, Template)> {
    headers.iter().filter_map(|(name, value)| check_header(name, value, place, problems)).collect()
}

fn check_header(
    name: &str,
    value: &str,
    place: &str,
    problems: &mut Problems,
) -> Option<(HeaderName, Template)> {
    let template = template(value.as_bytes(), place, problems).unwrap_or_default();
    let Ok(header) = name.parse::<HeaderName>() else {
        problems.push(place.to_owned(), format!("`{name}` is no name of a header"));
        return None;
    };
    if OURS.contains(&header) {
        problems.push(place.to_owned(), format!("`{name}` is set by the load generator itself"));
    }
    if HeaderValue::from_bytes(&template.example()).is_err() {
        let what = format!("the value of `{name}` has bytes that no header may have");
        problems.push(place.to_owned(), what);
    }
    Some((header, template))
}

fn template(text: &[u8], place: &str, problems: &mut Problems) -> Option<Template> {
    let parsed = Template::parse(text);
    let start = || String::from_utf8_lossy(text).chars().take(60).collect::<String>();
    let problem = |error| problems.push(place.to_owned(), format!("`{}` {error}", start()));
    parsed.map_err(problem).ok()
}
