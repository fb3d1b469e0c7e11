//! The day: of the people who send requests, those who are awake open a session, and how many
//! are awake follows the time of day. Memory rises for half a day, and falls for the other half.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::dose::Dose;
use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "daily",
    role: Role::Decoy,
    description: "Day: sessions that end; how many requests open one follows the time of day",
    page: include_str!("daily.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[PERIOD, SESSION],
    unclearable: None,
    contract: None,
    fill: b'D',
    new: || Box::<Daily>::default(),
};

const PERIOD: Parameter = Parameter {
    name: "period",
    description: "from midnight to midnight; it is midnight when it is switched on",
    unit: Unit::Milliseconds,
    range: 1000..=604_800_000,
    default: 300_000,
};

const SESSION: Parameter = Parameter {
    name: "session",
    description: "how long a session lasts; much shorter than the period, or the curve flattens",
    unit: Unit::Milliseconds,
    range: 100..=86_400_000,
    default: 10_000,
};

/// A session's share of the queue, on average over its growth, as in the expiring cache.
const QUEUE_SHARE_BYTES: usize = 39;

#[derive(Default)]
struct Daily {
    day: Mutex<Day>,
}

struct Day {
    /// Open sessions and when each began, oldest first.
    sessions: VecDeque<(Instant, Box<Session>)>,
    session: Duration,
    period: Duration,
    /// The part of the people who are awake, 0 to 1.
    awake: f64,
    dose: Dose,
    /// The moment of the last tick: fine enough for this, and free of charge.
    now: Instant,
}

#[expect(dead_code, reason = "what people do in their session does not matter here")]
struct Session {
    chunks: Vec<Box<[u8]>>,
}

impl Default for Day {
    fn default() -> Self {
        Self {
            sessions: VecDeque::new(),
            session: Duration::from_millis(SESSION.default),
            period: Duration::from_millis(PERIOD.default),
            awake: 0.0,
            dose: Dose::default(),
            now: Instant::now(),
        }
    }
}

/// The part of the people who are awake: nobody at midnight, all of them at noon, a cosine in
/// between. `time` is in days since any midnight.
fn awake(time: f64) -> f64 {
    (0.5 - 0.5 * (TAU * time).cos()).clamp(0.0, 1.0)
}

impl Day {
    /// Takes out the oldest session if its time is over.
    fn end_session(&mut self) -> Option<(Instant, Box<Session>)> {
        let (now, lasts) = (self.now, self.session);
        let over = |(began, _): &mut (Instant, Box<Session>)| {
            now.saturating_duration_since(*began) >= lasts
        };
        self.sessions.pop_front_if(over)
    }

    /// Whether whoever sends the next request is awake: exactly that part of them, none by lot.
    fn is_awake(&mut self) -> bool {
        let awake = self.awake;
        self.dose.takes_request(awake)
    }
}

impl Pattern for Daily {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        if !lock(&self.day).is_awake() {
            return Ok(());
        }
        let rest = handed_out_bytes(size_of::<Session>()) + QUEUE_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let session = Box::new(Session {
            chunks: chunks
                .iter()
                .map(|&length| vec![FACTS.fill; length].into_boxed_slice())
                .collect(),
        });
        let mut day = lock(&self.day);
        let now = day.now;
        day.sessions.push_back((now, session));
        Ok(())
    }

    fn tick(&self, tick: &Tick) {
        let mut day = lock(&self.day);
        day.now = tick.now;
        day.awake = awake(tick.elapsed.div_duration_f64(day.period));
        drop(day);
        let end_session = || lock(&self.day).end_session();
        while let Some(session) = end_session() {
            drop(session);
        }
    }

    fn count(&self) -> usize {
        lock(&self.day).sessions.len()
    }

    fn clear(&self) -> usize {
        let sessions = std::mem::take(&mut lock(&self.day).sessions);
        sessions.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        let mut day = lock(&self.day);
        match parameter {
            name if name == PERIOD.name => day.period = Duration::from_millis(value),
            name if name == SESSION.name => day.session = Duration::from_millis(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_awake_at_midnight_and_everybody_at_noon() {
        for (time, expected) in [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 0.5), (7.0, 0.0)] {
            assert!((awake(time) - expected).abs() < 1e-12, "{time}");
        }
    }
}
