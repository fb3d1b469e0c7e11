//! 3: growth that follows requests, and growth that follows the clock.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, leaks, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "requests-and-time",
    title: "Does it grow with requests, or with time?",
    page: pages!("03-requests-and-time").0,
    solution: pages!("03-requests-and-time").1,
    questions: &[REQUESTS, CLOCK, AT_100],
    needs: Needs::Look,
    check,
};

const REQUESTS: Question =
    Question { key: "follows-requests", form: Form::Word(&["cache", "history"]) };
const CLOCK: Question = Question { key: "follows-clock", form: Form::Word(&["cache", "history"]) };
const AT_100: Question = Question { key: "at-100-per-second", form: Form::Size };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    leaks(&mut findings, evidence, "cache", 1000.0);
    leaks(&mut findings, evidence, "history", 20.0);
    let (cache, history) = (evidence.last.standing("cache"), evidence.last.standing("history"));
    findings.fact(
        "history is fed by the clock",
        history.per_second.is_some(),
        history.per_second.map_or("by requests".to_owned(), |rate| format!("{rate} per second")),
        "switch it on with per_second, as the page does",
    );
    let hint = "send a burst, and look which of the two jumps; then wait without one";
    let fed_by_requests = |name: &str| match name {
        "cache" => cache.per_second.is_none(),
        _ => history.per_second.is_none(),
    };
    findings.text(&REQUESTS, answers, fed_by_requests, hint);
    findings.text(&CLOCK, answers, |name| !fed_by_requests(name), hint);
    let growth = cache.measured_bytes_per_request.map(|each| 100.0 * each);
    let hint = "what it grows by in a second of 100 requests: 100 times what one takes";
    findings.near(&AT_100, answers, growth, 0.1, hint);
    findings
}
