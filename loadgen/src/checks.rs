//! Checks: what a reply must be to count as completed. Bodies are searched as they go by, in
//! constant memory, whatever pieces they come in.

use std::{fmt, str::FromStr};

use crate::failure::ErrorKind;

/// Longest text that a body is searched for.
const MAX_TEXT_BYTES: usize = 64 * 1024;

/// What every reply must be. By default: any status below 400.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// Statuses of which it must have one; if empty, it must have one below 400.
    pub status: Vec<StatusRange>,
    /// Texts of which its body must contain every one.
    pub body: Vec<BodyText>,
}

/// Statuses from one to another: `200`, `2xx` or `200-204`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusRange {
    first: u16,
    last: u16,
}

/// Several ranges: `200,301-303,4xx`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatusRanges(pub(crate) Vec<StatusRange>);

/// A text that bodies are searched for, with what the search needs: for each prefix, the length of
/// the longest shorter prefix that it ends with (Knuth, Morris and Pratt 1977).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyText {
    bytes: Vec<u8>,
    shorter: Vec<usize>,
}

/// A text is no check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// No status.
    #[error("is no list of statuses: write `200`, `2xx`, `200-204`, or several with commas")]
    Status,
    /// Nothing to search for.
    #[error("is empty, which every body contains")]
    EmptyText,
    /// Too much to search for.
    #[error("is longer than {MAX_TEXT_BYTES} bytes")]
    LongText,
}

/// The search of one body.
#[derive(Debug)]
pub(crate) struct Search<'a> {
    texts: &'a [BodyText],
    /// How much of each text the body ends with so far; all of it once it was found.
    matched: Vec<usize>,
}

impl Checks {
    /// Begins the search of a body; costs nothing if there is nothing to be found.
    pub(crate) fn search(&self) -> Search<'_> {
        Search { texts: &self.body, matched: vec![0; self.body.len()] }
    }

    /// What a whole reply failed of, if it did.
    pub(crate) fn failure(&self, status: u16, body: &Search<'_>) -> Option<ErrorKind> {
        let by_status = if self.status.is_empty() {
            ErrorKind::of_status(status)
        } else {
            let fits = self.status.iter().any(|range| range.contains(status));
            (!fits).then_some(ErrorKind::CheckStatus)
        };
        by_status.or_else(|| (!body.is_complete()).then_some(ErrorKind::CheckBody))
    }
}

impl StatusRange {
    fn contains(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }
}

impl Search<'_> {
    /// Looks at the next piece of the body.
    pub(crate) fn feed(&mut self, piece: &[u8]) {
        for (text, matched) in self.texts.iter().zip(&mut self.matched) {
            *matched = text.advance(*matched, piece);
        }
    }

    fn is_complete(&self) -> bool {
        self.texts.iter().zip(&self.matched).all(|(text, matched)| *matched == text.bytes.len())
    }
}

impl BodyText {
    fn advance(&self, mut matched: usize, piece: &[u8]) -> usize {
        for byte in piece {
            if matched == self.bytes.len() {
                break;
            }
            while matched > 0 && self.bytes[matched] != *byte {
                matched = self.shorter[matched - 1];
            }
            matched += usize::from(self.bytes[matched] == *byte);
        }
        matched
    }
}

impl FromStr for BodyText {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        match text.len() {
            0 => return Err(CheckError::EmptyText),
            1..=MAX_TEXT_BYTES => {}
            _ => return Err(CheckError::LongText),
        }
        let bytes = text.as_bytes().to_vec();
        let mut shorter = vec![0; bytes.len()];
        for place in 1..bytes.len() {
            let mut length: usize = shorter[place - 1];
            while length > 0 && bytes[length] != bytes[place] {
                length = shorter[length - 1];
            }
            shorter[place] = length + usize::from(bytes[length] == bytes[place]);
        }
        Ok(Self { bytes, shorter })
    }
}

impl FromStr for StatusRanges {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        text.split(',').map(|range| range.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for StatusRange {
    type Err = CheckError;

    fn from_str(text: &str) -> Result<Self, CheckError> {
        let status = |text: &str| -> Result<u16, CheckError> {
            let status = text.parse().ok().filter(|status| (100..=999).contains(status));
            status.ok_or(CheckError::Status)
        };
        if let Some(class) = text.strip_suffix("xx") {
            let first = status(&format!("{class}00"))?;
            return Ok(Self { first, last: first + 99 });
        }
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (status(first)?, status(last)?);
        if first <= last { Ok(Self { first, last }) } else { Err(CheckError::Status) }
    }
}

impl fmt::Display for BodyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn checks(status: &str, body: &[&str]) -> Checks {
        let status = if status.is_empty() {
            Vec::new()
        } else {
            status.parse::<StatusRanges>().expect(status).0
        };
        Checks { status, body: body.iter().map(|text| text.parse().expect(text)).collect() }
    }

    fn failure(checks: &Checks, status: u16, body: &str) -> Option<ErrorKind> {
        let mut search = checks.search();
        search.feed(body.as_bytes());
        checks.failure(status, &search)
    }

    #[test]
    fn a_status_must_be_one_of_those_asked_for_and_below_400_if_none_is() {
        for (asked, status, kind) in [
            ("", 204, None),
            ("", 404, Some(ErrorKind::Status4xx)),
            ("200", 200, None),
            ("200", 204, Some(ErrorKind::CheckStatus)),
            ("404", 404, None),
            ("4xx", 499, None),
            ("4xx", 500, Some(ErrorKind::CheckStatus)),
            ("200-204, 503", 203, None),
            ("200-204, 503", 503, None),
            ("200-204, 503", 205, Some(ErrorKind::CheckStatus)),
        ] {
            assert_eq!(failure(&checks(asked, &[]), status, ""), kind, "{asked} for {status}");
        }
    }

    #[test]
    fn a_body_must_contain_every_text() {
        let both = checks("", &["abab", "c"]);
        assert_eq!(failure(&both, 200, "xababab c"), None);
        assert_eq!(failure(&both, 200, "ababab"), Some(ErrorKind::CheckBody));
        assert_eq!(failure(&both, 500, "ababab"), Some(ErrorKind::Status5xx), "the status first");
    }

    #[test]
    fn what_is_no_check_is_refused() {
        for text in ["", "20", "xx", "2x", "200-", "204-200", "1000", "-200", "200,,"] {
            assert_eq!(text.parse::<StatusRanges>(), Err(CheckError::Status), "{text}");
        }
        assert_eq!("".parse::<BodyText>(), Err(CheckError::EmptyText));
        assert_eq!("x".repeat(MAX_TEXT_BYTES + 1).parse::<BodyText>(), Err(CheckError::LongText));
    }

    proptest! {
        // The search finds what is there, and nothing else, however the body is cut in pieces.
        #[test]
        fn a_text_is_found_whatever_the_pieces(
            text in "[ab]{1,6}", body in "[ab]{0,40}", cuts in prop::collection::vec(0_usize..40, 0..5),
        ) {
            let checks = checks("", &[&text]);
            let mut search = checks.search();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            for cut in cuts.windows(2) {
                search.feed(&body.as_bytes()[cut[0]..cut[1]]);
            }
            prop_assert_eq!(checks.failure(200, &search).is_none(), body.contains(&text));
        }
    }
}
