//! What the judgements of one subject do to its incident: a pure function of both.
//!
//! An incident is opened when a leak is flagged; then its growth stops, and it ends recovered or
//! withdrawn. New growth reopens it. Want of memory, after the watch itself or the target was
//! restarted, neither ends an incident nor opens it a second time.

use serde::{Deserialize, Serialize};

/// An ended incident is the same one again if its growth is back within a day.
const REOPENED_WITHIN_SECONDS: f64 = 86_400.0;

/// Share of what was taken that may still be held when it counts as given back.
const STILL_HELD_SHARE: f64 = 0.25;

/// What finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The core's judgement of a signal of a target.
    Leak,
    /// A rule beside the core.
    Rule,
    /// A series that an inspection found.
    Inspection,
}

/// What an incident is about; of each at most one is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Topic {
    /// The target, or the inspection, by its name.
    pub target: String,
    /// What finds it.
    pub kind: Kind,
    /// The signal, the rule, or the labels of the series.
    pub subject: String,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Flagged.
    Leaking,
    /// A rule fires.
    Firing,
    /// No longer grows; what it took is still held, for all that is known.
    GrowthStopped,
    /// Ended: what it took is given back.
    Recovered,
    /// Ended: it was none, or is no longer watched.
    Withdrawn,
}

impl Stage {
    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leaking => "leaking",
            Self::Firing => "firing",
            Self::GrowthStopped => "growth_stopped",
            Self::Recovered => "recovered",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Of what was just found.
    const fn begun(kind: Kind) -> Self {
        match kind {
            Kind::Leak | Kind::Inspection => Self::Leaking,
            Kind::Rule => Self::Firing,
        }
    }
}

/// What was measured when it was last judged; absent is what cannot be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The unit of `level`, `limit` and the slope: `bytes`, `percent` or the name of what is counted.
    pub unit: String,
    /// The latest value.
    pub level: Option<f64>,
    /// What it must not reach.
    pub limit: Option<f64>,
    /// In the unit per second.
    pub slope_per_second: Option<f64>,
    /// Seconds until the limit.
    pub eta_seconds: Option<f64>,
    /// The gauge that grows with it.
    pub cause: Option<String>,
    /// Growth per request.
    pub bytes_per_request: Option<f64>,
    /// Growth per unit of the cause.
    pub bytes_per_entry: Option<f64>,
}

/// One incident, from its onset to its end. Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number in the database, from 1.
    #[serde(default)]
    pub id: i64,
    /// What it is about.
    #[serde(flatten)]
    pub about: Topic,
    /// How far it has come.
    pub state: Stage,
    /// `critical`, `warning` or `notice`, when it was flagged: it is part of what names an alert.
    pub severity: String,
    /// Since when it grows.
    pub onset_seconds: f64,
    /// When it was first flagged.
    pub flagged_seconds: f64,
    /// When it was last judged to leak.
    pub confirmed_seconds: f64,
    /// When its growth was found to have stopped.
    pub growth_stopped_seconds: Option<f64>,
    /// When the target was last restarted during it.
    pub restarted_seconds: Option<f64>,
    /// When it ended.
    pub ended_seconds: Option<f64>,
    /// From its onset to its end.
    pub duration_seconds: Option<f64>,
    /// How often growth came back.
    pub reopened: u32,
    /// The level when it was flagged.
    pub level_flagged: Option<f64>,
    /// The level after the latest restart of the target.
    pub level_restarted: Option<f64>,
    /// The start of the run that it was seen in, as its source tells it.
    pub run_start_seconds: Option<f64>,
    /// What was measured.
    pub figures: Figures,
    /// What was seen, in one sentence.
    pub reason: String,
}

/// What is said of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It leaks; a rule fires.
    Leaking,
    /// Its growth has stopped.
    GrowthStopped,
    /// What it took is given back; a rule no longer fires.
    Recovered,
    /// It does not leak.
    Steady,
    /// The target was restarted: what is judged is another run.
    Restarted,
    /// The target is no longer watched.
    Unwatched,
}

/// A judgement, with all that an incident keeps of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Of what.
    pub about: Topic,
    /// What is said.
    pub news: News,
    /// When, in Unix seconds.
    pub at_seconds: f64,
    /// What was seen before this is forgotten: the watch, or the target, began anew.
    pub evidence_since_seconds: f64,
    /// The start of the run, as its source tells it.
    pub run_start_seconds: Option<f64>,
    /// Since when it grows.
    pub onset_seconds: Option<f64>,
    /// `critical`, `warning` or `notice`.
    pub severity: &'static str,
    /// What was measured.
    pub figures: Figures,
    /// In one sentence.
    pub reason: String,
}

/// What happened to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It is new.
    Opened,
    /// Growth is back.
    Reopened,
    /// Judged to leak again by evidence that began anew.
    Confirmed,
    /// The target was restarted.
    Restarted,
    /// Growth has stopped.
    GrowthStopped,
    /// It ended: given back.
    Recovered,
    /// It ended: it was none.
    Withdrawn,
}

/// What somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// It has begun.
    Alert,
    /// Something has changed.
    Update,
    /// It is over.
    Resolution,
}

impl Happened {
    /// The name in the history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reopened => "reopened",
            Self::Confirmed => "confirmed",
            Self::Restarted => "restarted",
            Self::GrowthStopped => "growth_stopped",
            Self::Recovered => "recovered",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What is told of it, if anything.
    pub const fn message(self) -> Option<Message> {
        match self {
            Self::Opened | Self::Reopened => Some(Message::Alert),
            Self::Restarted | Self::GrowthStopped => Some(Message::Update),
            Self::Recovered | Self::Withdrawn => Some(Message::Resolution),
            Self::Confirmed => None,
        }
    }
}

/// What a report does to the latest incident of its subject, if anything: the incident as it is
/// then, and what happened to it. An id of 0 is one that does not exist yet.
pub fn step(latest: Option<&Incident>, report: &Report) -> Option<(Incident, Happened)> {
    match latest {
        Some(open) if open.is_open() => open.step(report),
        Some(ended) if report.news == News::Leaking && ended.comes_back_at(report.at_seconds) => {
            let mut again = ended.clone();
            (again.ended_seconds, again.duration_seconds) = (None, None);
            again.reopen(report);
            Some((again, Happened::Reopened))
        }
        _ => (report.news == News::Leaking).then(|| (Incident::new(report), Happened::Opened)),
    }
}

impl Incident {
    fn new(report: &Report) -> Self {
        Self {
            id: 0,
            about: report.about.clone(),
            state: Stage::begun(report.about.kind),
            severity: report.severity.to_owned(),
            onset_seconds: report.onset_seconds.unwrap_or(report.at_seconds),
            flagged_seconds: report.at_seconds,
            confirmed_seconds: report.at_seconds,
            growth_stopped_seconds: None,
            restarted_seconds: None,
            ended_seconds: None,
            duration_seconds: None,
            reopened: 0,
            level_flagged: report.figures.level,
            level_restarted: None,
            run_start_seconds: report.run_start_seconds,
            figures: report.figures.clone(),
            reason: report.reason.clone(),
        }
    }

    /// Whether it has not ended.
    pub const fn is_open(&self) -> bool {
        self.ended_seconds.is_none()
    }

    fn comes_back_at(&self, at_seconds: f64) -> bool {
        self.ended_seconds.is_some_and(|ended| at_seconds - ended < REOPENED_WITHIN_SECONDS)
    }

    fn step(&self, report: &Report) -> Option<(Self, Happened)> {
        let mut next = self.clone();
        next.figures.level = report.figures.level.or(self.figures.level);
        next.reason.clone_from(&report.reason);
        let happened = match (report.news, self.state) {
            (News::Leaking, Stage::Leaking | Stage::Firing) if self.remembered_by(report) => {
                return None;
            }
            (News::Leaking, Stage::Leaking | Stage::Firing) => {
                next.confirm(report);
                Happened::Confirmed
            }
            (News::Leaking, _) => {
                next.reopen(report);
                Happened::Reopened
            }
            (News::GrowthStopped, Stage::Leaking) => {
                next.stop(report);
                Happened::GrowthStopped
            }
            (News::GrowthStopped, _) => return None,
            (News::Recovered, _) => next.end(report, Stage::Recovered),
            (News::Unwatched, _) => next.end(report, Stage::Withdrawn),
            (News::Steady, _) if self.remembered_by(report) => next.end(report, Stage::Withdrawn),
            (News::Steady, stage) => return self.steady_anew(next, stage, report),
            (News::Restarted, _) if self.is_of_the_run_of(report) => return None,
            (News::Restarted, _) => {
                next.restarted_seconds = Some(report.at_seconds);
                next.level_restarted = report.figures.level;
                next.run_start_seconds = report.run_start_seconds;
                Happened::Restarted
            }
        };
        Some((next, happened))
    }

    /// Evidence that began after the leak was last seen says that there is none.
    fn steady_anew(
        &self,
        mut next: Self,
        stage: Stage,
        report: &Report,
    ) -> Option<(Self, Happened)> {
        let happened = if self.restarted_since_confirmed() || !self.is_of_the_run_of(report) {
            next.reason = format!("restarted, and the new run does not grow ({})", report.reason);
            next.end(report, Stage::Recovered)
        } else if self.is_given_back(report.figures.level?) {
            next.reason = format!("its level is back ({})", report.reason);
            next.end(report, Stage::Recovered)
        } else if stage == Stage::Leaking {
            next.reason = format!(
                "no growth since the watch began anew ({}); what was taken is still held",
                report.reason
            );
            next.stop(report);
            Happened::GrowthStopped
        } else {
            return None;
        };
        Some((next, happened))
    }

    /// Whether whoever reports still knows what it was flagged for.
    fn remembered_by(&self, report: &Report) -> bool {
        self.confirmed_seconds >= report.evidence_since_seconds
    }

    fn restarted_since_confirmed(&self) -> bool {
        self.restarted_seconds.is_some_and(|restarted| restarted > self.confirmed_seconds)
    }

    /// Start times of one run, read twice, differ by less than half a second; unknown ones are
    /// taken for the same.
    fn is_of_the_run_of(&self, report: &Report) -> bool {
        let same = |(a, b): (f64, f64)| (a - b).abs() < 0.5;
        self.run_start_seconds.zip(report.run_start_seconds).is_none_or(same)
    }

    /// Whether a level is about what it was before the onset, by the slope that led to the flag.
    fn is_given_back(&self, level: f64) -> bool {
        let slope = self.figures.slope_per_second.unwrap_or(0.0);
        let grown = slope * (self.flagged_seconds - self.onset_seconds);
        let flagged = self.level_flagged.filter(|_| grown > 0.0);
        flagged.is_some_and(|flagged| level <= flagged - grown * (1.0 - STILL_HELD_SHARE))
    }

    fn confirm(&mut self, report: &Report) {
        self.confirmed_seconds = report.at_seconds;
        self.run_start_seconds = report.run_start_seconds.or(self.run_start_seconds);
        self.figures = report.figures.clone();
    }

    fn reopen(&mut self, report: &Report) {
        self.state = Stage::begun(self.about.kind);
        self.reopened += 1;
        self.growth_stopped_seconds = None;
        self.confirm(report);
        self.reason.clone_from(&report.reason);
    }

    fn stop(&mut self, report: &Report) {
        self.state = Stage::GrowthStopped;
        self.growth_stopped_seconds = Some(report.at_seconds);
        self.figures.eta_seconds = None;
    }

    fn end(&mut self, report: &Report, stage: Stage) -> Happened {
        self.state = stage;
        self.growth_stopped_seconds = self.growth_stopped_seconds.or(Some(report.at_seconds));
        self.ended_seconds = Some(report.at_seconds);
        self.duration_seconds = Some((report.at_seconds - self.onset_seconds).max(0.0));
        self.figures.eta_seconds = None;
        match stage {
            Stage::Recovered => Happened::Recovered,
            _ => Happened::Withdrawn,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
