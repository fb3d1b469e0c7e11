//! Whom we believe when a server says who it is: the certificates of a file, else those of the system.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::CertificateError;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::address;

/// Where systems keep the certificates that they believe: Debian and its kin, Red Hat and its kin.
const SYSTEM: [&str; 2] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

/// Largest file that is read; a system's has some 200 KiB.
const LARGEST_BYTES: u64 = 8 << 20;

type Certificates = Arc<Vec<Certificate<'static>>>;

/// Those of the system, read once: a watch has a thousand pages.
static OF_SYSTEM: OnceLock<Certificates> = OnceLock::new();

/// A file of certificates that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum BadAuthority {
    /// It cannot be read.
    #[error("cannot read the certificates in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds none.
    #[error("{} holds no certificate (PEM)", .0.display())]
    Empty(PathBuf),
    /// There is no file.
    #[error("no certificates of this system are at {}; give --ca FILE, or `ca: FILE` in the configuration", SYSTEM.join(" or "))]
    NoSystem,
}

/// A certificate that a server showed in vain.
#[derive(Debug, thiserror::Error)]
#[error("shows a certificate that we do not believe{}", hint(.0))]
pub struct BadCertificate(#[source] rustls::Error);

/// What helps; nothing that we could do helps against one that is out of date, or another host's.
fn hint(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "; if you do, give the one that vouches for it: --ca FILE, or `ca: FILE` in the configuration"
        }
        // What `openssl req -x509` makes unless told otherwise. It has no kind of its own.
        _ if error.to_string().contains("CaUsedAsEndEntity") => {
            "; it is an authority's, and a server needs one of its own (basicConstraints=CA:FALSE)"
        }
        _ => "",
    }
}

/// Tells a certificate that was not believed from all that may go wrong on the way.
pub fn refused(error: ureq::Error) -> Result<BadCertificate, ureq::Error> {
    let of_tls = match &error {
        ureq::Error::Rustls(error) => Some(error),
        ureq::Error::Io(error) => error.get_ref().and_then(|inner| inner.downcast_ref()),
        _ => None,
    };
    match of_tls {
        Some(bad @ rustls::Error::InvalidCertificate(_)) => Ok(BadCertificate(bad.clone())),
        _ => Err(error),
    }
}

/// For what is asked at `url`: believes the certificates of `file`, or without one those of the system.
pub fn config(url: &str, file: Option<&Path>) -> Result<TlsConfig, BadAuthority> {
    let certificates = match file.map_or_else(of_system, of_file) {
        // It needs none, unless it sends us on to one that does.
        Err(_) if file.is_none() && !address::is_secure(url) => Certificates::default(),
        certificates => certificates?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = TlsConfig::builder().root_certs(RootCerts::Specific(certificates));
    Ok(config.unversioned_rustls_crypto_provider(provider).build())
}

fn of_system() -> Result<Certificates, BadAuthority> {
    if let Some(certificates) = OF_SYSTEM.get() {
        return Ok(Arc::clone(certificates));
    }
    let path = SYSTEM.map(Path::new).into_iter().find(|path| path.exists());
    let certificates = of_file(path.ok_or(BadAuthority::NoSystem)?)?;
    Ok(Arc::clone(OF_SYSTEM.get_or_init(|| certificates)))
}

fn of_file(path: &Path) -> Result<Certificates, BadAuthority> {
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST_BYTES).read_to_end(&mut pem));
    read.map_err(|source| BadAuthority::Unreadable { path: path.to_owned(), source })?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(BadAuthority::Empty(path.to_owned()));
    }
    Ok(Arc::new(certificates))
}
