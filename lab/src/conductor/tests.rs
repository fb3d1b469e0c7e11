//! Whole drills played with made-up inputs: no process, no clock.

mod play;

use detector::{Assessment, Signal, State};

use super::{Input, Look, Op};
use crate::event::{Event, LoadSummary, Phase, Status, Truth, Verdict};
use play::{MIB, Play, answer, leaking, memory};

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
        play.leak_until_fixed(17.0, &[unnamed.clone(), threads]);
        assert_eq!(play.conductor.phase, Phase::Verify);
        play.heap_bytes = 20.0 * MIB;
        let threads = answer(Signal::Threads, State::Recovered);
        play.look_for(70.0, &[memory(State::Recovered), threads]);
        if passes {
            assert_eq!(play.verdict(), &Verdict { status: Status::Passed, reasons: vec![] });
        } else {
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
