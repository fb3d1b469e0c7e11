//! What the detector knows, over HTTP: `detector watch` within this process, so that it ends with it.
//!
//! It watches the service's metrics page as a stranger would, beside the detector that narrates, and
//! stays while the service is killed and started again.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use detector::config::Config;
use detector::{WATCH_TOKEN, Watch, WatchError};
use tempfile::TempDir;

use super::Settings;

/// Why there is no API.
#[derive(Debug, thiserror::Error)]
pub(super) enum ApiError {
    /// No place for its database.
    #[error("no private directory for the detector's database")]
    Directory(#[from] io::Error),
    /// The configuration is ours, so this is a fault of ours.
    #[error("the detector refuses its configuration: {0}")]
    Configuration(String),
    /// It could not be started.
    #[error("cannot start it (choose another port with --detector-port)")]
    Start(#[from] WatchError),
}

/// A detector that answers. Dropping it ends it.
pub(super) struct Api {
    watch: Option<Watch>,
    /// Holds the database; goes with it.
    _directory: TempDir,
}

impl Api {
    /// Watches the service at `service`, and answers on `port` of loopback.
    pub fn start(settings: &Settings, service: SocketAddr, port: u16) -> Result<Self, ApiError> {
        let directory = tempfile::Builder::new().prefix("leaklab-detector-").tempdir()?;
        let file = directory.path().join("detector.yaml");
        fs::write(&file, configuration(settings, service))?;
        let mut config = Config::load(Some(&file)).map_err(|errors| {
            let errors: Vec<_> = errors.iter().map(|error| crate::error_chain(error)).collect();
            ApiError::Configuration(errors.join("; "))
        })?;
        config.watch.listen = (Ipv4Addr::LOCALHOST, port).into();
        config.watch.database = directory.path().join("detector.db");
        let token = std::env::var(WATCH_TOKEN).ok().filter(|token| !token.is_empty());
        let watch = Some(Watch::start_quietly(&config, token)?);
        Ok(Self { watch, _directory: directory })
    }

    /// Where it answers.
    pub fn address(&self) -> Option<SocketAddr> {
        self.watch.as_ref().map(Watch::address)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        if let Some(watch) = self.watch.take() {
            watch.stop();
        }
    }
}

fn configuration(settings: &Settings, service: SocketAddr) -> String {
    let limit =
        settings.limit_bytes.map_or_else(String::new, |bytes| format!("    limit: {bytes}B\n"));
    format!(
        "every: 1s\nconfirm: {}s\ntargets:\n  - name: leaky-service\n    metrics: \
         http://{service}/metrics\n{limit}",
        settings.confirm_seconds
    )
}
