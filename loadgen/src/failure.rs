//! The kinds of error that a request can end in, and how a cause is put into one of them.

use std::{error::Error, io};

/// What a request failed of. Every arrival ends as a completed request or as exactly one of these,
/// unless it was dropped, or abandoned by a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// No connection could be opened; nothing was sent.
    Connect,
    /// No connection was free within the timeout; nothing was sent.
    Expired,
    /// Connecting, or the whole reply, took longer than the timeout.
    Timeout,
    /// The peer closed or reset the connection before the reply was whole.
    Closed,
    /// What came back is not HTTP, or has more headers than are taken.
    Protocol,
    /// The reply's body is longer than is taken.
    Oversized,
    /// A whole reply with a status from 400 to 499.
    Status4xx,
    /// A whole reply with a status of 500 or above.
    Status5xx,
    /// A whole reply with another status than the plan asks for.
    CheckStatus,
    /// A whole reply whose body lacks what the plan asks for.
    CheckBody,
}

impl ErrorKind {
    pub(crate) const ALL: [Self; 10] = [
        Self::Connect,
        Self::Expired,
        Self::Timeout,
        Self::Closed,
        Self::Protocol,
        Self::Oversized,
        Self::Status4xx,
        Self::Status5xx,
        Self::CheckStatus,
        Self::CheckBody,
    ];

    /// The kind's name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Expired => "expired",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Protocol => "protocol",
            Self::Oversized => "oversized",
            Self::Status4xx => "status_4xx",
            Self::Status5xx => "status_5xx",
            Self::CheckStatus => "check_status",
            Self::CheckBody => "check_body",
        }
    }

    /// The kind of a whole reply with this status, if it is an error.
    pub(crate) fn of_status(status: u16) -> Option<Self> {
        match status {
            0..400 => None,
            400..500 => Some(Self::Status4xx),
            500.. => Some(Self::Status5xx),
        }
    }
}

/// What ended an exchange over HTTP/2.
impl From<hyper::Error> for ErrorKind {
    fn from(error: hyper::Error) -> Self {
        let by_connection =
            error.is_incomplete_message() || error.is_canceled() || error.is_closed();
        if by_connection || causes(&error).any(is_closed) { Self::Closed } else { Self::Protocol }
    }
}

/// Whether the peer, or the way to it, gave up; else it broke the rules.
fn is_closed(cause: &(dyn Error + 'static)) -> bool {
    cause.is::<io::Error>()
        || cause.downcast_ref::<h2::Error>().is_some_and(|error| {
            error.is_io() || error.is_remote() && (error.is_reset() || error.is_go_away())
        })
}

fn causes(error: &hyper::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_an_error_from_400_on() {
        for (status, kind) in [
            (200, None),
            (304, None),
            (399, None),
            (400, Some(ErrorKind::Status4xx)),
            (499, Some(ErrorKind::Status4xx)),
            (500, Some(ErrorKind::Status5xx)),
            (999, Some(ErrorKind::Status5xx)),
        ] {
            assert_eq!(ErrorKind::of_status(status), kind, "{status}");
        }
    }

    #[test]
    fn each_kind_stands_at_its_own_place_in_the_list() {
        for (index, kind) in ErrorKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index, "{}", kind.name());
        }
    }
}
