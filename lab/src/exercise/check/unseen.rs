//! 9: a leak that no heap profile sees.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, bytes, leaks, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "unseen",
    title: "A leak that the heap profile does not see",
    page: pages!("09-unseen").0,
    solution: pages!("09-unseen").1,
    questions: &[UNSEEN, SEEN_BY],
    needs: Needs::Snapshot,
    check,
};

const UNSEEN: Question = Question { key: "unseen", form: Form::Size };
const SEEN_BY: Question =
    Question { key: "seen-by", form: Form::Word(&["heap-profile", "resident-memory", "fds"]) };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    leaks(&mut findings, evidence, "native", 1000.0);
    let native = evidence.last.standing("native").held_bytes;
    let profiled: f64 = evidence
        .lines
        .iter()
        .filter(|l| l.location.contains("/native"))
        .map(|l| l.size_bytes)
        .sum();
    findings.fact(
        "the heap profile does not see it",
        profiled < native / 10.0,
        format!("{} of {} stand in it", bytes(profiled), bytes(native)),
        "ask /admin/memory/snapshot while native leaks",
    );
    let unseen = evidence.last.memory("held_outside_bytes").filter(|unseen| *unseen > 0.0);
    let hint = "the rise of resident.anon_bytes less that of allocator_in_use_bytes";
    findings.near(&UNSEEN, answers, unseen, 0.25, hint);
    let hint = "which of them rose with the requests?";
    findings.text(&SEEN_BY, answers, |given| given == "resident-memory", hint);
    findings
}
