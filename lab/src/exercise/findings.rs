//! What a check found: each thing that is asked for, whether it is so, and a hint if not.

use serde::Serialize;

use super::answers::{Answers, Question};

/// One thing that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What is asked for.
    pub what: String,
    /// Whether it is so.
    pub met: bool,
    /// What was seen instead, or as well.
    pub seen: String,
    /// What to do about it.
    pub hint: &'static str,
}

/// All that a check found, in the order of the page.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Whether all that is asked for is so.
    pub fn passed(&self) -> bool {
        self.0.iter().all(|finding| finding.met)
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }

    /// Something that the lab shows.
    pub fn fact(&mut self, what: &str, met: bool, seen: String, hint: &'static str) {
        self.0.push(Finding { what: what.to_owned(), met, seen, hint });
    }

    /// A number that was answered, right if it is off by `tolerance` of the truth at most. The
    /// truth is not told: it is what the exercise is about.
    pub fn near(
        &mut self,
        question: &Question,
        answers: &Answers,
        truth: Option<f64>,
        tolerance: f64,
        hint: &'static str,
    ) {
        let given = answers.number(question.key);
        let (met, seen) = match (given, truth) {
            (None, _) => (false, unanswered(question)),
            (Some(_), None) => (false, "the lab does not show it now".to_owned()),
            (Some(given), Some(truth)) if (given - truth).abs() <= tolerance * truth.abs() => {
                (true, format!("right, within {:.0} %", 100.0 * tolerance))
            }
            (Some(given), Some(truth)) => {
                let way = if given < truth { "too low" } else { "too high" };
                (false, format!("{way}, by more than {:.0} %", 100.0 * tolerance))
            }
        };
        self.fact(question.key, met, seen, hint);
    }

    /// A text that was answered, right if `is_right` says so.
    pub fn text(
        &mut self,
        question: &Question,
        answers: &Answers,
        is_right: impl FnOnce(&str) -> bool,
        hint: &'static str,
    ) {
        let (met, seen) = match answers.text(question.key) {
            None => (false, unanswered(question)),
            Some(given) if is_right(given) => (true, "right".to_owned()),
            Some(given) => (false, format!("not {given}")),
        };
        self.fact(question.key, met, seen, hint);
    }
}

fn unanswered(question: &Question) -> String {
    format!("not answered: {}", question.usage())
}
