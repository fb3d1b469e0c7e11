//! Cron expressions of five fields, in UTC: minute, hour, day of month, month, day of week.
//!
//! A field is `*`, a number, a range `a-b`, a list of these, each with a step `/n`; Sunday is 0 or
//! 7. As cron has it, where both days are restricted either will do.

use std::str::FromStr;
use std::time::Duration;

const MINUTE: u64 = 60;
const DAY: u64 = 86_400;

/// Longest search for the next time: from one 29th of February over a century to the next.
const LONGEST_DAYS: u64 = 9 * 366;

/// When something is due again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both days are restricted.
    either_day: bool,
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCron {
    /// Not five words.
    #[error("expected five fields: minute hour day month weekday, such as `0 * * * *`")]
    Fields,
    /// A word that is none of its field's.
    #[error(
        "`{field}` is no {what}: write *, a number from {from} to {to}, a range or a list of these"
    )]
    Field {
        /// The word.
        field: String,
        /// Of which field.
        what: &'static str,
        /// The least.
        from: u64,
        /// The greatest.
        to: u64,
    },
    /// The 30th of February.
    #[error("there is no such day")]
    Never,
}

impl FromStr for Cron {
    type Err = BadCron;

    fn from_str(text: &str) -> Result<Self, BadCron> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = words[..] else {
            return Err(BadCron::Fields);
        };
        let weekday_bits = field(weekdays, "day of the week", 0, 7)?;
        let cron = Self {
            minutes: field(minutes, "minute", 0, 59)?,
            hours: field(hours, "hour", 0, 23)?,
            days: field(days, "day of the month", 1, 31)?,
            months: field(months, "month", 1, 12)?,
            weekdays: weekday_bits | (weekday_bits >> 7),
            either_day: !days.starts_with('*') && !weekdays.starts_with('*'),
        };
        cron.next_after(Duration::ZERO).map(|_| cron).ok_or(BadCron::Never)
    }
}

impl Cron {
    /// The first time after `unix`, both since the epoch.
    pub fn next_after(&self, unix: Duration) -> Option<Duration> {
        let start = (unix.as_secs() / MINUTE + 1) * MINUTE;
        let (first_day, first_second) = (start / DAY, start % DAY);
        (first_day..=first_day + LONGEST_DAYS).find_map(|day| {
            let from = if day == first_day { first_second } else { 0 };
            let second = self.is_day(day).then(|| self.first_from(from)).flatten()?;
            Some(Duration::from_secs(day * DAY + second))
        })
    }

    fn first_from(&self, second: u64) -> Option<u64> {
        let minutes = (second / MINUTE)..(DAY / MINUTE);
        let due = |minute: &u64| has(self.hours, minute / 60) && has(self.minutes, minute % 60);
        minutes.into_iter().find(due).map(|minute| minute * MINUTE)
    }

    fn is_day(&self, days_since_epoch: u64) -> bool {
        let (month, day) = month_and_day(days_since_epoch);
        // The epoch was a Thursday.
        let weekday = (days_since_epoch + 4) % 7;
        let (by_month, by_week) = (has(self.days, day), has(self.weekdays, weekday));
        has(self.months, month)
            && if self.either_day { by_month || by_week } else { by_month && by_week }
    }
}

const fn has(set: u64, value: u64) -> bool {
    set >> value & 1 == 1
}

fn field(field: &str, what: &'static str, from: u64, to: u64) -> Result<u64, BadCron> {
    let bad = || BadCron::Field { field: field.to_owned(), what, from, to };
    let number = |text: &str| {
        let value = text.parse::<u64>().ok();
        value.filter(|value| (from..=to).contains(value)).ok_or_else(bad)
    };
    let mut set = 0;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => {
                (range, step.parse().ok().filter(|step| *step > 0).ok_or_else(bad)?)
            }
            None => (part, 1),
        };
        let (first, last) = match (range, range.split_once('-')) {
            ("*", _) => (from, to),
            (_, Some((first, last))) => (number(first)?, number(last)?),
            (one, None) if part.contains('/') => (number(one)?, to),
            (one, None) => (number(one)?, number(one)?),
        };
        if first > last {
            return Err(bad());
        }
        set |= (first..=last).step_by(step).fold(0, |set, value| set | 1 << value);
    }
    Ok(set)
}

/// Of the Gregorian calendar, by years that begin in March, as leap days then come last
/// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`).
const fn month_and_day(days_since_epoch: u64) -> (u64, u64) {
    let day_of_era = (days_since_epoch + 719_468) % 146_097;
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    (if shifted < 10 { shifted + 3 } else { shifted - 9 }, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_the_first_that_all_fields_allow() {
        for (cron, after, next) in [
            ("0 * * * *", "2026-11-26T15:59:59Z", "2026-11-26T16:00:00Z"),
            ("0 * * * *", "2026-11-26T16:00:00Z", "2026-11-26T17:00:00Z"),
            ("*/15 9-17 * * 1-5", "2026-11-27T17:50:00Z", "2026-11-30T09:00:00Z"),
            ("30 4 1,15 * 5", "2026-11-26T16:00:00Z", "2026-11-27T04:30:00Z"),
            ("0 0 29 2 *", "2026-11-26T16:00:00Z", "2028-02-29T00:00:00Z"),
            ("5/20 0 31 12 *", "2026-11-26T16:00:00Z", "2026-12-31T00:05:00Z"),
            ("0 0 * * 7", "2026-11-26T16:00:00Z", "2026-11-29T00:00:00Z"),
        ] {
            let since = |text| {
                let time = humantime::parse_rfc3339(text).expect("a time");
                time.duration_since(std::time::UNIX_EPOCH).expect("after the epoch")
            };
            let parsed: Cron = cron.parse().expect(cron);
            assert_eq!(parsed.next_after(since(after)), Some(since(next)), "{cron} after {after}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for bad in
            ["", "* * * *", "60 * * * *", "* 5-1 * * *", "*/0 * * * *", "a * * * *", "* * 0 * *"]
        {
            assert!(bad.parse::<Cron>().is_err(), "{bad}");
        }
        assert_eq!("0 0 30 2 *".parse::<Cron>(), Err(BadCron::Never));
    }
}
