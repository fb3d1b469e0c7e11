//! 5: a fix, and the proof that it is one.

use super::{
    Answers, Evidence, Exercise, Findings, Form, HEAP_NOISE_BYTES, Needs, Question, bytes,
    in_words, load_came, pages,
};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "fix",
    title: "Fix it, and prove it",
    page: pages!("05-fix").0,
    solution: pages!("05-fix").1,
    questions: &[STOPS, GIVES],
    needs: Needs::Watch,
    check,
};

const STOPS: Question = Question { key: "stops-growth", form: Form::Word(CALLS) };
const GIVES: Question = Question { key: "gives-back", form: Form::Word(CALLS) };

/// The three calls of the page.
const CALLS: &[&str] = &["disable", "clear", "gc"];

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    let (before, after) = (evidence.first.standing("cache"), evidence.last.standing("cache"));
    findings.fact(
        "the cache had leaked, 500 requests or more",
        after.requests >= 500.0,
        format!("{} since the service started", after.requests),
        "there is nothing to fix before something leaks: switch the cache on and send requests",
    );
    findings.fact(
        "it leaks no more",
        !after.enabled || after.patched,
        in_words(&after),
        "clear drops what is held, and the leak goes on; switch it off, or patch it",
    );
    findings.fact(
        "what it held is given back",
        after.held_bytes <= HEAP_NOISE_BYTES,
        in_words(&after),
        "disabling keeps what has leaked: POST /admin/leaks/clear drops it",
    );
    load_came(&mut findings, evidence);
    let rise = evidence.heap_rise_bytes();
    findings.fact(
        "under load, memory stays where it is",
        after.entries <= before.entries && rise <= HEAP_NOISE_BYTES,
        format!("heap {} more than at first", bytes(rise)),
        "look again a little later; if it still rises, something else leaks",
    );
    let hint = "look at entries and at held_bytes of the status after each of the three calls";
    findings.text(&STOPS, answers, |call| call == "disable", hint);
    findings.text(&GIVES, answers, |call| call == "clear", hint);
    findings
}
