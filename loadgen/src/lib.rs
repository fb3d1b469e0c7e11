//! Open-loop HTTP load, honest about time: `plan -> pacer -> connections -> tally -> report`.
//!
//! A [`Plan`] says what to ask of whom. The pacer decides when each request is due from the plan
//! alone, never from the last reply; a bounded backlog carries the *intended* instant of each
//! arrival to the connections; the tally keeps three histograms and a few counters, so memory is
//! the same for a second and for a week; the [`Report`] says what happened and whether the
//! generator itself kept up well enough for the figures to mean anything.
//!
//! It refuses to send load anywhere but to the one target of the plan, to keep anything per
//! request, and to hide an arrival that it could not place. It needs Linux (`timerfd`).

mod backlog;
pub mod cli;
mod clock;
mod connections;
mod control;
mod error;
mod failure;
mod pacer;
mod plan;
mod report;
mod run;
mod schedule;
mod tally;

pub use control::{Control, Counts};
pub use error::LoadError;
pub use plan::{
    Arrivals, ArrivalsError, Plan, PlanOptions, Problem, Problems, Rate, RateError, Target,
    TargetError,
};
pub use report::{Distribution, Report};
pub use run::run;
pub use schedule::{Schedule, ScheduleHash};
