//! Two results on the same corpus, trace by trace: what is worse, what is better, and whether that
//! is more than chance.
//!
//! Each change on a trace is a coin toss if nothing has changed in earnest, so what got worse is
//! tested against what got better (the exact test of `McNemar`, 1947, one-sided, at 5 %). Delays
//! are compared on the leaks that both detected, and numbers of false alarms on the traces where both have
//! some, by the sign test, and only a tenth more counts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use super::report::{OnTrace, Report};

/// Above this probability that chance alone does it, it is no regression.
const CHANCE: f64 = 0.05;
/// A median delay, or a number of alarms, that is larger by less is the same to whoever is paged.
const MATERIAL: f64 = 1.1;

/// The part of an earlier report that is compared.
#[derive(Debug, Deserialize)]
pub struct Baseline {
    schema_version: u32,
    corpus_sha256: String,
    corpus: String,
    detectors: Vec<Earlier>,
}

#[derive(Debug, Deserialize)]
struct Earlier {
    detector: String,
    outcomes: Vec<OnTrace>,
}

/// A report that cannot be compared with.
#[derive(Debug, thiserror::Error)]
pub enum BadBaseline {
    /// It is something else.
    #[error("not a report of `leaklab bench --format json` that this leaklab can compare with")]
    Foreign(#[from] serde_json::Error),
    /// It is of another form.
    #[error("schema_version {0}, and this leaklab compares {ours}; make it anew", ours = super::report::SCHEMA_VERSION)]
    OtherVersion(u32),
    /// It is of another corpus.
    #[error(
        "it is of another corpus ({theirs}, sha256 {their_sum:.12}; this is {ours}, {our_sum:.12}): \
         scores on different traces do not compare"
    )]
    OtherCorpus {
        /// What it calls its corpus.
        theirs: String,
        /// Its checksum.
        their_sum: String,
        /// What this one is called.
        ours: String,
        /// Its checksum.
        our_sum: String,
    },
    /// No detector is in both.
    #[error("it has none of these detectors; it has {0}")]
    NoneInCommon(String),
}

/// What is different, for every detector that is in both reports.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Whether any detector got worse beyond chance.
    pub regressed: bool,
    /// One per detector.
    pub detectors: Vec<Compared>,
    /// Detectors that the baseline does not have.
    pub new_detectors: Vec<String>,
    /// Detectors that it has and this run does not.
    pub missing_detectors: Vec<String>,
}

/// One detector then and now.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// Its name.
    pub detector: String,
    /// Whether it got worse beyond chance.
    pub regressed: bool,
    /// What a person should know, in sentences; the regressions first.
    pub regressions: Vec<String>,
    /// Leaks: lost are those that were detected and no longer are.
    pub leaks: Flips,
    /// Traces without a false alarm: lost are those that have one now.
    pub quiet: Flips,
    /// False alarms on traces that have some then and now.
    pub alarms: Alarms,
    /// Fixed leaks whose end was seen: lost are those whose end is not, though both times they were detected.
    pub recovered: Flips,
    /// Leaks whose cause was named rightly: lost are those where another is named now.
    pub cause: Flips,
    /// Traces that it came to the end of: lost are those on which it fails now.
    pub finished: Flips,
    /// Traces that it was scored on and no longer is, as after a rule got a longer `for`; the detected leaks among
    /// them are lost.
    pub unscored: Vec<String>,
    /// The delays on leaks that both detected.
    pub delay: Delay,
}

/// Traces that changed sides.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Flips {
    /// Good then, bad now.
    pub lost: Vec<String>,
    /// Bad then, good now.
    pub won: Vec<String>,
    /// The probability of so many lost ones, or more, by chance.
    pub chance: f64,
}

/// Delays, paired.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Delay {
    /// Leaks that both detected.
    pub pairs: usize,
    /// Those that take longer now.
    pub longer: usize,
    /// Those that take less long.
    pub shorter: usize,
    /// The probability of so many longer ones, or more, by chance.
    pub chance: f64,
    /// The median of the delay now over the delay then.
    pub median_ratio: Option<f64>,
}

/// Numbers of false alarms, paired.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Alarms {
    /// False alarms then, on traces that have some then and now.
    pub then: usize,
    /// And now.
    pub now: usize,
    /// Traces with more of them now.
    pub more: usize,
    /// Traces with fewer.
    pub fewer: usize,
    /// The probability of so many traces with more, or more of them, by chance.
    pub chance: f64,
}

impl Compared {
    /// What changed on which traces, in words; the worse first.
    pub fn changes(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        let all = [
            ("leaks no longer detected", &self.leaks.lost),
            ("new false alarms on", &self.quiet.lost),
            ("end of the leak no longer seen", &self.recovered.lost),
            ("wrong cause now", &self.cause.lost),
            ("no longer judged to the end", &self.finished.lost),
            ("no longer in its scope", &self.unscored),
            ("leaks now detected", &self.leaks.won),
            ("false alarms gone on", &self.quiet.won),
            ("end of the leak now seen", &self.recovered.won),
            ("right cause now", &self.cause.won),
            ("now judged to the end", &self.finished.won),
        ];
        all.into_iter()
            .map(|(what, traces)| (what, traces.as_slice()))
            .filter(|(_, traces)| !traces.is_empty())
    }
}

impl Baseline {
    /// Reads the JSON of an earlier run.
    pub fn parse(json: &[u8]) -> Result<Self, BadBaseline> {
        let read: Self = serde_json::from_slice(json)?;
        let version = read.schema_version;
        if version == super::report::SCHEMA_VERSION {
            Ok(read)
        } else {
            Err(BadBaseline::OtherVersion(version))
        }
    }

    /// Compares a report with this one; with `strict`, whatever is worse on any trace is a
    /// regression.
    pub fn compare(&self, now: &Report, strict: bool) -> Result<Comparison, BadBaseline> {
        if self.corpus_sha256 != now.corpus_sha256 {
            return Err(BadBaseline::OtherCorpus {
                theirs: self.corpus.clone(),
                their_sum: self.corpus_sha256.clone(),
                ours: now.corpus.clone(),
                our_sum: now.corpus_sha256.clone(),
            });
        }
        let (mut detectors, mut new_detectors) = (Vec::new(), Vec::new());
        for scored in &now.detectors {
            match self.detectors.iter().find(|earlier| earlier.detector == scored.detector) {
                Some(earlier) => detectors.push(compared(
                    &earlier.detector,
                    &earlier.outcomes,
                    &scored.outcomes,
                    strict,
                )),
                None => new_detectors.push(scored.detector.clone()),
            }
        }
        if detectors.is_empty() {
            let theirs: Vec<&str> =
                self.detectors.iter().map(|one| one.detector.as_str()).collect();
            return Err(BadBaseline::NoneInCommon(theirs.join(", ")));
        }
        let regressed = detectors.iter().any(|one| one.regressed);
        let is_missing = |earlier: &&Earlier| {
            now.detectors.iter().all(|scored| scored.detector != earlier.detector)
        };
        let missing = self.detectors.iter().filter(is_missing);
        let missing_detectors = missing.map(|earlier| earlier.detector.clone()).collect();
        Ok(Comparison { regressed, detectors, new_detectors, missing_detectors })
    }
}

fn compared(detector: &str, then: &[OnTrace], now: &[OnTrace], strict: bool) -> Compared {
    let pairs = paired(then, now);
    // A leak that a detector is not scored on is not detected.
    let leaks = flips(&pairs, |outcome| {
        outcome.map_or(Some(false), |o| o.leaks.then_some(o.detected_after_seconds.is_some()))
    });
    let quiet = flips(&pairs, |outcome| outcome.map(|outcome| outcome.false_alarms == 0));
    let recovered = flips(&pairs, |outcome| {
        let detected = outcome.filter(|o| o.fixed && o.detected_after_seconds.is_some());
        detected.map(|outcome| outcome.recovered_after_seconds.is_some())
    });
    let cause = flips(&pairs, |outcome| outcome?.cause_is_right);
    let finished = flips(&pairs, |outcome| outcome.map(|outcome| outcome.failure.is_none()));
    let unscored = pairs.iter().filter(|(_, then, now)| then.is_some() && now.is_none());
    let unscored = unscored.map(|(name, ..)| (*name).to_owned()).collect();
    let (alarms, delay) = (alarms(&pairs), delay(&pairs));
    let mut regressions = Vec::new();
    for (flips, what) in [
        (&leaks, "leaks are no longer detected"),
        (&quiet, "traces have a false alarm and had none"),
        (&recovered, "leaks are detected whose end is no longer seen"),
        (&cause, "leaks have a wrong cause and had the right one"),
        (&finished, "traces are no longer judged to the end"),
    ] {
        let (lost, won) = (flips.lost.len(), flips.won.len());
        if flips.chance < CHANCE || strict && lost > 0 {
            regressions.push(format!(
                "{lost} {what}, {won} the other way round (p = {:.3})",
                flips.chance
            ));
        }
    }
    let has_material_alarms = alarms.now as f64 > MATERIAL * alarms.then as f64;
    if has_material_alarms && (alarms.chance < CHANCE || strict) {
        regressions.push(format!(
            "{} false alarms where there were {}: more of them on {} traces, fewer on {} (p = {:.3})",
            alarms.now, alarms.then, alarms.more, alarms.fewer, alarms.chance
        ));
    }
    if let Some(ratio) =
        delay.median_ratio.filter(|ratio| *ratio > MATERIAL && delay.chance < CHANCE)
    {
        regressions.push(format!(
            "{} of {} leaks take longer, {} less long; {ratio:.2} times at the median (p = {:.3})",
            delay.longer, delay.pairs, delay.shorter, delay.chance
        ));
    }
    let detector = detector.to_owned();
    Compared {
        detector,
        regressed: !regressions.is_empty(),
        regressions,
        leaks,
        quiet,
        alarms,
        recovered,
        cause,
        finished,
        unscored,
        delay,
    }
}

/// A trace, with what came of it then and now; none where it was not scored.
type Pair<'a> = (&'a str, Option<&'a Outcome>, Option<&'a Outcome>);

/// Every trace that was scored then or now, by its name.
fn paired<'a>(then: &'a [OnTrace], now: &'a [OnTrace]) -> Vec<Pair<'a>> {
    let by_name = |all: &'a [OnTrace]| -> BTreeMap<&'a str, &'a Outcome> {
        all.iter().map(|on| (on.trace.as_str(), &on.outcome)).collect()
    };
    let (then, now) = (by_name(then), by_name(now));
    let names: BTreeSet<&str> = then.keys().chain(now.keys()).copied().collect();
    names.into_iter().map(|name| (name, then.get(name).copied(), now.get(name).copied())).collect()
}

/// What changed sides; `good` is none where there is nothing to be good at.
fn flips(pairs: &[Pair], good: impl Fn(Option<&Outcome>) -> Option<bool>) -> Flips {
    let changed = |from: bool| {
        let those = pairs
            .iter()
            .filter(|(_, then, now)| good(*then) == Some(from) && good(*now) == Some(!from));
        those.map(|(name, ..)| (*name).to_owned()).collect::<Vec<_>>()
    };
    let (lost, won) = (changed(true), changed(false));
    let chance = at_least(lost.len(), lost.len() + won.len());
    Flips { lost, won, chance }
}

fn alarms(pairs: &[Pair]) -> Alarms {
    let some = |outcome: Option<&Outcome>| Some(outcome?.false_alarms).filter(|alarms| *alarms > 0);
    let both: Vec<(usize, usize)> =
        pairs.iter().filter_map(|(_, then, now)| some(*then).zip(some(*now))).collect();
    let more = both.iter().filter(|(then, now)| now > then).count();
    let fewer = both.iter().filter(|(then, now)| now < then).count();
    Alarms {
        then: both.iter().map(|(then, _)| then).sum(),
        now: both.iter().map(|(_, now)| now).sum(),
        more,
        fewer,
        chance: at_least(more, more + fewer),
    }
}

fn delay(pairs: &[Pair]) -> Delay {
    let after = |outcome: Option<&Outcome>| outcome?.detected_after_seconds;
    let both: Vec<(f64, f64)> =
        pairs.iter().filter_map(|(_, then, now)| after(*then).zip(after(*now))).collect();
    let longer = both.iter().filter(|(then, now)| now > then).count();
    let shorter = both.iter().filter(|(then, now)| now < then).count();
    // A leak that is detected at its onset has no ratio to speak of.
    let mut ratios: Vec<f64> =
        both.iter().filter(|(then, _)| *then > 0.0).map(|(then, now)| now / then).collect();
    ratios.sort_by(f64::total_cmp);
    Delay {
        pairs: both.len(),
        longer,
        shorter,
        chance: at_least(longer, longer + shorter),
        median_ratio: ratios.get(ratios.len().saturating_sub(1) / 2).copied(),
    }
}

/// The probability of so many heads or more in `of` tosses of a fair coin; exact, in logarithms
/// because 2 to the power of a thousand is no number.
fn at_least(heads: usize, of: usize) -> f64 {
    let mut log_choose = 0.0;
    let mut sum = 0.0;
    for k in 0..=of {
        if k >= heads {
            sum += (log_choose - of as f64 * std::f64::consts::LN_2).exp();
        }
        log_choose += ((of - k) as f64).ln() - ((k + 1) as f64).ln();
    }
    sum.min(1.0)
}

#[cfg(test)]
mod tests;
