//! What misses and false alarms look like: each series as one line of eight levels, with what is
//! true and what was said below it.

use std::fmt::Write;

use detector::{Signal, State};

use super::Judged;
use super::wrong::Wrong;
use crate::corpus::Trace;

/// Columns of a sketch.
const WIDTH: usize = 96;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Sketches of the traces that one contestant got wrong, at most so many.
pub fn wrong(judged: &[Judged], contestant: usize, most: usize) -> String {
    let wrong = judged.iter().filter_map(|one| Wrong::of(one, contestant));
    let mut text = String::new();
    for wrong in wrong.take(most) {
        text.push('\n');
        text.push_str(&sketch(&wrong));
    }
    if !text.is_empty() {
        text.push_str("\no onset   x fix   = settled   ! alarm   . alarm ends\n");
    }
    text
}

fn sketch(wrong: &Wrong) -> String {
    let &Wrong { trace, changes, signal, .. } = wrong;
    let mut text = format!("{}: {} ({})\n", trace.name, wrong.fault(), wrong.circumstances());
    let column = columns(trace);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}", curve(trace, signal, &column));
    let mut marks = vec![' '; WIDTH];
    let mut open = false;
    for change in changes.iter().filter(|change| change.signal == signal) {
        let mark = &mut marks[column(change.t_seconds)];
        let leaking = change.state == State::Leaking;
        if leaking && !open {
            *mark = '!';
        } else if open && !leaking && *mark == ' ' {
            // An alarm that ends in the column in which it was raised stays visible.
            *mark = '.';
        }
        open = leaking;
    }
    let truth = &trace.truth;
    let leak = truth.leak.as_ref();
    for (at, mark) in [
        (truth.settles_seconds, '='),
        (leak.and_then(|leak| leak.fixed_seconds), 'x'),
        (leak.map(|leak| leak.onset_seconds), 'o'),
    ] {
        if let Some(at) = at {
            marks[column(at)] = mark;
        }
    }
    let marks: String = marks.into_iter().collect();
    let _ = writeln!(text, "{}", marks.trim_end());
    text
}

/// Which column an instant falls into.
fn columns(trace: &Trace) -> impl Fn(f64) -> usize + use<> {
    let span = trace.observations.first().zip(trace.observations.last());
    let (begin, end) = span.map_or((0.0, 1.0), |(first, last)| (first.t_seconds, last.t_seconds));
    move |t: f64| (((t - begin) / (end - begin) * WIDTH as f64) as usize).min(WIDTH - 1)
}

/// The means per column, from the lowest to the highest; blank where there is none.
fn curve(trace: &Trace, signal: Signal, column: &impl Fn(f64) -> usize) -> String {
    let mut sums = [(0.0, 0.0); WIDTH];
    for seen in &trace.observations {
        if let Some(value) = seen.signals.get(&signal) {
            let (sum, n) = &mut sums[column(seen.t_seconds)];
            *sum += value;
            *n += 1.0;
        }
    }
    let means = sums.map(|(sum, n)| sum / n);
    let seen = || means.iter().copied().filter(|mean| mean.is_finite());
    let (low, high) = (seen().fold(f64::INFINITY, f64::min), seen().fold(0.0, f64::max));
    let level = |mean: f64| {
        let share = if high > low { (mean - low) / (high - low) } else { 0.0 };
        LEVELS[((share * LEVELS.len() as f64) as usize).min(LEVELS.len() - 1)]
    };
    means.iter().map(|mean| if mean.is_finite() { level(*mean) } else { ' ' }).collect()
}

#[cfg(test)]
mod tests {
    use detector::Observation;

    use super::*;
    use crate::bench::Change;
    use crate::corpus::truth::Truth;

    #[test]
    fn each_alarm_has_its_begin_and_its_end_and_nothing_else_is_marked() {
        let signal = Signal::RssBytes;
        let seen = |t: u32| Observation {
            t_seconds: f64::from(t),
            signals: [(signal, f64::from(t % 2))].into(),
            ..Observation::default()
        };
        let trace = Trace {
            name: "t".into(),
            truth: Truth { family: "f".into(), ..Truth::default() },
            observations: (0..=96).map(seen).collect(),
        };
        let change = |(t_seconds, state)| Change { t_seconds, signal, state, cause: None };
        let changes = [
            (1.0, State::Steady),
            (10.0, State::Leaking),
            (20.0, State::Steady),
            (30.0, State::Undecided),
            (40.0, State::Leaking),
            (50.0, State::GrowthStopped),
            (60.0, State::Recovered),
        ]
        .map(change);
        let sketch = sketch(&Wrong { trace: &trace, changes: &changes, missed: false, signal });
        let marks = sketch.lines().nth(2).unwrap();
        let at: Vec<(usize, char)> = marks.chars().enumerate().filter(|(_, c)| *c != ' ').collect();
        assert_eq!(at, [(10, '!'), (20, '.'), (40, '!'), (50, '.')]);
    }
}
