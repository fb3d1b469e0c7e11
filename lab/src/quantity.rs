//! Sizes, durations and rates with their units: read from drill files, written for people.
//!
//! What is read here is finite and positive; a bare number is refused, because nobody can tell
//! whether `10` meant bytes or kibibytes.

use std::str::FromStr;

use bytesize::ByteSize;
use detector::Signal;

/// Reads a size such as `10KiB` as bytes; on failure says what was expected.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size with its unit, such as 10KiB".to_owned();
    if !text.ends_with(['B', 'b']) {
        return Err(expected());
    }
    ByteSize::from_str(text).map(|size| size.as_u64()).map_err(|_| expected())
}

/// Reads a duration such as `90s` as seconds; on failure says what was expected.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    humantime::parse_duration(text)
        .map(|duration| duration.as_secs_f64())
        .map_err(|_| "expected a duration with its unit, such as 30s or 200ms".to_owned())
}

/// Reads a rate such as `200/s` as events per second; on failure says what was expected.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let expected = || "expected a rate with its unit, such as 200/s or 6000/min".to_owned();
    let (count, unit) = text.split_once('/').ok_or_else(expected)?;
    let seconds = match unit.trim() {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(expected()),
    };
    let count: f64 = count.trim().parse().map_err(|_| expected())?;
    if count.is_finite() { Ok(count / seconds) } else { Err(expected()) }
}

/// Reads a share such as `10%` as a part of one; on failure says what was expected.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let expected = || "expected a share with its unit, such as 10%".to_owned();
    let percent: f64 =
        text.strip_suffix('%').ok_or_else(expected)?.trim().parse().map_err(|_| expected())?;
    if percent.is_finite() { Ok(percent / 100.0) } else { Err(expected()) }
}

/// Writes so much of a signal, in its unit: `24.1MiB`, `812 fds`.
pub fn amount(signal: Signal, value: f64) -> String {
    if signal.is_bytes() { bytes(value) } else { format!("{} {signal}", count(value)) }
}

/// Writes so much of a signal as one request takes: bytes to the byte, `1.0 fds`.
pub fn exact_amount(signal: Signal, value: f64) -> String {
    if signal.is_bytes() { exact_bytes(value) } else { format!("{value:.2} {signal}") }
}

/// Writes the slope of a signal with its sign: `+2.0MiB/s`, `+20.1 fds/s`.
pub fn growth(signal: Signal, per_second: f64) -> String {
    if signal.is_bytes() { slope(per_second) } else { format!("{per_second:+.1} {signal}/s") }
}

/// A number of things, without a fraction that is zero.
fn count(value: f64) -> String {
    format!("{:.1}", value + 0.0).trim_end_matches(".0").to_owned()
}

/// Writes bytes as `24.1MiB`; a fall is written `-24.1MiB`.
pub fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes;
    let mut unit = 0;
    // 1023.95 would be written 1024.0 of the smaller unit.
    while value.abs() >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0);
    let rounded = format!("{value:.decimals$}");
    let unsigned_zero = rounded.trim_start_matches('-');
    let shown = if unsigned_zero.chars().all(|c| matches!(c, '0' | '.')) {
        unsigned_zero
    } else {
        &rounded
    };
    format!("{shown}{}", UNITS[unit])
}

/// Writes bytes to the byte, `10245B`: where a measured figure stands beside a true one.
pub fn exact_bytes(bytes: f64) -> String {
    format!("{bytes:.0}B")
}

/// Writes a slope in bytes per second with its sign, `+2.0MiB/s`.
pub fn slope(bytes_per_second: f64) -> String {
    let size = bytes(bytes_per_second);
    if size.starts_with('-') { format!("{size}/s") } else { format!("+{size}/s") }
}

/// Writes seconds as `12.3s`, and without the fraction where there is none.
pub fn seconds(seconds: f64) -> String {
    if (seconds - seconds.round()).abs() < 1e-9 {
        format!("{seconds:.0}s")
    } else {
        format!("{seconds:.1}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_need_a_unit() {
        assert_eq!(parse_size("10KiB"), Ok(10_240));
        assert_eq!(parse_size("2MB"), Ok(2_000_000));
        for bad in ["10", "", "KiB", "-1KiB", "10Kib/s", "ten"] {
            assert!(parse_size(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn durations_and_rates_need_a_unit() {
        assert_eq!(parse_seconds("1m 30s"), Ok(90.0));
        assert_eq!(parse_rate("6000/min"), Ok(100.0));
        for bad in ["5", "", "s", "-5s"] {
            assert!(parse_seconds(bad).is_err(), "{bad} was accepted");
        }
        assert_eq!(parse_share("10%"), Ok(0.1));
        for bad in ["10", "%", "NaN%", "ten%"] {
            assert!(parse_share(bad).is_err(), "{bad} was accepted");
        }
        for bad in ["200", "200/day", "inf/s", "NaN/s", "/s"] {
            assert!(parse_rate(bad).is_err(), "{bad} was accepted");
        }
    }

    #[test]
    fn written_quantities_carry_unit_and_sign() {
        let table = [
            (0.0, "0B"),
            (-0.2, "0B"),
            (512.0, "512B"),
            (1_048_575.0, "1.0MiB"),
            (-10_240.0, "-10.0KiB"),
        ];
        for (value, text) in table {
            assert_eq!(bytes(value), text);
        }
        assert_eq!(slope(2_097_152.0), "+2.0MiB/s");
        assert_eq!(slope(-1024.0), "-1.0KiB/s");
        assert_eq!(amount(Signal::Fds, 812.0), "812 fds");
        assert_eq!(amount(Signal::HeapBytes, 1024.0), "1.0KiB");
        assert_eq!(growth(Signal::Tasks, -3.26), "-3.3 tasks/s");
        assert_eq!(exact_amount(Signal::Fds, 0.2), "0.20 fds");
        assert_eq!(seconds(60.0), "60s");
        assert_eq!(seconds(12.34), "12.3s");
    }
}
