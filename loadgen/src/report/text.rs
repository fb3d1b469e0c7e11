//! The report for people.

use std::fmt::{self, Display, Formatter};

use bytesize::ByteSize;

use super::{Distribution, Report};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { requests_planned, requests_sent, requests_completed, .. } = self;
        writeln!(f, "target     {}", self.target)?;
        writeln!(
            f,
            "load       open, {} arrivals at {:.2}/s for {} over {} connections, seed {}",
            self.arrivals,
            self.rate_asked_per_second,
            seconds(self.duration_seconds),
            self.connections,
            self.seed,
        )?;
        writeln!(f, "schedule   {}", self.schedule_hash)?;
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
        self.write_losses(f)?;
        writeln!(f)?;
        writeln!(
            f,
            "           {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}",
            "p50", "p90", "p99", "p99.9", "max", "mean"
        )?;
        write_distribution(f, "response", self.response_time_seconds)?;
        write_distribution(f, "service", self.service_time_seconds)?;
        write_distribution(f, "lateness", self.lateness_seconds)?;
        writeln!(f)?;
        self.write_validity(f)
    }
}

impl Report {
    fn write_losses(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "errors     {}", self.errors_total)?;
        let mut separator = ": ";
        for (kind, count) in self.errors.iter().filter(|(_, count)| **count > 0) {
            write!(f, "{separator}{count} {kind}")?;
            separator = ", ";
        }
        writeln!(f)?;
        if self.arrivals_dropped > 0 {
            writeln!(f, "dropped    {}", self.arrivals_dropped)?;
        }
        if self.requests_abandoned > 0 {
            writeln!(f, "abandoned  {}", self.requests_abandoned)?;
        }
        Ok(())
    }

    fn write_validity(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.interrupted {
            writeln!(f, "the run was stopped before its end")?;
        }
        if self.valid {
            return write!(f, "valid      yes");
        }
        write!(f, "valid      NO")?;
        self.invalid_reasons.iter().try_for_each(|reason| write!(f, "\n           {reason}"))
    }
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

/// A time with three significant digits and its unit.
pub(super) fn seconds(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "us"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let decimals = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.decimals$}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(p50: f64) -> Distribution {
        let [p90, p99, p999, max, mean] = [2.0, 3.0, 4.0, 5.0, 1.5].map(|factor| factor * p50);
        Distribution { p50, p90, p99, p999, max, mean, count: 990 }
    }

    fn report() -> Report {
        Report {
            schema_version: 1,
            target: "http://localhost:8080/api/data".to_owned(),
            arrivals: crate::Arrivals::Poisson,
            seed: 7,
            connections: 10,
            timeout_seconds: 5.0,
            duration_seconds: 5.0,
            elapsed_seconds: 5.01,
            interrupted: true,
            valid: false,
            invalid_reasons: vec!["one reason".to_owned(), "another".to_owned()],
            schedule_hash: "cbf29ce484222325".to_owned(),
            requests_planned: 1000,
            requests_sent: 998,
            requests_completed: 990,
            errors_total: 5,
            errors: [("closed", 2), ("connect", 3), ("timeout", 0)].into(),
            arrivals_dropped: 4,
            requests_abandoned: 1,
            rate_asked_per_second: 200.0,
            rate_sent_per_second: 199.6,
            response_time_seconds: Some(distribution(0.001)),
            service_time_seconds: Some(distribution(0.0005)),
            lateness_seconds: None,
            bytes_received: 2048,
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
errors     5: 2 closed, 3 connect
dropped    4
abandoned  1

                p50      p90      p99    p99.9      max     mean
response     1.00ms   2.00ms   3.00ms   4.00ms   5.00ms   1.50ms
service       500us   1.00ms   1.50ms   2.00ms   2.50ms    750us
lateness   nothing was measured

the run was stopped before its end
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
            (0.001, "1.00ms"),
            (0.9, "900ms"),
            (1.0, "1.00s"),
            (3600.0, "3600s"),
        ] {
            assert_eq!(seconds(value), text);
        }
    }
}
