//! Combinations of good values that make no possible drill.
//!
//! Whatever can be known to fail before anything starts is refused here; what may fail, such as
//! a fix that is none, is for the drill to find out.

use super::problem::Collector;
use super::{Drill, Ending, FixStep};
use crate::quantity::{bytes, seconds};

/// What all leaks of the service together may hold before they stop growing, by its default.
const SERVICE_CAP_BYTES: f64 = 1024.0 * 1024.0 * 1024.0;

/// Adds every impossible combination of `drill` to `problems`.
pub(super) fn check(drill: &Drill, problems: &mut Collector) {
    check_ending_fits_target(drill, problems);
    check_deadlines_outlast_evidence(drill, problems);
    check_sampling(drill, problems);
    check_fix(drill, problems);
    check_bound(drill, problems);
    check_cap(drill, problems);
    check_something_leaks(drill, problems);
}

fn check_ending_fits_target(drill: &Drill, problems: &mut Collector) {
    let ending = drill.expect.ending;
    let key = format!("expect.{}", ending.key());
    let flagged = drill.expect.flagged_within_seconds.is_some();
    if drill.target.is_decoy() && ending.is_of_a_leak() {
        let what = format!("a decoy cannot end {}", ending.name());
        problems.report_rule(
            &[&key, "target.decoy"],
            what,
            "expect steady_within, or withdrawn_within after an alarm",
        );
    } else if !drill.target.is_decoy() && !ending.is_of_a_leak() {
        let what = format!("a leak must not end {}", ending.name());
        problems.report_rule(
            &[&key, "target.leak"],
            what,
            "expect recovered_within, growth_stopped_within or reopened_within",
        );
    }
    if ending == Ending::Steady && flagged {
        let what = "`expect.steady_within` means never flagged".to_owned();
        problems.report_rule(
            &["expect.flagged_within", &key],
            what,
            "remove flagged_within, or expect withdrawn_within",
        );
    }
    if ending != Ending::Steady && !flagged {
        let what = format!("`expect.{}` needs `flagged_within`", ending.key());
        problems.report_rule(&[&key, "expect.flagged_within"], what, "add flagged_within: 30s");
    }
}

fn check_deadlines_outlast_evidence(drill: &Drill, problems: &mut Collector) {
    let confirm = drill.detector.confirm_seconds;
    let ending = drill.expect.ending;
    let deadlines = [
        ("flagged_within", drill.expect.flagged_within_seconds),
        (ending.key(), Some(drill.expect.ending_within_seconds)),
    ];
    for (key, deadline) in deadlines {
        let Some(deadline) = deadline.filter(|deadline| *deadline <= confirm) else { continue };
        let what = format!(
            "`expect.{key}` is {}, and nothing is told before {} of evidence (`detector.confirm`)",
            seconds(deadline),
            seconds(confirm)
        );
        problems.report_rule(
            &[&format!("expect.{key}"), "detector.confirm"],
            what,
            "allow more time, or confirm less",
        );
    }
}

/// Ten samples are the least that a slope with an interval can be judged from.
fn check_sampling(drill: &Drill, problems: &mut Collector) {
    let watch = &drill.detector;
    if watch.every_seconds * 10.0 > watch.confirm_seconds {
        let what = format!(
            "`detector.every` of {} gives fewer than 10 samples in `detector.confirm`",
            seconds(watch.every_seconds)
        );
        problems.report_rule(
            &["detector.every", "detector.confirm"],
            what,
            "sample more often, or confirm longer",
        );
    }
}

fn check_fix(drill: &Drill, problems: &mut Collector) {
    let fix = &drill.phases.fix;
    if drill.target.is_decoy() && !fix.is_empty() {
        problems.report_rule(
            &["phases.fix"],
            "a decoy has nothing to fix".to_owned(),
            "remove phases.fix",
        );
    }
    if !drill.target.is_decoy() && fix.is_empty() {
        let hint = "name disable, clear, patch or several of them";
        problems.report_rule(&["phases.fix"], "`phases.fix` is empty".to_owned(), hint);
    }
    if let Some(reason) = drill.target.unclearable() {
        check_unclearable(drill, reason, problems);
    }
}

/// What cannot be dropped cannot be cleared, nor recovered.
fn check_unclearable(drill: &Drill, reason: &str, problems: &mut Collector) {
    let name = &drill.target.name;
    if drill.phases.fix.contains(&FixStep::Clear) {
        let what = format!("{name} cannot be cleared: {reason}");
        problems.report_rule(&["phases.fix", "target.leak"], what, "fix it by patch or disable");
    }
    if drill.expect.ending == Ending::Recovered {
        let what = format!("{name} cannot recover: {reason}");
        let hint = "expect growth_stopped_within";
        problems.report_rule(&["expect.recovered_within", "target.leak"], what, hint);
    }
}

fn check_bound(drill: &Drill, problems: &mut Collector) {
    let Some((bound, fill)) = drill.filling() else { return };
    let bound = format!("target.{bound}");
    let paths = [bound.as_str(), "target.decoy", "load.rate"];
    let (confirm, ending) = (drill.detector.confirm_seconds, drill.expect.ending);
    let key = format!("expect.{}", ending.key());
    let filling = format!("it is full after {}", seconds(fill));
    if ending == Ending::Steady && fill >= confirm {
        let what = format!("{filling}: until then nothing can tell it from a leak");
        problems.report_rule(
            &paths,
            what,
            "lower its bound, confirm longer, or expect withdrawn_within",
        );
    } else if ending == Ending::Withdrawn && fill <= confirm {
        let what = format!("{filling}, before a flag is possible after {}", seconds(confirm));
        problems.report_rule(&paths, what, "raise its bound, or expect steady_within");
    } else if fill >= drill.longest_seconds() {
        let what = format!("{filling}, after the last deadline");
        problems.report_rule(&[&key, paths[0]], what, "allow more time, or lower its bound");
    }
}

fn check_something_leaks(drill: &Drill, problems: &mut Collector) {
    if drill.leaking_share() <= 0.0 {
        let what = format!("{} leaks only when clients go away", drill.target.name);
        let hint = "add load.abort_share: 50%, and target.delay: 20ms so that they can";
        problems.report_rule(&["target.leak", "load"], what, hint);
    }
}

fn check_cap(drill: &Drill, problems: &mut Collector) {
    let Some(bytes_per_request) =
        drill.target.bytes_per_request.filter(|_| !drill.target.is_decoy())
    else {
        return;
    };
    let held = drill.load.mean_rate_per_second()
        * drill.leaking_share()
        * bytes_per_request as f64
        * drill.expect.flagged_within_seconds.unwrap_or(0.0);
    if held >= SERVICE_CAP_BYTES {
        let what = format!(
            "up to {} would leak before the flag; the service stops all leaks at {}",
            bytes(held),
            bytes(SERVICE_CAP_BYTES)
        );
        problems.report_rule(
            &["target.bytes_per_request", "load.rate", "expect.flagged_within"],
            what,
            "leak less, or load less",
        );
    }
}
