//! 12: when will it die?

use super::{
    Answers, Evidence, Exercise, Findings, Form, Needs, Question, bytes, leaks, load_came, pages,
};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "capacity",
    title: "Capacity: when will it die?",
    page: pages!("12-capacity").0,
    solution: pages!("12-capacity").1,
    questions: &[DIES],
    needs: Needs::Watch,
    check,
};

const DIES: Question = Question { key: "dies-in", form: Form::Duration };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    leaks(&mut findings, evidence, "cache", 100.0);
    load_came(&mut findings, evidence);
    let held = |look: &crate::exercise::Look| look.standing("cache").held_bytes;
    let slope = (held(&evidence.last) - held(&evidence.first)) / evidence.watched_seconds;
    findings.fact(
        "it grows while the check looks on",
        slope > 0.0,
        if slope > 0.0 { "it does".to_owned() } else { format!("{} per second", bytes(slope)) },
        "the cache leaks with requests: there must be some",
    );
    let left = evidence.last.memory("resident.anon_bytes").map(|now| evidence.limit_bytes - now);
    let dies = left.filter(|_| slope > 0.0).map(|left| left / slope);
    let hint = "(limit - resident.anon_bytes) / bytes per second, both of now: it comes nearer";
    findings.near(&DIES, answers, dies, 0.3, hint);
    findings
}
