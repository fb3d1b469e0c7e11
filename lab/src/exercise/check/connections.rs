//! 7: a leak that memory hardly shows.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, leaks, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "connections",
    title: "Connections that nobody gives back",
    page: pages!("07-connections").0,
    solution: pages!("07-connections").1,
    questions: &[SIGNAL, EACH],
    needs: Needs::Look,
    check,
};

const SIGNAL: Question =
    Question { key: "signal", form: Form::Word(&["memory", "fds", "threads", "tasks"]) };
const EACH: Question = Question { key: "fds-per-request", form: Form::Count };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    leaks(&mut findings, evidence, "connections", 100.0);
    let standing = evidence.last.standing("connections");
    let hint = "compare runtime and process of /admin/memory before and after the requests";
    findings.text(&SIGNAL, answers, |given| given == "fds", hint);
    let each = (standing.entries > 0.0).then(|| standing.held_descriptors / standing.entries);
    let hint = "the rise of runtime.open_fds of /admin/memory, divided by the requests";
    findings.near(&EACH, answers, each, 0.1, hint);
    findings
}
