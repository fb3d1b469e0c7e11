//! 8: tasks that never end, and serving on with the correct code.

use super::{
    Answers, Evidence, Exercise, Findings, Form, Needs, Question, in_words, load_came, pages,
};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "tasks",
    title: "Tasks that never end",
    page: pages!("08-tasks").0,
    solution: pages!("08-tasks").1,
    questions: &[EACH, KEPT],
    needs: Needs::Watch,
    check,
};

const EACH: Question = Question { key: "tasks-per-request", form: Form::Count };
const KEPT: Question = Question { key: "patch-keeps", form: Form::Word(&["old-tasks", "nothing"]) };

/// Tasks of requests that are under way, at most.
const MOST_UNDER_WAY: f64 = 60.0;

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    let (before, after) = (evidence.first.standing("tasks"), evidence.last.standing("tasks"));
    findings.fact(
        "tasks had leaked, 100 requests or more",
        after.requests >= 100.0,
        format!("{} since the service started", after.requests),
        "switch tasks on and send requests",
    );
    findings.fact(
        "the service serves on with the correct code",
        after.enabled && after.patched,
        in_words(&after),
        r#"POST /admin/leaks/tasks with {"patched": true}; do not switch it off"#,
    );
    load_came(&mut findings, evidence);
    let alive = evidence.last.sum("tasks_alive", "");
    findings.fact(
        "tasks do not pile up",
        after.entries <= before.entries.max(MOST_UNDER_WAY) && after.entries <= MOST_UNDER_WAY,
        format!("{} entries, {alive} tasks alive", after.entries),
        "a patch helps those that come; the old ones go with POST /admin/leaks/clear",
    );
    // The service's own tests prove it: an entry is a task.
    let hint = "the rise of num_goroutine of /health/memory, divided by the requests";
    findings.near(&EACH, answers, Some(1.0), 0.1, hint);
    let hint = "look at the entries of the status after the patch, before you clear";
    findings.text(&KEPT, answers, |given| given == "old-tasks", hint);
    findings
}
