//! One life of the service, from a start to its end: its process, who looks at it, and who judges.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use detector::source::{Sampler, SamplerOptions};
use detector::{Assessment, Observation, Signal, State, Watcher};

use super::fixes::Fixes;
use super::{DELAY, Settings, UpError, in_words};
use crate::interrupt::Interrupt;
use crate::quantity::{amount, bytes, exact_bytes, growth};
use crate::sampling::{Looked, Sampling};
use crate::service::Service;

/// Pause between two looks of the detector; cheap, and 30 of them are evidence.
const EVERY_SECONDS: f64 = 1.0;

/// A service that runs. Fields are dropped from the top: the service last.
pub(super) struct Life {
    sampling: Sampling,
    fixes: Fixes,
    /// Looks at memory alone, more often than the detector.
    meter: Sampler,
    watcher: Watcher,
    memory_bytes: f64,
    /// What the times of looks are counted from.
    began: Instant,
    born: Instant,
    /// Signals with an alarm that is not over.
    alarmed: BTreeSet<Signal>,
    /// Those of them against which something was done, and nobody knows yet whether it helps.
    on_trial: BTreeSet<Signal>,
    service: Service,
}

/// How a life ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was above the limit, and killed.
    OutOfMemory { held_bytes: f64, limit_bytes: u64 },
    /// Somebody or something else ended it.
    ByItself { how: String, lived: Duration },
}

/// What the status line says.
#[derive(Debug)]
pub(super) struct Status {
    pub memory_bytes: f64,
    pub slope_per_second: Option<f64>,
    pub state: State,
    /// Whether a fix was seen, and nobody knows yet whether it is one.
    pub is_on_trial: bool,
    pub eta_seconds: Option<f64>,
    pub restarts: u32,
}

impl Life {
    /// Starts the service at `address`; looks are timed from `began`.
    pub fn begin(
        program: &Path,
        address: SocketAddr,
        settings: &Settings,
        began: Instant,
        interrupt: &Interrupt,
    ) -> Result<Self, UpError> {
        let service = Service::start_at(program, address, DELAY, || interrupt.is_set())
            .map_err(UpError::Start)?;
        let pid = service.pid();
        let metrics = format!("http://{}/metrics", service.address());
        let sampling = Sampling::start(pid, metrics, EVERY_SECONDS, began)?;
        let watcher = Watcher::new(detector::Settings {
            confirm_seconds: Some(settings.confirm_seconds),
            limit: settings.limit_bytes.map(|limit| limit as f64),
            ..detector::Settings::default()
        });
        let fixes = Fixes::watch(address_of(&service).unwrap_or(address))?;
        let meter = Sampler::new(SamplerOptions { pid, ..SamplerOptions::default() })?;
        Ok(Self {
            sampling,
            fixes,
            meter,
            watcher,
            memory_bytes: 0.0,
            began,
            born: Instant::now(),
            alarmed: BTreeSet::new(),
            on_trial: BTreeSet::new(),
            service,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        address_of(&self.service)
    }

    /// How it ended, if it has; it is ended here if it holds more than it may.
    pub fn ended(&mut self, limit_bytes: Option<u64>) -> Option<End> {
        if let Some(how) = self.service.ended() {
            return Some(End::ByItself { how, lived: self.born.elapsed() });
        }
        // A process that cannot be read has ended, which the next tick will tell.
        let seen = self.meter.sample_process(self.born.elapsed().as_secs_f64()).ok()?;
        let held_bytes = *seen.signals.get(&Signal::RssAnonBytes)?;
        self.memory_bytes = held_bytes;
        let limit_bytes = limit_bytes.filter(|&limit| held_bytes >= limit as f64)?;
        self.service.kill();
        Some(End::OutOfMemory { held_bytes, limit_bytes })
    }

    /// Waits for the detector's next look, for `longest` at most; returns what there is to tell.
    pub fn look(&mut self, longest: Duration) -> Vec<String> {
        let mut told = match self.sampling.next(longest) {
            Looked::Seen(observation) => self.judge(&observation),
            // One page that did not come is a gap; an end is told elsewhere.
            Looked::Failed(_) | Looked::NotYet | Looked::Over => Vec::new(),
        };
        told.extend(self.notice_fixes());
        told
    }

    /// Tells what was done against an alarm; whoever did it waits for an answer.
    fn notice_fixes(&mut self) -> Option<String> {
        let fixes = self.fixes.seen();
        if fixes.is_empty() || self.alarmed.is_empty() {
            return None;
        }
        self.on_trial.clone_from(&self.alarmed);
        self.watcher.note_fix(self.began.elapsed().as_secs_f64());
        Some(format!("{}: the growth is judged anew from here", fixes.join(", ")))
    }

    fn judge(&mut self, observation: &Observation) -> Vec<String> {
        match self.watcher.observe(observation) {
            Ok(changes) => changes.iter().filter_map(|change| self.tell(change)).collect(),
            Err(error) => vec![in_words(&error)],
        }
    }

    /// What to say of a change of state: alarms, and what becomes of them.
    fn tell(&mut self, change: &Assessment) -> Option<String> {
        let is_news = match change.state {
            State::Leaking => self.alarmed.insert(change.signal) || change.cause.is_some(),
            State::Suspect | State::Undecided => false,
            State::Steady | State::Recovered => self.alarmed.remove(&change.signal),
            State::GrowthStopped => self.alarmed.contains(&change.signal),
        };
        if is_news {
            self.on_trial.remove(&change.signal);
        }
        is_news.then(|| sentence(change))
    }

    /// What the status line says: the memory, and the worst that is said of any signal.
    pub fn status(&self, restarts: u32) -> Status {
        let current = self.watcher.current();
        let of_memory = current.iter().find(|a| a.signal == Signal::RssAnonBytes);
        // As long as a fix is on trial, slope and end are those of the growth before it.
        let of_growth = of_memory.filter(|a| !self.on_trial.contains(&a.signal));
        Status {
            memory_bytes: self.memory_bytes,
            slope_per_second: of_growth.and_then(|a| a.slope_per_second),
            state: worst(&current),
            is_on_trial: !self.on_trial.is_empty(),
            eta_seconds: of_growth
                .filter(|a| matches!(a.state, State::Suspect | State::Leaking))
                .and_then(|a| a.eta_seconds),
            restarts,
        }
    }
}

fn address_of(service: &Service) -> Option<SocketAddr> {
    service.address().parse().ok()
}

/// The state that most needs somebody to look.
fn worst(answers: &[Assessment]) -> State {
    const BY_URGENCY: [State; 6] = [
        State::Leaking,
        State::Suspect,
        State::GrowthStopped,
        State::Recovered,
        State::Steady,
        State::Undecided,
    ];
    let is_said = |state: &State| answers.iter().any(|answer| answer.state == *state);
    BY_URGENCY.into_iter().find(is_said).unwrap_or(State::Undecided)
}

fn sentence(change: &Assessment) -> String {
    let mut text = format!("{}: {}", change.signal, change.state.name().replace('_', " "));
    if change.state != State::Leaking {
        return format!("{text}, {}", change.reason);
    }
    if let Some(slope) = change.slope_per_second {
        let _ = write!(text, ", {}", growth(change.signal, slope));
    }
    if let Some(cause) = &change.cause {
        let _ = write!(text, ", grows with {cause}");
    }
    if let Some(each) = change.bytes_per_request {
        let _ = write!(text, ", {} per request", exact_bytes(each));
    }
    if let Some(eta) = change.eta_seconds {
        let _ = write!(text, ", {} from the limit", rounded(eta));
    }
    text
}

/// A time to come, to the second: nobody knows it better.
pub(super) fn rounded(seconds: f64) -> String {
    // A slope of next to nothing gives centuries, which `Duration` may not hold.
    let seconds = seconds.clamp(0.0, 1e9).round();
    humantime::format_duration(Duration::from_secs(seconds as u64)).to_string()
}

impl Status {
    /// One line of at most some eighty characters.
    pub fn line(&self, limit_bytes: Option<u64>, rate_per_second: Option<f64>) -> String {
        let memory = amount(Signal::RssAnonBytes, self.memory_bytes);
        let of = limit_bytes.map_or_else(String::new, |limit| {
            let share = 100.0 * self.memory_bytes / limit as f64;
            format!(" of {} ({share:.0}%)", bytes(limit as f64))
        });
        let slope =
            self.slope_per_second.map_or_else(String::new, |s| growth(Signal::RssAnonBytes, s));
        let load = rate_per_second.map_or_else(|| "no load".to_owned(), |rate| format!("{rate}/s"));
        let eta =
            self.eta_seconds.map_or_else(String::new, |eta| format!("  full in {}", rounded(eta)));
        let state = match (self.state, self.is_on_trial) {
            (State::Leaking, true) => "leaking so far, fix on trial".to_owned(),
            (state, _) => state.name().replace('_', " "),
        };
        format!("{memory}{of}  {slope:>11}  load {load}  restarts {}  {state}{eta}", self.restarts)
    }
}
