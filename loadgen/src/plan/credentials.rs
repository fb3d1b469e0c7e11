//! Who the load generator says it is. Never shown: not in a report, not in an error, not in
//! `Debug`.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

/// Sent with every request, as the header `Authorization`.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// RFC 7617.
    Basic {
        /// Without a colon.
        username: String,
        /// Anything.
        password: String,
    },
    /// RFC 6750.
    Bearer {
        /// As the issuer gave it.
        token: String,
    },
}

impl Credentials {
    /// Value of the header.
    pub(super) fn header(&self) -> String {
        match self {
            Self::Basic { username, password } => {
                format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))
            }
            Self::Bearer { token } => format!("Bearer {token}"),
        }
    }

    /// What is wrong with them, if anything.
    pub(super) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Basic { username, .. } if username.contains(':') => {
                Some("a username for basic auth has no colon")
            }
            Self::Bearer { token } if token.is_empty() || !token.bytes().all(is_visible) => {
                Some("a bearer token is one or more visible ASCII characters")
            }
            _ => None,
        }
    }
}

fn is_visible(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(username: &str) -> Credentials {
        Credentials::Basic { username: username.into(), password: "open sesame".into() }
    }

    #[test]
    fn the_header_is_that_of_the_standards() {
        // The example of RFC 7617, section 2.
        assert_eq!(basic("Aladdin").header(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(Credentials::Bearer { token: "abc".into() }.header(), "Bearer abc");
    }

    #[test]
    fn what_no_header_could_carry_is_a_problem() {
        assert_eq!(basic("Aladdin").problem(), None);
        assert!(basic("a:b").problem().is_some());
        for token in ["", "a b", "a\r\nb", "\u{e9}"] {
            assert!(Credentials::Bearer { token: token.into() }.problem().is_some(), "{token:?}");
        }
    }

    #[test]
    fn nothing_of_them_is_shown() {
        assert!(!format!("{:?}", basic("Aladdin")).contains("esame"));
    }
}
