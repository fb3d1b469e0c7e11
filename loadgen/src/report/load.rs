//! What was asked for, in words.

use std::time::Duration;

use super::seconds;
use crate::plan::{Closed, Load, Plan, PlanOptions};

/// One line without the target: the model of the load, its size and its length.
pub(super) fn describe(plan: &Plan) -> String {
    let options = plan.options();
    let mut parts = vec![match plan.load() {
        Load::Open(_) => format!("open, {}", arrivals(plan)),
        Load::Closed(Closed { all_users: users, think_time, .. }) => match *think_time {
            Duration::ZERO => format!("closed, {users} users without think time"),
            think_time => format!("closed, {users} users, {} to think", time(think_time)),
        },
    }];
    parts.push(format!("for {}", time(options.duration)));
    if let Load::Open(_) = plan.load() {
        parts.push(format!("over {} connections", options.connections));
    }
    if options.threads > 1 {
        parts.push(format!("on {} threads", options.threads));
    }
    if options.shard.count() > 1 {
        parts.push(format!("as shard {}", options.shard));
    }
    parts.join(" ")
}

fn arrivals(plan: &Plan) -> String {
    let PlanOptions { arrivals, stages, curve, on_off, burst, .. } = plan.options();
    let rate = plan.rate_per_second().unwrap_or_default();
    let line = match (stages.len(), curve, on_off) {
        (0, None, None) => format!("{arrivals} arrivals at {rate:.2}/s"),
        (0, None, Some(_)) => format!("{arrivals} arrivals on and off, {rate:.2}/s in the mean"),
        (0, Some(_), _) => format!("{arrivals} arrivals along a curve, {rate:.2}/s in the mean"),
        (1, ..) => format!("{arrivals} arrivals in a stage, {rate:.2}/s in the mean"),
        (count, ..) => format!("{arrivals} arrivals in {count} stages, {rate:.2}/s in the mean"),
    };
    if *burst > 1 { format!("{line} in bursts of {burst}") } else { line }
}

fn time(time: Duration) -> String {
    seconds(time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(change: impl FnOnce(&mut PlanOptions)) -> String {
        let mut options = PlanOptions::new("http://host/", "200/s", Duration::from_secs(10));
        change(&mut options);
        describe(&options.check().expect("a valid plan"))
    }

    #[test]
    fn a_load_is_said_in_a_line() {
        let open = "open, constant arrivals at 200.00/s for 10.0s over 10 connections";
        assert_eq!(line(|_| ()), open);
        assert_eq!(line(|options| options.threads = 2), format!("{open} on 2 threads"));
        let bursts =
            "open, constant arrivals at 200.00/s in bursts of 5 for 10.0s over 10 connections";
        assert_eq!(line(|options| options.burst = 5), bursts);
        let closed = line(|options| {
            options.rate = String::new();
            options.users = Some(7);
        });
        assert_eq!(closed, "closed, 7 users without think time for 10.0s");
    }
}
