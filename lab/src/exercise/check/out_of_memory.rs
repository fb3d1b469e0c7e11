//! 6: all leaks at once, until the service is killed.
//!
//! Over HTTP nobody can tell why a service was started again, only that it was: the check
//! remembers the run that it saw before, and asks that another has begun since.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "out-of-memory",
    title: "Compare the leaks, then run out of memory",
    page: pages!("06-out-of-memory").0,
    solution: pages!("06-out-of-memory").1,
    questions: &[ALL, REMAINS],
    needs: Needs::Look,
    check,
};

const ALL: Question = Question { key: "all-three", form: Form::Size };
const REMAINS: Question =
    Question { key: "after-restart", form: Form::Word(&["leaks-on", "leaks-off"]) };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    let start = evidence.last.start_seconds();
    let lived_before = evidence.earlier_start_seconds.zip(start);
    findings.fact(
        "the service was started again since this check first saw it",
        lived_before.is_some_and(|(earlier, now)| now - earlier > 0.5),
        match lived_before {
            None => "seen now for the first time".to_owned(),
            Some((earlier, now)) if now - earlier > 0.5 => format!("{:.0} s later", now - earlier),
            Some(_) => "it is still the same run".to_owned(),
        },
        "let this check see the service before it dies; then switch all three leaks on and send load",
    );
    let active = evidence.last.active();
    findings.fact(
        "the new run is empty",
        active.is_empty(),
        if active.is_empty() { "all off".to_owned() } else { active.join(", ") },
        "a restart begins with every leak off: wait for it",
    );
    let leaks = ["cache", "listeners", "history"];
    let all = leaks.map(|name| evidence.last.standing(name).bytes_per_request).iter().sum();
    let hint = "what a request takes from each of the three, added up";
    findings.near(&ALL, answers, Some(all), 0.1, hint);
    let hint = "ask /admin/leaks/status after the restart";
    let word = if active.is_empty() { "leaks-off" } else { "leaks-on" };
    findings.text(&REMAINS, answers, |given| given == word, hint);
    findings
}
