//! What misses and false alarms look like: each series as one line of eight levels, with what is
//! true and what was said below it.

use std::fmt::Write;

use detector::{Signal, State};

use super::Judged;
use crate::corpus::Trace;

/// Columns of a sketch.
const WIDTH: usize = 96;
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Sketches of the traces that one contestant got wrong, at most so many.
pub fn wrong(judged: &[Judged], contestant: usize, most: usize) -> String {
    let mut text = String::new();
    let those = judged.iter().filter(|one| is_wrong(one, contestant));
    for one in those.take(most) {
        text.push('\n');
        text.push_str(&sketch(one, contestant));
    }
    if !text.is_empty() {
        text.push_str("\no onset   x fix   = settled   ! alarm   . alarm ends\n");
    }
    text
}

/// Whether a contestant missed the leak or raised a false alarm that is not forgiven.
pub fn is_wrong(one: &Judged, contestant: usize) -> bool {
    one.outcomes.get(contestant).and_then(Option::as_ref).is_some_and(|(_, outcome)| {
        let missed = outcome.leaks && outcome.detected_after_seconds.is_none();
        missed || outcome.false_alarms > outcome.forgiven_alarms
    })
}

fn sketch(one: &Judged, contestant: usize) -> String {
    let trace = &one.trace;
    let Some((changes, outcome)) = &one.outcomes[contestant] else { return String::new() };
    let missed = outcome.leaks && outcome.detected_after_seconds.is_none();
    let alarmed = changes.iter().find(|change| change.state == State::Leaking);
    let signal = if missed {
        trace.truth.leak.as_ref().and_then(|leak| leak.signals.first().copied())
    } else {
        alarmed.map(|change| change.signal)
    };
    let Some(signal) = signal else { return String::new() };
    let verdict = if missed { "missed" } else { "false alarm" };
    let hard = trace
        .truth
        .leak
        .as_ref()
        .map_or_else(String::new, |leak| format!(", difficulty {:.1}", leak.difficulty()));
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {verdict} ({signal}, every {} s{hard})",
        trace.name, trace.truth.interval_seconds
    );
    let column = columns(trace);
    let _ = writeln!(text, "{}", curve(trace, signal, &column));
    let mut marks = vec![' '; WIDTH];
    for change in changes.iter().filter(|change| change.signal == signal) {
        match change.state {
            State::Leaking => marks[column(change.t_seconds)] = '!',
            // An alarm that ends in the column in which it was raised stays visible.
            _ if marks.contains(&'!') && marks[column(change.t_seconds)] == ' ' => {
                marks[column(change.t_seconds)] = '.';
            }
            _ => {}
        }
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
