//! Two runs side by side: what differs, and which of the differences are beyond the noise within
//! the runs.
//!
//! The noise is estimated by resampling (`compare/resample.rs`): each run is put together anew from
//! its own seconds, two thousand times, and an interval is where 99 % of the differences fall. At 99 % the
//! seven comparisons together err about once in fifteen times. What the seconds of one run have in
//! common, such as where in memory a process landed or what else the machine did that day, no
//! interval from within a run can know: that takes further runs.

mod resample;
mod text;

use serde::Serialize;

use self::resample::{Resampled, Sample};
use crate::{archive::Archive, report::Distribution, timeline::Cell};

/// Version of the JSON form.
const SCHEMA_VERSION: u32 = 1;
/// Fewest full cells of a run from which noise can be told.
const MIN_CELLS: usize = 10;
/// Two values closer than this are the same to the histograms of the timeline.
const PRECISION: f64 = 0.01;

/// What differs between two runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Comparison {
    pub(crate) schema_version: u32,
    pub(crate) before: String,
    pub(crate) after: String,
    /// What makes the comparison worth less than it looks.
    pub(crate) warnings: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// One figure of both runs.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) difference: f64,
    /// After over before; none if that was zero.
    pub(crate) ratio: Option<f64>,
    /// Where 99 % of the resampled differences are; none if there was too little to resample.
    pub(crate) difference_interval: Option<(f64, f64)>,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Seconds,
    PerSecond,
    Share,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Better,
    Worse,
    WithinNoise,
    Undecided,
}

/// One run as far as it matters here.
struct Side {
    cells: Vec<Cell>,
    /// Of all cells together.
    whole: Sample,
    times: Option<Distribution>,
    counted: bool,
}

impl Comparison {
    /// Compares two archives with their names.
    pub(crate) fn new((before, a): (&str, &Archive), (after, b): (&str, &Archive)) -> Self {
        let sides = [Side::of(a), Side::of(b)];
        let mut warnings = Vec::new();
        for (name, archive) in [(before, a), (after, b)] {
            if let Archive::Report(report) = archive {
                warnings.extend(
                    report.invalid_reasons.iter().map(|why| format!("{name} is invalid: {why}")),
                );
            }
        }
        if let (Archive::Report(a), Archive::Report(b)) = (a, b) {
            if a.load != b.load {
                warnings.push(format!("the loads differ: `{}` and `{}`", a.load, b.load));
            }
            if a.target != b.target {
                warnings.push(format!("the targets differ: {} and {}", a.target, b.target));
            }
        }
        let figures = FIGURES.each_ref().map(|figure| figure.of_sample);
        let resampled = Resampled::of(&sides[0].cells, &sides[1].cells, &figures);
        let resampled = resampled.as_ref();
        let enough = sides.iter().all(|side| side.cells.len() >= MIN_CELLS);
        if !enough {
            warnings.push(format!("noise cannot be told from fewer than {MIN_CELLS} full seconds"));
        }
        let rows = FIGURES.iter().enumerate().filter_map(|(number, figure)| {
            let interval = resampled.filter(|_| enough).and_then(|all| all.interval(number));
            row(figure, &sides, interval)
        });
        let rows = rows.collect();
        let (before, after) = (before.to_owned(), after.to_owned());
        Self { schema_version: SCHEMA_VERSION, before, after, warnings, rows }
    }

    /// Whether anything got worse.
    pub(crate) fn is_worse(&self) -> bool {
        self.rows.iter().any(|row| row.verdict == Verdict::Worse)
    }

    /// Whether anything could not be told.
    pub(crate) fn is_undecided(&self) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|row| row.verdict == Verdict::Undecided)
    }
}

/// What is compared.
struct Figure {
    name: &'static str,
    unit: Unit,
    more_is_better: bool,
    of_sample: fn(&Sample) -> Option<f64>,
    /// The same from the whole report, which is more precise.
    of_times: fn(&Distribution) -> f64,
}

const FIGURES: [Figure; 7] = [
    time("p50", |s| s.quantile(0.5), |d| d.p50),
    time("p90", |s| s.quantile(0.9), |d| d.p90),
    time("p99", |s| s.quantile(0.99), |d| d.p99),
    time("p99.9", |s| s.quantile(0.999), |d| d.p999),
    time("mean", Sample::mean, |d| d.mean),
    Figure {
        name: "completed",
        unit: Unit::PerSecond,
        more_is_better: true,
        of_sample: Sample::completed_per_second,
        of_times: |_| f64::NAN,
    },
    Figure {
        name: "errors",
        unit: Unit::Share,
        more_is_better: false,
        of_sample: Sample::error_share,
        of_times: |_| f64::NAN,
    },
];

const fn time(
    name: &'static str,
    of_sample: fn(&Sample) -> Option<f64>,
    of_times: fn(&Distribution) -> f64,
) -> Figure {
    Figure { name, unit: Unit::Seconds, more_is_better: false, of_sample, of_times }
}

impl Side {
    fn of(archive: &Archive) -> Self {
        let (cells, times, counted) = match archive {
            Archive::Report(report) => {
                let cells = report.timeline.iter().map(Cell::from).collect::<Vec<_>>();
                (cells, report.response_time_seconds, true)
            }
            Archive::Log(log) => {
                let times = Distribution::of(&log.times.response);
                (log.timeline.cells().collect(), times, false)
            }
        };
        let whole = Sample::of(&cells);
        // A cell that is cut short by the end would weigh as much as a full one.
        let longest = cells.iter().map(length).max().unwrap_or(0);
        let cells = cells.into_iter().filter(|cell| 2 * length(cell) > longest).collect();
        Self { cells, whole, times, counted }
    }
}

fn length(cell: &Cell) -> u64 {
    cell.end_nanos.saturating_sub(cell.start_nanos)
}

fn row(figure: &Figure, sides: &[Side; 2], interval: Option<(f64, f64)>) -> Option<Row> {
    if figure.unit != Unit::Seconds && !sides.iter().all(|side| side.counted) {
        return None;
    }
    let value = |side: &Side| match figure.unit {
        Unit::Seconds => side.times.as_ref().map(figure.of_times),
        _ => (figure.of_sample)(&side.whole),
    };
    let (before, after) = (value(&sides[0])?, value(&sides[1])?);
    let difference = after - before;
    let verdict = match interval {
        None => Verdict::Undecided,
        Some((low, high)) => {
            let told_apart = match figure.unit {
                Unit::Seconds => difference.abs() > PRECISION * before.max(after),
                _ => true,
            };
            let rises = low > 0.0 && difference > 0.0;
            let falls = high < 0.0 && difference < 0.0;
            match (told_apart && (rises || falls), rises == figure.more_is_better) {
                (false, _) => Verdict::WithinNoise,
                (true, true) => Verdict::Better,
                (true, false) => Verdict::Worse,
            }
        }
    };
    Some(Row {
        name: figure.name,
        unit: figure.unit,
        before,
        after,
        difference,
        ratio: (before > 0.0).then(|| after / before),
        difference_interval: interval,
        verdict,
    })
}

#[cfg(test)]
mod tests;
