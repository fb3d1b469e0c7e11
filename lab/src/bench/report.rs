//! The result of a bench as data: what text and JSON render.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Judged;
use super::baseline::Comparison;
use super::contestant::Contestant;
use super::interval::{self, Estimate};
use super::matched::Match;
use super::outcome::Outcome;
use super::score::Score;
use crate::corpus::truth::Leaked;
use crate::corpus::{Trace, digest};

/// Raised whenever a key changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// Lower ends of the classes of difficulty: growth in residual standard deviations.
pub const DIFFICULTIES: [f64; 5] = [0.0, 2.0, 4.0, 8.0, 16.0];

/// The result of a bench.
#[derive(Debug, Serialize)]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was scored: the recipe, or the folder.
    pub corpus: String,
    /// Checksum over all its traces; reports with different ones do not compare.
    pub corpus_sha256: String,
    /// How many traces.
    pub traces: usize,
    /// How many of them leak.
    pub leaks: usize,
    /// One per detector.
    pub detectors: Vec<Scored>,
    /// Ours against each rival at the same median delay; empty if it was not asked for.
    pub matches: Vec<Match>,
    /// What is different from an earlier report, if one was given.
    pub comparison: Option<Comparison>,
    /// The family of each trace; what JSON tells of it stands with the outcomes.
    #[serde(skip)]
    pub families: BTreeMap<String, String>,
}

/// One detector's scores.
#[derive(Debug, Serialize)]
pub struct Scored {
    /// Its name.
    pub detector: String,
    /// What it does.
    pub says: String,
    /// Over everything in its scope.
    pub overall: Score,
    /// Per family.
    pub families: BTreeMap<String, Tally>,
    /// Leaks per class of difficulty, by its lower end.
    pub difficulties: Vec<Difficulty>,
    /// Names of the leaks that it missed.
    pub missed: Vec<String>,
    /// Names of the traces on which it raised a false alarm.
    pub alarmed: Vec<String>,
    /// Names of the traces on which it came to no end.
    pub failed: Vec<String>,
    /// What it made of each trace in its scope.
    pub outcomes: Vec<OnTrace>,
    /// Names of the other traces.
    pub out_of_scope: Vec<String>,
}

/// What a detector made of one trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OnTrace {
    /// The name of the trace.
    pub trace: String,
    /// Its family.
    pub family: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What a detector made of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Tally {
    /// Whether the family leaks.
    pub leaks: bool,
    /// Traces in scope.
    pub traces: usize,
    /// Leaks that were detected.
    pub detected: usize,
    /// Traces with a false alarm.
    pub with_false_alarms: usize,
    /// Those of them whose false alarms are all forgiven.
    pub forgiven: usize,
    /// Detected, of detected and traces with a false alarm.
    pub precision: Option<Estimate>,
    /// Detected, of the leaks.
    pub recall: Option<Estimate>,
    /// The harmonic mean of both.
    pub f1: Option<Estimate>,
    /// Traces with a false alarm, of all.
    pub alarmed_share: Option<Estimate>,
    /// False alarms per series and day.
    pub false_alarms_per_day: Option<Estimate>,
}

/// Recall in a class of difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difficulty {
    /// From so many residual standard deviations on.
    pub from: f64,
    /// Leaks of that class.
    pub leaks: usize,
    /// Those that were detected.
    pub detected: usize,
    /// Their share.
    pub recall: Option<Estimate>,
}

impl Report {
    /// Adds everything up.
    pub fn new(corpus: String, contestants: &[Contestant], judged: &[Judged]) -> Self {
        let scored = |(index, contestant)| scored(index, contestant, judged);
        Self {
            schema_version: SCHEMA_VERSION,
            corpus,
            corpus_sha256: digest::of_corpus(judged.iter().map(|one| one.sha256.as_str())),
            traces: judged.len(),
            leaks: judged.iter().filter(|one| one.trace.truth.leak.is_some()).count(),
            detectors: contestants.iter().enumerate().map(scored).collect(),
            matches: Vec::new(),
            comparison: None,
            families: judged.iter().map(|one| family_of(&one.trace)).collect(),
        }
    }
}

fn scored(index: usize, contestant: &Contestant, judged: &[Judged]) -> Scored {
    let inside: Vec<(&Judged, &Outcome)> = judged
        .iter()
        .filter_map(|one| one.outcomes[index].as_ref().map(|(_, outcome)| (one, outcome)))
        .collect();
    let names = |is: fn(&Outcome) -> bool| {
        let those = inside.iter().filter(|(_, outcome)| is(outcome));
        those.map(|(one, _)| one.trace.name.clone()).collect()
    };
    Scored {
        detector: contestant.name().to_owned(),
        says: contestant.says().to_owned(),
        overall: Score::of(&inside.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>()),
        families: families(&inside),
        difficulties: difficulties(&inside),
        missed: names(|outcome| outcome.leaks && outcome.detected_after_seconds.is_none()),
        alarmed: names(|outcome| outcome.false_alarms > 0),
        failed: names(|outcome| outcome.failure.is_some()),
        outcomes: inside.iter().map(|(one, outcome)| on_trace(one, outcome)).collect(),
        out_of_scope: judged
            .iter()
            .filter(|one| one.outcomes[index].is_none())
            .map(|one| one.trace.name.clone())
            .collect(),
    }
}

fn family_of(trace: &Trace) -> (String, String) {
    (trace.name.clone(), trace.truth.family.clone())
}

fn on_trace(one: &Judged, outcome: &Outcome) -> OnTrace {
    let (trace, family) = family_of(&one.trace);
    OnTrace { trace, family, outcome: outcome.clone() }
}

fn families(inside: &[(&Judged, &Outcome)]) -> BTreeMap<String, Tally> {
    let mut families: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for (one, outcome) in inside {
        families.entry(&one.trace.truth.family).or_default().push(outcome);
    }
    families.into_iter().map(|(name, outcomes)| (name.to_owned(), tally(&outcomes))).collect()
}

fn tally(outcomes: &[&Outcome]) -> Tally {
    let score = Score::of(outcomes);
    let (traces, alarmed) = (score.traces, score.traces_with_false_alarms);
    Tally {
        leaks: score.leaks > 0,
        traces,
        detected: score.detected,
        with_false_alarms: alarmed,
        forgiven: alarmed - score.traces_with_lasting_false_alarms,
        precision: score.precision,
        recall: score.recall,
        f1: score.f1,
        alarmed_share: interval::wilson(alarmed, traces),
        false_alarms_per_day: score.false_alarms_per_day,
    }
}

fn difficulties(inside: &[(&Judged, &Outcome)]) -> Vec<Difficulty> {
    let class = |from: f64, below: f64| {
        let hard = |one: &Judged| one.trace.truth.leak.as_ref().map(Leaked::difficulty);
        let there = inside.iter().filter(|(one, _)| {
            hard(one).is_some_and(|difficulty| difficulty >= from && difficulty < below)
        });
        let found: Vec<bool> =
            there.map(|(_, outcome)| outcome.detected_after_seconds.is_some()).collect();
        let detected = found.iter().filter(|found| **found).count();
        let recall = interval::wilson(detected, found.len());
        Difficulty { from, leaks: found.len(), detected, recall }
    };
    let below = DIFFICULTIES.iter().skip(1).copied().chain([f64::INFINITY]);
    DIFFICULTIES.iter().zip(below).map(|(from, below)| class(*from, below)).collect()
}
