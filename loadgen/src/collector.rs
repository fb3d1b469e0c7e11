//! The collector: a thread that turns the pages of the books once a second, and tells whoever
//! listens. What threads record is never waited for, and nothing of it is lost.

use std::{
    io,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use hdrhistogram::CreationError;

use crate::{
    books::Turner,
    clock::Clock,
    control::Control,
    error::LoadError,
    recording::Recording,
    timeline::{Cell, Timeline},
};

const SECOND_NANOS: u64 = 1_000_000_000;

/// One second of a run; the last one may be shorter. Instants in nanoseconds of the run's clock.
pub(crate) struct Second<'a> {
    pub(crate) start_nanos: u64,
    pub(crate) end_nanos: u64,
    /// What happened in it.
    pub(crate) recording: &'a Recording<u32>,
    /// What happened since the start.
    pub(crate) total: &'a Recording,
}

impl Second<'_> {
    pub(crate) fn is_first(&self) -> bool {
        self.start_nanos == 0
    }

    pub(crate) fn seconds(&self) -> f64 {
        (self.end_nanos - self.start_nanos) as f64 / 1e9
    }
}

/// Is told of every second of a run, on the collector's thread, and dropped at its end.
pub(crate) trait Listener: Send {
    /// The run waits for its start, for so long still; told many times a second.
    fn waits(&mut self, _left: Duration) {}

    fn second(&mut self, second: &Second<'_>);
}

/// All that is known of a run.
#[derive(Debug, Clone)]
pub(crate) struct Results {
    pub(crate) total: Recording,
    pub(crate) timeline: Timeline,
}

/// A collector at work.
pub(crate) struct Collector {
    end: Sender<()>,
    thread: JoinHandle<Result<Results, CreationError>>,
}

impl Collector {
    /// Starts to turn pages at the full seconds of `clock`.
    pub(crate) fn start(
        control: Control,
        clock: Clock,
        mut listeners: Vec<Box<dyn Listener>>,
    ) -> io::Result<Self> {
        let (end, ended) = mpsc::channel::<()>();
        let thread = thread::Builder::new().name("collector".to_owned()).spawn(move || {
            let mut turner = Turner::new()?;
            let mut results = Results { total: Recording::new()?, timeline: Timeline::new() };
            let mut start_nanos = 0;
            loop {
                let wait = (start_nanos + SECOND_NANOS).saturating_sub(clock.now());
                let more = ended.recv_timeout(Duration::from_nanos(wait))
                    == Err(RecvTimeoutError::Timeout);
                let now = clock.now();
                let end_nanos = if more { now - now % SECOND_NANOS } else { now };
                let recording = turner.turn(control.books())?;
                results.take((start_nanos, end_nanos), recording, &mut listeners)?;
                if !more {
                    return Ok(results);
                }
                start_nanos = end_nanos;
            }
        })?;
        Ok(Self { end, thread })
    }

    /// Turns the pages for the last time.
    pub(crate) fn end(self) -> Result<Results, LoadError> {
        drop(self.end);
        let results = self.thread.join().map_err(|_| LoadError::Collector)?;
        Ok(results.map_err(io::Error::other)?)
    }
}

impl Results {
    fn take(
        &mut self,
        (start_nanos, end_nanos): (u64, u64),
        recording: &Recording<u32>,
        listeners: &mut [Box<dyn Listener>],
    ) -> Result<(), CreationError> {
        self.total.add(recording);
        let waiting = self.total.waiting();
        self.timeline.push(&Cell::new((start_nanos, end_nanos), recording, waiting)?);
        let second = Second { start_nanos, end_nanos, recording, total: &self.total };
        for listener in listeners {
            listener.second(&second);
        }
        Ok(())
    }
}
