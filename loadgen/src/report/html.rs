//! The report as one page that needs nothing else: no script, no font, no picture from elsewhere.

use std::fmt::Write;

use super::{
    Distribution, Report, TimelineCell,
    chart::{Axis, Chart, Line, Scale},
    seconds,
};

const STYLE: &str = include_str!("page.css");
/// Where the percentile curve is drawn, in steps of ever rarer requests.
const CURVE_STEPS_PER_DECADE: u32 = 24;
const CURVE_DECADES: u32 = 5;
const CURVE_LABELS: [(f64, &str); 6] = [
    (0.0, "0%"),
    (0.9, "90%"),
    (0.99, "99%"),
    (0.999, "99.9%"),
    (0.9999, "99.99%"),
    (0.99999, "99.999%"),
];

impl Report {
    /// The report as a page.
    pub fn html(&self) -> String {
        let target = escape(&self.target);
        let parts =
            [self.head(), self.tiles(), self.over_time(), self.percentiles(), self.tables()]
                .concat();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>Load on {target}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             {parts}</main>\n</body>\n</html>\n"
        )
    }

    fn head(&self) -> String {
        let (class, word) = match self {
            Self { valid: false, .. } => ("unsure", "invalid"),
            Self { interrupted: true, .. } => ("unsure", "stopped early"),
            _ if self.thresholds.iter().all(|one| one.held) => ("good", "conditions kept"),
            _ => ("bad", "conditions not kept"),
        };
        let mut head = format!(
            "<header><h1>Load on <code>{}</code></h1><span class=\"pill {class}\">{word}</span>\
             </header>\n<p class=\"soft\">{}</p>\n",
            escape(&self.target),
            escape(&self.load),
        );
        for reason in self.invalid_reasons.iter().chain(&self.stop_reason) {
            let _ = writeln!(head, "<p class=\"reason\">{}</p>", escape(reason));
        }
        head
    }

    fn tiles(&self) -> String {
        let share = 100.0 * self.errors_total as f64 / self.requests_planned.max(1) as f64;
        let response = |pick: fn(&Distribution) -> f64| {
            let distribution = self.response_time_seconds.as_ref();
            distribution.map_or("-".to_owned(), |distribution| seconds(pick(distribution)))
        };
        let errors = if self.errors_total > 0 { "bad" } else { "" };
        let tiles = [
            (
                "",
                "sent",
                format!("{}", self.requests_sent),
                format!("of {} due", self.requests_planned),
            ),
            (
                "",
                "rate",
                format!("{:.1}/s", self.rate_sent_per_second),
                self.rate_asked_per_second
                    .map_or("closed loop".to_owned(), |rate| format!("of {rate:.1}/s asked")),
            ),
            (errors, "errors", self.errors_total.to_string(), format!("{share:.2}% of these")),
            ("", "p50", response(|d| d.p50), "response time".to_owned()),
            ("", "p99", response(|d| d.p99), "response time".to_owned()),
            ("", "p99.9", response(|d| d.p999), "response time".to_owned()),
            ("", "max", response(|d| d.max), "response time".to_owned()),
        ];
        let mut html = String::from("<section class=\"tiles\">\n");
        for (class, name, value, more) in tiles {
            let _ = writeln!(
                html,
                "<div class=\"tile {class}\"><small>{name}</small><b>{value}</b><small>{more}</small></div>"
            );
        }
        html + "</section>\n"
    }

    fn over_time(&self) -> String {
        let charts = [self.latency_chart(), self.rate_chart()];
        let svg: String = charts.into_iter().flatten().map(|chart| chart.svg()).collect();
        if svg.is_empty() {
            return String::new();
        }
        format!("<section class=\"card\">\n<h2>Over time</h2>\n{svg}</section>\n")
    }

    fn latency_chart(&self) -> Option<Chart> {
        let measured = || self.timeline.iter().filter_map(|cell| cell.response_time_seconds);
        let low = measured().map(|cell| cell.p50).reduce(f64::min)?;
        let high = measured().map(|cell| cell.max).reduce(f64::max)?;
        let line = |class, label, pick: fn(Distribution) -> f64| Line {
            class,
            label,
            points: self.points(|cell| cell.response_time_seconds.map(pick)),
        };
        Some(Chart {
            title: "response time over time",
            height: 320.0,
            x: self.time_axis(),
            y: Axis::log(low.max(1e-6), high.max(2e-6), tick),
            lines: vec![
                line("max", "max", |d| d.max),
                line("p99", "p99", |d| d.p99),
                line("p90", "p90", |d| d.p90),
                line("p50", "p50", |d| d.p50),
            ],
            hints: self.hints(),
        })
    }

    fn rate_chart(&self) -> Option<Chart> {
        let rate = |cell: &TimelineCell, count: u64| {
            let seconds = cell.end_seconds - cell.start_seconds;
            // The last cell may be a sliver, whose rate says nothing.
            (seconds >= 0.5).then(|| count as f64 / seconds)
        };
        let planned = self.points(|cell| rate(cell, cell.requests_planned));
        let completed = self.points(|cell| rate(cell, cell.requests_completed));
        let errors = self.points(|cell| rate(cell, cell.errors_total));
        let all = planned.iter().chain(&completed).chain(&errors);
        let high = all.filter_map(|(_, rate)| *rate).reduce(f64::max)?;
        let mut lines = vec![
            Line { class: "planned", label: "due per second", points: planned },
            Line { class: "completed", label: "completed per second", points: completed },
        ];
        if self.errors_total > 0 {
            lines.push(Line { class: "errors", label: "errors per second", points: errors });
        }
        let title = "requests per second over time";
        let y = Axis::linear(high, |rate| format!("{}/s", short(rate)));
        Some(Chart { title, height: 200.0, x: self.time_axis(), y, lines, hints: self.hints() })
    }

    fn points(&self, pick: impl Fn(&TimelineCell) -> Option<f64>) -> Vec<(f64, Option<f64>)> {
        let middle = |cell: &TimelineCell| f64::midpoint(cell.start_seconds, cell.end_seconds);
        self.timeline.iter().map(|cell| (middle(cell), pick(cell))).collect()
    }

    fn time_axis(&self) -> Axis {
        let end = self.timeline.last().map_or(1.0, |cell| cell.end_seconds);
        let mut axis = Axis::linear(end, |time| format!("{}s", short(time)));
        axis.max = end;
        axis.ticks.retain(|(time, _)| *time <= end);
        axis
    }

    fn hints(&self) -> Vec<(f64, f64, String)> {
        let hint = |cell: &TimelineCell| {
            let times = cell.response_time_seconds.map_or(String::new(), |times| {
                let [p50, p99, max] = [times.p50, times.p99, times.max].map(seconds);
                format!("\np50 {p50}, p99 {p99}, max {max}")
            });
            format!(
                "{:.0}s to {:.0}s: {} due, {} sent, {} completed, {} errors, {} waiting{times}",
                cell.start_seconds,
                cell.end_seconds,
                cell.requests_planned,
                cell.requests_sent,
                cell.requests_completed,
                cell.errors_total,
                cell.arrivals_waiting,
            )
        };
        self.timeline
            .iter()
            .map(|cell| (cell.start_seconds, cell.end_seconds, hint(cell)))
            .collect()
    }

    fn percentiles(&self) -> String {
        let Some(chart) = self.percentile_chart() else { return String::new() };
        format!(
            "<section class=\"card\">\n<h2>Percentiles</h2>\n<p class=\"soft\">Response time counts \
             from the instant at which a request was due, service time from its sending. Where the \
             two part, requests waited for a connection: a load generator that counts from the \
             sending does not see it.</p>\n{}</section>\n",
            chart.svg()
        )
    }

    fn percentile_chart(&self) -> Option<Chart> {
        let histograms = &self.histograms;
        let lines = [
            ("response", "response time", &histograms.response.0),
            ("service", "service time", &histograms.service.0),
            ("lateness", "lateness of the generator", &histograms.lateness.0),
        ];
        let rarest = (histograms.response.0.len() as f64).log10().min(f64::from(CURVE_DECADES));
        let steps = 0..=CURVE_DECADES * CURVE_STEPS_PER_DECADE;
        let places = steps.map(|step| f64::from(step) / f64::from(CURVE_STEPS_PER_DECADE));
        let places: Vec<_> = places.take_while(|rarity| *rarity <= rarest).collect();
        let lines = lines.map(|(class, label, histogram)| {
            let value = |rarity: f64| {
                let quantile = 1.0 - 10_f64.powf(-rarity);
                // The scale has no place for what is below a microsecond.
                (histogram.value_at_quantile(quantile) as f64 / 1e9).max(1e-6)
            };
            let measured = |rarity: &f64| (!histogram.is_empty()).then(|| value(*rarity));
            let points = places.iter().map(|rarity| (*rarity, measured(rarity))).collect();
            Line { class, label, points }
        });
        let values =
            || lines.iter().flat_map(|line| line.points.iter().filter_map(|point| point.1));
        let (low, high) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        let ticks =
            CURVE_LABELS.map(|(quantile, label)| (-(1.0 - quantile).log10(), label.to_owned()));
        let ticks = ticks.into_iter().filter(|(rarity, _)| *rarity <= rarest + 0.001).collect();
        Some(Chart {
            title: "percentiles of the times",
            height: 320.0,
            x: Axis { min: 0.0, max: rarest.max(0.1), ticks, scale: Scale::Linear },
            y: Axis::log(low, high.max(low * 2.0), tick),
            lines: lines.to_vec(),
            hints: Vec::new(),
        })
    }

    fn tables(&self) -> String {
        let mut html = String::from("<section class=\"columns\">\n");
        html.push_str(&self.times_table());
        html.push_str(&self.conditions_table());
        html.push_str(&self.errors_table());
        let _ = write!(
            html,
            "</section>\n<footer>loadgen {} · schedule {} · seed {} · {} connections · timeout {} · \
             {} · JSON of this run holds every count</footer>\n",
            env!("CARGO_PKG_VERSION"),
            self.schedule_hash,
            self.seed,
            self.connections,
            seconds(self.timeout_seconds),
            if self.valid { "valid by its own measure" } else { "INVALID by its own measure" },
        );
        html
    }

    fn times_table(&self) -> String {
        let mut rows = String::new();
        for (name, times) in [
            ("response", self.response_time_seconds),
            ("service", self.service_time_seconds),
            ("lateness", self.lateness_seconds),
        ] {
            let _ = write!(rows, "<tr><td>{name}</td>");
            match times {
                None => rows.push_str("<td colspan=\"6\">nothing was measured</td>"),
                Some(Distribution { p50, p90, p99, p999, max, mean, .. }) => {
                    for time in [p50, p90, p99, p999, max, mean] {
                        let _ = write!(rows, "<td class=\"number\">{}</td>", seconds(time));
                    }
                }
            }
            rows.push_str("</tr>\n");
        }
        let heads = ["p50", "p90", "p99", "p99.9", "max", "mean"];
        let heads = heads.map(|head| format!("<th class=\"number\">{head}</th>")).concat();
        card("Times", &format!("<tr><th></th>{heads}</tr>\n{rows}"))
    }

    fn conditions_table(&self) -> String {
        let row = |judgement: &super::Judgement| {
            let (class, word) = if judgement.held { ("good", "kept") } else { ("bad", "not kept") };
            format!(
                "<tr><td><code>{}</code></td><td class=\"number\">{judgement}</td>\
                 <td><span class=\"pill {class}\">{word}</span></td></tr>\n",
                escape(&judgement.threshold.to_string()),
            )
        };
        let rows: String = self.thresholds.iter().map(row).collect();
        card("Conditions", &rows)
    }

    fn errors_table(&self) -> String {
        let most = self.errors.values().copied().max().unwrap_or(0);
        if most == 0 {
            return card("Errors", "<tr><td class=\"soft\">none</td></tr>\n");
        }
        let row = |(kind, count): (&String, &u64)| {
            let width = 100.0 * *count as f64 / most as f64;
            format!(
                "<tr><td>{kind}</td><td class=\"number\">{count}</td>\
                 <td class=\"bar\"><i style=\"width:{width:.1}%\"></i></td></tr>\n",
                kind = escape(kind),
            )
        };
        let rows: String = self.errors.iter().filter(|(_, count)| **count > 0).map(row).collect();
        card("Errors by kind", &rows)
    }
}

fn card(title: &str, rows: &str) -> String {
    format!(
        "<div class=\"card\"><h2>{title}</h2>\n<div class=\"scroll\"><table>\n{rows}</table></div></div>\n"
    )
}

/// A round time without the decimals that it does not have.
fn tick(time: f64) -> String {
    seconds(time).replace(".00", "").replace(".0", "")
}

/// A number of at most four digits with the decimals it needs.
fn short(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", v / 1e6),
        v if v >= 1e4 => format!("{}k", v / 1e3),
        v => format!("{}", (v * 1000.0).round() / 1000.0),
    }
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, character| {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
        escaped
    })
}
