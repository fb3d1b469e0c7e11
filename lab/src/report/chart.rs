//! Draws the curves of a drill as SVG, with axes in units that people read.

use std::fmt::Write;

use detector::Signal;

use super::axis::{binary_step, decimal_step, ticks};
use super::curve::{Band, Curve, Mark, Picture, bands, marks, picture};
use super::junit::escape;
use crate::journal::DrillJournal;
use crate::quantity::amount;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 372.0;
/// Room for the labels of the marks.
const TOP: f64 = 58.0;
/// Room for the labels of the time axis.
const BOTTOM: f64 = 42.0;
/// Room for the labels of the value axis.
const LEFT: f64 = 74.0;
const RIGHT: f64 = 14.0;
/// Lines of mark labels, one above the other where marks are close.
const LABEL_ROWS: usize = 3;
const LABEL_ROW_HEIGHT: f64 = 17.0;
/// About the width of a character of a label.
const CHARACTER_WIDTH: f64 = 7.2;
/// The highest curve stays below the names of the phases.
const HEADROOM: f64 = 1.14;
/// About so many grid lines are drawn per axis.
const GRID_LINES: f64 = 6.0;

/// The picture; empty if nothing was seen.
pub(super) fn chart(journal: &DrillJournal) -> String {
    let Picture { signal, curves } = picture(journal);
    let every = || curves.iter().flat_map(|curve| curve.points.iter());
    let Some(end) = every().map(|point| point.0).reduce(f64::max).filter(|end| *end > 0.0) else {
        return String::new();
    };
    let highest = every().map(|point| point.1).fold(1.0, f64::max);
    let scale = Scale { end_seconds: end, top: highest * HEADROOM, signal };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"what the service took during the drill {}\">\n",
        escape(&journal.drill.name)
    );
    svg.push_str(&draw_bands(&bands(journal), &scale));
    svg.push_str(&draw_grid(&scale));
    for curve in &curves {
        svg.push_str(&draw_curve(curve, &scale));
    }
    svg.push_str(&draw_marks(&marks(journal), &scale));
    svg.push_str("</svg>\n");
    svg.push_str(&legend(&curves, signal));
    svg
}

/// Maps seconds and values to the picture.
struct Scale {
    end_seconds: f64,
    top: f64,
    /// What the values are of.
    signal: Signal,
}

impl Scale {
    fn x(&self, seconds: f64) -> f64 {
        LEFT + (seconds / self.end_seconds).clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (value / self.top).clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

fn draw_bands(bands: &[Band], scale: &Scale) -> String {
    let mut svg = String::new();
    for Band { phase, from, to } in bands {
        let (left, right) = (scale.x(*from), scale.x(*to));
        let name = phase.name();
        let class = name.replace(' ', "-");
        let _ = writeln!(
            svg,
            "<rect class=\"band {class}\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            right - left,
            HEIGHT - TOP - BOTTOM
        );
        if right - left > CHARACTER_WIDTH * name.len() as f64 {
            let _ = writeln!(
                svg,
                "<text class=\"phase\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
                left + 8.0,
                TOP + 17.0
            );
        }
    }
    svg
}

fn draw_grid(scale: &Scale) -> String {
    let mut svg = String::new();
    let rough = scale.top / GRID_LINES;
    let step =
        if scale.signal.is_bytes() { binary_step(rough) } else { decimal_step(rough.max(1.0)) };
    for level in ticks(0.0, scale.top, step) {
        let y = scale.y(level);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"axis\" \
             x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
            round_amount(scale.signal, level)
        );
    }
    for instant in
        ticks(0.0, scale.end_seconds, decimal_step(scale.end_seconds / (2.0 * GRID_LINES)))
    {
        let x = scale.x(instant);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{0}\"/><text class=\"axis\" \
             x=\"{x:.1}\" y=\"{1}\" text-anchor=\"middle\">{instant}s</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 18.0
        );
    }
    let _ = writeln!(
        svg,
        "<text class=\"axis\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">time since the drill began</text>",
        f64::midpoint(LEFT, WIDTH - RIGHT),
        HEIGHT - 4.0
    );
    svg
}

fn draw_curve(curve: &Curve, scale: &Scale) -> String {
    let mut path = String::new();
    for (index, (seconds, level)) in curve.points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{command}{:.1} {:.1}", scale.x(*seconds), scale.y(*level));
    }
    format!(
        "<path class=\"curve {}\" d=\"{path}\"><title>{}</title></path>\n",
        curve.class, curve.label
    )
}

fn draw_marks(marks: &[Mark], scale: &Scale) -> String {
    let mut svg = String::new();
    let mut row_ends = [f64::NEG_INFINITY; LABEL_ROWS];
    for mark in marks {
        let x = scale.x(mark.seconds);
        let text = format!("{} {:.1}s", mark.label, mark.seconds);
        let width = CHARACTER_WIDTH * text.len() as f64;
        let (left, anchor) = if x + width > WIDTH { (x - width, "end") } else { (x, "start") };
        let row = row_ends.iter().position(|end| *end <= left).unwrap_or(LABEL_ROWS - 1);
        row_ends[row] = left + width + CHARACTER_WIDTH;
        // The first row is the lowest, next to the curves.
        let y = TOP - 7.0 - LABEL_ROW_HEIGHT * row as f64;
        let class = mark.class;
        let _ = writeln!(
            svg,
            "<line class=\"mark {class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{}\"/><text \
             class=\"mark {class}\" x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>",
            y + 3.0,
            HEIGHT - BOTTOM,
            if anchor == "end" { x - 4.0 } else { x + 1.0 },
            escape(&text)
        );
    }
    svg
}

fn legend(curves: &[Curve], signal: Signal) -> String {
    let items = curves.iter().map(|curve| {
        let last = curve.points.last().map_or(0.0, |point| point.1);
        let highest = curve.points.iter().map(|point| point.1).fold(0.0, f64::max);
        format!(
            "<li><svg viewBox=\"0 0 28 8\"><path class=\"curve {}\" d=\"M1 4L27 4\"/></svg>{} \
             <small>peak {}, end {}</small></li>\n",
            curve.class,
            curve.label,
            amount(signal, highest),
            amount(signal, last)
        )
    });
    format!("<ul class=\"legend\">\n{}</ul>\n", items.collect::<String>())
}

/// An amount without a fraction that is zero, nor the name of what is counted.
fn round_amount(signal: Signal, value: f64) -> String {
    let text = amount(signal, value).replace(".0", "");
    text.split(' ').next().unwrap_or_default().to_owned()
}
