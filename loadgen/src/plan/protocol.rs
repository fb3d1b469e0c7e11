//! What is spoken.

use std::str::FromStr;

/// Version of HTTP. Over TLS it is agreed upon, without it is taken for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// HTTP/1.1: one request at a time per connection.
    #[default]
    Http1,
    /// HTTP/2: several at a time.
    Http2,
}

impl FromStr for Protocol {
    type Err = ProtocolError;

    fn from_str(text: &str) -> Result<Self, ProtocolError> {
        match text {
            "1.1" | "1" => Ok(Self::Http1),
            "2" => Ok(Self::Http2),
            _ => Err(ProtocolError),
        }
    }
}

/// The text is no version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither `1.1` nor `2`")]
pub struct ProtocolError;
