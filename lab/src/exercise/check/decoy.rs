//! 10: two that look alike, and only one of them leaks.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, in_words, leaks, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "decoy",
    title: "Which of the two leaks?",
    page: pages!("10-decoy").0,
    solution: pages!("10-decoy").1,
    questions: &[DECOY, BOUND],
    needs: Needs::Look,
    check,
};

const DECOY: Question = Question { key: "decoy", form: Form::Word(&["cache", "bounded_cache"]) };
const BOUND: Question = Question { key: "bound", form: Form::Size };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    leaks(&mut findings, evidence, "cache", 1000.0);
    let decoy = evidence.last.standing("bounded_cache");
    findings.fact(
        "the bounded cache is full, and evicts",
        decoy.enabled && decoy.evictions > 0.0,
        format!("{}, {} evictions", in_words(&decoy), decoy.evictions),
        "send more requests: before it is full nobody can tell the two apart",
    );
    let hint = "which of the two still grows?";
    findings.text(&DECOY, answers, |given| given == "bounded_cache", hint);
    let bound = decoy.max_entries.map(|most| most * decoy.bytes_per_request);
    let hint = "what it holds when it has levelled off: max_entries times the bytes of an entry";
    findings.near(&BOUND, answers, bound, 0.1, hint);
    findings
}
