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

mod archive;
mod backlog;
mod books;
mod checks;
pub mod cli;
mod clock;
mod collector;
mod compare;
mod connections;
mod control;
mod draw;
mod error;
mod failure;
mod merge;
mod output;
mod pacer;
mod plan;
mod processor;
mod recorded;
mod recording;
mod report;
mod requests;
mod run;
mod schedule;
mod stop_unless;
mod tally;
mod threshold;
mod timeline;

pub use checks::{BodyText, CheckError, Checks, StatusRange};
pub use control::{Control, Counts};
pub use error::LoadError;
pub use plan::{
    Arrivals, ArrivalsError, Credentials, Goals, Pace, PaceError, Plan, PlanOptions, Problem,
    Problems, Protocol, ProtocolError, Rate, RateError, RequestOptions, Share, ShareError, Stage,
    StageError, Target, TargetError,
};
pub use recorded::{Recorded, RecordedError};
pub use report::{Distribution, Histograms, Model, Report, TimelineCell};
pub use requests::{Popularity, PopularityError};
pub use run::run;
pub use schedule::{
    CurvePoint, OnOff, OnOffError, Profile, Schedule, ScheduleHash, Shard, ShardError, Timetable,
};
pub use threshold::{Judgement, Threshold, ThresholdError, Unit};
