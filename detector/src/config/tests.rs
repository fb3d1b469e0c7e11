//! Files, and everything that is wrong with them.

use std::time::Duration;

use super::*;
use crate::Signal;
use crate::target::Kind;

fn refused(text: &str) -> Vec<String> {
    let errors = Config::parse("d.yaml", text).expect_err("refused");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn a_file_says_what_is_looked_at_and_how() {
    let text = "every: 5s\nconfirm: 4m\ntargets:\n\
                - {name: api, process: nginx, metrics: 'http://127.0.0.1:1/metrics', limit: 256MiB,\n   \
                every: 1s, signals: [heap_bytes, fds], heap_gauge: mine, credentials: API}\n\
                - {name: job, container: job-1}\n\
                - {name: far, metrics: 'http://127.0.0.1:2/metrics'}\n\
                - name: many\n  prometheus:\n    url: http://127.0.0.1:9090\n    query: rss_bytes{job=\"x\"}\n";
    let config = Config::parse("d.yaml", text).expect("a sound file");
    let api = config.target("api").expect("there");
    assert_eq!(api.kind, Kind::Process("nginx".into()));
    assert_eq!(api.metrics.as_deref(), Some("http://127.0.0.1:1/metrics"));
    assert_eq!(api.limit_bytes, Some(256 << 20));
    assert_eq!(
        (api.every, api.confirm),
        (Some(Duration::from_secs(1)), Some(Duration::from_mins(4)))
    );
    assert_eq!(api.signals, [Signal::HeapBytes, Signal::Fds]);
    assert_eq!(config.target("job").expect("there").every, Some(Duration::from_secs(5)));
    assert_eq!(
        config.target("far").expect("there").kind,
        Kind::Metrics("http://127.0.0.1:2/metrics".into())
    );
    let unknown = config.target("nobody").expect_err("not there").to_string();
    assert_eq!(unknown, "no target is named `nobody`; there are: api, job, far, many");
}

#[test]
fn every_problem_is_told_with_its_line_and_a_way_out() {
    let text = "every: 5\n\
                evry: 5s\n\
                targets:\n\
                - {name: a, pid: 0}\n\
                - {name: a, process: x, cgroup: /y}\n\
                - {name: b, process: x, limit: lots, limit: 1MiB}\n\
                - {name: b, json: 'https://u:p@h/', signals: [rss]}\n\
                - {process: x, credentials: lower}\n\
                - 5\n\
                - {name: c, prometheus: {url: 'http://h:1', wat: 1}}\n";
    let problems = refused(text);
    for (place, what) in [
        ("d.yaml:1:8: ", "`every` is `5`: expected a duration"),
        ("d.yaml:2:7: ", "unknown key `evry`; valid here: every, confirm, targets"),
        ("d.yaml:4:18: ", "expected the number of a process"),
        ("d.yaml:5:3: ", "process, cgroup say different things; give one"),
        ("d.yaml:6:32: ", "`targets[3].limit` is `lots`"),
        ("d.yaml:6:38: ", "`targets[3].limit` stands here twice"),
        ("d.yaml:7:19: ", "credentials do not belong in an address"),
        ("d.yaml:7:47: ", "unknown signal `rss`"),
        ("d.yaml:8:3: ", "`targets[5].name` is missing"),
        ("d.yaml:8:29: ", "expected what the variables' names begin with"),
        ("d.yaml:9:3: ", "is no mapping"),
        ("d.yaml:10:25: ", "`targets[7].prometheus.query` is missing"),
        ("d.yaml:10:50: ", "unknown key `targets[7].prometheus.wat`"),
    ] {
        let told = problems.iter().any(|p| p.starts_with(place) && p.contains(what));
        assert!(told, "{place}{what} in {problems:#?}");
    }
    assert!(!problems.iter().any(|problem| problem.contains("u:p")), "{problems:#?}");
}

#[test]
fn two_targets_of_one_name_are_refused() {
    let problems = refused("targets:\n- {name: a, pid: 1}\n- {name: a, pid: 2}\n");
    assert_eq!(problems, ["d.yaml:3:10: two targets are named `a`"]);
}

#[test]
fn what_is_no_plain_yaml_is_refused_where_it_begins() {
    for (text, what) in [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("a: &x 1\n", "d.yaml:1:4: anchors"),
        ("a: *x\n", "d.yaml:1:4: "),
        ("a: [\n", "not YAML"),
        ("- 1\n", "d.yaml:1:1: the file is no mapping"),
        ("every: 5s\n---\nevery: 6s\n", "a second document"),
        ("[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]\n", "nested deeper"),
    ] {
        let problems = refused(text);
        assert!(problems.iter().any(|problem| problem.contains(what)), "{text}: {problems:?}");
    }
}

#[test]
fn a_file_of_nothing_but_problems_lists_fifty_and_counts_the_rest() {
    let keys: Vec<String> = (0..80).map(|i| format!("k{i}: 1")).collect();
    let problems = refused(&keys.join("\n"));
    assert_eq!(problems.len(), 51);
    assert_eq!(problems[50], "d.yaml: and 30 more problems");
}

#[test]
fn rules_on_counters_need_a_page_that_tells_them_and_are_few() {
    let rule = "rules: [{rule: ExcessiveGarbageCollection, of: gc_total}]\n";
    assert_eq!(
        refused(&format!("targets: [{{name: a, pid: 1}}]\n{rule}")),
        ["d.yaml:2:9: only a page (metrics, json) tells this counter, and no target has one"]
    );
    let json = "targets: [{name: a, json: 'http://127.0.0.1:1/memory'}]\n";
    let page = "targets: [{name: a, pid: 1, metrics: 'http://127.0.0.1:1/metrics'}]\n";
    for page in [json, page] {
        let config = Config::parse("d.yaml", &format!("{page}{rule}")).expect("a sound file");
        assert_eq!(config.rules[0].rule.asks_for(), Some("gc_total"));
    }
    let many = |k| format!("- {{name: R{k}, kind: events, of: c{k}, above: 1}}\n");
    let many: String = (0..101).map(many).collect();
    assert_eq!(
        refused(&format!("{page}rules:\n{many}")),
        ["d.yaml:3:3: more than 100 gauges and counters"]
    );
}

#[test]
fn a_rule_may_be_of_some_targets_which_must_be_there() {
    let targets =
        "targets: [{name: a, pid: 1}, {name: b, metrics: 'http://127.0.0.1:1/metrics'}]\n";
    let rule = |more: &str| format!("{targets}rules: [{{rule: HighMemoryUsage, {more}}}]\n");
    let of = |more: &str| {
        let config = Config::parse("d.yaml", &rule(more)).expect("a sound file");
        ["a", "b"].map(|name| config.rules[0].is_of(name))
    };
    assert_eq!(of("for: 1m"), [true, true]);
    assert_eq!(of("targets: [b]"), [false, true]);
    assert_eq!(
        refused(&rule("targets: [c]")),
        ["d.yaml:2:43: `rules[1].targets` is `c`: no such target; there are: a, b"]
    );
    let counter = "rules: [{rule: MemoryLeakEventsDetected, targets: [a]}]\n";
    let told = refused(&format!("{targets}{counter}"));
    assert_eq!(
        told,
        ["d.yaml:2:9: only a page (metrics, json) tells this counter, and no target has one"]
    );
}
