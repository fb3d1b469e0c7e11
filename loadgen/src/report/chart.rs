//! Draws lines over two axes as SVG. What they mean is the page's business.

use std::fmt::Write;

const WIDTH: f64 = 1000.0;
/// Room for the labels of the vertical axis.
const LEFT: f64 = 74.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
/// Room for the labels of the horizontal axis.
const BOTTOM: f64 = 34.0;

/// One axis: what it spans and where its labels stand.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) ticks: Vec<(f64, String)>,
    pub(super) scale: Scale,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Log,
}

/// One line; `class` is what the style sheet colours it by.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) label: &'static str,
    /// Gaps part the line in pieces.
    pub(super) points: Vec<(f64, Option<f64>)>,
}

/// A picture of some height.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) height: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    /// What the pointer reads between two places of the horizontal axis.
    pub(super) hints: Vec<(f64, f64, String)>,
}

impl Axis {
    /// From zero to a round number at or above `max`, in about five steps.
    pub(super) fn linear(max: f64, label: impl Fn(f64) -> String) -> Self {
        let step = round_step(max.max(f64::MIN_POSITIVE) / 5.0);
        let count = (max / step).ceil().max(1.0);
        let ticks = (0..=count as u32).map(|n| f64::from(n) * step);
        let ticks = ticks.map(|value| (value, label(value))).collect();
        Self { min: 0.0, max: count * step, ticks, scale: Scale::Linear }
    }

    /// Over whole steps of 1, 2, 5, 10 around both values, which must be above zero. Labels stand at
    /// the powers of ten, and at 2 and 5 where there are few of these.
    pub(super) fn log(min: f64, max: f64, label: impl Fn(f64) -> String) -> Self {
        let decades = (min.log10().floor() as i32)..=(max.log10().ceil() as i32);
        let steps = decades.flat_map(|power| [1.0, 2.0, 5.0].map(|n| (n, n * 10_f64.powi(power))));
        let steps: Vec<_> = steps.collect();
        let first = steps.iter().rposition(|(_, value)| *value <= min * 1.000_001).unwrap_or(0);
        let last = steps.iter().position(|(_, value)| *value >= max * 0.999_999);
        let last = last.unwrap_or(steps.len() - 1).max(first + 1).min(steps.len() - 1);
        let shown = &steps[first..=last];
        let few = shown.len() <= 9;
        let ticks = shown.iter().filter(|(n, _)| few || *n < 1.5);
        let ticks = ticks.map(|(_, value)| (*value, label(*value))).collect();
        Self { min: steps[first].1, max: steps[last].1, ticks, scale: Scale::Log }
    }

    /// Where a value stands, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => (value - self.min) / (self.max - self.min),
            Scale::Log => (value / self.min).ln() / (self.max / self.min).ln(),
        };
        share.clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 5, 10, ... at or above.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().find(|n| n * power >= step * 0.999_999);
    round.unwrap_or(10.0) * power
}

impl Chart {
    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        self.height - BOTTOM - self.y.share(value) * (self.height - TOP - BOTTOM)
    }

    /// The picture and its legend.
    pub(super) fn svg(&self) -> String {
        let Self { title, height, .. } = self;
        let mut svg =
            format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n");
        self.draw_grid(&mut svg);
        for line in &self.lines {
            self.draw_line(&mut svg, line);
        }
        self.draw_hints(&mut svg);
        svg.push_str("</svg>\n<ul class=\"legend\">");
        for Line { class, label, .. } in &self.lines {
            let _ = write!(svg, "<li class=\"{class}\"><i></i>{label}</li>");
        }
        svg + "</ul>\n"
    }

    fn draw_grid(&self, svg: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, self.height - BOTTOM);
        for (value, label) in &self.y.ticks {
            let y = self.y(*value);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 9.0,
                y + 4.0,
            );
        }
        for (value, label) in &self.x.ticks {
            let x = self.x(*value);
            // The last label would leave the picture if it were centred.
            let anchor = if x > right - 20.0 { "end" } else { "middle" };
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{label}</text>",
                bottom + 21.0,
            );
        }
    }

    fn draw_line(&self, svg: &mut String, line: &Line) {
        for piece in line.points.split(|(_, value)| value.is_none()) {
            let places = piece.iter().filter_map(|(x, y)| Some((self.x(*x), self.y((*y)?))));
            let places: Vec<_> = places.collect();
            let class = line.class;
            if let [(x, y)] = places[..] {
                let _ = writeln!(
                    svg,
                    "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
                );
            } else if !places.is_empty() {
                let places: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
                let places = places.join(" ");
                let _ = writeln!(svg, "<polyline class=\"{class}\" points=\"{places}\"/>");
            }
        }
    }

    fn draw_hints(&self, svg: &mut String) {
        let height = self.height - TOP - BOTTOM;
        for (from, to, hint) in &self.hints {
            let (left, right) = (self.x(*from), self.x(*to));
            let width = right - left;
            let _ = writeln!(
                svg,
                "<rect class=\"hint\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" \
                 height=\"{height}\"><title>{hint}</title></rect>"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // Both ends are on the axis, and there is something to read beside it.
        #[test]
        fn an_axis_spans_its_values(low in 1e-6_f64..1e4, factor in 1.0_f64..1e7) {
            let high = low * factor;
            let axes = [Axis::log(low, high, |n| n.to_string()), Axis::linear(high, |n| n.to_string())];
            for axis in axes {
                prop_assert!(axis.min <= low * 1.00001 && axis.max >= high * 0.99999, "{:?}", axis);
                prop_assert!((2..=12).contains(&axis.ticks.len()) || axis.scale == Scale::Log, "{:?}", axis);
                prop_assert!(!axis.ticks.is_empty() && axis.max > axis.min, "{:?}", axis);
            }
        }
    }
}
