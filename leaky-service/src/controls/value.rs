//! Reads one value of a change from JSON: right kind, right unit, within its range; or else what
//! would have been.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytesize::ByteSize;
use serde_json::Value;

use super::Fault;

pub fn boolean(name: &str, value: &Value) -> Result<bool, Fault> {
    let wrong = || Fault::new(format!("{name} is {value}, expected a boolean"), "true or false");
    value.as_bool().ok_or_else(wrong)
}

/// A number of bytes, or text with a unit.
pub fn size(name: &str, value: &Value) -> Result<u64, Fault> {
    let parsed = match value {
        Value::String(text) => text.parse::<ByteSize>().ok().map(|size| size.as_u64()),
        number => whole_number(number),
    };
    parsed.ok_or_else(|| {
        let hint = "give a number of bytes, or text with a unit such as \"10KiB\"";
        Fault::new(format!("{name} is no size: {value}"), hint)
    })
}

/// Text with a unit, or 0.
pub fn span(
    name: &str,
    value: &Value,
    range: &RangeInclusive<Duration>,
) -> Result<Duration, Fault> {
    let parsed = match value {
        Value::String(text) => humantime::parse_duration(text).ok(),
        number => (whole_number(number) == Some(0)).then_some(Duration::ZERO),
    };
    let parsed = parsed.ok_or_else(|| {
        Fault::new(format!("{name} is no duration: {value}"), "give text with a unit: \"90s\"")
    })?;
    let text = |span: &Duration| humantime::format_duration(*span);
    if range.contains(&parsed) {
        return Ok(parsed);
    }
    let hint = format!("choose between {} and {}", text(range.start()), text(range.end()));
    Err(Fault::new(format!("{name} is out of range: {}", text(&parsed)), hint))
}

pub fn number(name: &str, value: &Value, range: &RangeInclusive<f64>) -> Result<f64, Fault> {
    let hint = || format!("choose between {} and {}", range.start(), range.end());
    let number = value
        .as_f64()
        .ok_or_else(|| Fault::new(format!("{name} is {value}, expected a number"), hint()))?;
    if range.contains(&number) {
        return Ok(number);
    }
    Err(Fault::new(format!("{name} is out of range: {number}"), hint()))
}

/// A whole number, however it is written: 10 and 10.0 are the same number in JSON.
pub fn whole_number(value: &Value) -> Option<u64> {
    /// From here on numbers with a fraction are no longer exact.
    const EXACT_BELOW: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
    let written_with_a_point = || {
        let number = value.as_f64()?;
        ((0.0..EXACT_BELOW).contains(&number) && number.fract() == 0.0).then_some(number as u64)
    };
    value.as_u64().or_else(written_with_a_point)
}

pub fn whole(name: &str, value: u64, range: &RangeInclusive<u64>) -> Result<u64, Fault> {
    if range.contains(&value) {
        return Ok(value);
    }
    let hint = format!("choose between {} and {}", range.start(), range.end());
    Err(Fault::new(format!("{name} is out of range: {value}"), hint))
}
