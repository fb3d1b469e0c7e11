//! Everything that is wrong with a plan, collected so that one look shows all of it.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

/// One thing that is wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The option, named as its flag is.
    pub place: Cow<'static, str>,
    /// What is wrong, with the value and what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// All that is wrong with a plan; never empty when returned as an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, in the order of the options.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Adds a problem.
    pub(crate) fn push(&mut self, place: impl Into<Cow<'static, str>>, what: impl Into<String>) {
        self.0.push(Problem { place: place.into(), what: what.into() });
    }

    /// With other places, where `place` has one for that of a problem.
    pub(crate) fn with_places(mut self, place: impl Fn(&str) -> Option<String>) -> Self {
        for problem in &mut self.0 {
            if let Some(place) = place(&problem.place) {
                problem.place = place.into();
            }
        }
        self
    }

    /// Without those of one place.
    pub(crate) fn without(mut self, place: &str) -> Self {
        self.0.retain(|problem| problem.place != place);
        self
    }

    /// Both lists in one.
    pub(crate) fn and(mut self, mut other: Self) -> Self {
        self.0.append(&mut other.0);
        self
    }

    /// `value`, unless there is a problem.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// What `read` makes of `text`; if it is nothing, that is a problem.
    pub(crate) fn read<T, E: fmt::Display>(
        &mut self,
        place: &'static str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        read(text).map_err(|error| self.push(place, format!("`{text}` {error}"))).ok()
    }

    /// Sets `value` to what `read` makes of `text`; if it is nothing, that is a problem.
    pub(crate) fn read_into<T, E: fmt::Display>(
        &mut self,
        place: &'static str,
        text: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
        value: &mut T,
    ) {
        if let Some(found) = self.read(place, text, read) {
            *value = found;
        }
    }

    /// The value that `text` stands for; if it is none, that is a problem.
    pub(crate) fn parse<T>(&mut self, place: &'static str, text: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.read(place, text, str::parse)
    }

    /// Sets `value` to what `text` stands for; if it is nothing, that is a problem.
    pub(crate) fn parse_into<T>(&mut self, place: &'static str, text: &str, value: &mut T)
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.read_into(place, text, str::parse, value);
    }

    pub(super) fn count_within(
        &mut self,
        place: &'static str,
        value: usize,
        min: usize,
        max: usize,
    ) {
        if !(min..=max).contains(&value) {
            self.push(place, format!("{value} is not within {min} to {max}"));
        }
    }

    pub(super) fn time_within(
        &mut self,
        place: &'static str,
        value: Duration,
        min: Duration,
        max: Duration,
    ) {
        if !(min..=max).contains(&value) {
            let [value, min, max] = [value, min, max].map(humantime::format_duration);
            self.push(place, format!("{value} is not within {min} to {max}"));
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
