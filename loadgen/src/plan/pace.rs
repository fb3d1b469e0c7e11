//! How the pacer waits.

use std::str::FromStr;

/// What a punctual arrival may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// By tokio's timer: up to 1 ms late and in bunches, for the least processor time.
    Coarse,
    /// By a timer of the kernel for every arrival: as punctual as the machine wakes a thread.
    #[default]
    Precise,
    /// By looking at the clock all the time: as punctual as can be, for a whole processor.
    Spin,
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(text: &str) -> Result<Self, PaceError> {
        match text {
            "coarse" => Ok(Self::Coarse),
            "precise" => Ok(Self::Precise),
            "spin" => Ok(Self::Spin),
            _ => Err(PaceError),
        }
    }
}

/// The name is no pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is none of `coarse`, `precise` and `spin`")]
pub struct PaceError;
