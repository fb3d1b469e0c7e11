//! 4: the line that allocates what leaks.

use super::{Answers, Evidence, Exercise, Findings, Form, Needs, Question, leaks, pages};

pub(in crate::exercise) const EXERCISE: Exercise = Exercise {
    name: "line",
    title: "Find the line that allocates",
    page: pages!("04-line").0,
    solution: pages!("04-line").1,
    questions: &[LINE, BLOCKS],
    needs: Needs::Snapshot,
    check,
};

const LINE: Question = Question { key: "line", form: Form::Line };
const BLOCKS: Question = Question { key: "blocks-per-request", form: Form::Count };

fn check(evidence: &Evidence, answers: &Answers) -> Findings {
    let mut findings = Findings::default();

    leaks(&mut findings, evidence, "cache", 100.0);
    let asked = evidence.last.sum("http_requests_total", "/admin/memory/diff");
    findings.fact(
        "the heap was compared with itself",
        asked >= 2.0,
        format!("/admin/memory/diff was asked {asked} times"),
        "the first call sets a baseline, the second says what grew since",
    );
    let leaking = evidence.lines.iter().find(|line| line.location.contains("/leak/"));
    let hint = "growing_allocations[0].location of the second diff";
    let is_right = |given: &str| leaking.is_some_and(|line| is_end_of(&line.location, given));
    findings.text(&LINE, answers, is_right, hint);
    let entries = evidence.last.standing("cache").entries;
    let blocks = leaking.map(|line| line.count / entries);
    let hint = "count_diff of that line, divided by the requests between the two diffs";
    findings.near(&BLOCKS, answers, blocks, 0.2, hint);
    findings
}

/// Whether a place is meant by its last parts: `cache.rs:12` by whole names only.
fn is_end_of(location: &str, given: &str) -> bool {
    location.strip_suffix(given).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}
