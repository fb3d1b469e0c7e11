//! Shows every trace to every contestant, on all processors, and keeps what they say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use super::contestant::Contestant;
use super::outcome::Outcome;
use super::resume::{Kept, ResumeError};
use super::{Change, Corpus, Said, outcome};
use crate::corpus::{Trace, digest};
use crate::interrupt::Interrupt;

/// What a trace is, and what each contestant made of it (nothing, where it is out of scope).
pub struct Judged {
    /// The trace, with its samples only if it is to be drawn.
    pub trace: Trace,
    /// Its checksum.
    pub sha256: String,
    /// Per contestant.
    pub outcomes: Vec<Option<(Vec<Change>, Outcome)>>,
}

/// What goes on beside the judging.
pub struct Course<'a> {
    /// Says of which traces the samples are kept.
    pub keep: &'a (dyn Fn(&Judged) -> bool + Sync),
    /// What was said in an earlier run, and where it is added; with the contestants' names there.
    pub kept: Option<(&'a Kept, &'a [String])>,
    /// Told after each trace how many are done.
    pub progress: &'a (dyn Fn(usize) + Sync),
    /// Ends the run early, with the traces that were done.
    pub interrupt: &'a Interrupt,
}

/// Shows every trace to every contestant; `keep` says of which traces the samples are kept.
pub fn judge(
    corpus: &dyn Corpus,
    contestants: &[Contestant],
    keep: &(dyn Fn(&Judged) -> bool + Sync),
) -> Vec<Judged> {
    let course = Course { keep, kept: None, progress: &|_| (), interrupt: &Interrupt::default() };
    // Only what is kept in a file can fail.
    course.run(corpus, contestants).unwrap_or_default()
}

impl Course<'_> {
    /// Shows every trace to every contestant, on as many threads as there are processors. The
    /// result depends neither on their number nor on what was kept from an earlier run.
    pub fn run(
        &self,
        corpus: &dyn Corpus,
        contestants: &[Contestant],
    ) -> Result<Vec<Judged>, ResumeError> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::with_capacity(corpus.len()));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= corpus.len() || self.interrupt.is_set() {
                    return Ok(());
                }
                let judged = self.judged(corpus.trace(index), contestants);
                // Nobody need go on if what they find cannot be kept.
                let judged = judged.inspect_err(|_| next.store(corpus.len(), Ordering::Relaxed))?;
                let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                done.push((index, judged));
                (self.progress)(done.len());
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let mut ends = workers.into_iter().map(ScopedJoinHandle::join);
            // A panic goes on here as if there were no threads.
            ends.try_for_each(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
        .map(|()| {
            let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
            done.sort_by_key(|(index, _)| *index);
            done.into_iter().map(|(_, judged)| judged).collect()
        })
    }

    fn judged(&self, trace: Trace, contestants: &[Contestant]) -> Result<Judged, ResumeError> {
        let sha256 = digest::of_trace(&trace);
        let mut outcomes = Vec::with_capacity(contestants.len());
        for (index, contestant) in contestants.iter().enumerate() {
            outcomes.push(if contestant.in_scope(&trace) {
                let said = self.said(index, contestant, &trace, &sha256)?;
                let outcome = outcome::of(&trace, &said);
                Some((said.changes, outcome))
            } else {
                None
            });
        }
        let mut judged = Judged { trace, sha256, outcomes };
        if !(self.keep)(&judged) {
            judged.trace.observations = Vec::new();
        }
        Ok(judged)
    }

    /// What a contestant says now, or has said in an earlier run.
    fn said(
        &self,
        index: usize,
        contestant: &Contestant,
        trace: &Trace,
        sha256: &str,
    ) -> Result<Said, ResumeError> {
        let Some((kept, names)) = self.kept else { return Ok(contestant.watch(trace)) };
        if let Some(said) = kept.said(&names[index], sha256) {
            return Ok(said.clone());
        }
        let said = contestant.watch(trace);
        if self.interrupt.is_set() {
            // A program may have said this because it was interrupted as well.
            return Ok(said);
        }
        kept.add(&names[index], sha256, &said)?;
        Ok(said)
    }
}
