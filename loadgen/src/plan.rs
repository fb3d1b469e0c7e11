//! The plan: what load to send where. Raw options become a [`Plan`] in one checking step that
//! reports every problem at once; whoever holds a `Plan` holds something that can be run.

mod credentials;
mod curve;
mod goals;
mod options;
mod pace;
mod problem;
mod protocol;
mod rate;
mod request;
mod share;
mod stage;
mod target;
mod tls;

use std::{sync::Arc, time::Duration};

pub use credentials::Credentials;
pub(crate) use curve::parse_curve;
pub use goals::Goals;
pub use options::PlanOptions;
pub use pace::{Pace, PaceError};
pub use problem::{Problem, Problems};
pub use protocol::{Protocol, ProtocolError};
pub use rate::{Rate, RateError};
pub use request::RequestOptions;
pub use share::{Share, ShareError};
pub use stage::{Stage, StageError};
pub use target::{Target, TargetError};
pub(crate) use tls::Tls;

use crate::{
    requests::Requests,
    schedule::{Schedule, Timetable},
};

/// Largest backlog: 2^20 arrivals of 24 bytes, 24 MiB.
const MAX_BACKLOG: usize = 1 << 20;
/// Smallest default backlog, so that bursts fit at low rates too.
const MIN_DEFAULT_BACKLOG: usize = 1024;

/// How arrivals are spread in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly: the n-th arrival at n / rate, exactly.
    Constant,
    /// Independently of one another, as many unrelated users do: exponential gaps.
    Poisson,
}

impl std::fmt::Display for Arrivals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
        })
    }
}

impl std::str::FromStr for Arrivals {
    type Err = ArrivalsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "constant" => Ok(Self::Constant),
            "poisson" => Ok(Self::Poisson),
            _ => Err(ArrivalsError),
        }
    }
}

/// The name is no kind of arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither `constant` nor `poisson`")]
pub struct ArrivalsError;

/// A checked plan, ready to be run.
#[derive(Clone)]
pub struct Plan {
    options: PlanOptions,
    target: Target,
    load: Load,
    requests: Arc<Requests>,
    tls: Option<Tls>,
}

/// Who decides when the next request is sent.
#[derive(Debug, Clone)]
pub(crate) enum Load {
    /// The schedule alone.
    Open(Timetable),
    /// Each of some users, who wait for their replies.
    Closed(Closed),
}

/// A closed loop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed {
    /// Those of this shard.
    pub(crate) users: usize,
    pub(crate) all_users: usize,
    pub(crate) think_time: Duration,
}

impl Plan {
    /// The options that the plan was checked from.
    pub fn options(&self) -> &PlanOptions {
        &self.options
    }

    /// Where the load goes.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Who decides when the next request is sent.
    pub(crate) fn load(&self) -> &Load {
        &self.load
    }

    /// What is sent.
    pub(crate) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// How TLS begins, if the target is reached over it.
    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// How many requests can be under way at once.
    pub(crate) fn concurrency(&self) -> usize {
        match self.load {
            Load::Open(_) => self.options.connections * self.options.streams,
            Load::Closed(Closed { users, .. }) => users,
        }
    }

    /// Mean of the arrivals per second that are this generator's; none in a closed loop.
    pub fn rate_per_second(&self) -> Option<f64> {
        let schedule = self.schedule()?;
        let shards = self.options.shard.count() as f64;
        Some(schedule.expected() as f64 / self.options.duration.as_secs_f64() / shards)
    }

    /// Arrivals that may wait for a free connection at once.
    pub fn backlog(&self) -> usize {
        let Load::Open(Timetable { profile, burst, .. }) = &self.load else { return 0 };
        let in_one_timeout = profile.peak_per_second() * self.options.timeout.as_secs_f64();
        let needed = in_one_timeout.ceil() as usize + *burst as usize;
        let default = needed.clamp(MIN_DEFAULT_BACKLOG, MAX_BACKLOG);
        self.options.backlog.unwrap_or(default)
    }

    /// The intended instants of all arrivals, those of other shards too, from the start; none in
    /// a closed loop.
    pub fn schedule(&self) -> Option<Schedule> {
        match &self.load {
            Load::Open(timetable) => Some(timetable.schedule()),
            Load::Closed(_) => None,
        }
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> PlanOptions {
        PlanOptions::new("http://localhost:8080/", "200/s", Duration::from_secs(10))
    }

    fn count(options: PlanOptions) -> usize {
        options.check().expect("valid").schedule().expect("open").count()
    }

    #[test]
    fn the_defaults_make_a_plan() {
        assert_eq!(options().check().expect("the defaults are valid").backlog(), 1024);
        assert_eq!(count(options()), 2000);
    }

    #[test]
    fn the_default_backlog_holds_one_timeout_of_arrivals() {
        let mut options = options();
        options.rate = "5000/s".to_owned();
        assert_eq!(options.check().expect("valid").backlog(), 25_001);
    }

    #[test]
    fn stages_ramp_from_the_rate_on_and_are_as_long_as_they_are_together() {
        let mut options = options();
        options.stages = ["10s:400/s", "5s:0/s"].map(|stage| stage.parse().expect(stage)).into();
        let plan = options.clone().check().expect("valid");
        assert_eq!(plan.options().duration, Duration::from_secs(15));
        assert_eq!(count(options), 4000);
        let rate = plan.rate_per_second().expect("open");
        assert!((rate - 4000.0 / 15.0).abs() < 1e-9, "{rate}");
    }

    #[test]
    fn a_closed_loop_has_a_connection_per_user_and_no_schedule() {
        let mut options = options();
        (options.rate, options.users) = (String::new(), Some(7));
        let plan = options.check().expect("valid");
        assert_eq!(plan.options().connections, 7);
        assert!(plan.schedule().is_none() && plan.rate_per_second().is_none());
    }

    #[test]
    fn users_are_dealt_out_to_shards() {
        let connections = |shard: &str| {
            let mut options = options();
            (options.rate, options.users) = (String::new(), Some(5));
            options.shard = shard.parse().expect("a shard");
            options.check().map(|plan| (plan.options().connections, plan.concurrency()))
        };
        let two = ["0/2", "1/2"].map(|shard| connections(shard).expect("valid"));
        assert_eq!(two, [(3, 3), (2, 2)]);
        let none = connections("5/6").expect_err("a problem").to_string();
        assert!(none.starts_with("shard: leaves none of 5 users"), "{none}");
    }

    #[test]
    fn what_no_duration_can_hold_is_refused() {
        let mut options = options();
        options.rate = String::new();
        options.stages = vec![format!("{}s:5/s", u64::MAX).parse().expect("a stage")];
        let problems = options.check().expect_err("a problem").to_string();
        assert!(problems.contains("duration: "), "{problems}");
    }

    #[test]
    fn shards_share_the_rate() {
        let mut options = options();
        options.shard = "1/4".parse().expect("a shard");
        let plan = options.check().expect("valid");
        assert_eq!(plan.rate_per_second(), Some(50.0));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let mut options = PlanOptions::new("ftp://host/", "0/s", Duration::ZERO);
        options.burst = 0;
        options.connections = 0;
        options.threads = 0;
        options.streams = 0;
        options.timeout = Duration::from_hours(1);
        options.backlog = Some(0);
        options.max_lateness = Duration::ZERO;
        options.abort_after = Duration::MAX;
        options.keys = 0;
        options.headers = vec![("a b".into(), "x".into()), ("x".into(), "y".into())];
        let problems = options.check().expect_err("problems");
        let places: Vec<_> = problems.iter().map(|problem| &problem.place[..]).collect();
        let all = [
            "URL",
            "rate",
            "burst",
            "connections",
            "threads",
            "streams",
            "duration",
            "timeout",
            "max-lateness",
            "abort-after",
            "backlog",
            "keys",
            "header",
        ];
        assert_eq!(places, all);
    }

    #[test]
    fn every_problem_of_every_request_is_named_with_its_number() {
        let mut options = options();
        options.headers = vec![("a b".into(), "x".into()), ("Content-Length".into(), "5".into())];
        let bad = RequestOptions {
            weight: 0,
            method: "CONNECT".into(),
            path: Some("x".into()),
            headers: vec![("x".into(), "a\nb".into())],
            body: Some(b"{{no}}".to_vec()),
        };
        options.requests = vec![RequestOptions::default(), bad];
        let problems = options.check().expect_err("problems");
        let places: Vec<_> = problems.iter().map(|problem| &problem.place[..]).collect();
        let all = [
            "header",
            "header",
            "requests[2].weight",
            "requests[2].method",
            "requests[2].body",
            "requests[2].path",
            "requests[2].header",
        ];
        assert_eq!(places, all);
    }

    #[test]
    fn whatever_is_of_open_loads_alone_is_named_to_users() {
        let mut options = options();
        (options.users, options.burst, options.backlog) = (Some(5), 2, Some(100));
        options.arrivals = Arrivals::Poisson;
        let problems = options.check().expect_err("a problem").to_string();
        let named = "leave out rate, arrivals, burst, backlog";
        assert_eq!(problems, format!("users: decide themselves when to ask: {named}"));
    }

    #[test]
    fn credentials_in_a_url_are_not_repeated() {
        let mut options = options();
        options.url = "http://user:secret@host/".to_owned();
        let problems = options.check().expect_err("a problem").to_string();
        assert!(problems.starts_with("URL: holds credentials"), "{problems}");
        assert!(!problems.contains("secret"), "{problems}");
    }

    #[test]
    fn a_body_that_is_no_text_is_sent_as_it_is() {
        let body = b"\xff\xd8{{\xff}}{{key}}";
        let mut options = options();
        options.requests =
            vec![RequestOptions { body: Some(body.to_vec()), ..RequestOptions::default() }];
        let plan = options.check().expect("a valid plan");
        assert_eq!(plan.requests().of(0, &mut Vec::new()).body(), body);
    }

    #[test]
    fn what_excludes_one_another_is_refused() {
        let change = |change: fn(&mut PlanOptions)| {
            let mut options = options();
            change(&mut options);
            options.check().err().map(|problems| problems.to_string()).unwrap_or_default()
        };
        for (options, place) in [
            (change(|options| options.rate.clear()), "rate: "),
            (change(|options| options.users = Some(5)), "users: "),
            (change(|options| options.curve = Some([].into())), "rate-curve: "),
            (change(|options| options.think_time = Duration::from_secs(1)), "think-time: "),
            (change(|options| options.on_off = "1s/1s".parse().ok()), ""),
            (
                change(|options| {
                    options.on_off = "1s/1s".parse().ok();
                    options.stages = vec!["1s:1/s".parse().expect("a stage")];
                }),
                "on-off: ",
            ),
            (change(|options| options.threads = 11), "threads: "),
        ] {
            assert_eq!(options.split_inclusive(": ").next().unwrap_or(""), place, "{options}");
        }
    }
}
