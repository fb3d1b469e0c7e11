//! What the conductor is told next, and where it comes from.

use std::thread;
use std::time::Duration;

use detector::Observation;
use detector::source::SampleError;

use super::Session;
use crate::conductor::{Input, Look};
use crate::error_chain;
use crate::journal::{Record, WriteError};
use crate::sampling::Looked;
use crate::service::Service;

/// The longest time between two looks at the clock and at the interrupt.
const TICK: Duration = Duration::from_millis(100);

/// A process whose memory has gone is at its end; how it ended is known this much later at most.
const FAREWELL: Duration = Duration::from_secs(1);

impl Session<'_> {
    /// The next thing to tell the conductor: what operations reported, else an end that nobody
    /// asked for, else a look, else that time has passed.
    pub(super) fn next_input(&mut self) -> Result<(f64, Input), WriteError> {
        if let Some(input) = self.inputs.pop_front() {
            return Ok(input);
        }
        if let Some(input) = self.unasked_end() {
            return Ok((self.now(), input));
        }
        let Some(sampling) = &self.sampling else {
            thread::sleep(TICK);
            return Ok((self.now(), Input::Tick));
        };
        match sampling.next(TICK) {
            Looked::Seen(observation) => self.look(*observation),
            Looked::Failed(error) => self.look_failed(&error),
            Looked::NotYet => Ok((self.now(), Input::Tick)),
            Looked::Over => Ok((self.now(), Input::Broken("the sampler broke down".to_owned()))),
        }
    }

    fn unasked_end(&mut self) -> Option<Input> {
        if self.surroundings.interrupt.is_set() && !self.was_interrupted {
            self.was_interrupted = true;
            return Some(Input::Interrupted);
        }
        if let Some(end) = self.service.as_mut().and_then(Service::ended) {
            return Some(Input::Broken(end));
        }
        self.load.take_if(|load| load.is_over()).map(|load| Input::LoadEnded(load.stop()))
    }

    fn look(&mut self, observation: Observation) -> Result<(f64, Input), WriteError> {
        let t_seconds = observation.t_seconds;
        let requests = self.requests();
        let mut look = Look { seen: observation.clone(), requests, answers: Vec::new() };
        let mut changes = Vec::new();
        let watcher = self.watcher.as_mut().filter(|_| t_seconds > self.watching_from_seconds);
        if let Some(watcher) = watcher {
            if let Some(fixed) = self.unnoted_fix_seconds.take_if(|fixed| *fixed < t_seconds) {
                watcher.note_fix(fixed);
            }
            match watcher.observe(&observation) {
                Ok(assessments) => changes = assessments,
                Err(error) => return Ok((t_seconds, Input::Broken(error_chain(&error)))),
            }
            look.answers = watcher.current();
        }
        self.surroundings.journal.write(&Record::Sample(observation))?;
        for assessment in changes {
            self.surroundings.journal.write(&Record::Assessment(assessment))?;
        }
        Ok((t_seconds, Input::Looked(look)))
    }

    /// A metrics page that did not answer once is a gap; the conductor ends the drill if it lasts.
    fn look_failed(&mut self, error: &SampleError) -> Result<(f64, Input), WriteError> {
        let (t_seconds, reason) = (self.now(), error_chain(error));
        if !matches!(error, SampleError::Metrics { .. }) {
            let end = self.service.as_mut().and_then(|service| service.ended_within(FAREWELL));
            return Ok((t_seconds, Input::Broken(end.unwrap_or(reason))));
        }
        self.surroundings.journal.write(&Record::Unseen { t_seconds, reason })?;
        Ok((t_seconds, Input::Tick))
    }
}
