//! 2: the first leak, and what it costs.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, leaks, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "cache",
    title: "Switch a leak on",
    page: pages!("02-cache").0,
    solution: pages!("02-cache").1,
    questions: &[EACH, LEFT],
    needs: Needs::Look,
    check,
};

const EACH: Question = Question { key: "bytes-per-request", form: Form::Size };
const LEFT: Question = Question { key: "requests-to-limit", form: Form::Count };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    leaks(&mut findings, evidence, "cache", 1000.0);
    let each = evidence.last.standing("cache").measured_bytes_per_request;
    let hint =
        "what is held, divided by the entries; or the rise of memory by that of the requests";
    findings.near(&EACH, answers, each, 0.1, hint);
    // What is resident and anonymous counts against a limit; pages of files do not.
    let held = evidence.last.memory("resident.anon_bytes");
    let left = held.zip(each).map(|(held, each)| (evidence.limit_bytes - held) / each);
    let hint = "(limit - memory now) / bytes per request; the limit is 256 MiB unless --limit says otherwise";
    findings.near(&LEFT, answers, left, 0.25, hint);
    findings
}
