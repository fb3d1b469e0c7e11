//! Draws one series as SVG: the range and the mean of what was sampled, what is true of it as
//! shaded stretches, and what the detector said as a ribbon below.

use std::fmt::Write;

use detector::{Signal, State};

use super::super::wrong::Wrong;
use crate::corpus::Trace;
use crate::report::axis::{decimal_step, ticks};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 214.0;
const TOP: f64 = 8.0;
/// Room for the ribbon and the labels of the time axis.
const BOTTOM: f64 = 42.0;
/// Room for the labels of the value axis.
const LEFT: f64 = 58.0;
const RIGHT: f64 = 8.0;
/// The ribbon's distance from the curve, and its height.
const RIBBON: (f64, f64) = (7.0, 9.0);
/// Samples are brought to so many columns; a picture has no more.
const COLUMNS: usize = 248;
/// About so many grid lines per axis.
const GRID_LINES: f64 = 5.0;

/// What the colours mean.
pub(super) const LEGEND: &str = "<ul class=\"key plot\">\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"range\" d=\"M0 1H22V9H0Z\"/><path class=\"curve\" d=\"M0 5H22\"/></svg>samples: mean and range</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"leak\" d=\"M0 0H22V10H0Z\"/></svg>true: it leaks</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"moves\" d=\"M0 0H22V10H0Z\"/></svg>true: something benign still moves</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><line class=\"alarm\" x1=\"11\" x2=\"11\" y1=\"0\" y2=\"10\"/></svg>alarm</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"said steady\" d=\"M0 1H22V9H0Z\"/></svg>said: steady</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"said suspect\" d=\"M0 1H22V9H0Z\"/></svg>suspect</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"said leaking\" d=\"M0 1H22V9H0Z\"/></svg>leaking</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"said growth_stopped\" d=\"M0 1H22V9H0Z\"/></svg>growth stopped</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"said recovered\" d=\"M0 1H22V9H0Z\"/></svg>recovered</li>\n\
    <li><svg viewBox=\"0 0 22 10\"><path class=\"said undecided\" d=\"M0 1H22V9H0Z\"/></svg>undecided</li>\n</ul>\n";

/// The picture; empty if the signal was never seen.
pub(super) fn svg(wrong: &Wrong) -> String {
    let Some(scale) = Scale::of(wrong.trace, wrong.signal) else { return String::new() };
    let name = format!("{} of {}", wrong.signal, wrong.trace.name);
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        crate::report::junit::escape(&name)
    );
    truth(&mut svg, wrong.trace, &scale);
    grid(&mut svg, &scale);
    curve(&mut svg, wrong, &scale);
    said(&mut svg, wrong, &scale);
    svg + "</svg>\n"
}

/// Maps seconds and values to the picture.
struct Scale {
    signal: Signal,
    begin: f64,
    end: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn of(trace: &Trace, signal: Signal) -> Option<Self> {
        let (first, last) = trace.observations.first().zip(trace.observations.last())?;
        let values = || trace.observations.iter().filter_map(|seen| seen.signals.get(&signal));
        let low = values().copied().fold(f64::INFINITY, f64::min);
        let high = values().copied().fold(f64::NEG_INFINITY, f64::max);
        // What does not move at all is drawn in the middle.
        let margin = if high > low { 0.04 * (high - low) } else { 1.0 + 0.01 * low.abs() };
        let (low, high) = (low - margin, high + margin);
        let (begin, end) = (first.t_seconds, last.t_seconds);
        (low.is_finite() && end > begin).then_some(Self { signal, begin, end, low, high })
    }

    fn share(&self, seconds: f64) -> f64 {
        ((seconds - self.begin) / (self.end - self.begin)).clamp(0.0, 1.0)
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT + self.share(seconds) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)
    }
}

fn truth(svg: &mut String, trace: &Trace, scale: &Scale) {
    let mut shade = |class: &str, from: f64, to: f64| {
        let (left, right) = (scale.x(from), scale.x(to));
        let (width, height) = (right - left, HEIGHT - TOP - BOTTOM);
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
        );
    };
    if let Some(leak) = &trace.truth.leak {
        shade("leak", leak.onset_seconds, leak.fixed_seconds.unwrap_or(scale.end));
    } else if let Some(settles) = trace.truth.settles_seconds {
        shade("moves", scale.begin, settles);
    }
}

fn grid(svg: &mut String, scale: &Scale) {
    let (unit, name) = value_unit(scale);
    let step = decimal_step((scale.high - scale.low) / unit / GRID_LINES);
    for level in ticks(scale.low / unit, scale.high / unit, step) {
        let y = scale.y(level * unit);
        let text = format!("{}{name}", short(level));
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" \
             text-anchor=\"end\">{text}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 3.5
        );
    }
    let (unit, name) = time_unit(scale.end - scale.begin);
    let span = (scale.end - scale.begin) / unit;
    for instant in ticks(0.0, span, decimal_step(span / (1.6 * GRID_LINES))) {
        let x = scale.x(scale.begin + instant * unit);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{0:.1}\"/><text x=\"{x:.1}\" \
             y=\"{1:.1}\" text-anchor=\"middle\">{2}{name}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - 6.0,
            short(instant)
        );
    }
}

/// The unit in which differences as large as the picture's are told, and its name.
fn value_unit(scale: &Scale) -> (f64, &'static str) {
    const UNITS: [(f64, &str); 4] = [
        (1_099_511_627_776.0, "TiB"),
        (1_073_741_824.0, "GiB"),
        (1_048_576.0, "MiB"),
        (1_024.0, "KiB"),
    ];
    let bytes = scale.signal.is_bytes();
    let unit = UNITS.into_iter().find(|(unit, _)| bytes && scale.high - scale.low >= 0.2 * *unit);
    unit.unwrap_or((1.0, if bytes { "B" } else { "" }))
}

/// The unit in which so many seconds are told, and its letter.
fn time_unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s < 300.0 => (1.0, "s"),
        s if s < 3.0 * 3_600.0 => (60.0, "m"),
        s if s < 3.0 * 86_400.0 => (3_600.0, "h"),
        _ => (86_400.0, "d"),
    }
}

/// A number without digits that are none.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Lowest, sum, number and highest of the samples of one column.
#[derive(Clone, Copy)]
struct Column {
    low: f64,
    sum: f64,
    samples: f64,
    high: f64,
}

fn curve(svg: &mut String, wrong: &Wrong, scale: &Scale) {
    let empty = Column { low: f64::INFINITY, sum: 0.0, samples: 0.0, high: f64::NEG_INFINITY };
    let mut columns = [empty; COLUMNS];
    for seen in &wrong.trace.observations {
        if let Some(value) = seen.signals.get(&wrong.signal) {
            let at = (scale.share(seen.t_seconds) * COLUMNS as f64) as usize;
            let column = &mut columns[at.min(COLUMNS - 1)];
            column.low = column.low.min(*value);
            column.high = column.high.max(*value);
            column.sum += value;
            column.samples += 1.0;
        }
    }
    let x = |at: usize| LEFT + (at as f64 + 0.5) / COLUMNS as f64 * (WIDTH - LEFT - RIGHT);
    let (mut range, mut mean) = (String::new(), String::new());
    let indexed: Vec<(usize, &Column)> = columns.iter().enumerate().collect();
    // A gap in the samples is a gap in the curve, unless there are fewer samples than columns.
    let sparse = wrong.trace.observations.len() < 2 * COLUMNS;
    let seen = |column: &Column| column.samples > 0.0;
    for run in indexed.split(|(_, column)| !sparse && !seen(column)) {
        let run: Vec<_> = run.iter().filter(|(_, column)| seen(column)).collect();
        let there = run.iter().map(|(at, column)| (*at, column.high));
        let back = run.iter().rev().map(|(at, column)| (*at, column.low));
        for (index, (at, value)) in there.chain(back).enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(range, "{command}{:.1} {:.1}", x(at), scale.y(value));
        }
        for (index, (at, column)) in run.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let level = column.sum / column.samples;
            let _ = write!(mean, "{command}{:.1} {:.1}", x(*at), scale.y(level));
        }
    }
    let _ =
        writeln!(svg, "<path class=\"range\" d=\"{range}\"/><path class=\"curve\" d=\"{mean}\"/>");
}

/// The ribbon of states, and a line where each alarm was raised.
fn said(svg: &mut String, wrong: &Wrong, scale: &Scale) {
    let changes: Vec<_> =
        wrong.changes.iter().filter(|change| change.signal == wrong.signal).collect();
    let top = HEIGHT - BOTTOM + RIBBON.0;
    let ends = changes.iter().skip(1).map(|next| next.t_seconds).chain([scale.end]);
    let mut before = None;
    for (change, end) in changes.iter().zip(ends) {
        let (left, right) = (scale.x(change.t_seconds), scale.x(end));
        let state = change.state;
        let _ = writeln!(
            svg,
            "<rect class=\"said {state}\" x=\"{left:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{}\"><title>{state}</title></rect>",
            (right - left).max(1.0),
            RIBBON.1
        );
        if state == State::Leaking && before != Some(State::Leaking) {
            let _ = writeln!(
                svg,
                "<line class=\"alarm\" x1=\"{left:.1}\" x2=\"{left:.1}\" y1=\"{TOP}\" y2=\"{top}\"/>"
            );
        }
        before = Some(state);
    }
}
