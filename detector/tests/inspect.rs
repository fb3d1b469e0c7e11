//! `detector inspect` and a Prometheus that is in trouble. What it finds in a real one is asked of a real one
//! (`with-prometheus`).

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

mod prometheus_stand_in;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_stand_in::{Answer, Question, Server, fine, nothing, refused, series, sound};
use serde_json::{Value, json};

fn inspect(address: SocketAddr, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    command.args(["inspect", &format!("http://{address}")]).args(more);
    if !more.contains(&"--format") {
        command.args(["--format", "json"]);
    }
    command.env_remove("METRICS_AUTH_USERNAME").env_remove("METRICS_AUTH_TOKEN");
    command.output().expect("runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn what_passes_is_asked_again_and_what_was_too_much_in_halves() {
    let server = Server::new(|number, question| match number {
        0 => Answer::Whole(503, "try later".to_owned()),
        3 => refused(422, "query processing would load too many samples into memory"),
        4 => match sound(question, &["leaks", "a"]) {
            Answer::Whole(_, body) => Answer::Half(body),
            other => other,
        },
        _ => sound(question, &["leaks", "a"]),
    });
    let output = inspect(server.address, &["--query", "m"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!((&report["counts"]["leaking"], &report["counts"]["steady"]), (&json!(1), &json!(1)));
    assert_eq!(report["incomplete"], json!([]));
    assert_eq!(report["findings"][0]["labels"]["instance"], "leaks");
    let none = report["findings"][0]["largest"]["no_analysis"].as_str().expect("a reason");
    assert!(none.contains("namedprocess_namegroup_memory_bytes"), "{none}");
    let asked = server.asked();
    let paths: Vec<&str> = asked.iter().map(|question| question.path.as_str()).collect();
    assert_eq!(paths[..3], ["series", "series", "query"]);
    assert_eq!(
        asked[2].query(),
        "max_over_time(process_start_time_seconds{}[21600s]) != min_over_time(process_start_time_seconds{}[21600s])"
    );
    assert_eq!(asked[3].query(), r#"m{instance=~"a|leaks"}[21600s]"#);
    assert_eq!(
        (asked[4].query(), asked[5].query()),
        (r#"m{instance=~"a"}[21600s]"#, asked[4].query())
    );
    assert_eq!(asked[6].query(), r#"m{instance=~"leaks"}[21600s]"#);
    assert!(asked[7..].iter().all(|question| question.query().contains("leaks")));
}

#[test]
fn trouble_is_named_and_never_taken_for_health() {
    type Trouble = fn() -> Answer;
    let troubles: [(Trouble, usize, &str); 9] = [
        (|| Answer::Whole(401, String::new()), 1, "refuses us with status 401"),
        (|| Answer::Whole(403, String::new()), 1, "refuses us with status 403"),
        (
            || refused(400, "parse error: here"),
            1,
            "refuses the query with status 400: parse error: here",
        ),
        (
            || refused(422, "too many samples"),
            1,
            "refuses the query with status 422: too many samples",
        ),
        (|| Answer::Whole(404, "nothing here".to_owned()), 1, "answers with status 404"),
        (|| Answer::Whole(503, String::new()), 3, "answers with status 503"),
        (|| Answer::Whole(200, "<html>".to_owned()), 3, "cannot be read to its end"),
        (
            || Answer::Half(json!({"status": "success", "data": []}).to_string()),
            3,
            "cannot be read to its end",
        ),
        (|| fine(&json!([])), 1, "no series of `m` in that time"),
    ];
    for (answer, times, told) in troubles {
        let server = Server::new(move |_, _| answer());
        let output = inspect(server.address, &["--query", "m"]);
        assert_eq!(output.status.code(), Some(2), "{told}: {}", stderr(&output));
        assert!(stderr(&output).contains(told), "{told}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{told}");
        assert_eq!(server.asked().len(), times, "{told}");
    }
}

#[test]
fn a_server_that_is_silent_or_never_ends_is_left_within_the_time_limit() {
    type Trouble = fn() -> Answer;
    let endless = || Answer::Endless(json!({"status": "success", "data": []}).to_string());
    let troubles: [(Trouble, &str); 2] =
        [(|| Answer::Silence, "has not answered within"), (endless, "error")];
    for (answer, told) in troubles {
        let server = Server::new(move |_, _| answer());
        let output = inspect(server.address, &["--query", "m", "--time-limit", "2s"]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let output = inspect(gone, &["--query", "m"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("is unreachable"), "{}", stderr(&output));
}

/// Twenty series are asked for first, and the rest is never answered.
#[test]
fn what_was_judged_before_the_trouble_is_reported_as_a_part_and_not_as_health() {
    const NAMES: [&str; 25] = [
        "a00", "a01", "a02", "a03", "a04", "a05", "a06", "a07", "a08", "a09", "a10", "a11", "a12",
        "a13", "a14", "a15", "a16", "a17", "a18", "a19", "a20", "a21", "a22", "a23", "a24",
    ];
    let server = Server::new(|_, question| {
        if question.query().contains("a24") {
            Answer::Whole(500, String::new())
        } else {
            sound(question, &NAMES)
        }
    });
    let output = inspect(server.address, &["--query", "m"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!(report["counts"]["steady"], 20);
    let why = report["incomplete"][0].as_str().expect("a reason");
    assert!(why.contains("only 20 series were judged") && why.contains("status 500"), "{why}");
    assert!(stderr(&output).contains("incomplete: only 20"), "{}", stderr(&output));
}

#[test]
fn answers_that_the_server_calls_partial_are_no_health_and_other_warnings_are_told() {
    let with = |key: &'static str, value: Value| {
        move |_: usize, question: &Question| match sound(question, &["a"]) {
            Answer::Whole(status, body) => {
                let mut body: Value = serde_json::from_str(&body).expect("JSON");
                body[key] = value.clone();
                Answer::Whole(status, body.to_string())
            }
            other => other,
        }
    };
    for (key, value, code) in [
        ("warnings", json!(["store 10.0.0.1 is unavailable"]), 2),
        ("isPartial", json!(true), 2),
        ("isPartial", json!(false), 0),
        ("warnings", Value::Null, 0),
        ("warnings", json!(["PromQL warning: mixed"]), 0),
    ] {
        let server = Server::new(with(key, value.clone()));
        let output = inspect(server.address, &["--query", "m"]);
        assert_eq!(output.status.code(), Some(code), "{key} {value}: {}", stderr(&output));
        let report = report(&output);
        assert_eq!(report["incomplete"].as_array().map(Vec::len), Some(usize::from(code == 2)));
        if let Some(warning) = value[0].as_str() {
            assert_eq!(report["notes"], json!([format!("the server warns: {warning}")]));
        }
    }
}

#[test]
fn an_expression_that_is_too_much_is_asked_for_in_parts_of_the_time() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let server = Server::new(move |_, question| {
        if question.path != "query_range" {
            return nothing();
        }
        let time = |name: &str| question.form[name].parse::<f64>().expect("a number");
        let (from, to) = (time("start"), time("end"));
        if to - from > 6000.0 {
            return refused(422, "too many samples");
        }
        let values: Value = (0..=((to - from) / 60.0) as u32)
            .map(|k| from + f64::from(k) * 60.0)
            .map(|at| json!([at, format!("{}", 50.0 + (at - now) / 3600.0)]))
            .collect();
        fine(
            &json!({"resultType": "matrix", "result": [{"metric": {"instance": "a"}, "values": values}]}),
        )
    });
    let query = ["--query", "100 * m", "--signal", "memory_used_percent"];
    let output = inspect(server.address, &query);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!((&report["samples"], &report["counts"]["leaking"]), (&json!(361), &json!(1)));
    let parts: Vec<String> = server.asked().iter().map(|question| question.path.clone()).collect();
    assert_eq!(parts.iter().filter(|path| *path == "query_range").count(), 5);
}

/// A service that is killed at its limit every hour: without its start times a sawtooth, with them a leak.
#[test]
fn a_restart_begins_a_new_run_where_start_times_tell() {
    let values = |value: fn(u32) -> f64| -> Value {
        let samples =
            (0..1440_u32).map(|k| json!([1.7e9 + f64::from(k) * 15.0, value(k).to_string()]));
        json!({"resultType": "matrix", "result": [
            {"metric": {"instance": "a"}, "values": samples.collect::<Value>()}
        ]})
    };
    let answer = move |starts: bool| {
        move |_: usize, question: &Question| match question.query() {
            _ if question.path == "series" => fine(&series(&["a"])),
            query if query.starts_with("m{") => {
                fine(&values(|k| 1e8 + f64::from(k % 240) * 1e6 + f64::from(k * 7919 % 13) * 1e4))
            }
            query if starts && query.contains("max_over_time(process_start") => fine(&json!({
                "resultType": "vector",
                "result": [{"metric": {"instance": "a"}, "value": [1.7e9, "5"]}]
            })),
            query if query.starts_with("process_start_time_seconds{") => {
                fine(&values(|k| 1.7e9 + f64::from(k / 240) * 3600.0))
            }
            _ => nothing(),
        }
    };
    for (starts, code) in [(false, 0), (true, 1)] {
        let server = Server::new(answer(starts));
        let output = inspect(server.address, &["--query", "m"]);
        assert_eq!(output.status.code(), Some(code), "{starts}: {}", stderr(&output));
        if starts {
            let events = report(&output)["findings"][0]["events"].clone();
            assert_eq!(
                events,
                json!([{"kind": "restart", "labels": {"instance": "a"}, "times": 5.0}])
            );
        }
    }
}

/// 20 kB/s until a restart so long before the end; after it the same again, or nothing.
fn restarted(before_end_seconds: u32, leaks_on: bool) -> Server {
    const LAST: u32 = 6 * 3600;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let from = now.floor() - f64::from(LAST);
    let restart = LAST - before_end_seconds;
    let values = move |value: &dyn Fn(u32) -> f64| -> Value {
        let samples = (0..LAST).step_by(15);
        let samples: Value =
            samples.map(|k| json!([from + f64::from(k), value(k).to_string()])).collect();
        json!({"resultType": "matrix", "result": [
            {"metric": {"instance": "a"}, "values": samples}
        ]})
    };
    Server::new(move |_, question| match question.query() {
        _ if question.path == "series" => fine(&series(&["a"])),
        query if query.starts_with("m{") => fine(&values(&|k| {
            let noise = f64::from(k * 7919 % 13) * 1e4;
            let grown = if k < restart { k } else { (k - restart) * u32::from(leaks_on) };
            1e8 + noise + f64::from(grown) * 2e4
        })),
        query if query.contains("max_over_time(process_start") => fine(&json!({
            "resultType": "vector", "result": [{"metric": {"instance": "a"}, "value": [now, "1"]}]
        })),
        query if query.starts_with("process_start_time_seconds{") => fine(&values(&|k| {
            if k < restart { from - 60.0 } else { from + f64::from(restart) }
        })),
        _ => nothing(),
    })
}

#[test]
fn a_leak_that_a_restart_has_just_cut_off_is_found_until_the_new_run_is_steady() {
    let server = restarted(600, true);
    let output = inspect(server.address, &["--query", "m", "--limit", "1GiB"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let found = report(&output);
    assert_eq!(
        (&found["counts"]["leaking"], &found["counts"]["undecided"]),
        (&json!(1), &json!(0))
    );
    let finding = &found["findings"][0];
    assert_eq!((&finding["state"], &finding["severity"]), (&json!("leaking"), &json!("warning")));
    let at = found["to_seconds"].as_f64().zip(finding["restarted_seconds"].as_f64());
    assert!(at.is_some_and(|(to, at)| (to - at - 600.0).abs() < 60.0), "{finding}");
    let reason = finding["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("leaked until the restart at 2"), "{reason}");
    assert!(reason.ends_with("Z; the new run is too young to be judged"), "{reason}");
    for format in ["text", "html"] {
        let output = inspect(server.address, &["--query", "m", "--format", format]);
        assert!(String::from_utf8_lossy(&output.stdout).contains(reason), "{format}");
    }
    let output = inspect(restarted(4 * 3600, false).address, &["--query", "m"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(report(&output)["counts"]["steady"], 1);
}

#[test]
fn of_the_series_that_are_asked_after_the_steady_ones_are_named() {
    let server = Server::new(|_, question| sound(question, &["leaks", "a", "b"]));
    let mut list = tempfile::NamedTempFile::new().expect("a file");
    for instance in ["leaks", "a", "gone"] {
        writeln!(list, r#"{{__name__="m",instance="{instance}"}}"#).expect("written");
    }
    let file = list.path().to_str().expect("a path");
    let named = report(&inspect(server.address, &["--query", "m", "--ask-after", file]));
    assert_eq!(named["steady"], json!([r#"{__name__="m",instance="a"}"#]));
    let unasked = report(&inspect(server.address, &["--query", "m"]));
    assert_eq!((&unasked["steady"], &unasked["counts"]["steady"]), (&Value::Null, &json!(2)));
}

#[test]
fn hosts_and_filters_choose_and_a_host_without_series_is_no_health() {
    let all = ["leaks:1", "a:1", "b:1", "b:2"];
    let server = Server::new(move |_, question| sound(question, &all));
    let steady = |report: &Value| report["counts"]["steady"].as_u64();
    let output = inspect(server.address, &["--query", "m", "--include", "a", "b:2"]);
    assert_eq!((output.status.code(), steady(&report(&output))), (Some(0), Some(2)));
    let output = inspect(
        server.address,
        &["--query", "m", "--filter", "instance=~.*:1", "--filter", "instance!=leaks:1"],
    );
    assert_eq!((output.status.code(), steady(&report(&output))), (Some(0), Some(2)));
    let steps = json!([
        {"filter": "instance=~.*:1", "before": 4, "left": 3},
        {"filter": "instance!=leaks:1", "before": 3, "left": 2}
    ]);
    assert_eq!(report(&output)["filters"], steps);
    let mut list = tempfile::NamedTempFile::new().expect("a file");
    writeln!(list, "# ours\na\n\nc").expect("written");
    let file = list.path().to_str().expect("a path");
    let output = inspect(server.address, &["--query", "m", "--include-file", file]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(report(&output)["incomplete"], json!(["host c has no series"]));
}

#[test]
fn values_that_are_none_leave_a_series_undecided_and_whoever_asks_after_it_is_told() {
    let values: Value = (0..360).map(|k: u32| json!([k * 60, "NaN"])).collect();
    let none = json!({"resultType": "matrix", "result": [{"metric": {"instance": "a"}, "values": values}]});
    let server = Server::new(move |_, question| {
        fine(&if question.path == "series" { series(&["a"]) } else { none.clone() })
    });
    let output = inspect(server.address, &["--query", "m"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let mut list = tempfile::NamedTempFile::new().expect("a file");
    writeln!(list, r#"{{instance="a"}}"#).expect("written");
    let file = list.path().to_str().expect("a path");
    let told = report(&inspect(server.address, &["--query", "m", "--ask-after", file]));
    assert_eq!(told["unsure"], json!([r#"{instance="a"}"#]), "{told}");
}

#[test]
fn a_shard_of_nothing_is_no_health_and_a_shard_without_work_is_undecided() {
    let server = Server::new(|_, _| fine(&json!([])));
    let output = inspect(server.address, &["--query", "m", "--shard", "0/2"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    // One of the two has the only series, and the other asks for nothing more.
    let server = Server::new(|_, question| sound(question, &["a"]));
    let codes = ["0/2", "1/2"]
        .map(|shard| inspect(server.address, &["--query", "m", "--shard", shard]).status.code());
    assert!(codes == [Some(0), Some(3)] || codes == [Some(3), Some(0)], "{codes:?}");
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is() {
    let address = "127.0.0.1:9".parse().expect("an address");
    for (options, told) in [
        (&["--query", "m", "--limit", "90%"][..], "--limit is no limit of rss_bytes"),
        (&["--query", "m", "--over", "1s"], "--over 1s"),
        (&["--query", "m", "--step", "1h"], "--step 1h"),
        (&["--query", "m", "--shard", "2/2"], "expected i/n"),
        (&["--query", "m", "--processes-query", "topk(3, x)"], "no `$host`"),
        (&["--query", "m", "--filter", "env"], "expected a matcher"),
        (&["--query", "m", "--include-file", "/nowhere"], "cannot read the hosts in /nowhere"),
        (&["--query", "m", "--over", "1s", "--limit", "90%"], "--limit is no limit"),
        (&[], "--query"),
    ] {
        let output = inspect(address, options);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    let output = command.args(["inspect", "http://me:secret@127.0.0.1:9", "--query", "m"]).output();
    let told = stderr(&output.expect("runs"));
    assert!(told.contains("credentials do not belong in an address"), "{told}");
    assert!(!told.contains("secret"), "{told}");
}

/// The certificate authority of a server with TLS is read before anything is asked.
#[test]
fn a_file_of_certificates_that_is_of_no_use_is_refused() {
    for (file, told) in
        [("/nowhere", "cannot read the certificates"), ("/dev/null", "holds no certificate")]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
        command.args(["inspect", "https://127.0.0.1:9", "--query", "m", "--ca", file]);
        let output = command.output().expect("runs");
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
    }
}
