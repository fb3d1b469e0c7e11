//! The report for people.

use std::fmt::{self, Display, Formatter};

use bytesize::ByteSize;

use super::{Distribution, Model, Report};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { requests_planned, requests_sent, requests_completed, .. } = self;
        writeln!(f, "target     {}", self.target)?;
        writeln!(f, "load       {}, seed {}", self.load, self.seed)?;
        if self.model == Model::Open {
            writeln!(f, "schedule   {}", self.schedule_hash)?;
        }
        writeln!(
            f,
            "sent       {requests_sent} of {requests_planned} planned, {:.2}/s, in {}",
            self.rate_sent_per_second,
            seconds(self.elapsed_seconds),
        )?;
        writeln!(
            f,
            "completed  {requests_completed}, {} received",
            ByteSize::b(self.bytes_received)
        )?;
        self.write_replies(f)?;
        self.write_losses(f)?;
        writeln!(f)?;
        write_times(
            f,
            [self.response_time_seconds, self.service_time_seconds, self.lateness_seconds],
        )?;
        writeln!(f)?;
        self.write_thresholds(f)?;
        self.write_validity(f)
    }
}

impl Report {
    /// Nothing where all have a status of 2xx, as all should.
    fn write_replies(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let came = || self.replies.iter().filter(|(_, count)| **count > 0);
        if came().any(|(class, _)| class != "2xx") {
            let came: Vec<_> = came().map(|(class, count)| format!("{count} {class}")).collect();
            writeln!(f, "replies    {}", came.join(", "))?;
        }
        Ok(())
    }

    fn write_losses(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "errors     {}", self.errors_total)?;
        let mut separator = ": ";
        for (kind, count) in self.errors.iter().filter(|(_, count)| **count > 0) {
            write!(f, "{separator}{count} {kind}")?;
            separator = ", ";
        }
        writeln!(f)?;
        if self.requests_aborted > 0 {
            writeln!(f, "aborted    {}, as planned", self.requests_aborted)?;
        }
        if self.arrivals_dropped > 0 {
            writeln!(f, "dropped    {}", self.arrivals_dropped)?;
        }
        if self.requests_abandoned > 0 {
            writeln!(f, "abandoned  {}", self.requests_abandoned)?;
        }
        Ok(())
    }

    fn write_thresholds(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let width = self.thresholds.iter().map(|one| one.threshold.to_string().len()).max();
        for (index, judgement) in self.thresholds.iter().enumerate() {
            let title = if index == 0 { "conditions" } else { "" };
            let outcome = if judgement.held { "kept" } else { "NOT KEPT" };
            let (threshold, width) = (&judgement.threshold, width.unwrap_or(0));
            writeln!(f, "{title:<10} {threshold:<width$}  {outcome:<8}  {judgement}")?;
        }
        if let Some(reason) = &self.stop_reason {
            writeln!(f, "stopped    early: {reason}")?;
        }
        Ok(())
    }

    fn write_validity(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.interrupted {
            writeln!(f, "stopped    early, as asked")?;
        }
        if self.valid {
            return write!(f, "valid      yes");
        }
        write!(f, "valid      NO")?;
        self.invalid_reasons.iter().try_for_each(|reason| write!(f, "\n           {reason}"))
    }
}

/// A table of response time, service time and lateness.
pub(super) fn write_times(f: &mut Formatter<'_>, times: [Option<Distribution>; 3]) -> fmt::Result {
    writeln!(
        f,
        "           {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "p50", "p90", "p99", "p99.9", "max", "mean"
    )?;
    ["response", "service", "lateness"]
        .into_iter()
        .zip(times)
        .try_for_each(|(name, times)| write_distribution(f, name, times))
}

fn write_distribution(f: &mut Formatter<'_>, name: &str, of: Option<Distribution>) -> fmt::Result {
    let Some(Distribution { p50, p90, p99, p999, max, mean, .. }) = of else {
        return writeln!(f, "{name:<10} nothing was measured");
    };
    write!(f, "{name:<10}")?;
    for value in [p50, p90, p99, p999, max, mean] {
        write!(f, " {:>8}", seconds(value))?;
    }
    writeln!(f)
}

/// A time with three significant digits and its unit, both chosen after rounding: what rounds to
/// 1000us is 1.00ms.
pub(crate) fn seconds(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 0.9995e-3 => (s * 1e6, "us"),
        s if s < 0.9995 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Histograms, Judgement, Unit, recording::Times};

    fn distribution(p50: f64) -> Distribution {
        let [p90, p99, p999, max, mean] = [2.0, 3.0, 4.0, 5.0, 1.5].map(|factor| factor * p50);
        Distribution { p50, p90, p99, p999, max, mean, count: 990 }
    }

    fn judgement(condition: &str, measured: Option<f64>, held: bool) -> Judgement {
        let threshold = condition.parse().expect(condition);
        Judgement { threshold, measured, unit: Unit::Seconds, held }
    }

    fn report() -> Report {
        Report {
            schema_version: 1,
            target: "http://localhost:8080/api/data".to_owned(),
            model: Model::Open,
            load: "open, poisson arrivals at 200.00/s for 5.00s over 10 connections".to_owned(),
            seed: 7,
            shard_index: 0,
            shard_count: 1,
            connections: 10,
            timeout_seconds: 5.0,
            duration_seconds: 5.0,
            elapsed_seconds: 5.01,
            interrupted: true,
            stop_reason: Some("errors<50% was 73.00% after 5s".to_owned()),
            valid: false,
            invalid_reasons: vec!["one reason".to_owned(), "another".to_owned()],
            thresholds: vec![
                judgement("p99<250ms", Some(0.003), true),
                judgement("errors<0.1%", None, false),
            ],
            schedule_hash: "cbf29ce484222325".to_owned(),
            requests_planned: 1000,
            requests_sent: 998,
            requests_completed: 990,
            errors_total: 5,
            errors: [("closed", 2), ("connect", 3), ("timeout", 0)]
                .map(|(kind, count)| (kind.to_owned(), count))
                .into(),
            replies: [("2xx", 980), ("3xx", 10), ("4xx", 0)]
                .map(|(class, count)| (class.to_owned(), count))
                .into(),
            requests_aborted: 6,
            arrivals_dropped: 4,
            requests_abandoned: 1,
            rate_asked_per_second: Some(200.0),
            rate_sent_per_second: 199.6,
            response_time_seconds: Some(distribution(0.001)),
            service_time_seconds: Some(distribution(0.0005)),
            lateness_seconds: None,
            bytes_received: 2048,
            timeline: Vec::new(),
            histograms: Histograms::from(&Times::new().expect("valid bounds")),
        }
    }

    #[test]
    fn people_read_all_that_matters() {
        let expected = "\
target     http://localhost:8080/api/data
load       open, poisson arrivals at 200.00/s for 5.00s over 10 connections, seed 7
schedule   cbf29ce484222325
sent       998 of 1000 planned, 199.60/s, in 5.01s
completed  990, 2.0 KiB received
replies    980 2xx, 10 3xx
errors     5: 2 closed, 3 connect
aborted    6, as planned
dropped    4
abandoned  1

                p50      p90      p99    p99.9      max     mean
response     1.00ms   2.00ms   3.00ms   4.00ms   5.00ms   1.50ms
service       500us   1.00ms   1.50ms   2.00ms   2.50ms    750us
lateness   nothing was measured

conditions p99<250ms    kept      3.00ms
           errors<0.1%  NOT KEPT  nothing was measured
stopped    early: errors<50% was 73.00% after 5s
stopped    early, as asked
valid      NO
           one reason
           another";
        assert_eq!(report().to_string(), expected);
    }

    #[test]
    fn a_time_is_written_with_its_unit() {
        for (value, text) in [
            (0.0, "0.00us"),
            (0.000_012_34, "12.3us"),
            (0.000_009_996, "10.0us"),
            (0.000_999_9, "1.00ms"),
            (0.001, "1.00ms"),
            (0.9, "900ms"),
            (1.0, "1.00s"),
            (3600.0, "3600s"),
        ] {
            assert_eq!(seconds(value), text);
        }
    }
}
