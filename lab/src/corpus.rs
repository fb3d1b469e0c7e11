//! A corpus: series with their ground truth, on which detectors are scored.
//!
//! Series are generated from seeds (one file per [`family`], parameters drawn from the one table in
//! [`ranges`]), each a [`Trace`] whose [`Truth`] is known exactly because the leak is added to what
//! is no leak. A trace in memory and the file that [`write`] makes of it hold the same numbers.
//! What a detector says of them is the business of [`crate::bench`].

pub mod card;
pub mod check;
pub mod digest;
pub mod draw;
pub mod family;
pub mod inject;
pub mod labels;
pub mod load;
pub mod manifest;
pub mod measure;
pub mod noise;
pub mod ranges;
pub mod read;
pub mod record;
pub mod render;
pub mod scene;
pub mod shape;
pub mod truth;
pub mod write;

use std::fmt;
use std::str::FromStr;

use detector::Observation;
use draw::Draw;
use family::{FAMILIES, Family};
use truth::Truth;

/// Raised whenever the same seed gives other bytes than before: scores before and after do not
/// compare.
pub const GENERATOR_VERSION: u32 = 2;

/// A series with its ground truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The name, unique in its corpus and fit for a file name.
    pub name: String,
    /// What leaked, and since when.
    pub truth: Truth,
    /// The samples, in the order of time.
    pub observations: Vec<Observation>,
}

/// Which half of the parameters: detectors are tuned on one and judged on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// To look at, to tune on.
    Tune,
    /// To judge by, and not to look at.
    Test,
}

impl Half {
    /// The name in files and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tune => "tune",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Half {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "tune" => Ok(Self::Tune),
            "test" => Ok(Self::Test),
            _ => Err("expected tune or test"),
        }
    }
}

/// What to generate: so many traces, the families in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// Which half of the parameters.
    pub half: Half,
    /// How many traces.
    pub traces: usize,
}

impl Recipe {
    /// Generates one of the traces, `index` from 0; each by itself, so that they can be made in
    /// any order and by any number of threads.
    pub fn trace(&self, index: usize) -> Trace {
        let family: &Family = &FAMILIES[index % FAMILIES.len()];
        let nth = index / FAMILIES.len();
        let mut draw = Draw::new(self.seed, self.half, family.name, nth as u64);
        let name = format!("{}-{}-{nth:04}", family.name, self.half);
        render::trace(name, family, &mut draw)
    }
}

#[cfg(test)]
mod tests;
