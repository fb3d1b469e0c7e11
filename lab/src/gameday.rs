//! A game day: something unknown is switched on, a trainee finds out what, and is scored.
//!
//! What is on is a function of seed and level ([`scenario`]). The service hides it under a seal, whose key is
//! kept in the [`record`] of the day. [`target`] speaks with the service, [`truth`] is what it shows once
//! the seal is open, and [`score`] compares an answer with it.

pub mod record;
pub mod scenario;
pub mod score;
pub mod target;
pub mod text;
pub mod truth;

use serde::Serialize;

use scenario::{Injection, Level};
use score::{Answer, Score};
use truth::Truth;

/// Raised whenever a field of the result changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// How a game day ended.
#[derive(Debug, Serialize)]
pub struct Debrief {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What the scenario was drawn from; the same again is the same scenario.
    pub seed: u64,
    /// How hard it was.
    pub level: Level,
    /// What was on.
    pub injected: Vec<Injection>,
    /// How it stood when the seal was opened.
    pub truth: Truth,
    /// Seconds from the start to the answer.
    pub elapsed_seconds: f64,
    /// What was answered; absent if the trainee gave up.
    pub answer: Option<Answer>,
    /// What that is worth.
    pub score: Option<Score>,
}
