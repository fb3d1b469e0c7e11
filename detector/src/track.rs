//! The state of one signal: from undecided to leaking, and from there to growth stopped,
//! recovered, withdrawn or leaking again.

use std::collections::BTreeMap;

use crate::blocks::Blocks;
use crate::cause::{self, Cause};
use crate::incident::{Incident, NotEnded};
use crate::judge::{self, Evidence, Growth, Judgement, Lacking, Measure};
use crate::lives::Lives;
use crate::stats;
use crate::{Assessment, Signal, State, reason};

/// An alarm that nobody fixed is withdrawn once its plateau has lasted this many shortest
/// spans...
const WITHDRAW_SPANS: f64 = 2.0;

/// ...and this share of the growth's own duration.
const WITHDRAW_SHARE: f64 = 0.5;

/// What else is known of the entity when one of its signals is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    /// The allocator's bytes in use: they say better than resident memory what was given back.
    /// Absent for signals that are not bytes.
    pub(crate) heap: Option<&'a Blocks>,
    /// The request counter.
    pub(crate) requests: Option<&'a Blocks>,
    pub(crate) gauges: &'a BTreeMap<String, Blocks>,
    pub(crate) evidence: Evidence,
    pub(crate) limit: Option<f64>,
}

/// One signal of one entity, since its latest start.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    signal: Signal,
    /// How the runs before this one ended.
    lives: Lives,
    /// The latest judgement of each level.
    judgements: Vec<Judgement>,
    /// Only what came after this is judged: the first sample, or the moment when growth stopped,
    /// memory was released or a fix applied.
    since_seconds: f64,
    incident: Option<Incident>,
    state: State,
    cause: Option<Cause>,
    bytes_per_request: Option<f64>,
    reason: String,
}

impl Track {
    /// A track that begins at `t_seconds`.
    pub(crate) fn new(signal: Signal, t_seconds: f64, reason: String) -> Self {
        Self {
            signal,
            lives: Lives::default(),
            judgements: Vec::new(),
            since_seconds: t_seconds,
            incident: None,
            state: State::Undecided,
            cause: None,
            bytes_per_request: None,
            reason,
        }
    }

    /// The track of the same signal after a restart: nothing is known of it but how it grew before.
    pub(crate) fn restarted(&self, reason: String) -> Self {
        let grew = self.judgements.iter().filter_map(|judgement| match judgement {
            Judgement::Growing(growth, Lacking::Span(_)) | Judgement::Leak(growth) => {
                Some(growth.span_seconds)
            }
            _ => None,
        });
        let judged = self.judgements.iter().any(|j| !matches!(j, Judgement::TooShort));
        let lives = self.lives.after(judged, grew.reduce(f64::max));
        Self { lives, ..Self::new(self.signal, 0.0, reason) }
    }

    /// Somebody applied a fix: what comes after it is judged for itself.
    pub(crate) fn note_fix(&mut self, t_seconds: f64) {
        if let Some(incident) = &mut self.incident {
            incident.fixed_seconds = Some(t_seconds);
            self.judge_from(t_seconds);
        }
    }

    /// Judges after `closed` levels of `blocks` have a new block; true if the state changed, or if
    /// a leak that had been released or fixed leaks again.
    pub(crate) fn judge(
        &mut self,
        blocks: &Blocks,
        closed: usize,
        around: &Surroundings<'_>,
    ) -> bool {
        let growing = self.state == State::Leaking;
        let watched = self.incident.as_mut();
        let release = watched.and_then(|incident| incident.watch(blocks, closed, growing));
        if let Some(released_seconds) = release {
            self.judge_from(released_seconds);
        }
        if self.state != State::Leaking || self.may_leak_again() {
            self.judgements.resize(self.judgements.len().max(closed), Judgement::TooShort);
            for level in 0..closed {
                self.judgements[level] = judge::judge(&self.measure(blocks, level, around));
            }
        }
        let before = self.state;
        let again = match self.state {
            State::Undecided | State::Suspect | State::Steady => {
                self.look_for_growth(blocks, around);
                false
            }
            State::Leaking => self.look_for_the_end(blocks, closed, around),
            State::GrowthStopped | State::Recovered => {
                self.look_for_new_growth(blocks, around);
                false
            }
        };
        again || self.state != before
    }

    /// The present judgement as a line.
    pub(crate) fn assess(&self, t_seconds: f64, blocks: &Blocks, limit: Option<f64>) -> Assessment {
        let leak = self.incident.as_ref().filter(|_| self.state == State::Leaking);
        let growing = leak.map(|incident| incident.growth).or_else(|| self.suspected());
        let slope = match growing {
            Some(growth) => Some(growth.slope),
            None => judge::slope_of(&blocks.level(0, self.since_seconds), |block| block.mid),
        };
        let room = limit.zip(blocks.newest(0)).map(|(limit, now)| (limit - now.mid).max(0.0));
        let eta = room.zip(leak).map(|(room, leak)| room / leak.growth.slope.mid);
        let cause = self.cause.as_ref().filter(|_| self.incident.is_some());
        let bytes = self.signal.is_bytes();
        let leak_known = bytes && self.incident.is_some();
        Assessment {
            t_seconds,
            signal: self.signal,
            state: self.state,
            slope_per_second: slope.map(|slope| slope.mid),
            slope_low: slope.map(|slope| slope.low),
            slope_high: slope.map(|slope| slope.high),
            cause: cause.map(|cause| cause.gauge.clone()),
            reason: self.reason.clone(),
            onset_seconds: self.incident.as_ref().map(|incident| incident.growth.began_seconds),
            eta_seconds: eta,
            bytes_per_entry: cause.filter(|_| bytes).map(|cause| cause.per_entry),
            bytes_per_request: leak_known.then_some(self.bytes_per_request).flatten(),
        }
    }

    /// The series ended: growth that was not confirmed is undecided; true if it was so.
    pub(crate) fn finish(&mut self) -> bool {
        let suspected = self.state == State::Suspect;
        if suspected {
            self.state = State::Undecided;
            self.reason = format!("the series ended while it {}", self.reason);
        }
        suspected
    }

    fn judge_from(&mut self, t_seconds: f64) {
        self.since_seconds = t_seconds;
        self.judgements.clear();
    }

    fn measure<'a>(
        &self,
        blocks: &'a Blocks,
        level: usize,
        around: &Surroundings<'a>,
    ) -> Measure<'a> {
        Measure {
            evidence: around.evidence,
            limit: around.limit,
            series: blocks,
            level,
            since_seconds: self.since_seconds,
            // Growth is only what rises above everything before it; but what an incident took
            // itself and gave back is no measure for new growth.
            remembers: self.incident.is_none(),
            ceiling: self.incident.as_ref().map(Incident::ceiling),
            heap: around.heap,
            requests: around.requests,
            earlier_seconds: self.lives.evidence_seconds(),
        }
    }

    /// Whether what is judged came after a release or a fix; until then a leak that was flagged
    /// needs no second judgement, only an end.
    fn may_leak_again(&self) -> bool {
        let onset = self.incident.as_ref().map(|incident| incident.growth.onset_seconds);
        onset.is_some_and(|onset| self.since_seconds > onset)
    }

    fn leak(&self, blocks: &Blocks) -> Option<(usize, Growth)> {
        let mut judgements = self.judgements.iter().enumerate();
        let (level, growth) = judgements.find_map(|(level, judgement)| match judgement {
            Judgement::Leak(growth) => Some((level, growth)),
            _ => None,
        })?;
        let began_seconds = self.began_seconds(blocks, level, growth);
        Some((level, Growth { began_seconds, ..*growth }))
    }

    /// The growth that raised suspicion, while it does.
    fn suspected(&self) -> Option<Growth> {
        let growing = self.judgements.iter().find_map(|judgement| match judgement {
            Judgement::Growing(growth, _) => Some(*growth),
            _ => None,
        });
        growing.filter(|_| self.state == State::Suspect)
    }

    fn look_for_growth(&mut self, blocks: &Blocks, around: &Surroundings<'_>) {
        if let Some((level, growth)) = self.leak(blocks) {
            let ceiling = blocks.peak_between(f64::MIN, growth.onset_seconds);
            let ceiling = ceiling.map_or(growth.before, |peak| peak.max(growth.before));
            let (heap, requests) = (around.heap, around.requests);
            let incident = Incident::open(level, growth, ceiling, blocks, heap, requests);
            self.incident = Some(incident);
            self.flag(blocks, level, &growth, around);
            return;
        }
        let now = blocks.newest(0).map_or(self.since_seconds, |block| block.t_seconds);
        // Once steady, only growth that is clear and merely young raises suspicion again.
        let steady = self.state == State::Steady;
        let suspicious = |lacking| !steady || matches!(lacking, Lacking::Span(_));
        let judgement = self.judgements.iter().find_map(|judgement| match *judgement {
            Judgement::Growing(growth, lacking) if suspicious(lacking) => {
                Some((State::Suspect, reason::suspect(self.signal, &growth, lacking)))
            }
            Judgement::LevellingOff(end_seconds) => {
                Some((State::Undecided, reason::levelling_off(end_seconds - now)))
            }
            _ => None,
        });
        if let Some((state, reason)) = judgement {
            (self.state, self.reason) = (state, reason);
        } else if let Some(Judgement::Benign) = self.judgements.first()
            && now - self.since_seconds >= around.evidence.usual_seconds
        {
            if self.state != State::Steady {
                let family = judge::benign_family(&self.measure(blocks, 0, around));
                (self.state, self.reason) = (State::Steady, reason::steady(family));
            }
        } else if self.state == State::Undecided {
            self.reason =
                reason::too_short(now - self.since_seconds, around.evidence.usual_seconds);
        }
    }

    /// True if the leak had been released or fixed and leaks again.
    fn look_for_the_end(
        &mut self,
        blocks: &Blocks,
        closed: usize,
        around: &Surroundings<'_>,
    ) -> bool {
        let leak = self.leak(blocks).filter(|_| self.may_leak_again());
        let Some(incident) = &mut self.incident else {
            return false;
        };
        if let Some((level, growth)) = leak {
            incident.reopen(level, growth, blocks);
            self.flag(blocks, level, &growth, around);
            return true;
        }
        if closed <= incident.level {
            // Nothing came that an end could be told by.
            return false;
        }
        let (since, confirm) = (self.since_seconds, around.evidence.usual_seconds);
        match incident.ended(blocks, around.requests, since, confirm) {
            Ok(ended) => {
                if let Some(witness) = incident.given_back(blocks, around.heap) {
                    self.state = State::Recovered;
                    self.reason = reason::recovered(self.signal, incident, witness);
                } else {
                    self.state = State::GrowthStopped;
                    let (upper, load) = (ended.slope.high, around.requests.is_some());
                    self.reason = reason::growth_stopped(self.signal, incident, upper, load);
                }
                self.judge_from(ended.since_seconds);
            }
            Err(NotEnded::StillGrowing) => {
                let growth = incident.growth;
                self.reason = self.leaking_reason(blocks, &growth);
            }
            Err(NotEnded::LoadFell { rate, was }) => self.reason = reason::load_fell(rate, was),
        }
        false
    }

    fn look_for_new_growth(&mut self, blocks: &Blocks, around: &Surroundings<'_>) {
        let leak = self.leak(blocks);
        let Some(incident) = &mut self.incident else {
            return;
        };
        if let Some((level, growth)) = leak {
            incident.reopen(level, growth, blocks);
            self.flag(blocks, level, &growth, around);
        } else if self.state == State::GrowthStopped {
            self.look_for_release(blocks, around);
        }
    }

    /// Growth has stopped: is what it took given back, or was it something that filled?
    fn look_for_release(&mut self, blocks: &Blocks, around: &Surroundings<'_>) {
        let Some(incident) = &self.incident else {
            return;
        };
        if let Some(witness) = incident.given_back(blocks, around.heap) {
            self.state = State::Recovered;
            self.reason = reason::recovered(self.signal, incident, witness);
        } else if incident.fixed_seconds.is_none() {
            let now = blocks.newest(0).map_or(self.since_seconds, |block| block.t_seconds);
            let grew = self.since_seconds - incident.growth.onset_seconds;
            let enough =
                (WITHDRAW_SPANS * around.evidence.usual_seconds).max(WITHDRAW_SHARE * grew);
            if now - self.since_seconds >= enough {
                self.state = State::Steady;
                self.reason = reason::withdrawn(incident);
                self.incident = None;
            }
        }
    }

    fn flag(&mut self, blocks: &Blocks, level: usize, growth: &Growth, around: &Surroundings<'_>) {
        let seen = blocks.level(level, f64::MIN);
        self.cause = cause::find(self.signal, &seen, level, around.gauges);
        self.bytes_per_request = around.requests.and_then(|counter| {
            let rising = judge::since(&seen, growth.onset_seconds);
            let (requests, level) = cause::joined(&counter.level(level, f64::MIN), rising);
            (requests.len() >= 3).then(|| stats::least_squares(&requests, &level).1)
        });
        self.state = State::Leaking;
        self.reason = self.leaking_reason(blocks, growth);
    }

    /// When growth began that was judged a leak on a level. What fills the window of a level began before
    /// it; when, is known on the next one, if that sees growth.
    fn began_seconds(&self, blocks: &Blocks, level: usize, growth: &Growth) -> f64 {
        let mut began_seconds = growth.onset_seconds;
        for (level, wider) in self.judgements.iter().enumerate().skip(level + 1) {
            let narrower = blocks.level(level - 1, self.since_seconds);
            let fills = narrower.get(1).is_some_and(|second| began_seconds <= second.t_seconds);
            match wider {
                Judgement::Growing(wider, _) | Judgement::Leak(wider) if fills => {
                    began_seconds = began_seconds.min(wider.onset_seconds);
                }
                _ => break,
            }
        }
        began_seconds
    }

    fn leaking_reason(&self, blocks: &Blocks, growth: &Growth) -> String {
        let gauge = self.cause.as_ref().map(|cause| cause.gauge.as_str());
        let now = blocks.newest(0).map_or(growth.began_seconds, |block| block.t_seconds);
        reason::leaking(self.signal, growth, now, gauge)
    }
}
