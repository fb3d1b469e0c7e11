//! The result of a bench as data: what text and JSON render.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Judged;
use super::contestant::Contestant;
use super::interval::Estimate;
use super::matched::Match;
use super::outcome::Outcome;
use super::score::Score;
use crate::corpus::truth::Leaked;

/// Raised whenever a key changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Lower ends of the classes of difficulty: growth in residual standard deviations.
pub const DIFFICULTIES: [f64; 5] = [0.0, 2.0, 4.0, 8.0, 16.0];

/// The result of a bench.
#[derive(Debug, Serialize)]
pub struct Report {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What was scored: the recipe, or the folder.
    pub corpus: String,
    /// How many traces.
    pub traces: usize,
    /// How many of them leak.
    pub leaks: usize,
    /// One per detector.
    pub detectors: Vec<Scored>,
    /// Ours against each rival at the same median delay; empty if it was not asked for.
    pub matches: Vec<Match>,
}

/// One detector's scores.
#[derive(Debug, Serialize)]
pub struct Scored {
    /// Its name.
    pub detector: &'static str,
    /// What it does.
    pub says: &'static str,
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
}

/// What a detector made of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
            traces: judged.len(),
            leaks: judged.iter().filter(|one| one.trace.truth.leak.is_some()).count(),
            detectors: contestants.iter().enumerate().map(scored).collect(),
            matches: Vec::new(),
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
        detector: contestant.name(),
        says: contestant.says(),
        overall: Score::of(&inside.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>()),
        families: families(&inside),
        difficulties: difficulties(&inside),
        missed: names(|outcome| outcome.leaks && outcome.detected_after_seconds.is_none()),
        alarmed: names(|outcome| outcome.false_alarms > 0),
    }
}

fn families(inside: &[(&Judged, &Outcome)]) -> BTreeMap<String, Tally> {
    let mut families: BTreeMap<String, Tally> = BTreeMap::new();
    for (one, outcome) in inside {
        let tally = families.entry(one.trace.truth.family.clone()).or_default();
        tally.leaks |= outcome.leaks;
        tally.traces += 1;
        tally.detected += usize::from(outcome.detected_after_seconds.is_some());
        tally.with_false_alarms += usize::from(outcome.false_alarms > 0);
        let forgiven = outcome.false_alarms > 0 && outcome.false_alarms == outcome.forgiven_alarms;
        tally.forgiven += usize::from(forgiven);
    }
    families
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
        let recall = super::interval::wilson(detected, found.len());
        Difficulty { from, leaks: found.len(), detected, recall }
    };
    let below = DIFFICULTIES.iter().skip(1).copied().chain([f64::INFINITY]);
    DIFFICULTIES.iter().zip(below).map(|(from, below)| class(*from, below)).collect()
}
