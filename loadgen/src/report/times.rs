//! What can be said of a run of which only the times are left, as in an HDR log.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::{Distribution, Histograms, SCHEMA_VERSION, text::write_times};
use crate::recording::Times;

/// The three times, with the keys that they have in a whole report.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TimesReport {
    schema_version: u32,
    response_time_seconds: Option<Distribution>,
    service_time_seconds: Option<Distribution>,
    lateness_seconds: Option<Distribution>,
    histograms: Histograms,
}

impl From<&Times> for TimesReport {
    fn from(times: &Times) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            response_time_seconds: Distribution::of(&times.response),
            service_time_seconds: Distribution::of(&times.service),
            lateness_seconds: Distribution::of(&times.lateness),
            histograms: Histograms::from(times),
        }
    }
}

impl Display for TimesReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write_times(
            f,
            [self.response_time_seconds, self.service_time_seconds, self.lateness_seconds],
        )
    }
}
