//! Why a run could not be carried out at all. What goes wrong with single requests is counted by
//! kind in the report instead, and never ends a run.

use std::io;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The target's host name has no address.
    #[error("cannot resolve the host `{host}`: check its spelling, or give an address")]
    Resolve {
        /// The host as the plan names it.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Not all connections could be opened before the clock started.
    #[error(
        "only {opened} of {asked} connections to {target} could be opened: {}",
        what_to_look_at(source)
    )]
    Connect {
        /// The target as the plan names it.
        target: String,
        /// Connections that were opened.
        opened: usize,
        /// Connections that the plan asks for.
        asked: usize,
        /// Why the first of the others was not.
        source: io::Error,
    },
    /// The runtime or the pacer's timer could not be set up or read.
    #[error("cannot set up the runtime and its timer")]
    Runtime {
        /// What the system said.
        #[from]
        source: io::Error,
    },
    /// The connections were open only when the agreed start was over.
    #[error("the instant to start at has passed: agree on a later one")]
    StartHasPassed,
    /// A thread ended by a defect of this program.
    #[error("a thread ended before its work was done; the figures would be wrong")]
    Thread,
    /// A connection's task ended by a defect of this program.
    #[error("a connection's task ended before its work was done; the figures would be wrong")]
    Task {
        /// How it ended.
        #[from]
        source: tokio::task::JoinError,
    },
    /// The thread that collects the figures ended by a defect of this program.
    #[error("the thread that collects the figures ended before the run did; they would be wrong")]
    Collector,
}

/// The question that most often has the answer to why a connection could not be opened.
fn what_to_look_at(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => "is it running there?",
        io::ErrorKind::NotFound => "is it running, and is its socket there?",
        io::ErrorKind::PermissionDenied => "may you connect to it?",
        // What rustls makes of a certificate or an answer that it refuses.
        io::ErrorKind::InvalidData => {
            "does it speak TLS there, with a certificate that `--ca FILE` vouches for? \
             (`--insecure true` asks for no proof)"
        }
        io::ErrorKind::Unsupported => "is that the right port for it?",
        _ => {
            "is it running there, and does it (and this machine's limit of open files) allow so \
             many?"
        }
    }
}
