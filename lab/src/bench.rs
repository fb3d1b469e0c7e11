//! `leaklab bench`: scores detectors on a corpus.
//!
//! A [`contestant`] gives the [`Change`]s of state on a trace; the truth of the trace makes an
//! [`outcome`] of them, once per trace; outcomes add up to a [`score`]. It knows no detector's
//! inside and tunes none.

pub mod alert;
pub mod baseline;
pub mod contestant;
pub mod f1;
pub mod interval;
mod judge;
pub mod junit;
pub mod lines;
pub mod live;
pub mod markdown;
pub mod matched;
pub mod nab;
pub mod outcome;
pub mod page;
pub mod report;
pub mod resume;
pub mod rival;
pub mod score;
pub mod series;
pub mod sketch;
pub mod text;
pub mod way;
pub mod wrong;

use detector::{Signal, State};
use serde::{Deserialize, Serialize};

use crate::corpus::Trace;
pub use judge::{Course, Judged, judge};

/// A detector's change of state on one signal.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Change {
    /// When, on the trace's clock.
    pub t_seconds: f64,
    /// Of which signal.
    pub signal: Signal,
    /// To what.
    pub state: State,
    /// The gauge that it names as the cause, if it names one.
    pub cause: Option<String>,
}

/// What a detector made of a trace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Said {
    /// Its changes of state, in the order of time; those before a failure if it failed.
    pub changes: Vec<Change>,
    /// Why it came to no end: it crashed, took too long or spoke nonsense.
    pub failure: Option<String>,
}

impl From<Vec<Change>> for Said {
    fn from(changes: Vec<Change>) -> Self {
        Self { changes, failure: None }
    }
}

/// What is scored: traces that are made, or were read, one by one.
pub trait Corpus: Sync {
    /// How many traces.
    fn len(&self) -> usize;
    /// One of them.
    fn trace(&self, index: usize) -> Trace;
}
