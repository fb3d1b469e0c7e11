//! The grammar: `METRIC OPERATOR BOUND`, spaces allowed between them.

use std::str::FromStr;

use super::{Clocked, Comparison, Metric, Statistic, Threshold};
use crate::{failure::ErrorKind, plan::Rate};

/// Two-letter operators come first, lest `<=` be read as `<`.
const OPERATORS: [(&str, Comparison); 4] = [
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
];

/// Why a text is no threshold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// Without `<`, `<=`, `>` or `>=`.
    #[error("has no `<`, `<=`, `>` or `>=`: write `p99<250ms` or `errors<1%`")]
    NoOperator,
    /// Something that is not measured.
    #[error(
        "asks for `{0}`, which is not measured: choose one of p50, p99, p99.9 and the like, mean, \
         max, min (each also with response_, service_ or lateness_ before it), errors, rate, \
         completed_rate, or a kind of error: {kinds}",
        kinds = kinds()
    )]
    UnknownMetric(String),
    /// A percentile outside of 0 to 100.
    #[error("has no percentile `{0}`: write p50, p99, p99.9 or p999; `max` is the longest")]
    Percentile(String),
    /// A time without a unit.
    #[error("needs a time with its unit, not `{0}`: 250ms, 2s, 1500us")]
    NotATime(String),
    /// Neither a share nor a count.
    #[error("needs a share from 0% to 100% or a whole number of requests, not `{0}`")]
    NotAShare(String),
    /// No rate.
    #[error("needs a rate, not `{0}`: 4900/s, 600/m")]
    NotARate(String),
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let (metric, comparison, bound) = split(text).ok_or(ThresholdError::NoOperator)?;
        let (metric, bound) = measured(metric, bound)?;
        let text = text.split_whitespace().collect();
        Ok(Self { metric, comparison, bound, text })
    }
}

/// At the first operator.
fn split(text: &str) -> Option<(&str, Comparison, &str)> {
    let at = text.find(['<', '>'])?;
    let (metric, rest) = text.split_at(at);
    let (operator, comparison) = OPERATORS.into_iter().find(|(name, _)| rest.starts_with(name))?;
    Some((metric.trim(), comparison, rest[operator.len()..].trim()))
}

/// The metric and the bound in its base unit.
fn measured(metric: &str, bound: &str) -> Result<(Metric, f64), ThresholdError> {
    match metric {
        "errors" => errors(None, bound),
        "rate" => Ok((Metric::SentRate, rate(bound)?)),
        "completed_rate" => Ok((Metric::CompletedRate, rate(bound)?)),
        _ => match ErrorKind::ALL.into_iter().find(|kind| kind.name() == metric) {
            Some(kind) => errors(Some(kind), bound),
            None => Ok((time_metric(metric)?, seconds(bound)?)),
        },
    }
}

fn errors(kind: Option<ErrorKind>, bound: &str) -> Result<(Metric, f64), ThresholdError> {
    let no_share = || ThresholdError::NotAShare(bound.to_owned());
    if let Some(percent) = bound.strip_suffix('%') {
        let percent: f64 = percent.trim_end().parse().map_err(|_| no_share())?;
        let within = (0.0..=100.0).contains(&percent);
        return within.then_some((Metric::ErrorShare(kind), percent / 100.0)).ok_or_else(no_share);
    }
    let count: u64 = bound.parse().map_err(|_| no_share())?;
    Ok((Metric::ErrorCount(kind), count as f64))
}

fn time_metric(name: &str) -> Result<Metric, ThresholdError> {
    let prefixes = [
        ("response_", Clocked::Response),
        ("service_", Clocked::Service),
        ("lateness_", Clocked::Lateness),
    ];
    let (clocked, statistic) = prefixes
        .into_iter()
        .find_map(|(prefix, clocked)| Some((clocked, name.strip_prefix(prefix)?)))
        .unwrap_or((Clocked::Response, name));
    let statistic = match statistic {
        "mean" => Statistic::Mean,
        "min" => Statistic::Min,
        "max" => Statistic::Max,
        _ => match statistic.strip_prefix('p') {
            Some(digits) if digits.starts_with(|first: char| first.is_ascii_digit()) => {
                Statistic::Quantile(quantile(digits)?)
            }
            _ => return Err(ThresholdError::UnknownMetric(name.to_owned())),
        },
    };
    Ok(Metric::Time(clocked, statistic))
}

/// `50`, `99.9`, or nines without the point as people say them: `999` is 99.9.
fn quantile(digits: &str) -> Result<f64, ThresholdError> {
    let refused = || ThresholdError::Percentile(format!("p{digits}"));
    let spoken = digits.len() > 2 && digits.starts_with("99") && !digits.contains('.');
    let percent = if spoken { format!("99.{}", &digits[2..]) } else { digits.to_owned() };
    // Read as hundredths, so that 99.9 is the number nearest to 0.999.
    let quantile: f64 = format!("{percent}e-2").parse().map_err(|_| refused())?;
    if quantile > 0.0 && quantile < 1.0 { Ok(quantile) } else { Err(refused()) }
}

fn seconds(text: &str) -> Result<f64, ThresholdError> {
    let time: humantime::Duration =
        text.parse().map_err(|_| ThresholdError::NotATime(text.to_owned()))?;
    Ok(time.as_secs_f64())
}

fn rate(text: &str) -> Result<f64, ThresholdError> {
    let rate: Rate = text.parse().map_err(|_| ThresholdError::NotARate(text.to_owned()))?;
    Ok(rate.per_second())
}

fn kinds() -> String {
    ErrorKind::ALL.map(ErrorKind::name).join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> (Metric, Comparison, f64) {
        let threshold: Threshold = text.parse().expect(text);
        (threshold.metric, threshold.comparison, threshold.bound)
    }

    #[test]
    fn every_form_is_read() {
        use Clocked::{Lateness, Response, Service};
        use Comparison::{Above, AtLeast, AtMost, Below};
        use Statistic::{Max, Mean, Min, Quantile};
        let time = |clocked, statistic| Metric::Time(clocked, statistic);
        for (text, metric, comparison, bound) in [
            ("p99<250ms", time(Response, Quantile(0.99)), Below, 0.25),
            ("p50 <= 5ms", time(Response, Quantile(0.5)), AtMost, 0.005),
            ("response_p99.9<1s", time(Response, Quantile(0.999)), Below, 1.0),
            ("service_p999<1s", time(Service, Quantile(0.999)), Below, 1.0),
            ("p9999<2s", time(Response, Quantile(0.9999)), Below, 2.0),
            ("lateness_max<10ms", time(Lateness, Max), Below, 0.01),
            ("mean<20ms", time(Response, Mean), Below, 0.02),
            ("min>=1us", time(Response, Min), AtLeast, 1e-6),
            ("errors<1%", Metric::ErrorShare(None), Below, 0.01),
            ("errors<=0.5 %", Metric::ErrorShare(None), AtMost, 0.005),
            ("errors<10", Metric::ErrorCount(None), Below, 10.0),
            ("timeout<1%", Metric::ErrorShare(Some(ErrorKind::Timeout)), Below, 0.01),
            ("status_5xx<=0", Metric::ErrorCount(Some(ErrorKind::Status5xx)), AtMost, 0.0),
            ("rate>4900/s", Metric::SentRate, Above, 4900.0),
            ("completed_rate>=60/m", Metric::CompletedRate, AtLeast, 1.0),
        ] {
            assert_eq!(parsed(text), (metric, comparison, bound), "{text}");
        }
    }

    #[test]
    fn what_is_no_threshold_is_refused_with_the_way_out() {
        for (text, error) in [
            ("", ThresholdError::NoOperator),
            ("p99=250ms", ThresholdError::NoOperator),
            ("250ms", ThresholdError::NoOperator),
            ("<250ms", ThresholdError::UnknownMetric(String::new())),
            ("q99<250ms", ThresholdError::UnknownMetric("q99".to_owned())),
            ("pig<250ms", ThresholdError::UnknownMetric("pig".to_owned())),
            ("service<250ms", ThresholdError::UnknownMetric("service".to_owned())),
            ("p100<250ms", ThresholdError::Percentile("p100".to_owned())),
            ("p0<250ms", ThresholdError::Percentile("p0".to_owned())),
            ("p1e1e<250ms", ThresholdError::Percentile("p1e1e".to_owned())),
            ("p99<250", ThresholdError::NotATime("250".to_owned())),
            ("p99<", ThresholdError::NotATime(String::new())),
            ("p99<1%", ThresholdError::NotATime("1%".to_owned())),
            ("errors<101%", ThresholdError::NotAShare("101%".to_owned())),
            ("errors<NaN%", ThresholdError::NotAShare("NaN%".to_owned())),
            ("errors<-1", ThresholdError::NotAShare("-1".to_owned())),
            ("errors<1ms", ThresholdError::NotAShare("1ms".to_owned())),
            ("rate>4900", ThresholdError::NotARate("4900".to_owned())),
        ] {
            assert_eq!(text.parse::<Threshold>(), Err(error), "{text}");
        }
    }

    #[test]
    fn the_way_out_lists_every_kind_of_error() {
        let error = "nothing<1".parse::<Threshold>().expect_err("unknown").to_string();
        for kind in ErrorKind::ALL {
            assert!(error.contains(kind.name()), "{} in {error}", kind.name());
        }
    }

    proptest! {
        // Whatever is typed is read or refused, and what is read reads the same again.
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z0-9_.<>=%/ ]{0,16}|.{0,12}") {
            if let Ok(threshold) = text.parse::<Threshold>() {
                prop_assert_eq!(threshold.to_string().parse(), Ok(threshold));
            }
        }
    }
}
