//! Flags have the last word: what they say takes the place of what a plan says of the same.

use std::{collections::BTreeSet, time::Duration};

use super::{plan_file::Places, settings::REPEATED};
use crate::{Arrivals, PlanOptions};

/// How much is sent and when, under an open load.
const OF_OPEN_LOADS: [&str; 7] =
    ["rate", "stage", "rate-curve", "arrivals", "burst", "on-off", "backlog"];

/// Takes out of `options`, which a plan has set, what these flags say anew: a list is said as a whole, and users
/// take the place of a rate as a rate does of users.
pub(super) fn displace(options: &mut PlanOptions, places: &mut Places, flags: &BTreeSet<&str>) {
    let mut take_out = |name: &str| {
        places.forget(name);
        clear(options, name);
    };
    REPEATED.into_iter().filter(|name| flags.contains(name)).for_each(&mut take_out);
    if flags.contains("users") {
        OF_OPEN_LOADS.into_iter().chain(["connections"]).for_each(take_out);
    } else if ["rate", "stage", "rate-curve"].iter().any(|name| flags.contains(name)) {
        ["users", "think-time"].into_iter().for_each(take_out);
    }
}

fn clear(options: &mut PlanOptions, name: &str) {
    let PlanOptions { goals, .. } = options;
    match name {
        "rate" => options.rate.clear(),
        "stage" => options.stages.clear(),
        "rate-curve" => options.curve = None,
        "arrivals" => options.arrivals = Arrivals::Constant,
        "burst" => options.burst = 1,
        "on-off" => options.on_off = None,
        "backlog" => options.backlog = None,
        "users" => options.users = None,
        "think-time" => options.think_time = Duration::ZERO,
        "request" => options.requests.clear(),
        "header" => options.headers.clear(),
        "threshold" => goals.thresholds.clear(),
        "stop-unless" => goals.stop_unless.clear(),
        "check-status" => goals.checks.status.clear(),
        "check-body" => goals.checks.body.clear(),
        // Who gives users has their connections computed.
        _ => {}
    }
}
