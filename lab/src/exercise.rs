//! The training: pages, and checks that look at the running lab.
//!
//! An exercise is a page, its solution, and a check: a pure function of what the lab shows
//! ([`Evidence`]) and of what the trainee answered. Checks never ask which commands were typed.
//! Each has a file below `check/` and joins by one line in [`EXERCISES`].

mod answers;
mod check;
mod evidence;
mod findings;
mod page;
mod progress;
mod rules;
mod visit;

#[cfg(test)]
use answers::Form;
pub use answers::{Answers, Question};
pub use evidence::{Evidence, Look};
pub use findings::Findings;
pub use page::render;
pub use progress::Progress;
pub use visit::{Lab, Needs};

/// One step of the training.
#[derive(Debug)]
pub struct Exercise {
    /// The name of its file, without number.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// Its page, in Markdown.
    pub page: &'static str,
    /// The page of its solution, in Markdown.
    pub solution: &'static str,
    /// What is asked.
    pub questions: &'static [Question],
    /// What the check has to see.
    pub needs: Needs,
    /// Judges it.
    pub check: fn(&Evidence, &Answers) -> Findings,
}

/// Every exercise, in the order of the training; the first is number 1.
pub const EXERCISES: [&Exercise; 12] = [
    &check::baseline::EXERCISE,
    &check::cache::EXERCISE,
    &check::requests_and_time::EXERCISE,
    &check::line::EXERCISE,
    &check::fix::EXERCISE,
    &check::out_of_memory::EXERCISE,
    &check::connections::EXERCISE,
    &check::tasks::EXERCISE,
    &check::unseen::EXERCISE,
    &check::decoy::EXERCISE,
    &check::rules::EXERCISE,
    &check::capacity::EXERCISE,
];

/// The exercise of that number or name, with its number.
pub fn find(wanted: &str) -> Option<(usize, &'static Exercise)> {
    let numbered = (1..).zip(EXERCISES);
    let number = wanted.parse::<usize>().ok();
    numbered.into_iter().find(|(n, exercise)| Some(*n) == number || exercise.name == wanted)
}

#[cfg(test)]
mod tests;
