//! Why there is no answer, and what helps.

use std::time::Duration;

use super::super::address::BadAddress;
use super::super::tls::{BadAuthority, BadCertificate};

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// The address is none that we can ask.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// The file of certificates is of no use.
    #[error(transparent)]
    Authority(#[from] BadAuthority),
    /// It is somebody, and we do not believe who.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// Nobody answers.
    #[error("is unreachable")]
    Unreachable(#[source] Box<ureq::Error>),
    /// Nobody answers in time.
    #[error("has not answered within {}", humantime::format_duration(*.0))]
    Slow(Duration),
    /// Credentials are missing or wrong.
    #[error(
        "refuses us with status {0}; set METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD in the environment, or \
         METRICS_AUTH_TOKEN"
    )]
    Unauthorised(u16),
    /// It does not like the question.
    #[error("refuses the query with status {status}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// It is in trouble itself.
    #[error("answers with status {0}")]
    Status(u16),
    /// The answer is larger than we read.
    #[error("gives an answer of more than {} MiB", .0 >> 20)]
    TooLarge(u64),
    /// The answer is cut off, or of another kind.
    #[error("gives an answer that cannot be read to its end")]
    Garbage(#[source] serde_json::Error),
    /// All the time that there was is used up.
    #[error("has not answered everything within the time limit")]
    OutOfTime,
}

/// What servers say when a question was too large rather than wrong: Prometheus of samples and of time, Thanos, Mimir and
/// `VictoriaMetrics` of series, chunks and bytes.
const TOO_MUCH: [&str; 5] = ["too many", "limit", "exceed", "timed out", "too long"];

impl PrometheusError {
    /// Whether the same question may be answered later.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Status(429 | 500..) | Self::Garbage(_) => true,
            Self::Refused { status: 429 | 500.., .. } => !self.is_too_much(),
            _ => false,
        }
    }

    /// Whether it was too much that was asked for at once.
    pub fn is_too_much(&self) -> bool {
        match self {
            Self::Refused { status: 422, .. } | Self::TooLarge(_) | Self::Slow(_) => true,
            Self::Refused { message, .. } => {
                let message = message.to_lowercase();
                TOO_MUCH.iter().any(|words| message.contains(words))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_too_much_is_told_from_what_is_wrong_and_from_what_passes() {
        let refused = |status, message: &str| PrometheusError::Refused {
            status,
            message: message.to_owned(),
        };
        for (error, too_much, may_pass) in [
            (refused(422, "query processing would load too many samples"), true, false),
            (refused(503, "query timed out in expression evaluation"), true, false),
            (refused(500, "exceeded series limit: 1 (got 2)"), true, false),
            (refused(503, "no healthy store"), false, true),
            (refused(400, "parse error"), false, false),
            (refused(429, "try later"), false, true),
            (PrometheusError::Status(502), false, true),
            (PrometheusError::Status(404), false, false),
            (PrometheusError::TooLarge(1), true, false),
            (PrometheusError::Slow(Duration::from_secs(1)), true, false),
            (PrometheusError::Unauthorised(401), false, false),
            (PrometheusError::OutOfTime, false, false),
        ] {
            assert_eq!((error.is_too_much(), error.may_pass()), (too_much, may_pass), "{error}");
        }
    }
}
