//! Looks at the service from outside at a steady pace, on a thread of its own.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use detector::Observation;
use detector::source::{SampleError, Sampler, SamplerOptions};

/// Looks that may wait to be read: a minute of them at the usual pace.
const MOST_WAITING: usize = 256;

/// A sampler at work. Dropping it ends it.
#[derive(Debug)]
pub struct Sampling {
    looks: Receiver<Result<Observation, SampleError>>,
    /// Dropping it wakes and ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What came of waiting for a look.
#[derive(Debug)]
pub enum Looked {
    /// A look.
    Seen(Box<Observation>),
    /// One that failed.
    Failed(SampleError),
    /// Nothing yet.
    NotYet,
    /// The sampler has ended.
    Over,
}

impl Sampling {
    /// Starts to look at `pid` and its metrics page every `every_seconds`; the time of a look is
    /// counted from `began`.
    pub fn start(
        pid: u32,
        metrics_url: String,
        every_seconds: f64,
        began: Instant,
    ) -> Result<Self, SampleError> {
        let options =
            SamplerOptions { pid, metrics_url: Some(metrics_url), ..SamplerOptions::default() };
        let mut sampler = Sampler::new(options)?;
        let every = Duration::from_secs_f64(every_seconds);
        let (sender, looks) = sync_channel(MOST_WAITING);
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || look_on(&mut sampler, every, began, &sender, &stopped));
        Ok(Self { looks, stop: Some(stop), thread: Some(thread) })
    }

    /// Waits for the next look, for `longest` at most.
    pub fn next(&self, longest: Duration) -> Looked {
        match self.looks.recv_timeout(longest) {
            Ok(Ok(observation)) => Looked::Seen(Box::new(observation)),
            Ok(Err(error)) => Looked::Failed(error),
            Err(RecvTimeoutError::Timeout) => Looked::NotYet,
            Err(RecvTimeoutError::Disconnected) => Looked::Over,
        }
    }
}

impl Drop for Sampling {
    fn drop(&mut self) {
        self.stop = None;
        // Makes room, so that the thread is not stuck with a look that nobody reads.
        while self.looks.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn look_on(
    sampler: &mut Sampler,
    every: Duration,
    began: Instant,
    looks: &SyncSender<Result<Observation, SampleError>>,
    stopped: &Receiver<()>,
) {
    let mut due = Instant::now();
    loop {
        let look = sampler.sample(began.elapsed().as_secs_f64());
        if looks.send(look).is_err() {
            return;
        }
        // A look that is late is not made up for: two at once would say one thing twice.
        while due <= Instant::now() {
            due += every;
        }
        let pause = due.saturating_duration_since(Instant::now());
        if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}
