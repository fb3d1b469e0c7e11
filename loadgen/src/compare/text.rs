//! The comparison for people.

use std::fmt::{self, Display, Formatter};

use super::{Comparison, Row, Unit, Verdict};
use crate::report::seconds;

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "before  {}\nafter   {}\n", self.before, self.after)?;
        writeln!(
            f,
            "{:<10}{:>10}{:>10}{:>8}  {:<22}verdict",
            "", "before", "after", "ratio", "difference (99 %)"
        )?;
        for row in &self.rows {
            writeln!(f, "{row}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "\nwarning: {warning}")?;
        }
        write!(
            f,
            "\nThe intervals know the noise within the runs, not that between runs: repeat both\n\
             before you trust a small difference."
        )
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let value = |value| self.unit.write(value);
        let ratio = self.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}"));
        let interval = self.difference_interval.map_or("-".to_owned(), |(low, high)| {
            format!("{} to {}", self.unit.write_signed(low), self.unit.write_signed(high))
        });
        let verdict = match self.verdict {
            Verdict::Better => "better",
            Verdict::Worse => "WORSE",
            Verdict::WithinNoise => "within noise",
            Verdict::Undecided => "undecided",
        };
        let (before, after) = (value(self.before), value(self.after));
        write!(f, "{:<10}{before:>10}{after:>10}{ratio:>8}  {interval:<22}{verdict}", self.name)
    }
}

impl Unit {
    fn write(self, value: f64) -> String {
        match self {
            Self::Seconds => seconds(value),
            Self::PerSecond => format!("{value:.1}/s"),
            Self::Share => format!("{:.2}%", 100.0 * value),
        }
    }

    fn write_signed(self, value: f64) -> String {
        let sign = if value < 0.0 { '-' } else { '+' };
        format!("{sign}{}", self.write(value.abs()))
    }
}
