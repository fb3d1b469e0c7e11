//! What the user's monitoring made of the drills, as data and as a table.

use std::fmt::Write;

use serde::Serialize;

/// Raised whenever a key changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// All drills.
#[derive(Debug, Serialize)]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// One per drill, in their order.
    pub drills: Vec<Outcome>,
}

/// One drill.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub drill: String,
    /// Whether something leaks, or only looks like it.
    pub leaks: bool,
    /// Seconds from the injection to the first alert; none if it was missed, or nothing leaks.
    pub fired_after_seconds: Option<f64>,
    /// The alert.
    pub alert: Option<String>,
    /// Seconds from the fix until nothing fires.
    pub resolved_after_seconds: Option<f64>,
    /// Alerts while nothing leaked.
    pub outside: Vec<Outside>,
    /// Whether it came to its end.
    pub is_complete: bool,
    /// Why it could not run.
    pub problem: Option<String>,
}

/// An alert while nothing leaked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outside {
    /// Its name.
    pub alert: String,
    /// In which part of the drill.
    pub when: &'static str,
    /// Seconds since the drill began.
    pub t_seconds: f64,
}

impl Outcome {
    /// Of a drill that begins.
    pub fn new(drill: &str, leaks: bool) -> Self {
        Self { drill: drill.to_owned(), leaks, ..Self::default() }
    }

    /// Whether the monitoring did as it should: the leak was told and its end too, and nothing else.
    pub fn is_good(&self) -> bool {
        let told = self.fired_after_seconds.is_some() && self.resolved_after_seconds.is_some();
        self.is_complete && self.outside.is_empty() && (told || !self.leaks)
    }

    fn says(&self) -> String {
        if let Some(problem) = &self.problem {
            return format!("could not run: {problem}");
        }
        let mut parts = Vec::new();
        if !self.is_complete {
            parts.push("interrupted".to_owned());
        } else if self.leaks && self.fired_after_seconds.is_none() {
            parts.push("MISSED".to_owned());
        } else if self.leaks && self.resolved_after_seconds.is_none() {
            parts.push("NOT RESOLVED".to_owned());
        }
        parts.extend(self.outside.iter().map(|o| format!("FALSE: {} {}", o.alert, o.when)));
        if parts.is_empty() { "as it should".to_owned() } else { parts.join("; ") }
    }
}

impl Report {
    /// Of these drills.
    pub fn new(drills: Vec<Outcome>) -> Self {
        Self { schema_version: SCHEMA_VERSION, drills }
    }

    /// A table for people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{:<16} {:<6} {:>8} {:<24} {:>9}  {}\n",
            "drill", "leaks", "fired", "alert", "resolved", ""
        );
        let seconds = |s: Option<f64>| s.map_or_else(|| "-".to_owned(), |s| format!("{s:.1}s"));
        for one in &self.drills {
            let row = format!(
                "{:<16} {:<6} {:>8} {:<24} {:>9}  {}",
                one.drill,
                if one.leaks { "yes" } else { "no" },
                seconds(one.fired_after_seconds),
                one.alert.as_deref().unwrap_or("-"),
                seconds(one.resolved_after_seconds),
                one.says()
            );
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", row.trim_end());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_is_a_leak_that_was_told_and_resolved_and_a_decoy_that_was_not() {
        let leak = Outcome {
            fired_after_seconds: Some(12.0),
            alert: Some("High".into()),
            resolved_after_seconds: Some(30.0),
            is_complete: true,
            ..Outcome::new("cache", true)
        };
        let decoy = Outcome { is_complete: true, ..Outcome::new("step", false) };
        let outside = vec![Outside { alert: "High".into(), when: "on a decoy", t_seconds: 1.0 }];
        assert!(leak.is_good() && decoy.is_good());
        for (bad, says) in [
            (Outcome { fired_after_seconds: None, ..leak.clone() }, "MISSED"),
            (Outcome { resolved_after_seconds: None, ..leak.clone() }, "NOT RESOLVED"),
            (Outcome { outside, ..decoy.clone() }, "FALSE: High on a decoy"),
            (Outcome { is_complete: false, ..decoy }, "interrupted"),
        ] {
            assert!(!bad.is_good());
            let text = Report::new(vec![bad]).text();
            assert!(text.contains(says), "{text}");
        }
        let text = Report::new(vec![leak]).text();
        assert!(text.contains("cache            yes       12.0s High"), "{text}");
    }
}
