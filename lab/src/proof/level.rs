//! One level that must be back: where it stood, how high it rose, where it is now.

use detector::Signal;
use serde::{Deserialize, Serialize};

use super::{Check, Part};
use crate::quantity::amount;

/// What still may be held, or may leak again, as a share of what leaked: small against any leak,
/// large against what a running service moves about.
const NEXT_TO_NOTHING: f64 = 0.1;

/// The level of a signal, in the signal's unit, at the moments that count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Of which signal.
    pub signal: Signal,
    /// Before the injection.
    pub baseline: Option<f64>,
    /// When it was flagged, just before the fix.
    pub before_fix: Option<f64>,
    /// Now.
    pub now: Option<f64>,
    /// By how much it grew over the second dose; absent until that was given.
    pub second_dose_growth: Option<f64>,
}

impl Level {
    /// What leaked, up to the fix.
    pub fn leaked(&self) -> Option<f64> {
        Some(self.before_fix? - self.baseline?)
    }

    pub(super) fn back_check(&self) -> Check {
        let told = self.leaked().zip(self.now).zip(self.baseline);
        let (holds, numbers) = match told {
            Some(((leaked, now), baseline)) => {
                let left = now - baseline;
                let numbers = format!(
                    "{} of {} leaked still held",
                    amount(self.signal, left.max(0.0)),
                    amount(self.signal, leaked)
                );
                (leaked > 0.0 && left <= NEXT_TO_NOTHING * leaked, numbers)
            }
            None => (false, "not known: it was not seen all the time".to_owned()),
        };
        Check { part: Part::Level, name: format!("{} back", noun(self.signal)), holds, numbers }
    }

    pub(super) fn dose_check(&self, first_requests: u64, second_requests: u64) -> Check {
        let (holds, numbers) = match self.leaked().zip(self.second_dose_growth) {
            Some((first, second)) => {
                let numbers = format!(
                    "{} over {second_requests} requests, {} before",
                    amount(self.signal, second),
                    amount(self.signal, first)
                );
                (first > 0.0 && second < NEXT_TO_NOTHING * first, numbers)
            }
            None => (false, format!("{second_requests} of {first_requests} requests")),
        };
        Check {
            part: Part::Dose,
            name: format!("second dose, {}", noun(self.signal)),
            holds,
            numbers,
        }
    }
}

/// The level of a signal, as people call it.
fn noun(signal: Signal) -> &'static str {
    match signal {
        Signal::HeapBytes => "heap",
        Signal::RssAnonBytes => "anonymous memory",
        Signal::RssBytes => "resident memory",
        signal => signal.name(),
    }
}
