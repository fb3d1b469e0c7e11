//! What the configuration says of the watch as a whole, beside its targets.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::cron::Cron;
use super::template::Templates;

/// Days for which ended incidents are kept.
const RETENTION_DAYS: u64 = 90;

/// The sections of the file that are the watch's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where questions are answered.
    pub listen: SocketAddr,
    /// The database.
    pub database: PathBuf,
    /// How long ended incidents are kept.
    pub retention: Duration,
    /// Who is told.
    pub receivers: Vec<Receiver>,
    /// What is inspected, and when.
    pub inspections: Vec<Inspection>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 9477).into(),
            database: PathBuf::from("detector.db"),
            retention: Duration::from_hours(RETENTION_DAYS * 24),
            receivers: Vec::new(),
            inspections: Vec::new(),
        }
    }
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Receiver {
    /// Unique; by default the kind, host and port.
    pub name: String,
    /// Where.
    pub url: String,
    /// How.
    pub kind: ReceiverKind,
    /// What the names of the environment variables with our credentials begin with.
    pub credentials: Option<String>,
    /// A file of the certificates (PEM) to believe instead of those of the system.
    pub authority: Option<PathBuf>,
}

/// How somebody is told.
#[derive(Clone, Debug, PartialEq)]
pub enum ReceiverKind {
    /// Alertmanager, by its API v2.
    Alertmanager,
    /// Anything that takes JSON, one event after the other, in their order.
    Webhook(Templates),
}

/// An inspection that is made again and again, as `detector inspect` makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// Unique.
    pub name: String,
    /// When, in UTC.
    pub cron: Cron,
    /// The server.
    pub url: String,
    /// What to judge.
    pub query: String,
    /// Longest that it may take.
    pub time_limit: Duration,
    /// Further flags of `inspect`: name and value.
    pub options: Vec<(&'static str, String)>,
}
