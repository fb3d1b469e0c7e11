//! The user's own monitoring, live: a drill's service leaks, and Alertmanager tells when it noticed.
//!
//! The same service, load, injection and fix as in a drill; what decides is the webhook and not our
//! detector. Times are those of the webhook's arrival: what a person who is paged goes through.

mod firing;
pub mod report;
pub mod webhook;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use firing::Firing;

use crate::drill::Drill;
use crate::error_chain;
use crate::interrupt::Interrupt;
use crate::load::RunningLoad;
use crate::service::{Service, StartError};
use crate::session::RollBack;
use report::{Outcome, Outside};
use webhook::Webhook;

/// The longest time between two looks at the service and at the interrupt.
const TICK: Duration = Duration::from_millis(100);
/// Load beyond the last deadline, so that it never ends before the drill does.
const SPARE_SECONDS: f64 = 120.0;

/// How the drills are run.
#[derive(Debug)]
pub struct Plan {
    /// The program that `serve`s.
    pub program: PathBuf,
    /// Where the service listens, which the user's Prometheus scrapes.
    pub serve: SocketAddr,
    /// Only alerts of these names count; all if there are none.
    pub alerts: Vec<String>,
    /// How long to wait for an alert after the injection.
    pub fire_within: Duration,
    /// How long to wait for its end after the fix.
    pub resolve_within: Duration,
    /// Ctrl-C.
    pub interrupt: Interrupt,
}

/// Why a drill ended before its end.
enum Stop {
    Interrupted,
    Broken(String),
}

/// One drill under way. Its fields are dropped from the top: the load first, the service last.
struct Live<'a> {
    plan: &'a Plan,
    webhook: &'a Webhook,
    firing: &'a mut Firing,
    load: RunningLoad,
    target: RollBack,
    service: Service,
    began: Instant,
    outcome: Outcome,
}

/// Runs one drill; `firing` is what fires, and is carried on from drill to drill.
pub fn run(drill: &Drill, plan: &Plan, webhook: &Webhook, firing: &mut Firing) -> Outcome {
    let began = Instant::now();
    let delay = Duration::from_secs_f64(drill.target.delay_seconds);
    let mut outcome = Outcome::new(&drill.name, !drill.target.is_decoy());
    let started = Service::start_at(&plan.program, plan.serve, delay, || plan.interrupt.is_set());
    let service = match started {
        Ok(service) => service,
        Err(StartError::Interrupted) => return outcome,
        Err(error) => {
            outcome.problem = Some(error_chain(&error));
            return outcome;
        }
    };
    let phases = &drill.phases;
    let longest = phases.warm_up_seconds
        + phases.baseline_seconds
        + plan.fire_within.as_secs_f64()
        + 2.0 * plan.resolve_within.as_secs_f64()
        + SPARE_SECONDS;
    let url = format!("http://{}/api/data", service.address());
    let mut live = Live {
        load: RunningLoad::start(&drill.load, url, longest),
        target: RollBack::new(service.address(), drill.target.clone()),
        plan,
        webhook,
        firing,
        service,
        began,
        outcome,
    };
    match live.conduct(drill) {
        Ok(()) => live.outcome.is_complete = true,
        Err(Stop::Interrupted) => {}
        Err(Stop::Broken(why)) => live.outcome.problem = Some(why),
    }
    if let Err(error) = live.target.roll_back() {
        live.outcome.problem.get_or_insert_with(|| error_chain(&error));
    }
    live.outcome
}

impl Live<'_> {
    fn conduct(&mut self, drill: &Drill) -> Result<(), Stop> {
        let phases = &drill.phases;
        // What still fires of the drill before is not this one's.
        if self.wait(self.plan.resolve_within, |live| live.firing.is_silent())? {
            self.firing.forget();
        }
        let calm = Duration::from_secs_f64(phases.warm_up_seconds + phases.baseline_seconds);
        self.wait(calm, |_| false)?;
        self.note_outside("before the injection");
        let told = self.firing.told();

        self.target.inject().map_err(|error| Stop::Broken(error_chain(&error)))?;
        let onset = Instant::now();
        self.narrate("injected");
        if self.outcome.leaks {
            self.wait(self.plan.fire_within, |live| live.firing.told() > told)?;
        } else {
            // A decoy is watched to the end: the alarm may come late.
            self.wait(self.plan.fire_within, |_| false)?;
            self.note_outside("on a decoy");
            return Ok(());
        }
        if let Some(alarm) = self.firing.take_first() {
            self.outcome.fired_after_seconds = Some((alarm.at - onset).as_secs_f64());
            self.outcome.alert = Some(alarm.name);
            self.firing.forget();
        }
        self.narrate(if self.outcome.alert.is_some() { "fired" } else { "nothing fired in time" });

        self.target.fix(&phases.fix).map_err(|error| Stop::Broken(error_chain(&error)))?;
        let fixed = Instant::now();
        self.narrate("fixed");
        if self.outcome.alert.is_none() {
            return Ok(());
        }
        let resolved = self.wait(self.plan.resolve_within, |live| live.firing.is_silent())?;
        self.outcome.resolved_after_seconds = resolved.then(|| fixed.elapsed().as_secs_f64());
        self.narrate(if resolved { "resolved" } else { "not resolved in time" });
        Ok(())
    }

    /// Takes alerts in until the condition holds, at most so long; whether it held.
    fn wait(&mut self, longest: Duration, is_met: impl Fn(&Self) -> bool) -> Result<bool, Stop> {
        let deadline = Instant::now() + longest;
        loop {
            for notice in self.webhook.notices() {
                if self.plan.alerts.is_empty() || self.plan.alerts.contains(&notice.name) {
                    self.firing.take(notice);
                }
            }
            if is_met(self) {
                return Ok(true);
            }
            if self.plan.interrupt.is_set() {
                return Err(Stop::Interrupted);
            }
            if let Some(end) = self.service.ended() {
                return Err(Stop::Broken(end));
            }
            if self.load.is_over() {
                return Err(Stop::Broken("the load ended early".to_owned()));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            self.webhook.wait(left.min(TICK));
        }
    }

    /// Every alert that came and is not the leak's.
    fn note_outside(&mut self, when: &'static str) {
        while let Some(alarm) = self.firing.take_first() {
            let t_seconds = (alarm.at - self.began).as_secs_f64();
            self.outcome.outside.push(Outside { alert: alarm.name, when, t_seconds });
        }
    }

    fn narrate(&self, what: &str) {
        let seconds = self.began.elapsed().as_secs_f64();
        eprintln!("{:>7.1}s  {}: {what}", seconds, self.outcome.drill);
    }
}
