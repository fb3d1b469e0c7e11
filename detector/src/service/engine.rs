//! Looks at every target when it is due, in few threads.
//!
//! There are two lanes with threads of their own. A target whose looks take long waits in the slow
//! one, so that those that answer at once are never late for it. A look that takes longer than the
//! interval makes the next ones be passed over, not pile up.

use std::collections::{BTreeMap, BinaryHeap};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::incident::Report;
use super::status::Status;
use super::watched::{Task, Watched};
use crate::target::Target;

/// Threads of each lane: what looks at a thousand quick targets on one core, or waits for so
/// many slow ones at once.
const THREADS: usize = 32;

/// Their stack: a look is shallow.
const STACK_BYTES: usize = 512 * 1024;

/// A look that takes longer is a slow one.
const SLOW: Duration = Duration::from_millis(500);

/// The threads that look, and what they look at.
#[derive(Debug)]
pub struct Engine {
    quick: Arc<Lane>,
    slow: Arc<Lane>,
    clock: Clock,
    watched: BTreeMap<String, (Target, Status)>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Engine {
    /// Threads with nothing to look at; what they find goes to `reports`, as far as there is room.
    pub fn start(clock: Clock, reports: &SyncSender<Report>) -> std::io::Result<Self> {
        let (quick, slow) = (Arc::new(Lane::default()), Arc::new(Lane::default()));
        let mut engine = Self { quick, slow, clock, watched: BTreeMap::new(), threads: Vec::new() };
        for k in 0..THREADS {
            for lane in [&engine.quick, &engine.slow] {
                let worker = Worker {
                    lane: Arc::clone(lane),
                    quick: Arc::clone(&engine.quick),
                    slow: Arc::clone(&engine.slow),
                    reports: reports.clone(),
                };
                let builder = thread::Builder::new().name(format!("look-{k}"));
                engine.threads.push(builder.stack_size(STACK_BYTES).spawn(move || worker.work())?);
            }
        }
        Ok(engine)
    }

    /// Watches these targets and no others. Those that are as they were keep all that is known of
    /// them, be their rules others or not; the first looks at the others are spread over their interval.
    pub fn watch(&mut self, tasks: &[Task]) {
        self.watched.retain(|_, (target, status)| {
            let task = tasks.iter().find(|task| task.target == *target);
            if let Some(task) = task {
                status.lock().want(&task.rules);
            }
            task.is_some()
        });
        let unknown = |task: &&Task| !self.watched.contains_key(&task.target.name);
        let fresh: Vec<Task> = tasks.iter().filter(unknown).cloned().collect();
        let fresh: Vec<Watched> = fresh
            .into_iter()
            .map(|task| {
                let watched = Watched::new(task.clone(), self.clock);
                let name = task.target.name.clone();
                self.watched.insert(name, (task.target, watched.status.clone()));
                watched
            })
            .collect();
        let statuses: Vec<Status> = self.statuses().into_values().collect();
        for lane in [&self.quick, &self.slow] {
            let mut queue = lane.lock();
            queue.wanted.clone_from(&statuses);
            let all = std::mem::take(&mut queue.due);
            queue.due = all.into_iter().filter(|due| is_in(&statuses, &due.watched)).collect();
        }
        let count = u32::try_from(fresh.len()).unwrap_or(u32::MAX).max(1);
        for (k, watched) in (0..).zip(fresh) {
            let due = Instant::now() + watched.every() / count * k;
            self.quick.push(Due { due, watched });
        }
    }

    /// How each target stands, by name.
    pub fn statuses(&self) -> BTreeMap<String, Status> {
        let statuses = self.watched.iter();
        statuses.map(|(name, (_, status))| (name.clone(), status.clone())).collect()
    }

    /// Ends the threads, the longest look at last.
    pub fn stop(self) {
        for lane in [&self.quick, &self.slow] {
            lane.lock().stopped = true;
            lane.changed.notify_all();
        }
        for thread in self.threads {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn is_in(statuses: &[Status], watched: &Watched) -> bool {
    statuses.iter().any(|status| status.is(&watched.status))
}

/// Targets that wait for their turn.
#[derive(Debug, Default)]
struct Lane {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    due: BinaryHeap<Due>,
    /// What is still to be watched: whoever comes back from a look and is not here is let go.
    wanted: Vec<Status>,
    stopped: bool,
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, due: Due) {
        self.lock().due.push(due);
        self.changed.notify_one();
    }

    /// Waits for the next one that is due; nothing once it is stopped.
    fn next(&self) -> Option<Due> {
        let mut queue = self.lock();
        loop {
            if queue.stopped {
                return None;
            }
            let now = Instant::now();
            let until = queue.due.peek().map(|first| first.due);
            match until {
                Some(until) if until <= now => return queue.due.pop(),
                Some(until) => {
                    let waited = self.changed.wait_timeout(queue, until - now);
                    queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => {
                    queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// A target and when it is to be looked at; the earliest is the greatest.
#[derive(Debug)]
struct Due {
    due: Instant,
    watched: Watched,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        other.due.cmp(&self.due)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Due {}

struct Worker {
    lane: Arc<Lane>,
    quick: Arc<Lane>,
    slow: Arc<Lane>,
    reports: SyncSender<Report>,
}

impl Worker {
    fn work(&self) {
        while let Some(Due { due, mut watched }) = self.lane.next() {
            let began = Instant::now();
            for report in watched.look(began.saturating_duration_since(due)) {
                // What finds no room is told again when the keeper compares.
                if let Err(TrySendError::Disconnected(_)) = self.reports.try_send(report) {
                    return;
                }
            }
            let took = began.elapsed();
            let (next, missed) = next_due(due, watched.every(), Instant::now());
            watched.status.lock().looks_missed += u64::from(missed);
            let lane = if took > SLOW { &self.slow } else { &self.quick };
            if is_in(&lane.lock().wanted, &watched) {
                lane.push(Due { due: next, watched });
            }
        }
    }
}

/// The next instant of the grid that has not passed, and how many have.
fn next_due(due: Instant, every: Duration, now: Instant) -> (Instant, u32) {
    let late = now.saturating_duration_since(due + every);
    let missed = late.as_nanos().div_ceil(every.as_nanos().max(1));
    let missed = u32::try_from(missed).unwrap_or(u32::MAX);
    (due + every.saturating_mul(missed.saturating_add(1)), missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_keep_to_their_grid_and_those_that_were_missed_are_passed_over() {
        let (start, every) = (Instant::now(), Duration::from_secs(5));
        for (seconds, next, missed) in [(0.1, 5, 0), (4.9, 5, 0), (5.1, 10, 1), (22.0, 25, 4)] {
            let now = start + Duration::from_secs_f64(seconds);
            let expected = (start + Duration::from_secs(next), missed);
            assert_eq!(next_due(start, every, now), expected, "{seconds}");
        }
    }

    #[test]
    fn the_earliest_comes_first() {
        let clock = Clock::start();
        let now = Instant::now();
        let target = Target::new("a".to_owned(), crate::target::Kind::Pid(1));
        let due = |seconds| Due {
            due: now + Duration::from_secs(seconds),
            watched: Watched::new(Task { target: target.clone(), rules: [].into() }, clock),
        };
        let mut heap = BinaryHeap::from([due(2), due(1), due(3)]);
        assert_eq!(heap.pop().map(|first| first.due), Some(now + Duration::from_secs(1)));
    }
}
