//! `leaklab bench`: scores detectors on a corpus.
//!
//! A [`contestant`] gives the [`Change`]s of state on a trace; the truth of the trace makes an
//! [`outcome`] of them, once per trace; outcomes add up to a [`score`]. It knows no detector's
//! inside and tunes none.

pub mod alert;
pub mod contestant;
pub mod f1;
pub mod interval;
pub mod matched;
pub mod outcome;
pub mod page;
pub mod report;
pub mod rival;
pub mod score;
pub mod series;
pub mod sketch;
pub mod text;
pub mod wrong;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use detector::{Signal, State};

use crate::corpus::Trace;
use contestant::Contestant;
use outcome::Outcome;

/// A detector's change of state on one signal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// When, on the trace's clock.
    pub t_seconds: f64,
    /// Of which signal.
    pub signal: Signal,
    /// To what.
    pub state: State,
}

/// What is scored: traces that are made, or were read, one by one.
pub trait Corpus: Sync {
    /// How many traces.
    fn len(&self) -> usize;
    /// One of them.
    fn trace(&self, index: usize) -> Trace;
}

/// What a trace is, and what each contestant made of it (nothing, where it is out of scope).
pub struct Judged {
    /// The trace, with its samples only if it is to be drawn.
    pub trace: Trace,
    /// Per contestant.
    pub outcomes: Vec<Option<(Vec<Change>, Outcome)>>,
}

/// Shows every trace to every contestant, on as many threads as there are processors.
///
/// The result does not depend on their number. `keep` says of which traces the samples are kept.
pub fn judge(
    corpus: &dyn Corpus,
    contestants: &[Contestant],
    keep: &(dyn Fn(&Judged) -> bool + Sync),
) -> Vec<Judged> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Judged)>> = Mutex::new(Vec::with_capacity(corpus.len()));
    let work = || loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= corpus.len() {
            return;
        }
        let trace = corpus.trace(index);
        let outcome = |contestant: &Contestant| {
            contestant.in_scope(&trace).then(|| {
                let changes = contestant.changes(&trace);
                let outcome = outcome::of(&trace, &changes);
                (changes, outcome)
            })
        };
        let outcomes = contestants.iter().map(outcome).collect();
        let mut judged = Judged { trace, outcomes };
        if !keep(&judged) {
            judged.trace.observations = Vec::new();
        }
        done.lock().unwrap_or_else(PoisonError::into_inner).push((index, judged));
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, judged)| judged).collect()
}
