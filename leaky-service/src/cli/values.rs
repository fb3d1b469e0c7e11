//! Words of the command line that are more than a number, and the ranges they must keep.

use std::time::Duration;

use bytesize::ByteSize;

use crate::growth::MOST_THRESHOLDS;

/// A limit that can be lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap(pub Option<ByteSize>);

/// Rises of resident memory that count, in bytes, smallest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(pub Vec<u64>);

pub(super) fn cap(text: &str) -> Result<Cap, String> {
    match text {
        "none" => Ok(Cap(None)),
        size => size.parse().map(|size| Cap(Some(size))),
    }
}

/// Zero would end every connection before its first request, or mean none at all to the kernel.
pub(super) fn client_timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let possible = Duration::from_millis(100)..=Duration::from_hours(1);
    if possible.contains(&timeout) { Ok(timeout) } else { Err("not between 100ms and 1h".into()) }
}

pub(super) fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("choose on or off"),
    }
}

pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "choose a number from 0 to 1, such as 0.8".to_owned())
}

pub(super) fn share_above_none(text: &str) -> Result<f64, String> {
    let above = share(text).ok().filter(|share| *share > 0.0);
    above.ok_or_else(|| "choose a number above 0 and up to 1, such as 0.8".to_owned())
}

pub(super) fn thresholds(text: &str) -> Result<Thresholds, String> {
    let size = |size: &str| size.trim().parse().map(|size: ByteSize| size.as_u64());
    let mut sizes = text.split(',').map(size).collect::<Result<Vec<_>, _>>()?;
    sizes.sort_unstable();
    sizes.dedup();
    if sizes.first() == Some(&0) || sizes.len() > MOST_THRESHOLDS {
        return Err(format!("choose 1 to {MOST_THRESHOLDS} sizes above 0, such as 10MiB,50MiB"));
    }
    Ok(Thresholds(sizes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_their_range() {
        for (text, with_none, above_none) in [
            ("0", true, false),
            ("0.5", true, true),
            ("1", true, true),
            ("1.01", false, false),
            ("-0.1", false, false),
            ("NaN", false, false),
            ("half", false, false),
        ] {
            let found = (share(text).is_ok(), share_above_none(text).is_ok());
            assert_eq!(found, (with_none, above_none), "{text}");
        }
    }

    #[test]
    fn thresholds_are_sorted_few_and_above_nothing() {
        let found = thresholds("50MiB, 1KiB,50MiB").unwrap();
        assert_eq!(found, Thresholds(vec![1024, 50 << 20]));
        for text in ["", "0B", "10MiB,", "10MiB;50MiB", "1B,2B,3B,4B,5B,6B,7B,8B,9B"] {
            assert!(thresholds(text).is_err(), "{text}");
        }
    }
}
