//! Whom a TLS connection trusts.

use std::{fmt, fs, path::PathBuf, sync::Arc};

use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};

use super::{PlanOptions, Problems, Protocol, Target};

/// Where distributions keep the certificates that their users trust: Debian and its kin, Fedora
/// and its kin, Alpine.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What TLS needs to begin.
#[derive(Clone)]
pub(crate) struct Tls {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) server_name: ServerName<'static>,
}

impl Tls {
    /// Prepares TLS with `target`; what is in the way are problems.
    pub(super) fn new(
        options: &PlanOptions,
        target: &Target,
        problems: &mut Problems,
    ) -> Option<Self> {
        let server_name = ServerName::try_from(target.bare_host().to_owned());
        let Ok(server_name) = server_name else {
            problems.push("URL", "has a host that no certificate can be about");
            return None;
        };
        let provider = Arc::new(ring::default_provider());
        let versions = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12]);
        let Ok(versions) = versions else {
            problems.push("URL", "asks for TLS, which could not be set up");
            return None;
        };
        let mut config = if options.insecure {
            let anyone = Arc::new(Anyone(provider));
            versions.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth()
        } else {
            versions.with_root_certificates(roots(options, problems)?).with_no_client_auth()
        };
        config.alpn_protocols = match options.protocol {
            Protocol::Http1 => vec![b"http/1.1".to_vec()],
            Protocol::Http2 => vec![b"h2".to_vec()],
        };
        Some(Self { config: Arc::new(config), server_name })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// The authorities of `--ca`, or else of the system.
fn roots(options: &PlanOptions, problems: &mut Problems) -> Option<RootCertStore> {
    if let Some(pem) = &options.ca {
        let store = read(pem).filter(|(_, unreadable)| *unreadable == 0);
        if store.is_none() {
            problems.push("ca", "holds no certificates in PEM form, or some that are none");
        }
        return store.map(|(store, _)| store);
    }
    // A system's bundle may hold what this program does not know; the rest is as good.
    let store = system_bundle().and_then(|pem| read(&pem));
    if store.is_none() {
        let what = "asks for TLS, but no certificates to trust were found on this system: \
                    give `--ca FILE`, or `--insecure true` to trust anyone";
        problems.push("URL", what);
    }
    store.map(|(store, _)| store)
}

/// The certificates of a file, one at least, and how many could not be read.
fn read(pem: &[u8]) -> Option<(RootCertStore, usize)> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    let mut store = RootCertStore::empty();
    let (_, unreadable) = store.add_parsable_certificates(certificates);
    (!store.is_empty()).then_some((store, unreadable))
}

/// The file that `SSL_CERT_FILE` names, as OpenSSL has it, or the distribution's.
fn system_bundle() -> Option<Vec<u8>> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named.into_iter().chain(BUNDLES.map(PathBuf::from)).find_map(|file| fs::read(file).ok())
}

/// Trusts whoever answers; that it holds the key of its certificate is still checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
