//! Settings in a query string, such as `?items=20`.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::http::Uri;

use super::problem::Problem;

/// The value of that name, decoded; given twice, nobody knows which one is meant.
pub fn text(uri: &Uri, name: &str) -> Result<Option<String>, Problem> {
    let pairs = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err(Problem::bad_request(format!("{name} is given twice"), "give it once"));
    }
    Ok(first)
}

/// A whole number within a range, or the default.
pub fn number(
    uri: &Uri,
    name: &str,
    default: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, Problem> {
    let Some(text) = text(uri, name)? else { return Ok(default) };
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let hint = format!("choose a whole number between {} and {}", range.start(), range.end());
        Problem::bad_request(format!("{name} cannot be '{text}'"), hint)
    })
}

/// A duration of at most `longest`, or none at all.
pub fn duration(uri: &Uri, name: &str, longest: Duration) -> Result<Duration, Problem> {
    let Some(text) = text(uri, name)? else { return Ok(Duration::ZERO) };
    let duration = humantime::parse_duration(&text).ok().filter(|span| *span <= longest);
    duration.ok_or_else(|| {
        let hint = format!("choose at most {}, such as 10ms", humantime::format_duration(longest));
        Problem::bad_request(format!("{name} cannot be '{text}'"), hint)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(query: &str) -> Uri {
        format!("/x?{query}").parse().unwrap()
    }

    #[test]
    fn values_are_decoded_and_given_once() {
        let found = |uri| text(&uri, "q").ok();
        assert_eq!(found(uri("a=1&q=blue+%26%20red&a=2")), Some(Some("blue & red".to_owned())));
        assert_eq!(found(uri("a=1")), Some(None));
        assert_eq!(found("/x".parse().unwrap()), Some(None));
        assert_eq!(found(uri("q=1&q=1")), None);
    }

    #[test]
    fn numbers_and_durations_keep_their_range() {
        for (query, expected) in
            [("", Some(5)), ("n=1", Some(1)), ("n=9", Some(9)), ("n=0", None), ("n=10", None)]
        {
            assert_eq!(number(&uri(query), "n", 5, 1..=9).ok(), expected, "{query}");
        }
        for (query, expected) in
            [("", Some(0)), ("d=10ms", Some(10)), ("d=2s", None), ("d=1", None)]
        {
            let found = duration(&uri(query), "d", Duration::from_secs(1)).ok();
            assert_eq!(found, expected.map(Duration::from_millis), "{query}");
        }
    }
}
