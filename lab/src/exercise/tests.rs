//! What holds for every exercise: pages, questions and solutions fit together, and an idle lab
//! passes none.

use serde_json::json;

use super::evidence::{Evidence, Look};
use super::{Answers, EXERCISES, Exercise, Form, Needs};

/// An answer of the right form, right or not.
fn some_answer(form: Form) -> String {
    match form {
        Form::Size => "10KiB".to_owned(),
        Form::Count => "1".to_owned(),
        Form::Duration => "4m 30s".to_owned(),
        Form::Word(words) => words[0].to_owned(),
        Form::Line => "cache.rs:59".to_owned(),
        Form::File => "memory.rules.yml".to_owned(),
    }
}

fn answered(exercise: &Exercise) -> Answers {
    let given: Vec<_> = exercise
        .questions
        .iter()
        .map(|question| format!("{}={}", question.key, some_answer(question.form)))
        .collect();
    Answers::read(exercise, &given).expect("answers of the right form")
}

#[test]
fn every_page_has_its_parts_and_names_every_question() {
    for (number, exercise) in (1..).zip(EXERCISES) {
        let Exercise { name, title, page, .. } = exercise;
        assert!(page.starts_with(&format!("# {number}. {title}\n")), "{name}");
        for part in ["Goal: ", "## What you see", "## Questions", "```sh run=1\n"] {
            assert!(page.contains(part), "{name} lacks {part}");
        }
        assert!(!page.contains("@@") && !page.contains(" \n"), "{name} is not finished");
        let check = format!("leaklab exercise {number} check");
        assert!(page.contains(&check) && exercise.solution.contains(&check), "{name}");
        assert!(exercise.solution.starts_with(&format!("# Solution of {number}. {title}\n")));
        for question in exercise.questions {
            let is_file = matches!(question.form, Form::File);
            let asked = format!("- `{}`: ", question.key);
            assert!(is_file || page.contains(&asked), "{name} does not ask {}", question.key);
            let answer = format!("--answer {}=", question.key);
            assert!(exercise.solution.contains(&answer), "{name} does not answer {}", question.key);
        }
    }
}

#[test]
fn every_block_of_commands_says_whether_it_is_run() {
    const KINDS: [&str; 5] = ["```sh run", "```sh run=1", "```sh compose", "```text", "```"];
    for exercise in EXERCISES {
        for text in [exercise.page, exercise.solution] {
            for fence in text.lines().filter(|line| line.starts_with("```")) {
                assert!(KINDS.contains(&fence), "{}: {fence}", exercise.name);
            }
        }
    }
}

#[test]
fn whatever_is_answered_an_idle_lab_passes_no_exercise() {
    let status = json!({"leaks": {"cache": {"enabled": false}}, "decoys": {}, "memory": {}});
    let look = Look::new(status, "http_requests_total{endpoint=\"/api/data\"} 3\n");
    let evidence = Evidence { first: look.clone(), last: look, ..Evidence::default() };
    for exercise in EXERCISES {
        let findings = (exercise.check)(&evidence, &answered(exercise));
        assert!(!findings.passed(), "{} is passed", exercise.name);
        let unmet: Vec<_> = findings.iter().filter(|finding| !finding.met).collect();
        let is_of_the_lab =
            |what: &str| exercise.questions.iter().all(|question| question.key != what);
        let lab_is_blamed = unmet.iter().any(|finding| is_of_the_lab(&finding.what));
        assert!(lab_is_blamed || exercise.needs == Needs::Rules, "{}", exercise.name);
        assert!(unmet.iter().all(|finding| !finding.hint.is_empty()));
    }
}

#[test]
fn answers_that_are_none_are_told_all_at_once() {
    let (_, exercise) = super::find("cache").expect("an exercise");
    let given = ["bytes-per-request=10", "requests-to-limit=many", "colour=red", "ten"];
    let problems = Answers::read(exercise, &given.map(str::to_owned)).expect_err("refused");
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].contains("10KiB") && problems[1].contains("24000"), "{problems:?}");
    assert!(problems[2].contains("--answer bytes-per-request=SIZE"), "{problems:?}");
    let twice = ["requests-to-limit=1", "requests-to-limit=2"].map(str::to_owned);
    assert!(Answers::read(exercise, &twice).is_err());
}

#[test]
fn a_number_is_judged_within_its_tolerance_and_the_truth_is_not_told() {
    let (_, exercise) = super::find("cache").expect("an exercise");
    let cache = json!({
        "enabled": true, "entries": 2000, "held_bytes": 20_480_000,
        "measured_bytes_per_request": 10_240.0,
    });
    let memory = json!({"resident": {"anon_bytes": 26_843_546.0}});
    let status = json!({"leaks": {"cache": cache}, "decoys": {}, "memory": memory});
    let limit_bytes = 268_435_456.0;
    let last = Look::new(status, "");
    let evidence = Evidence { last, limit_bytes, ..Evidence::default() };
    let findings = |bytes: &str, left: &str| {
        let given = [format!("bytes-per-request={bytes}"), format!("requests-to-limit={left}")];
        (exercise.check)(&evidence, &Answers::read(exercise, &given).expect("answers"))
    };
    assert!(findings("10KiB", "23592").passed());
    assert!(findings("9.5KiB", "19000").passed());
    let wrong = findings("5KiB", "40000");
    let seen: Vec<_> = wrong.iter().map(|finding| finding.seen.as_str()).collect();
    assert_eq!(seen[1..], ["too low, by more than 10 %", "too high, by more than 25 %"]);
}

#[test]
fn an_exercise_is_found_by_number_and_by_name() {
    let name = |wanted: &str| super::find(wanted).map(|(number, found)| (number, found.name));
    assert_eq!(name("6"), Some((6, "out-of-memory")));
    assert_eq!(name("out-of-memory"), Some((6, "out-of-memory")));
    assert_eq!((name("0"), name("13"), name("")), (None, None, None));
}
