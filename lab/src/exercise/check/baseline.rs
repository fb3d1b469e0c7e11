//! 1: what is normal? Nothing leaks, load comes, memory stays.

use super::{
    Answers, Evidence, Exercise, Findings, Form, HEAP_NOISE_BYTES, Needs, Question, bytes,
    load_came, pages,
};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "baseline",
    title: "Know what is normal",
    page: pages!("01-baseline").0,
    solution: pages!("01-baseline").1,
    questions: &[RSS],
    needs: Needs::Watch,
    check,
};

const RSS: Question = Question { key: "rss", form: Form::Size };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    let active = evidence.last.active();
    findings.fact(
        "nothing leaks, and nothing is held",
        active.is_empty(),
        if active.is_empty() { "all off".to_owned() } else { active.join(", ") },
        "switch off what is on, and POST /admin/leaks/clear",
    );
    let requests = evidence.last.data_requests();
    findings.fact(
        "100 requests or more were served",
        requests >= 100.0,
        format!("{requests}"),
        "a service that does nothing shows nothing: send some requests",
    );
    load_came(&mut findings, evidence);
    let rise = evidence.heap_rise_bytes();
    findings.fact(
        "the heap in use stays where it is",
        rise <= HEAP_NOISE_BYTES,
        format!("{} more than at first", bytes(rise)),
        "look again a little later; if it still rises, something does leak",
    );
    let rss = evidence.last.memory("rss_bytes");
    let hint = "process.rss_mb of /admin/memory; that MB is a MiB";
    findings.near(&RSS, answers, rss, 0.2, hint);
    findings
}
