//! Growth per interval, and what about it asks for a warning.
//!
//! N checks cover N intervals: the first look is where the first one begins. What a program takes while it starts is no
//! leak, so where there are several intervals the first is shown as warm-up, and warned of nothing.

use std::ops::RangeInclusive;

use serde::Serialize;

use crate::cli::units::{bytes, duration};
use crate::{Observation, Signal, State};

/// Heap growth that is warned of, as a share of what it was...
const HEAP_GROWTH: f64 = 0.5;
/// ... within this time.
const HEAP_GROWTH_SECONDS: f64 = 600.0;
/// Tasks are warned of from more than this many times what they were.
const TASK_FACTOR: f64 = 2.0;
/// Intervals that grew one after the other until it is called a steady trend: as many as there are after warm-up where
/// these are fewer than the most, but two of them at least.
const STEADY_INTERVALS: RangeInclusive<u32> = 2..=3;
/// Growth of an interval below this share is none.
const LEAST_SHARE: f64 = 0.01;

/// What stands at the end of an interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Its end, in seconds since the first look; 0 is the first look itself.
    pub t_seconds: f64,
    /// Whether it counts as warm-up.
    pub warm_up: bool,
    /// Memory: anonymous, else resident, else the heap.
    pub memory_bytes: Option<f64>,
    /// Growth since the interval before.
    pub growth_bytes: Option<f64>,
    /// The same per hour.
    pub growth_bytes_per_hour: Option<f64>,
    pub heap_bytes: Option<f64>,
    pub tasks: Option<f64>,
    /// What was thought of the memory by then.
    pub state: Option<State>,
}

/// The intervals so far.
#[derive(Debug)]
pub struct Intervals {
    length_seconds: f64,
    checks: u32,
    /// Ends of intervals that were met, that of the first look included. A look that comes too late ends several at once.
    ended: u32,
    rows: Vec<Interval>,
}

impl Intervals {
    /// Of `checks` intervals of this length.
    pub fn new(length_seconds: f64, checks: u32) -> Self {
        Self { length_seconds, checks, ended: 0, rows: Vec::new() }
    }

    /// Takes in what was seen if it ends an interval, and gives the new row.
    pub fn take(&mut self, seen: &Observation, state: Option<State>) -> Option<&Interval> {
        let before = self.ended;
        while self.ended <= self.checks && seen.t_seconds >= self.due_seconds() {
            self.ended += 1;
        }
        if self.ended == before {
            return None;
        }
        let of = |signal: Signal| seen.signals.get(&signal).copied();
        let memory = memory_signal(seen).and_then(of);
        let before = self.rows.last();
        let elapsed = before.map(|before| seen.t_seconds - before.t_seconds);
        let growth = before.and_then(|before| Some(memory? - before.memory_bytes?));
        let warm_up = self.rows.len() == 1 && self.checks > 1;
        self.rows.push(Interval {
            t_seconds: seen.t_seconds,
            warm_up,
            memory_bytes: memory,
            growth_bytes: growth,
            growth_bytes_per_hour: growth.zip(elapsed).map(|(growth, t)| growth / t * 3600.0),
            heap_bytes: of(Signal::HeapBytes),
            tasks: of(Signal::Tasks),
            state,
        });
        self.rows.last()
    }

    fn due_seconds(&self) -> f64 {
        self.length_seconds * f64::from(self.ended)
    }

    /// The rows, that of the first look included.
    pub fn rows(&self) -> &[Interval] {
        &self.rows
    }

    /// What the latest row asks to be warned of.
    pub fn warnings(&self) -> Vec<String> {
        let [before @ .., now] = self.after_warm_up() else { return Vec::new() };
        [heap_grew(before, now), tasks_grew(before, now), self.steady_trend()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn after_warm_up(&self) -> &[Interval] {
        let begin = usize::from(self.checks > 1).min(self.rows.len());
        &self.rows[begin..]
    }

    /// Told once, when it begins.
    fn steady_trend(&self) -> Option<String> {
        let rows = self.after_warm_up();
        let grew = |pair: &[Interval]| {
            let [before, now] = pair else { return false };
            let level = before.memory_bytes.unwrap_or(f64::INFINITY);
            now.growth_bytes.is_some_and(|growth| growth > LEAST_SHARE * level)
        };
        let streak = rows.windows(2).rev().take_while(|pair| grew(pair)).count();
        let (least, most) = STEADY_INTERVALS.into_inner();
        let enough = self.checks.saturating_sub(1).clamp(least, most);
        (streak == enough as usize)
            .then(|| format!("memory grew in each of the last {enough} intervals"))
    }
}

/// Memory as it is judged: the first of these that is there.
pub fn memory_signal(seen: &Observation) -> Option<Signal> {
    [Signal::RssAnonBytes, Signal::RssBytes, Signal::HeapBytes]
        .into_iter()
        .find(|signal| seen.signals.contains_key(signal))
}

fn heap_grew(before: &[Interval], now: &Interval) -> Option<String> {
    let heap = now.heap_bytes?;
    let recent = |row: &&Interval| now.t_seconds - row.t_seconds <= HEAP_GROWTH_SECONDS;
    // With intervals that are longer than that, the latest one, scaled down.
    let from = before.iter().find(recent).or(before.last())?;
    let was = from.heap_bytes.filter(|was| *was > 0.0)?;
    let elapsed = now.t_seconds - from.t_seconds;
    let share = (heap - was) / was * (HEAP_GROWTH_SECONDS / elapsed).min(1.0);
    (share > HEAP_GROWTH).then(|| {
        let (was, heap, elapsed) = (bytes(was), bytes(heap), duration(elapsed));
        format!("heap grew by more than 50 % in 10 minutes: {was} -> {heap} within {elapsed}")
    })
}

fn tasks_grew(before: &[Interval], now: &Interval) -> Option<String> {
    let (was, tasks) = (before.first()?.tasks.filter(|was| *was > 0.0)?, now.tasks?);
    (tasks > TASK_FACTOR * was).then(|| format!("tasks more than doubled: {was} -> {tasks}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row every `every` seconds with these heaps in MiB and tasks.
    fn told(every: f64, checks: u32, rows: &[(f64, f64)]) -> Vec<String> {
        let mut intervals = Intervals::new(every, checks);
        let mut told = Vec::new();
        for (i, (heap, tasks)) in rows.iter().enumerate() {
            let signals = [(Signal::HeapBytes, heap * 1_048_576.0), (Signal::Tasks, *tasks)];
            let (t_seconds, signals) = (every * i as f64, signals.into());
            let seen = Observation { t_seconds, signals, ..Observation::default() };
            assert!(intervals.take(&seen, None).is_some());
            told.extend(intervals.warnings());
        }
        told
    }

    #[test]
    fn n_checks_have_n_intervals_and_growth_is_told_per_hour() {
        let mut intervals = Intervals::new(10.0, 2);
        for t in 0..40 {
            let memory = 1000.0 + 10.0 * f64::from(t);
            let signals = [(Signal::RssAnonBytes, memory), (Signal::RssBytes, 1.0)].into();
            let seen = Observation { t_seconds: f64::from(t), signals, ..Observation::default() };
            intervals.take(&seen, Some(State::Steady));
        }
        let rows = intervals.rows();
        let ends: Vec<f64> = rows.iter().map(|row| row.t_seconds).collect();
        assert_eq!(ends, [0.0, 10.0, 20.0]);
        let growth: Vec<_> = rows.iter().map(|row| row.growth_bytes_per_hour).collect();
        assert_eq!(growth, [None, Some(36_000.0), Some(36_000.0)]);
        assert_eq!(rows.iter().map(|row| row.warm_up).collect::<Vec<_>>(), [false, true, false]);
    }

    #[test]
    fn a_look_that_comes_too_late_ends_the_intervals_that_it_missed_and_makes_no_short_one() {
        let mut intervals = Intervals::new(10.0, 4);
        for t in [0.0, 10.0, 35.0, 36.0, 40.0, 41.0] {
            let signals = [(Signal::RssAnonBytes, 1000.0 + t)].into();
            let seen = Observation { t_seconds: t, signals, ..Observation::default() };
            intervals.take(&seen, None);
        }
        let ends: Vec<f64> = intervals.rows().iter().map(|row| row.t_seconds).collect();
        assert_eq!(ends, [0.0, 10.0, 35.0, 40.0]);
        assert_eq!(intervals.rows()[2].growth_bytes_per_hour, Some(3600.0));
    }

    #[test]
    fn heap_and_tasks_are_warned_of_and_warm_up_is_not() {
        let none: [String; 0] = [];
        assert_eq!(told(600.0, 3, &[(10.0, 5.0), (40.0, 50.0), (40.0, 50.0), (41.0, 51.0)]), none);
        let heap = told(600.0, 3, &[(10.0, 5.0), (10.0, 5.0), (16.0, 5.0)]);
        assert_eq!(
            heap,
            ["heap grew by more than 50 % in 10 minutes: 10.0 MiB -> 16.0 MiB within 10m"]
        );
        // Half in twenty minutes is a quarter in ten.
        assert_eq!(told(1200.0, 3, &[(10.0, 5.0), (10.0, 5.0), (16.0, 5.0)]), none);
        // And in small steps it is as much.
        let steps: Vec<(f64, f64)> = (0..8).map(|i| (10.0 + f64::from(i), 5.0)).collect();
        let told_of = told(60.0, 8, &steps);
        assert!(told_of.iter().any(|line| line.starts_with("heap grew by more")), "{told_of:?}");
        assert!(told_of.iter().any(|line| line.starts_with("memory grew in each")), "{told_of:?}");
        let tasks = told(600.0, 3, &[(10.0, 5.0), (10.0, 5.0), (10.0, 11.0)]);
        assert_eq!(tasks, ["tasks more than doubled: 5 -> 11"]);
        // A single interval has no warm-up to leave out.
        assert_eq!(told(600.0, 1, &[(10.0, 5.0), (10.0, 11.0)]).len(), 1);
    }

    /// Of N checks N - 1 are not warm-up, and one alone is no trend.
    #[test]
    fn a_steady_trend_is_three_intervals_or_two_where_there_are_no_more_after_warm_up() {
        let steps: Vec<(f64, f64)> = (0..7).map(|i| (100.0 + 5.0 * f64::from(i), 5.0)).collect();
        let after = |checks: u32, intervals: usize| told(60.0, checks, &steps[..=intervals]);
        let none: [String; 0] = [];
        assert_eq!(after(1, 1), none);
        assert_eq!(after(2, 2), none);
        assert_eq!(after(3, 2), none);
        assert_eq!(after(3, 3), ["memory grew in each of the last 2 intervals"]);
        assert_eq!(after(4, 3), none);
        assert_eq!(after(4, 4), ["memory grew in each of the last 3 intervals"]);
        assert_eq!(after(6, 6), ["memory grew in each of the last 3 intervals"]);
    }
}
