//! The report for people.

use std::fmt::{Display, Formatter, Result};

use super::leak_report;
use super::report::{Ending, Report, SignalReport};
use crate::cli::units::{bytes, duration, hourly, level};

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{}: {}", self.target, self.verdict.name())?;
        writeln!(f, "  {}", self.watched())?;
        if let Some(error) = &self.cut_short_by {
            writeln!(f, "  cut short: {error}")?;
        }
        for signal in &self.signals {
            writeln!(f)?;
            signal.write(f)?;
        }
        if self.intervals.len() > 2 {
            self.write_intervals(f)?;
        }
        write_list(f, "warnings", &self.warnings)?;
        write_list(f, "not seen", &self.notes)?;
        write_list(f, "next", &self.next_steps)
    }
}

impl Report {
    fn write_intervals(&self, f: &mut Formatter<'_>) -> Result {
        let titles = ["time", "memory", "growth", "per hour", "heap", "tasks", "verdict"];
        let titles = titles.map(str::to_owned);
        let rows = self.intervals.iter().map(leak_report::cells);
        writeln!(f)?;
        for [time, memory, growth, hourly, heap, tasks, state] in
            std::iter::once(titles).chain(rows)
        {
            writeln!(
                f,
                "  {time:>8} {memory:>10} {growth:>21} {hourly:>11} {heap:>10} {tasks:>6}  {state}"
            )?;
        }
        Ok(())
    }

    fn watched(&self) -> String {
        let (elapsed, every) = (duration(self.elapsed_seconds), duration(self.every_seconds));
        let interrupted =
            if self.ending == Ending::Interrupted { ", then interrupted" } else { "" };
        format!("watched for {elapsed} every {every}; samples: {}{interrupted}", self.samples)
    }
}

impl SignalReport {
    fn write(&self, f: &mut Formatter<'_>) -> Result {
        let line = &self.assessment;
        let range = self.first.zip(self.latest).map(|(first, latest)| {
            format!("{} -> {}", level(line.signal, first), level(line.signal, latest))
        });
        writeln!(f, "  {:<16} {:<14} {}", line.signal, line.state, range.unwrap_or_default())?;
        writeln!(f, "    seen      {}", line.reason)?;
        let facts = [
            ("slope", self.slope()),
            ("cause", self.cause()),
            ("request", line.bytes_per_request.map(|each| format!("{} each", self.amount(each)))),
            ("since", line.onset_seconds.map(|at| format!("{} after the start", duration(at)))),
            ("limit", line.eta_seconds.map(|eta| format!("reached in {}", duration(eta)))),
        ];
        for (what, fact) in facts {
            if let Some(fact) = fact {
                writeln!(f, "    {what:<9} {fact}")?;
            }
        }
        Ok(())
    }

    fn slope(&self) -> Option<String> {
        let line = &self.assessment;
        let slope = hourly(line.signal, line.slope_per_second?);
        let (low, high) = line.slope_low.zip(line.slope_high)?;
        let (low, high) = (hourly(line.signal, low), hourly(line.signal, high));
        Some(format!("{slope} per hour ({low} to {high})"))
    }

    fn cause(&self) -> Option<String> {
        let cause = self.assessment.cause.as_ref()?;
        let each = self.assessment.bytes_per_entry.map(|each| self.amount(each));
        Some(each.map_or_else(|| cause.clone(), |each| format!("{cause}, {each} per entry")))
    }

    /// An amount per entry or request: a fraction of a descriptor is no size.
    fn amount(&self, each: f64) -> String {
        let line = &self.assessment;
        if line.signal.name().ends_with("_bytes") { bytes(each) } else { format!("{each:.3}") }
    }
}

fn write_list(f: &mut Formatter<'_>, title: &str, lines: &[String]) -> Result {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}:")?;
    lines.iter().try_for_each(|line| writeln!(f, "  - {line}"))
}
