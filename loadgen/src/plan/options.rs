//! Options of a plan before they are checked, and the checking.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    Arrivals, Closed, Credentials, Goals, Load, MAX_BACKLOG, Pace, Plan, Problems, Protocol, Rate,
    RequestOptions, Share, Stage, Target, TargetError, Tls,
    request::{Common, check_headers},
    stage::{curve, rate_or_nothing},
};
use crate::{
    requests::{Popularity, Requests},
    schedule::{CurvePoint, OnOff, Profile, Shard, Timetable},
};

/// Longest run: a week.
pub(super) const MAX_DURATION: Duration = Duration::from_hours(7 * 24);
/// Most connections of one generator.
const MAX_CONNECTIONS: usize = 10_000;
/// Most requests at a time on one connection.
const MAX_STREAMS: usize = 1000;
/// Most threads of one generator.
const MAX_THREADS: usize = 256;
/// Longest wait for one reply; far below the hour that the histograms hold.
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
/// Longest think time.
const MAX_THINK_TIME: Duration = Duration::from_hours(1);
/// Most arrivals at one instant.
const MAX_BURST: usize = 100_000;
/// Largest key space.
const MAX_KEYS: u64 = 1_000_000_000_000;
/// Most requests in a mix.
const MAX_REQUESTS: usize = 1000;
/// Most headers that all requests have.
const MAX_HEADERS: usize = 100;

/// Options of a plan before they are checked. [`PlanOptions::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// Where the load goes, `http://HOST:PORT/PATH`; see [`Target`].
    pub url: String,
    /// Arrivals per time, as `200/s`; see [`Rate`]. With stages, the rate before the first; it may
    /// then be empty for none. Empty for a curve and for users.
    pub rate: String,
    /// How the arrivals are spread.
    pub arrivals: Arrivals,
    /// How many come at the same instant, 1 to 100,000: groups of so many, as much more seldom.
    pub burst: u32,
    /// Rates to be reached one after the other. Together they are as long as the run.
    pub stages: Vec<Stage>,
    /// A line of rates, instead of rate and stages. It is as long as the run.
    pub curve: Option<Arc<[CurvePoint]>>,
    /// Phases of load and of silence, with a constant rate alone.
    pub on_off: Option<OnOff>,
    /// A closed loop of so many users, 1 to 10,000, with a connection each, instead of a rate.
    pub users: Option<usize>,
    /// How long a user waits between a reply and the next request, at most an hour.
    pub think_time: Duration,
    /// Seed of all that is random: Poisson gaps, phases, choices, keys, ids and aborts.
    pub seed: u64,
    /// Connections, 1 to 10,000, all opened before the clock starts.
    pub connections: usize,
    /// Threads, 1 to 256, among which connections and arrivals are dealt out evenly.
    pub threads: usize,
    /// How the pacer waits.
    pub pace: Pace,
    /// Which part of the arrivals are this generator's.
    pub shard: Shard,
    /// The first instant of the schedule; at once if there is none.
    pub start_at: Option<SystemTime>,
    /// How long arrivals go on, at most a week.
    pub duration: Duration,
    /// How long an arrival may wait for a free connection, and then once more how long its
    /// request may take; 1 ms to 10 min.
    pub timeout: Duration,
    /// Arrivals that may wait for a free connection at once, 1 to 1,048,576. By default as many
    /// as come in one `timeout`, and at least 1024.
    pub backlog: Option<usize>,
    /// The run is invalid if the generator itself was later than this with more than 1 % of the
    /// arrivals; at least 1 us.
    pub max_lateness: Duration,
    /// Share of the requests whose client goes away before it has the reply.
    pub abort_share: Share,
    /// How long after the sending it goes away, at most 10 min. A reply that is whole by then
    /// counts as any other, so this should be less than the target takes.
    pub abort_after: Duration,
    /// What is spoken.
    pub protocol: Protocol,
    /// Requests at a time on each connection, 1 to 1000; more than one with HTTP/2 alone.
    pub streams: usize,
    /// The socket of the target's machine to connect to, instead of the URL's host and port.
    pub unix_socket: Option<PathBuf>,
    /// Certificates of the authorities to trust, in PEM form, instead of the system's.
    pub ca: Option<Vec<u8>>,
    /// Whether to trust whoever answers.
    pub insecure: bool,
    /// Whether a connection carries more than one request.
    pub keep_alive: bool,
    /// What the run must keep to count as good.
    pub goals: Goals,
    /// What all requests say of who sends them.
    pub credentials: Option<Credentials>,
    /// Names and values that all requests have, unless they have their own.
    pub headers: Vec<(String, String)>,
    /// The mix of requests; by default one GET of the URL.
    pub requests: Vec<RequestOptions>,
    /// Size of the key space of `{{key}}`, 1 to 10^12.
    pub keys: u64,
    /// How popular the keys are.
    pub popularity: Popularity,
}

impl PlanOptions {
    /// The defaults: GET, constant arrivals, seed 0, 10 connections kept alive, one thread, 5 s of
    /// timeout, 10 ms of lateness, no aborts.
    pub fn new(url: impl Into<String>, rate: impl Into<String>, duration: Duration) -> Self {
        Self {
            url: url.into(),
            rate: rate.into(),
            arrivals: Arrivals::Constant,
            burst: 1,
            stages: Vec::new(),
            curve: None,
            on_off: None,
            users: None,
            think_time: Duration::ZERO,
            seed: 0,
            connections: 10,
            threads: 1,
            pace: Pace::default(),
            shard: Shard::WHOLE,
            start_at: None,
            duration,
            timeout: Duration::from_secs(5),
            backlog: None,
            max_lateness: Duration::from_millis(10),
            abort_share: Share::NONE,
            abort_after: Duration::from_millis(1),
            protocol: Protocol::default(),
            streams: 1,
            unix_socket: None,
            ca: None,
            insecure: false,
            keep_alive: true,
            goals: Goals::default(),
            credentials: None,
            headers: Vec::new(),
            requests: Vec::new(),
            keys: 1000,
            popularity: Popularity::Uniform,
        }
    }

    /// Checks all options and names every problem at once.
    pub fn check(mut self) -> Result<Plan, Problems> {
        let mut problems = Problems::default();
        let target = self.check_url(&mut problems);
        let load = self.check_load(&mut problems);
        self.check_numbers(&mut problems);
        self.goals.check(&mut problems);
        if let Some(what) = self.credentials.as_ref().and_then(Credentials::problem) {
            problems.push("credentials", what);
        }
        // Without a target the requests are checked all the same, against some other.
        let some = target.clone().or_else(|| "http://localhost/".parse().ok());
        let requests = some.map(|target| self.check_requests(&target, &mut problems));
        let tls = target.as_ref().filter(|target| target.is_tls());
        let tls = tls.and_then(|target| Tls::new(&self, target, &mut problems));
        match (target, load, requests) {
            (Some(target), Some(load), Some(requests)) => {
                let requests = Arc::new(requests);
                problems.or(Plan { options: self, target, load, requests, tls })
            }
            _ => Err(problems),
        }
    }

    /// Credentials in a URL are not for a log, so they are not repeated.
    fn check_url(&self, problems: &mut Problems) -> Option<Target> {
        if self.url.is_empty() {
            problems.push("URL", "is missing: write `http://HOST:PORT/PATH`");
            return None;
        }
        let parsed = self.url.parse();
        let shown = |error| match error {
            TargetError::Credentials => error.to_string(),
            _ => format!("`{}` {error}", self.url),
        };
        parsed.map_err(|error| problems.push("URL", shown(error))).ok()
    }

    fn check_load(&mut self, problems: &mut Problems) -> Option<Load> {
        if let Some(users) = self.users {
            return Some(Load::Closed(self.check_users(users, problems)));
        }
        if !self.think_time.is_zero() {
            problems.push("think-time", "nobody thinks under an open load: say how many users");
        }
        let profile = self.check_profile(problems);
        problems.count_within("burst", self.burst as usize, 1, MAX_BURST);
        let (arrivals, burst, on_off, seed) = (self.arrivals, self.burst, self.on_off, self.seed);
        Some(Load::Open(Timetable { profile: profile?, arrivals, burst, on_off, seed }))
    }

    fn check_users(&mut self, users: usize, problems: &mut Problems) -> Closed {
        let all_users = users;
        let users = self.users_here(all_users);
        self.connections = users.div_ceil(self.streams.max(1));
        problems.count_within("users", all_users, 1, MAX_CONNECTIONS);
        if users == 0 && all_users > 0 {
            problems
                .push("shard", format!("leaves none of {all_users} users: there are more shards"));
        }
        problems.time_within("think-time", self.think_time, Duration::ZERO, MAX_THINK_TIME);
        let of_open_loads = [
            ("rate", !self.rate.is_empty()),
            ("stage", !self.stages.is_empty()),
            ("rate-curve", self.curve.is_some()),
            ("arrivals", self.arrivals != Arrivals::Constant),
            ("burst", self.burst != 1),
            ("on-off", self.on_off.is_some()),
            ("backlog", self.backlog.is_some()),
        ];
        let given = of_open_loads.into_iter().filter_map(|(name, given)| given.then_some(name));
        let given = given.collect::<Vec<_>>().join(", ");
        if !given.is_empty() {
            problems.push("users", format!("decide themselves when to ask: leave out {given}"));
        }
        Closed { users, all_users, think_time: self.think_time }
    }

    /// Users are dealt out to shards as arrivals are.
    pub(crate) fn users_here(&self, all_users: usize) -> usize {
        let (index, count) = (self.shard.index() as usize, self.shard.count() as usize);
        all_users.saturating_sub(index).div_ceil(count)
    }

    fn check_profile(&mut self, problems: &mut Problems) -> Option<Profile> {
        if self.on_off.is_some() && (self.curve.is_some() || !self.stages.is_empty()) {
            problems.push("on-off", "goes with a constant rate: leave out stages and curve");
        }
        let (place, points) = match (self.curve.clone(), &self.stages[..]) {
            (Some(points), stages) => {
                if !self.rate.is_empty() || !stages.is_empty() {
                    problems.push("rate-curve", "is the rate: leave out rate and stages");
                    return None;
                }
                ("rate-curve", points)
            }
            (None, []) if self.rate.is_empty() => {
                let what = "is missing: write `200/s`, or give stages, a curve or users";
                problems.push("rate", what);
                return None;
            }
            (None, []) => {
                let rate = problems.parse::<Rate>("rate", &self.rate)?;
                return Some(Profile::constant(rate, self.duration));
            }
            (None, stages) => {
                let first = if self.rate.is_empty() { "0/s" } else { &self.rate };
                let Some(first) = rate_or_nothing(first) else {
                    problems.push("rate", format!("`{first}` is no rate: write `200/s`"));
                    return None;
                };
                ("stage", curve(first, stages).into())
            }
        };
        if points.iter().all(|point| point.rate_per_second <= 0.0) || points.len() < 2 {
            problems.push(place, "has no arrivals: two points at least, and a rate above zero");
            return None;
        }
        let profile = Profile::curve(points);
        self.duration = profile.duration();
        Some(profile)
    }

    fn check_numbers(&self, problems: &mut Problems) {
        let micro = Duration::from_micros(1);
        let milli = Duration::from_millis(1);
        problems.count_within("connections", self.connections, 1, MAX_CONNECTIONS);
        problems.count_within("threads", self.threads, 1, MAX_THREADS);
        problems.count_within("streams", self.streams, 1, MAX_STREAMS);
        if self.streams > 1 && self.protocol == Protocol::Http1 {
            problems.push("streams", "HTTP/1.1 has one request at a time: use `--http 2`");
        }
        if self.threads > self.connections && self.connections > 0 {
            problems.push("threads", "there are more threads than connections");
        }
        problems.time_within("duration", self.duration, milli, MAX_DURATION);
        problems.time_within("timeout", self.timeout, milli, MAX_TIMEOUT);
        problems.time_within("max-lateness", self.max_lateness, micro, MAX_TIMEOUT);
        problems.time_within("abort-after", self.abort_after, Duration::ZERO, MAX_TIMEOUT);
        if let Some(backlog) = self.backlog {
            problems.count_within("backlog", backlog, 1, MAX_BACKLOG);
        }
        if !(1..=MAX_KEYS).contains(&self.keys) {
            problems.push("keys", format!("{} is not within 1 to 10^12", self.keys));
        }
    }

    fn check_requests(&self, target: &Target, problems: &mut Problems) -> Requests {
        problems.count_within("header", self.headers.len(), 0, MAX_HEADERS);
        problems.count_within("requests", self.requests.len(), 0, MAX_REQUESTS);
        let common = Common {
            target,
            headers: check_headers(&self.headers, "header", problems),
            credentials: self.credentials.as_ref(),
            keep_alive: self.keep_alive,
        };
        let one = [RequestOptions::default()];
        let mix = if self.requests.is_empty() { &one[..] } else { &self.requests };
        let mut check = |(number, request): (usize, &RequestOptions)| {
            let at = if mix.len() == 1 { String::new() } else { format!("requests[{number}].") };
            request.check(&common, &at, problems)
        };
        let mix = (1..).zip(mix).map(&mut check).collect();
        Requests::new(mix, self.seed, self.keys.max(1), self.popularity)
    }
}
