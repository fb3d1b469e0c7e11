//! Where the load goes: one `http://` or `https://` URL, taken apart once.

use std::{fmt, io, net::SocketAddr, net::ToSocketAddrs, str::FromStr};

use hyper::{Uri, http::uri::PathAndQuery};

use crate::error::LoadError;

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// A target, over TLS or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    tls: bool,
    host: String,
    authority: String,
    port: u16,
    path: PathAndQuery,
}

impl Target {
    /// Path and query, as sent on the request line.
    pub(crate) fn path(&self) -> &PathAndQuery {
        &self.path
    }

    /// Value of the `Host` header.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether it is reached over TLS.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// Name or address, without the brackets of a URL.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Looks the host up, once per run; blocks as long as the resolver does.
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, LoadError> {
        let failed = |source| LoadError::Resolve { host: self.host.clone(), source };
        let addresses: Vec<_> =
            (self.bare_host(), self.port).to_socket_addrs().map_err(failed)?.collect();
        if addresses.is_empty() {
            return Err(failed(io::Error::from(io::ErrorKind::NotFound)));
        }
        Ok(addresses)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let uri: Uri = text.parse().map_err(|_| TargetError::NotAUrl)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(TargetError::NotHttp),
        };
        let authority = uri.authority().ok_or(TargetError::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials);
        }
        // The parser takes a port that is too large for none at all, so it is read here.
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => Some(if tls { HTTPS_PORT } else { HTTP_PORT }),
            Some(port) => port.trim_start_matches(':').parse().ok().filter(|port| *port > 0),
            None => None,
        };
        Ok(Self {
            tls,
            host: authority.host().to_owned(),
            authority: authority.to_string(),
            port: port.ok_or(TargetError::Port)?,
            path: uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")),
        })
    }
}

/// Why a text is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL at all.
    #[error("is not a URL: write `http://HOST:PORT/PATH`")]
    NotAUrl,
    /// No scheme, or another one.
    #[error("does not start with `http://` or `https://`")]
    NotHttp,
    /// `user:password@`.
    #[error(
        "holds credentials, which are not sent: leave out the part before `@`, and put them into \
         LOADGEN_AUTH_USERNAME and LOADGEN_AUTH_PASSWORD"
    )]
    Credentials,
    /// No number after the colon, or zero.
    #[error("has no port from 1 to 65535 after the colon")]
    Port,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_apart() {
        for (text, host, port, path) in [
            ("http://localhost:8080/api/data?x=1", "localhost", 8080, "/api/data?x=1"),
            ("http://example.org", "example.org", 80, "/"),
            ("http://[::1]:9/", "[::1]", 9, "/"),
            ("https://example.org/x", "example.org", 443, "/x"),
        ] {
            let target: Target = text.parse().expect(text);
            assert_eq!((target.host.as_str(), target.port), (host, port), "{text}");
            assert_eq!(target.path().as_str(), path, "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_the_way_out() {
        for (text, error) in [
            ("", TargetError::NotAUrl),
            ("http://", TargetError::NotAUrl),
            ("http://a b/", TargetError::NotAUrl),
            ("localhost:8080", TargetError::NotHttp),
            ("ftp://host/", TargetError::NotHttp),
            ("http://user:secret@host/", TargetError::Credentials),
            ("http://host:0/", TargetError::Port),
            ("http://host:65536/", TargetError::Port),
            ("http://host:/", TargetError::Port),
        ] {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }

    #[test]
    fn an_ipv6_address_needs_no_resolver() {
        let target: Target = "http://[::1]:9/".parse().expect("a target");
        let addresses = target.resolve().expect("an address");
        assert_eq!(addresses, ["[::1]:9".parse().expect("an address")]);
    }
}
