//! The instant that several generators agree to start at, as people and scripts write it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Longest wait for a start: who waits longer has mistyped the year.
const LONGEST_WAIT: Duration = Duration::from_hours(7 * 24);

/// An instant that is still to come, seen from `now`; or what is wrong with it.
pub(super) fn parse(text: &str, now: SystemTime) -> Result<SystemTime, &'static str> {
    let instant = read(text).ok_or(
        "is no instant: write `2026-01-31T12:00:00Z`, another offset as `+01:00`, or seconds since \
         1970 as `date +%s` has them",
    )?;
    match instant.duration_since(now) {
        Err(_) => Err("has passed: agree on a later instant"),
        Ok(wait) if wait > LONGEST_WAIT => Err("is more than a week ahead"),
        Ok(_) => Ok(instant),
    }
}

fn read(text: &str) -> Option<SystemTime> {
    if let Ok(seconds) = text.parse() {
        return UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
    }
    let (clock, is_ahead, offset) = split_offset(text)?;
    let instant = humantime::parse_rfc3339_weak(clock).ok()?;
    if is_ahead { instant.checked_sub(offset) } else { instant.checked_add(offset) }
}

/// What a clock there shows, and by how much it is ahead of UTC, or behind. Without an offset nobody
/// knows whose clock it is.
fn split_offset(text: &str) -> Option<(&str, bool, Duration)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, true, Duration::ZERO));
    }
    let (clock, offset) = text.split_at(text.rfind(['+', '-'])?);
    let digits = offset[1..].replace(':', "");
    let is_offset = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let (hours, minutes) = is_offset.then(|| digits.split_at(2))?;
    let (hours, minutes): (u64, u64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let offset = Duration::from_secs(hours * 3600 + minutes * 60);
    (hours < 24 && minutes < 60).then_some((clock, text[clock.len()..].starts_with('+'), offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-31T12:00:00Z.
    const NOON: Duration = Duration::from_hours(491_628);

    fn at(text: &str) -> Result<Duration, &'static str> {
        let noon = UNIX_EPOCH + NOON;
        parse(text, noon).map(|instant| instant.duration_since(noon).expect("to come"))
    }

    #[test]
    fn an_instant_is_read_however_it_is_written() {
        let minute = Duration::from_mins(1);
        for text in [
            "2026-01-31T12:01:00Z",
            "2026-01-31 12:01:00Z",
            "2026-01-31T12:01:00.000Z",
            "2026-01-31T13:01:00+01:00",
            "2026-01-31T17:31:00+0530",
            "2026-01-31T08:01:00-04:00",
            "1769860860",
        ] {
            assert_eq!(at(text), Ok(minute), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_to_start_at_is_refused() {
        for (text, what) in [
            ("", "is no instant"),
            ("soon", "is no instant"),
            ("2026-01-31", "is no instant"),
            ("2026-01-31T12:01:00", "is no instant"),
            ("2026-01-31T12:01:00+25:00", "is no instant"),
            ("2026-01-31T12:01:00+1", "is no instant"),
            ("2026-01-31T12:01:00+\u{661}\u{661}", "is no instant"),
            ("99999999999999999999", "is no instant"),
            ("2026-01-31T11:59:59Z", "has passed"),
            ("2026-01-31T12:01:00+01:00", "has passed"),
            ("9999-12-31T23:59:59Z", "is more than a week ahead"),
            ("18446744073709551615", "is"),
        ] {
            let refused = at(text).expect_err(text);
            assert!(refused.starts_with(what), "{text}: {refused}");
        }
    }
}
