//! The proof of recovery: what must be true before a resource counts as given back.
//!
//! A falling level proves nothing, and neither does a restart. Three things are asked for: the
//! growth has stopped while the same load goes on; every level that was flagged is back near
//! where it was before the leak; and a second dose of the load, as many requests as there were
//! from the injection to the flag, leaves next to nothing behind.
//!
//! Where the allocator saw a growth of resident memory, its bytes in use are the level: they are
//! exact, while resident memory is given back when the allocator sees fit.

mod gatherer;
mod level;

use detector::Signal;
use serde::{Deserialize, Serialize};

pub use gatherer::Gatherer;
pub use level::Level;

use crate::quantity::growth;

/// The numbers of the proof.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Whether the detector says that the growth has stopped, on every signal that was flagged.
    pub growth_stopped: bool,
    /// The signal that was flagged first, whose slopes these are.
    pub flagged: Option<Signal>,
    /// Its slope when it was flagged.
    pub slope_before_per_second: Option<f64>,
    /// Upper end of its slope now.
    pub slope_after_high_per_second: Option<f64>,
    /// Requests from the injection to the flag: the first dose.
    pub first_dose_requests: u64,
    /// Requests from the fix on, until there were as many: the second dose.
    pub second_dose_requests: u64,
    /// The levels that must be back.
    pub levels: Vec<Level>,
}

/// Which part of the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The growth has stopped.
    Growth,
    /// A level is back.
    Level,
    /// The second dose does no harm.
    Dose,
}

/// One check of the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Which part of the proof it belongs to.
    pub part: Part,
    /// What is proved.
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// The numbers.
    pub numbers: String,
}

impl Proof {
    /// Every check, in the order in which they come true.
    pub fn checks(&self) -> Vec<Check> {
        let levels = self.levels.iter().map(Level::back_check);
        let (first, second) = (self.first_dose_requests, self.second_dose_requests);
        let doses = self.levels.iter().map(|level| level.dose_check(first, second));
        [self.growth_check()].into_iter().chain(levels).chain(doses).collect()
    }

    /// Whether everything has recovered.
    pub fn is_complete(&self) -> bool {
        !self.levels.is_empty() && self.checks().iter().all(|check| check.holds)
    }

    /// Whether the second dose has been given, and has left next to nothing.
    pub fn second_dose_is_harmless(&self) -> bool {
        let checks = self.checks();
        let mut doses = checks.iter().filter(|check| check.part == Part::Dose).peekable();
        doses.peek().is_some() && doses.all(|check| check.holds)
    }

    fn growth_check(&self) -> Check {
        let told = |value: Option<f64>| {
            let told = value.zip(self.flagged).map(|(value, signal)| growth(signal, value));
            told.unwrap_or_else(|| "unknown".to_owned())
        };
        Check {
            part: Part::Growth,
            name: "growth stopped".to_owned(),
            holds: self.growth_stopped,
            numbers: format!(
                "{} before, at most {} now",
                told(self.slope_before_per_second),
                told(self.slope_after_high_per_second)
            ),
        }
    }
}
