//! The made-up service that drills are played with, and what it answers.

use std::collections::BTreeMap;

use detector::{Assessment, Observation, Signal, State};

use crate::conductor::{Conductor, Input, Look, Op};
use crate::drill::{self, Drill, Shipped};
use crate::event::{Event, GroundTruth, LoadSummary, Phase, Status, Truth, Verdict};

pub(super) const MIB: f64 = 1024.0 * 1024.0;

/// A drill under way, with a made-up service that does as it is told.
pub(super) struct Play {
    pub conductor: Conductor,
    pub drill: Drill,
    pub t: f64,
    pub ops: Vec<Op>,
    pub heap_bytes: f64,
    pub fds: f64,
    /// Entries that the service says it holds, and what each takes of which signals.
    pub entries: u64,
    pub takes: Vec<(Signal, Option<f64>)>,
}

impl Play {
    pub fn of(name: &str) -> Self {
        let shipped = Shipped::find(name).expect("a shipped drill");
        let drill = drill::parse(&shipped.file(), shipped.text).expect("a valid drill");
        let (conductor, ops) = Conductor::begin(drill.clone(), 0.0);
        let memory =
            [Signal::HeapBytes, Signal::RssAnonBytes].map(|signal| (signal, Some(10_240.0)));
        Self {
            conductor,
            drill,
            t: 0.0,
            ops,
            heap_bytes: 20.0 * MIB,
            fds: 20.0,
            entries: 0,
            takes: memory.to_vec(),
        }
    }

    pub fn tell(&mut self, input: Input) {
        let ops = self.conductor.step(self.t, input);
        let asked = ops.clone();
        self.ops.extend(ops);
        for op in asked {
            self.answer(&op);
        }
    }

    /// What the shell would report back.
    fn answer(&mut self, op: &Op) {
        let truth = self.truth();
        let requests = self.requests()..=self.requests() + 10;
        match op {
            Op::Inject => self.tell(Input::Injected { at_seconds: self.t, truth, requests }),
            Op::Fix => {
                self.t += 0.01;
                self.tell(Input::Fixed { after: Truth::default() });
            }
            Op::Inspect => self.tell(Input::Inspected { truth, requests }),
            Op::StopLoad => self.tell(Input::LoadEnded(LoadSummary {
                sent: 100,
                completed: 100,
                ..LoadSummary::default()
            })),
            Op::RollBack => self.tell(Input::RolledBack { problem: None }),
            _ => {}
        }
    }

    fn truth(&self) -> Truth {
        let held = |per_entry: f64| per_entry * self.entries as f64;
        let signals = self.takes.iter().map(|(signal, takes)| (*signal, takes.map(held)));
        Truth {
            entries: self.entries,
            held_bytes: self.entries * 10_240,
            bytes_per_request: (self.entries > 0).then_some(10_240.0),
            gauges: vec!["leak_cache_entries_total".to_owned(), "leak_cache_size_bytes".to_owned()],
            signals: signals.collect(),
            ..Truth::default()
        }
    }

    pub fn requests(&self) -> u64 {
        (self.t * 200.0).round() as u64
    }

    pub fn seen(&self) -> Observation {
        let signals = BTreeMap::from([
            (Signal::RssAnonBytes, self.heap_bytes + MIB),
            (Signal::HeapBytes, self.heap_bytes),
            (Signal::Fds, self.fds),
        ]);
        let held = (self.entries * 10_240) as f64;
        let gauges = BTreeMap::from([("leak_cache_size_bytes".to_owned(), held)]);
        Observation { t_seconds: self.t, signals, gauges, ..Observation::default() }
    }

    pub fn look(&mut self, answers: &[Assessment]) {
        self.t += 0.2;
        let (seen, requests) = (self.seen(), self.requests());
        self.tell(Input::Looked(Look { seen, requests, answers: answers.to_vec() }));
    }

    /// The target takes 40 entries, as many as there are requests between two looks.
    pub fn leak(&mut self, answers: &[Assessment]) {
        self.entries += 40;
        self.heap_bytes += 40.0 * 10_240.0;
        self.look(answers);
    }

    pub fn leak_for(&mut self, seconds: f64, answers: &[Assessment]) {
        let end = self.t + seconds - 0.01;
        while self.t < end && self.finished().is_none() {
            self.leak(answers);
        }
    }

    /// The same, but not beyond the fix.
    pub fn leak_until_fixed(&mut self, seconds: f64, answers: &[Assessment]) {
        let end = self.t + seconds - 0.01;
        while self.t < end && self.conductor.phase == Phase::Detect {
            self.leak(answers);
        }
    }

    pub fn look_for(&mut self, seconds: f64, answers: &[Assessment]) {
        let end = self.t + seconds;
        while self.t < end && self.finished().is_none() {
            self.look(answers);
        }
    }

    pub fn reach_detection(&mut self) {
        self.reach_detection_with(&memory(State::Steady));
    }

    pub fn reach_detection_with(&mut self, answer: &Assessment) {
        self.t += 0.3;
        self.tell(Input::Started);
        self.look_for(self.drill.phases.warm_up_seconds + 0.1, &[]);
        self.look_for(self.drill.phases.baseline_seconds + 0.1, std::slice::from_ref(answer));
        assert_eq!(self.conductor.phase, Phase::Detect);
    }

    /// Up to the fix: 13 s of growth, then the flag.
    pub fn reach_verification(&mut self) {
        self.reach_detection();
        self.leak_for(13.0, &[memory(State::Suspect)]);
        self.leak(&[leaking()]);
        assert_eq!(self.conductor.phase, Phase::Verify);
    }

    pub fn finished(&self) -> Option<(&Verdict, &GroundTruth)> {
        self.ops.iter().find_map(|op| match op {
            Op::Finish(verdict, truth) => Some((verdict, truth)),
            _ => None,
        })
    }

    pub fn verdict(&self) -> &Verdict {
        self.finished().expect("the drill has ended").0
    }

    pub fn said(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::Say(event) if wanted(event)))
    }

    pub fn assert_failed_saying(&self, part: &str) {
        let verdict = self.verdict();
        assert_eq!(verdict.status, Status::Failed, "{verdict:?}");
        assert!(verdict.reasons.iter().any(|reason| reason.contains(part)), "{verdict:?}");
        self.assert_rolled_back();
    }

    pub fn assert_rolled_back(&self) {
        let back = self.ops.iter().position(|op| *op == Op::RollBack).expect("rolled back");
        let stopped = self.ops.iter().position(|op| *op == Op::StopLoad).expect("stopped");
        assert!(stopped < back && matches!(self.ops.last(), Some(Op::Finish(..))));
    }
}

pub(super) fn answer(signal: Signal, state: State) -> Assessment {
    Assessment {
        t_seconds: 0.0,
        signal,
        state,
        slope_per_second: Some(2.0 * MIB),
        slope_low: Some(1.9 * MIB),
        slope_high: Some(2.1 * MIB),
        cause: None,
        reason: "made up".to_owned(),
        onset_seconds: None,
        eta_seconds: None,
        bytes_per_entry: None,
        bytes_per_request: None,
    }
}

pub(super) fn memory(state: State) -> Assessment {
    answer(Signal::RssAnonBytes, state)
}

pub(super) fn leaking() -> Assessment {
    Assessment {
        cause: Some("leak_cache_entries_total".to_owned()),
        bytes_per_request: Some(10_300.0),
        onset_seconds: Some(15.6),
        ..memory(State::Leaking)
    }
}
