//! 11: alert rules that lie, judged by promtool on series whose truth is known.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "rules",
    title: "Alert rules that lie",
    page: pages!("11-rules").0,
    solution: pages!("11-rules").1,
    questions: &[RULES],
    needs: Needs::Rules,
    check,
};

const RULES: Question = Question { key: "rules", form: Form::File };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    let run = evidence.rules.as_ref();
    findings.text(&RULES, answers, |_| run.is_some(), "name your file of rules");
    let Some(run) = run else { return findings };
    findings.fact(
        "Prometheus takes the rules",
        run.are_valid,
        if run.are_valid { "valid".to_owned() } else { run.told.clone() },
        "promtool check rules FILE says the same",
    );
    findings.fact(
        "they fire on each leak, and on nothing else",
        run.are_right,
        if run.are_right { "all tests passed".to_owned() } else { run.told.clone() },
        "rate() is for counters and deriv() for gauges, both are per second; what is absent has no growth",
    );
    findings
}
