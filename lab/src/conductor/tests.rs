//! Whole drills played with made-up inputs: no process, no clock.

use std::collections::BTreeMap;

use detector::{Assessment, Observation, Signal, State};

use super::{Conductor, Input, Look, Op};
use crate::drill::{self, Drill, Shipped};
use crate::event::{Event, GroundTruth, LoadSummary, Phase, Status, Truth, Verdict};

const MIB: f64 = 1024.0 * 1024.0;

/// A drill under way, with a made-up service that does as it is told.
struct Play {
    conductor: Conductor,
    drill: Drill,
    t: f64,
    ops: Vec<Op>,
    heap_bytes: f64,
    fds: f64,
    /// Entries that the service says it holds, and what each takes of which signals.
    entries: u64,
    takes: Vec<(Signal, Option<f64>)>,
}

impl Play {
    fn of(name: &str) -> Self {
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

    fn tell(&mut self, input: Input) {
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

    fn requests(&self) -> u64 {
        (self.t * 200.0).round() as u64
    }

    fn seen(&self) -> Observation {
        let signals = BTreeMap::from([
            (Signal::RssAnonBytes, self.heap_bytes + MIB),
            (Signal::HeapBytes, self.heap_bytes),
            (Signal::Fds, self.fds),
        ]);
        let held = (self.entries * 10_240) as f64;
        let gauges = BTreeMap::from([("leak_cache_size_bytes".to_owned(), held)]);
        Observation { t_seconds: self.t, signals, gauges, ..Observation::default() }
    }

    fn look(&mut self, answers: &[Assessment]) {
        self.t += 0.2;
        let (seen, requests) = (self.seen(), self.requests());
        self.tell(Input::Looked(Look { seen, requests, answers: answers.to_vec() }));
    }

    /// The target takes 40 entries, as many as there are requests between two looks.
    fn leak(&mut self, answers: &[Assessment]) {
        self.entries += 40;
        self.heap_bytes += 40.0 * 10_240.0;
        self.look(answers);
    }

    fn leak_for(&mut self, seconds: f64, answers: &[Assessment]) {
        let end = self.t + seconds - 0.01;
        while self.t < end && self.finished().is_none() {
            self.leak(answers);
        }
    }

    fn look_for(&mut self, seconds: f64, answers: &[Assessment]) {
        let end = self.t + seconds;
        while self.t < end && self.finished().is_none() {
            self.look(answers);
        }
    }

    fn reach_detection(&mut self) {
        self.reach_detection_with(&memory(State::Steady));
    }

    fn reach_detection_with(&mut self, answer: &Assessment) {
        self.t += 0.3;
        self.tell(Input::Started);
        self.look_for(self.drill.phases.warm_up_seconds + 0.1, &[]);
        self.look_for(self.drill.phases.baseline_seconds + 0.1, std::slice::from_ref(answer));
        assert_eq!(self.conductor.phase, Phase::Detect);
    }

    /// Up to the fix: 13 s of growth, then the flag.
    fn reach_verification(&mut self) {
        self.reach_detection();
        self.leak_for(13.0, &[memory(State::Suspect)]);
        self.leak(&[leaking()]);
        assert_eq!(self.conductor.phase, Phase::Verify);
    }

    fn finished(&self) -> Option<(&Verdict, &GroundTruth)> {
        self.ops.iter().find_map(|op| match op {
            Op::Finish(verdict, truth) => Some((verdict, truth)),
            _ => None,
        })
    }

    fn verdict(&self) -> &Verdict {
        self.finished().expect("the drill has ended").0
    }

    fn said(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::Say(event) if wanted(event)))
    }

    fn assert_failed_saying(&self, part: &str) {
        let verdict = self.verdict();
        assert_eq!(verdict.status, Status::Failed, "{verdict:?}");
        assert!(verdict.reasons.iter().any(|reason| reason.contains(part)), "{verdict:?}");
        self.assert_rolled_back();
    }

    fn assert_rolled_back(&self) {
        let back = self.ops.iter().position(|op| *op == Op::RollBack).expect("rolled back");
        let stopped = self.ops.iter().position(|op| *op == Op::StopLoad).expect("stopped");
        assert!(stopped < back && matches!(self.ops.last(), Some(Op::Finish(..))));
    }
}

fn answer(signal: Signal, state: State) -> Assessment {
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

fn memory(state: State) -> Assessment {
    answer(Signal::RssAnonBytes, state)
}

fn leaking() -> Assessment {
    Assessment {
        cause: Some("leak_cache_entries_total".to_owned()),
        bytes_per_request: Some(10_300.0),
        onset_seconds: Some(15.6),
        ..memory(State::Leaking)
    }
}

#[test]
fn a_leak_that_is_flagged_fixed_and_proved_gone_passes() {
    let mut play = Play::of("cache");
    play.reach_verification();
    play.heap_bytes = 20.1 * MIB;
    play.look_for(30.0, &[memory(State::Recovered)]);
    assert_eq!(play.verdict(), &Verdict { status: Status::Passed, reasons: vec![] });
    play.assert_rolled_back();
    let (_, truth) = play.finished().expect("finished");
    assert!(truth.onset_seconds < truth.fixed_seconds);
    assert!(play.said(|event| matches!(event, Event::Proved(proof) if proof.is_complete())));
}

#[test]
fn the_detector_watches_from_the_end_of_the_warm_up_and_never_before() {
    let mut play = Play::of("cache");
    play.tell(Input::Started);
    play.look_for(4.5, &[]);
    assert!(!play.ops.contains(&Op::StartWatching));
    play.look_for(1.0, &[]);
    assert!(play.ops.contains(&Op::StartWatching) && !play.ops.contains(&Op::Inject));
}

#[test]
fn the_detectors_word_alone_is_no_recovery() {
    let mut play = Play::of("cache");
    play.reach_verification();
    // The heap stays where the leak left it.
    play.look_for(70.0, &[memory(State::Recovered)]);
    play.assert_failed_saying("not proved: heap back, 25.8MiB of 25.8MiB leaked still held");
}

#[test]
fn growth_that_only_stops_is_no_recovery() {
    let mut play = Play::of("cache");
    play.reach_verification();
    play.heap_bytes = 20.1 * MIB;
    play.look_for(70.0, &[memory(State::GrowthStopped)]);
    play.assert_failed_saying("not recovered within 60s: rss_anon_bytes is growth_stopped");
}

#[test]
fn a_leak_that_nobody_sees_fails_and_says_what_the_detector_said() {
    let mut play = Play::of("cache");
    play.reach_detection();
    play.leak_for(31.0, &[memory(State::Steady)]);
    play.assert_failed_saying("not flagged within 30s: rss_anon_bytes is steady (made up)");
}

#[test]
fn a_detector_that_is_shown_no_memory_fails() {
    let mut play = Play::of("cache");
    let threads = answer(Signal::Threads, State::Steady);
    play.reach_detection_with(&threads);
    play.leak_for(31.0, &[threads]);
    play.assert_failed_saying(
        "the detector was shown nothing that cache shows on (rss_anon_bytes, heap_bytes)",
    );
}

#[test]
fn the_wrong_cause_fails_although_all_else_is_right() {
    let mut play = Play::of("cache");
    play.reach_detection();
    play.leak_for(13.0, &[memory(State::Suspect)]);
    play.leak(&[Assessment { cause: Some("http_requests_total".to_owned()), ..leaking() }]);
    play.heap_bytes = 20.0 * MIB;
    play.look_for(70.0, &[memory(State::Recovered)]);
    play.assert_failed_saying("wrong cause: `http_requests_total` is blamed; cache is counted by leak_cache_entries_total");
}

#[test]
fn the_fix_waits_for_a_cause_on_any_signal_and_not_for_ever() {
    let unnamed = Assessment { cause: None, ..leaking() };
    for (on_threads, passes) in [(Some("leak_cache_entries_total"), true), (None, false)] {
        let mut play = Play::of("cache");
        play.takes.push((Signal::Threads, None));
        play.reach_detection();
        play.leak_for(13.0, &[memory(State::Suspect)]);
        play.leak(std::slice::from_ref(&unnamed));
        assert_eq!(play.conductor.phase, Phase::Detect, "flagged, and nobody knows what to fix");
        let cause = on_threads.map(str::to_owned);
        let threads = Assessment { signal: Signal::Threads, cause, ..leaking() };
        play.leak_for(17.0, &[unnamed.clone(), threads]);
        assert_eq!(play.conductor.phase, Phase::Verify);
        play.heap_bytes = 20.0 * MIB;
        let threads = answer(Signal::Threads, State::Recovered);
        play.look_for(70.0, &[memory(State::Recovered), threads]);
        if !passes {
            play.assert_failed_saying("wrong cause: no cause is named");
        }
    }
}

#[test]
fn a_flag_in_the_baseline_is_false_and_ends_the_drill() {
    let mut play = Play::of("cache");
    play.tell(Input::Started);
    play.look_for(8.0, &[memory(State::Steady)]);
    play.look(&[leaking()]);
    play.assert_failed_saying("false flag on rss_anon_bytes in the phase `baseline`");
    assert!(!play.ops.contains(&Op::Inject));
}

#[test]
fn a_flag_on_a_resource_that_does_not_leak_is_false() {
    let mut play = Play::of("cache");
    play.reach_detection();
    play.look(&[answer(Signal::Fds, State::Leaking)]);
    play.assert_failed_saying("false flag on fds in the phase `detect`");
}

#[test]
fn every_memory_signal_that_was_flagged_must_recover() {
    let heap = |state| answer(Signal::HeapBytes, state);
    let mut play = Play::of("cache");
    play.reach_detection();
    play.leak_for(13.0, &[memory(State::Suspect), heap(State::Suspect)]);
    play.leak(&[leaking(), heap(State::Leaking)]);
    play.heap_bytes = 20.1 * MIB;
    play.look_for(30.0, &[memory(State::Recovered), heap(State::Leaking)]);
    assert!(play.finished().is_none());
    play.look(&[memory(State::Recovered), heap(State::Recovered)]);
    assert_eq!(play.verdict().status, Status::Passed);
}

#[test]
fn half_a_fix_ends_with_growth_stopped() {
    let mut play = Play::of("disable_only");
    play.reach_verification();
    play.look_for(70.0, &[memory(State::GrowthStopped)]);
    assert_eq!(play.verdict().status, Status::Passed);
}

#[test]
fn half_a_fix_that_counts_as_recovered_is_not_what_was_expected() {
    let mut play = Play::of("disable_only");
    play.reach_verification();
    play.look_for(70.0, &[memory(State::Recovered)]);
    play.assert_failed_saying("not growth_stopped within 60s: rss_anon_bytes is recovered");
}

#[test]
fn new_growth_after_the_fix_reopens_and_old_growth_does_not() {
    let mut play = Play::of("clear_only");
    play.reach_verification();
    play.look_for(5.0, &[leaking()]);
    assert!(play.finished().is_none(), "its onset lies before the fix");
    play.look(&[Assessment { onset_seconds: Some(play.t), ..leaking() }]);
    assert_eq!(play.verdict().status, Status::Passed);
}

#[test]
fn a_decoy_must_end_steady() {
    for (state, failure) in [
        (State::Steady, None),
        (State::Undecided, Some("not steady at the deadline: rss_anon_bytes is undecided")),
        (State::Suspect, Some("not steady at the deadline: rss_anon_bytes is suspect")),
    ] {
        let mut play = Play::of("bounded_cache");
        play.reach_detection();
        play.leak_for(5.0, &[memory(state)]);
        play.look_for(34.0, &[memory(state)]);
        assert!(play.finished().is_none(), "judged before the deadline");
        play.look_for(1.5, &[memory(state)]);
        match failure {
            None => assert_eq!(play.verdict().status, Status::Passed, "{:?}", play.verdict()),
            Some(part) => play.assert_failed_saying(part),
        }
    }
}

#[test]
fn a_decoy_that_did_nothing_or_nothing_that_shows_fails() {
    let steady = [memory(State::Steady)];
    let mut idle = Play::of("bounded_cache");
    idle.reach_detection();
    idle.look_for(41.0, &steady);
    idle.assert_failed_saying("has held 0B and neither levelled off nor given it back");

    let mut endless = Play::of("bounded_cache");
    endless.reach_detection();
    endless.leak_for(41.0, &steady);
    endless.assert_failed_saying("neither levelled off nor given it back");

    let mut invisible = Play::of("bounded_cache");
    invisible.reach_detection();
    invisible.entries = 1000;
    invisible.look_for(41.0, &steady);
    invisible.assert_failed_saying("no signal that the detector was shown rose by it");
}

/// A leak of descriptors; memory stays where it is.
fn files() -> Play {
    let mut play = Play::of("files");
    play.takes = vec![(Signal::Fds, Some(1.0)), (Signal::HeapBytes, Some(8.0))];
    play.reach_detection_with(&answer(Signal::Fds, State::Steady));
    for _ in 0..65 {
        play.entries += 4;
        play.fds += 4.0;
        play.look(&[answer(Signal::Fds, State::Suspect)]);
    }
    play
}

#[test]
fn a_leak_of_things_that_are_counted_is_flagged_where_they_are_and_must_come_back() {
    for (left, passes) in [(22.0, true), (150.0, false)] {
        let mut play = files();
        let flag = Assessment {
            signal: Signal::Fds,
            slope_per_second: Some(20.0),
            bytes_per_request: None,
            ..leaking()
        };
        play.entries += 4;
        play.fds += 4.0;
        play.look(&[flag]);
        assert_eq!(play.conductor.phase, Phase::Verify);
        assert!(
            play.said(|event| matches!(event, Event::Flagged(flag)
            if flag.signal == Signal::Fds && flag.per_request == Some(0.1) && flag.cause_is_right))
        );
        play.fds = left;
        play.look_for(70.0, &[answer(Signal::Fds, State::Recovered)]);
        assert_eq!(play.verdict().status == Status::Passed, passes, "{:?}", play.verdict());
        if !passes {
            play.assert_failed_saying("not proved: fds back, 130 fds of 264 fds leaked still held");
        }
    }
}

#[test]
fn a_rise_that_the_target_does_not_account_for_is_a_false_flag() {
    let mut play = files();
    play.heap_bytes += 30.0 * MIB;
    play.look(&[answer(Signal::HeapBytes, State::Leaking)]);
    play.assert_failed_saying("false flag on heap_bytes in the phase `detect`");
}

#[test]
fn a_truth_that_is_not_what_was_injected_fails_the_drill() {
    let mut play = Play::of("cache");
    play.reach_detection();
    play.leak_for(13.0, &[memory(State::Suspect)]);
    play.entries /= 2;
    play.heap_bytes = 20.0 * MIB + (play.entries * 10_240) as f64;
    play.look(&[leaking()]);
    play.look_for(70.0, &[memory(State::Recovered)]);
    play.assert_failed_saying("the truth is not what was injected: cache holds 1300 entries, of ");
}

#[test]
fn what_cannot_be_cleared_ends_with_its_growth_stopped() {
    let mut play = Play::of("forgotten");
    play.reach_verification();
    play.look_for(70.0, &[memory(State::GrowthStopped)]);
    assert_eq!(play.verdict(), &Verdict { status: Status::Passed, reasons: vec![] });
}

#[test]
fn a_flag_on_a_decoy_is_false() {
    let mut play = Play::of("bounded_cache");
    play.reach_detection();
    play.look(&[leaking()]);
    play.assert_failed_saying("false flag on rss_anon_bytes");
}

#[test]
fn an_alarm_on_a_slow_decoy_must_be_withdrawn() {
    for (state, passes) in [(State::Steady, true), (State::GrowthStopped, false)] {
        let mut play = Play::of("slow_fill");
        play.reach_detection();
        play.leak_for(20.0, &[memory(State::Suspect)]);
        play.leak(&[leaking()]);
        assert!(!play.ops.contains(&Op::Fix), "a decoy has nothing to fix");
        play.leak_for(20.0, &[leaking()]);
        play.look_for(20.0, &[leaking()]);
        play.look_for(55.0, &[memory(state)]);
        assert_eq!(play.verdict().status == Status::Passed, passes, "{:?}", play.verdict());
    }
}

#[test]
fn whatever_breaks_and_whenever_the_leak_is_rolled_back() {
    let broken = || Input::Broken("the service ended".to_owned());
    let lost_load = || {
        Input::LoadEnded(LoadSummary {
            problem: Some("no route".to_owned()),
            ..LoadSummary::default()
        })
    };
    let table = [
        (Phase::Start, broken(), Status::CouldNotRun),
        (Phase::Start, Input::Interrupted, Status::Interrupted),
        (Phase::Detect, broken(), Status::CouldNotRun),
        (Phase::Detect, lost_load(), Status::CouldNotRun),
        (Phase::Detect, Input::Interrupted, Status::Interrupted),
        (Phase::Verify, Input::Interrupted, Status::Interrupted),
    ];
    for (phase, input, status) in table {
        let mut play = Play::of("cache");
        match phase {
            Phase::Start => {}
            Phase::Detect => play.reach_detection(),
            _ => play.reach_verification(),
        }
        play.tell(input);
        assert_eq!(play.verdict().status, status);
        play.assert_rolled_back();
    }
}

#[test]
fn silence_of_the_sampler_is_never_taken_for_steadiness() {
    let mut play = Play::of("bounded_cache");
    play.reach_detection();
    play.t += 10.5;
    play.tell(Input::Tick);
    assert_eq!(play.verdict().status, Status::CouldNotRun);
    assert!(play.verdict().reasons[0].contains("nothing was seen of the service for 10s"));
}

#[test]
fn a_service_that_never_answers_could_not_run() {
    let mut play = Play::of("cache");
    play.t = 31.0;
    play.tell(Input::Tick);
    assert_eq!(play.verdict().status, Status::CouldNotRun);
}

#[test]
fn a_load_that_fails_is_not_the_load_that_was_asked_for() {
    let mut play = Play::of("cache");
    play.reach_verification();
    play.heap_bytes = 20.0 * MIB;
    // Played by hand from here: the load reports more errors than are tolerated.
    while play.conductor.phase == Phase::Verify {
        play.t += 0.2;
        let (seen, requests) = (play.seen(), play.requests());
        let look = Look { seen, requests, answers: vec![memory(State::Recovered)] };
        let ops = play.conductor.step(play.t, Input::Looked(look));
        if ops.contains(&Op::Inspect) {
            let (truth, requests) = (Truth::default(), requests..=requests);
            play.conductor.step(play.t, Input::Inspected { truth, requests });
        }
    }
    play.conductor.step(
        play.t,
        Input::LoadEnded(LoadSummary {
            sent: 1000,
            completed: 980,
            errors: 20,
            ..LoadSummary::default()
        }),
    );
    let ops = play.conductor.step(play.t, Input::RolledBack { problem: None });
    play.ops.extend(ops);
    let verdict = play.verdict();
    assert_eq!(verdict.status, Status::Failed);
    assert!(verdict.reasons[0].contains("20 of 1000 requests failed"), "{verdict:?}");
}

#[test]
fn nothing_follows_the_end() {
    let mut play = Play::of("cache");
    play.tell(Input::Interrupted);
    assert!(play.finished().is_some());
    for input in [Input::Tick, Input::Interrupted, Input::Started, Input::Broken(String::new())] {
        assert_eq!(play.conductor.step(99.0, input), []);
    }
}
