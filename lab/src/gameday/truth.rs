//! The truth of a game day: what leaks, how fast, and when it would kill. Looked at twice, some seconds
//! apart, once the seal is open; what leaks hold is exact to the byte, so seconds are enough.

use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::scenario::Injection;
use super::target::{Figures, Target};
use crate::client::ClientError;

/// The time between the two looks.
pub const LOOK: Duration = Duration::from_secs(10);

/// What would take longer than this to reach the limit is not going to kill anybody.
const NEVER_SECONDS: f64 = 7.0 * 86_400.0;

/// Where the lab's service ends, unless somebody has set it otherwise.
const USUAL_LIMIT_BYTES: f64 = (256 << 20) as f64;

/// How things stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truth {
    /// The leaks among what was injected.
    pub leaks: Vec<&'static str>,
    /// Memory that all leaks together keep per request of the load; none if nobody sends any.
    pub bytes_per_request: Option<f64>,
    /// The same per second.
    pub bytes_per_second: f64,
    /// Resident memory now.
    pub rss_bytes: f64,
    /// The limit at which the process ends.
    pub limit_bytes: f64,
    /// Seconds from now until that; none if it does not come.
    pub oom_after_seconds: Option<f64>,
}

/// One look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When, in seconds since whenever.
    pub t_seconds: f64,
    /// What all leaks hold.
    pub held_bytes: f64,
    /// What everybody may see.
    pub figures: Figures,
}

impl Truth {
    /// Looks twice at the service, whose seal is open.
    pub fn look(
        target: &Target,
        injected: &[Injection],
        limit_bytes: Option<f64>,
    ) -> Result<Self, ClientError> {
        let began = Instant::now();
        let look = || -> Result<Look, ClientError> {
            let leaks = injected.iter().filter(|injected| injected.is_leak);
            let held_bytes = target.held_bytes(leaks.map(|leak| leak.name))? as f64;
            let t_seconds = began.elapsed().as_secs_f64();
            Ok(Look { t_seconds, held_bytes, figures: target.figures()? })
        };
        let first = look()?;
        thread::sleep(LOOK);
        Ok(Self::of(injected, first, look()?, limit_bytes))
    }

    /// Of two looks; a limit that was asked for goes before that of the control group.
    pub fn of(injected: &[Injection], first: Look, last: Look, limit_bytes: Option<f64>) -> Self {
        let seconds = last.t_seconds - first.t_seconds;
        let grown_bytes = last.held_bytes - first.held_bytes;
        let requests = last.figures.requests_total - first.figures.requests_total;
        let bytes_per_second = if seconds > 0.0 { grown_bytes / seconds } else { 0.0 };
        let limit_bytes = limit_bytes.or(last.figures.limit_bytes).unwrap_or(USUAL_LIMIT_BYTES);
        let left_bytes = (limit_bytes - last.figures.rss_bytes).max(0.0);
        let after = (bytes_per_second > 0.0).then(|| left_bytes / bytes_per_second);
        Self {
            leaks: injected.iter().filter(|i| i.is_leak).map(|i| i.name).collect(),
            bytes_per_request: (requests > 0.0).then(|| grown_bytes / requests),
            bytes_per_second,
            rss_bytes: last.figures.rss_bytes,
            limit_bytes,
            oom_after_seconds: after.filter(|seconds| *seconds < NEVER_SECONDS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gameday::scenario::{Level, draw};

    const MIB: f64 = 1_048_576.0;

    fn look(t_seconds: f64, held_bytes: f64, requests_total: f64) -> Look {
        let figures = Figures {
            rss_bytes: 56.0 * MIB,
            requests_total,
            limit_bytes: None,
            start_seconds: None,
        };
        Look { t_seconds, held_bytes, figures }
    }

    #[test]
    fn the_truth_is_what_grew_between_two_looks() {
        let injected = draw(1, Level::Easy);
        let truth = Truth::of(
            &injected,
            look(0.0, 10.0 * MIB, 1000.0),
            look(10.0, 12.0 * MIB, 1200.0),
            Some(256.0 * MIB),
        );
        assert_eq!(truth.leaks, [injected[0].name]);
        // 2 MiB for 200 requests in 10 s, and 200 MiB left.
        assert_eq!(truth.bytes_per_request, Some(2.0 * MIB / 200.0));
        assert_eq!(truth.oom_after_seconds, Some(1000.0));
    }

    #[test]
    fn nothing_kills_where_nothing_grows_and_nothing_is_per_request_without_requests() {
        let still = look(10.0, 10.0 * MIB, 1000.0);
        let truth = Truth::of(&[], Look { t_seconds: 0.0, ..still }, still, None);
        assert_eq!((truth.bytes_per_request, truth.oom_after_seconds), (None, None));
        assert_eq!(truth.limit_bytes.to_bits(), USUAL_LIMIT_BYTES.to_bits());
    }

    #[test]
    fn the_limit_is_the_one_asked_for_or_that_of_the_control_group() {
        let mut still = look(10.0, 0.0, 0.0);
        still.figures.limit_bytes = Some(512.0 * MIB);
        let limit = |asked| (Truth::of(&[], still, still, asked).limit_bytes / MIB).round() as u64;
        assert_eq!((limit(None), limit(Some(64.0 * MIB))), (512, 64));
    }
}
