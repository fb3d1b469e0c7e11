//! How a command ends: its exit code, or why it could not run.

use std::error::Error;
use std::io;
use std::process::ExitCode;

/// What the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: judged, and no leak.
    Steady,
    /// 1: a leak.
    Leak,
    /// 2: could not run, or not to the end.
    CouldNotRun,
    /// 3: not enough to tell.
    Undecided,
    /// 130: interrupted by the user.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Steady => 0,
            Outcome::Leak => 1,
            Outcome::CouldNotRun => 2,
            Outcome::Undecided => 3,
            Outcome::Interrupted => 130,
        })
    }
}

/// Everything for which a command could not run, at least one thing.
#[derive(Debug)]
pub struct Refusal(pub Vec<Box<dyn Error>>);

impl Refusal {
    /// Writes one line per error, with all of its causes.
    pub fn report(&self) -> Outcome {
        for error in &self.0 {
            if !is_broken_pipe(error.as_ref()) {
                eprintln!("error: {}", chain(error.as_ref()));
            }
        }
        Outcome::CouldNotRun
    }
}

impl<E: Error + 'static> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self(vec![error.into()])
    }
}

/// An error and its causes on one line.
pub fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}")).replace('\n', " ")
}

/// Whoever read our results has read enough (`| head`): nothing to complain about.
fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] io::Error);

    #[test]
    fn a_chain_is_one_line_with_every_cause() {
        let error = Outer(io::Error::other("inner\nof two lines"));
        assert_eq!(chain(&error), "outer: inner of two lines");
    }
}
