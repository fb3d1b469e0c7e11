//! Addresses that can be asked, and that everybody may read.

use ureq::http::Uri;

/// An address that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It cannot be asked.
    #[error("expected an address like http://127.0.0.1:8080, or https://")]
    NotHttp,
    /// It holds credentials.
    #[error(
        "credentials do not belong in an address, which others can read; set \
         METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD in the environment, or METRICS_AUTH_TOKEN"
    )]
    Credentials,
}

/// Refuses what cannot be asked, and what nobody should see.
pub fn check(url: &str) -> Result<(), BadAddress> {
    let authority = url.split_once("://").map_or(url, |(_scheme, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let usable = url.parse::<Uri>().is_ok_and(|uri| is_http(&uri));
    // A password may hold a slash, and then it is no address at all.
    if authority.contains('@') || (!usable && url.contains('@')) {
        Err(BadAddress::Credentials)
    } else if usable {
        Ok(())
    } else {
        Err(BadAddress::NotHttp)
    }
}

/// Whether it names a host, and a port that is a number if it names one.
fn is_http(uri: &Uri) -> bool {
    let named = uri.authority().is_some_and(|authority| {
        authority.port_u16().is_some() || authority.as_str() == authority.host()
    });
    matches!(uri.scheme_str(), Some("http" | "https")) && named
}

/// Whether it is asked over TLS.
pub fn is_secure(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| uri.scheme_str() == Some("https"))
}

/// A refused address with everything left out that may be a password.
pub fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    match rest.rsplit_once('@') {
        Some((_credentials, host)) => format!("{scheme}://{host}"),
        None => url.to_owned(),
    }
}
