//! Values of types that are not ours, with errors in words of ours.

use std::{
    num::{IntErrorKind, ParseIntError},
    str::FromStr,
    time::Duration,
};

/// A whole number.
pub(super) fn whole<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "is too large a number",
        _ => "is no whole number",
    })
}

/// Yes or no.
pub(super) fn switch(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "is neither `true` nor `false`")
}

/// A length of time.
pub(super) fn time(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "is no time: write `10s`, `250ms` or `1m 30s`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_refused_in_words() {
        assert_eq!(whole::<u32>("50"), Ok(50));
        for text in ["", "x", "-5", "1.5", "10k"] {
            assert_eq!(whole::<u32>(text), Err("is no whole number"), "{text}");
        }
        assert_eq!(whole::<u32>("5000000000"), Err("is too large a number"));
        assert_eq!((switch("true"), switch("false")), (Ok(true), Ok(false)));
        assert!(switch("yes").is_err());
        assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["", "10", "soon", "-1s", "10 parsecs"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
