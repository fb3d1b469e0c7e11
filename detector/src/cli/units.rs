//! Sizes, counts, durations and limits as people write and read them.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use crate::Signal;

/// A limit of memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Of a signal in bytes.
    Bytes(u64),
    /// Of `memory_used_percent`.
    Percent(f64),
}

impl Limit {
    /// The limit in the unit of its signals.
    pub fn value(self) -> f64 {
        match self {
            Self::Bytes(bytes) => bytes as f64,
            Self::Percent(percent) => percent,
        }
    }

    /// Whether the limit is one of this signal.
    pub fn applies_to(self, signal: Signal) -> bool {
        match self {
            Self::Bytes(_) => signal.is_bytes(),
            Self::Percent(_) => signal == Signal::MemoryUsedPercent,
        }
    }
}

/// A limit that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a size such as 256MiB, or a percentage such as 90%")]
pub struct BadLimit;

impl FromStr for Limit {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim_end().parse().ok();
            return percent
                .filter(|percent| (0.0..=100.0).contains(percent) && *percent > 0.0)
                .map(Self::Percent)
                .ok_or(BadLimit);
        }
        let size = text.parse::<ByteSize>().ok().filter(|size| size.as_u64() > 0);
        size.map(|size| Self::Bytes(size.as_u64())).ok_or(BadLimit)
    }
}

/// A number of bytes, signed.
pub fn bytes(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", ByteSize::b(value.abs().round() as u64))
}

/// A value of a signal with its unit.
pub fn level(signal: Signal, value: f64) -> String {
    if signal.is_bytes() {
        bytes(value)
    } else if signal == Signal::MemoryUsedPercent {
        format!("{value:.1} %")
    } else {
        let rounded = format!("{value:.1}");
        rounded.strip_suffix(".0").unwrap_or(&rounded).to_owned()
    }
}

/// A slope per second, as people say it: per hour, with its sign.
pub fn hourly(signal: Signal, per_second: f64) -> String {
    let sign = if per_second < 0.0 { "" } else { "+" };
    format!("{sign}{}", level(signal, per_second * 3600.0))
}

/// A duration to two units at most: nobody plans by the second three days ahead.
pub fn duration(seconds: f64) -> String {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3600.0;
    const DAY: f64 = 86_400.0;
    /// Beyond a century a duration says no more than that there is time.
    const CENTURY: f64 = 36_525.0 * DAY;
    if !seconds.is_finite() || seconds >= CENTURY {
        return "more than a century".to_owned();
    }
    let unit = match seconds {
        s if s < 1.0 => return format!("{:.0}ms", s.max(0.0) * 1000.0),
        s if s < 10.0 => return format!("{s:.1}s").replace(".0s", "s"),
        s if s < HOUR => 1.0,
        s if s < DAY => MINUTE,
        _ => HOUR,
    };
    let rounded = Duration::from_secs_f64((seconds / unit).round() * unit);
    humantime::format_duration(rounded).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_sizes_or_percentages_and_nothing_else() {
        assert_eq!("256MiB".parse(), Ok(Limit::Bytes(256 << 20)));
        assert_eq!("1GB".parse(), Ok(Limit::Bytes(1_000_000_000)));
        assert_eq!("90%".parse(), Ok(Limit::Percent(90.0)));
        for bad in ["", "0", "0%", "101%", "-5%", "NaN%", "lots", "-1MiB", "12furlongs"] {
            assert_eq!(bad.parse::<Limit>(), Err(BadLimit), "{bad}");
        }
    }

    #[test]
    fn durations_keep_the_digits_that_matter() {
        for (seconds, text) in [
            (0.25, "250ms"),
            (2.04, "2s"),
            (2.5, "2.5s"),
            (75.2, "1m 15s"),
            (3_700.0, "1h 2m"),
            (100_000.0, "1day 4h"),
            (f64::INFINITY, "more than a century"),
            (1e300, "more than a century"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn slopes_are_signed_and_levels_carry_their_unit() {
        assert_eq!(hourly(Signal::RssBytes, 1024.0), "+3.5 MiB");
        assert_eq!(hourly(Signal::RssBytes, -1024.0), "-3.5 MiB");
        assert_eq!(level(Signal::Fds, 12.0), "12");
        assert_eq!(level(Signal::Fds, 12.25), "12.2");
        assert_eq!(level(Signal::MemoryUsedPercent, 84.0), "84.0 %");
    }
}
