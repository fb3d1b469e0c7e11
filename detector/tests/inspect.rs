//! `detector inspect` and a Prometheus that is in trouble. What it finds in a real one is asked of a real one
//! (`with-prometheus`).

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use serde_json::{Value, json};

/// What is answered to one request: a status, a body, and whether the body is cut off in the middle.
struct Answer(u16, String, bool);

fn fine(data: &Value) -> Answer {
    Answer(200, json!({"status": "success", "data": data}).to_string(), false)
}

fn refused(status: u16, message: &str) -> Answer {
    let error = json!({"status": "error", "errorType": "execution", "error": message});
    Answer(status, error.to_string(), false)
}

/// Answers so many requests, one after the other; returns what was asked, decoded as far as it matters.
fn server(answers: Vec<Answer>) -> (SocketAddr, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = thread::spawn(move || {
        answers.into_iter().map(|answer| answer_one(&listener, &answer)).collect()
    });
    (address, asked)
}

fn answer_one(listener: &TcpListener, Answer(status, body, cut): &Answer) -> String {
    let (mut stream, _) = listener.accept().expect("a request");
    let question = read_question(&stream);
    let sent = if *cut { &body[..body.len() / 2] } else { body };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // Who has read enough may go.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sent.as_bytes()));
    question
}

fn read_question(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut question) = (String::new(), 0, String::new());
    while reader.read_line(&mut line).expect("a line") > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a number");
        }
        if line.starts_with("POST") {
            question = format!("{} ", line.split(' ').nth(1).expect("a path"));
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    question + &String::from_utf8(body).expect("text")
}

fn series(instances: &[&str]) -> Value {
    instances.iter().map(|instance| json!({"__name__": "m", "instance": instance})).collect()
}

/// Six hours, flat but for the first instance's leak.
fn matrix(instances: &[&str]) -> Value {
    let values = |leaks: bool| -> Value {
        (0..360)
            .map(|k: u32| {
                let bytes =
                    5e8 + if leaks { f64::from(k) * 1e6 } else { f64::from(k * 7919 % 13) * 1e4 };
                json!([1.7e9 + f64::from(k) * 60.0, format!("{bytes}")])
            })
            .collect()
    };
    let all: Value = instances
        .iter()
        .map(|i| json!({"metric": {"__name__": "m", "instance": i}, "values": values(*i == "leaks")}))
        .collect();
    json!({"resultType": "matrix", "result": all})
}

fn nothing() -> Answer {
    fine(&json!({"resultType": "vector", "result": []}))
}

fn inspect(address: SocketAddr, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    command.args(["inspect", &format!("http://{address}"), "--format", "json"]).args(more);
    command.env_remove("METRICS_AUTH_USERNAME").env_remove("METRICS_AUTH_TOKEN");
    command.output().expect("runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_passes_is_asked_again_and_what_was_too_much_in_halves() {
    let too_much = refused(422, "query processing would load too many samples into memory");
    let (address, asked) = server(vec![
        Answer(503, "try later".to_owned(), false),
        fine(&series(&["leaks", "a"])),
        too_much,
        Answer(200, fine(&matrix(&["a"])).1, true),
        fine(&matrix(&["a"])),
        fine(&matrix(&["leaks"])),
        nothing(),
        nothing(),
    ]);
    let output = inspect(address, &["--query", "m"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["counts"]["leaking"], &report["counts"]["steady"]), (&json!(1), &json!(1)));
    assert_eq!(report["findings"][0]["labels"]["instance"], "leaks");
    let none = report["findings"][0]["largest"]["no_analysis"].as_str().expect("a reason");
    assert!(none.contains("namedprocess_namegroup_memory_bytes"), "{none}");
    let asked = asked.join().expect("ends");
    let mut paths = String::new();
    for question in &asked {
        write!(paths, "{} ", question.split(' ').next().expect("a path")).expect("a string");
    }
    let (series, query) = ("/api/v1/series ", "/api/v1/query ");
    assert_eq!(paths, [series.repeat(2), query.repeat(6)].concat());
    assert!(asked[2].contains("leaks") && asked[2].contains("%5B21600s%5D"), "{}", asked[2]);
    assert!(!asked[4].contains("leaks"), "{}", asked[4]);
}

#[test]
fn trouble_is_named_and_never_taken_for_health() {
    for (answers, told) in [
        (vec![Answer(401, String::new(), false)], "refuses us with status 401"),
        (
            vec![refused(400, "parse error: here")],
            "refuses the query with status 400: parse error: here",
        ),
        (vec![Answer(404, "nothing here".to_owned(), false)], "answers with status 404"),
        ((0..3).map(|_| Answer(500, String::new(), false)).collect(), "answers with status 500"),
        (
            (0..3).map(|_| Answer(200, "<html>".to_owned(), false)).collect(),
            "cannot be read to its end",
        ),
        (vec![fine(&json!([]))], "no series of `m` in that time"),
        (
            vec![fine(&series(&["a"])), refused(422, "too many samples")],
            "refuses the query with status 422: too many samples",
        ),
    ] {
        let (address, asked) = server(answers);
        let output = inspect(address, &["--query", "m"]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        assert!(stderr(&output).contains(told), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
        asked.join().expect("every answer was asked for");
    }
}

#[test]
fn values_that_are_none_leave_a_series_undecided() {
    let values: Value = (0..360).map(|k: u32| json!([k * 60, "NaN"])).collect();
    let answer = json!({"resultType": "matrix", "result": [{"metric": {"instance": "a"}, "values": values}]});
    let (address, asked) = server(vec![fine(&series(&["a"])), fine(&answer)]);
    let output = inspect(address, &["--query", "m"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    asked.join().expect("ends");
}

#[test]
fn a_shard_of_nothing_is_no_health_and_a_shard_without_work_is_undecided() {
    let (address, asked) = server(vec![fine(&json!([]))]);
    let output = inspect(address, &["--query", "m", "--shard", "0/2"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    asked.join().expect("ends");
    // One of the two has the only series, and the other asks for nothing more.
    let codes = ["0/2", "1/2"].map(|shard| {
        let (address, _asked) = server(vec![fine(&series(&["a"])), fine(&matrix(&["a"]))]);
        inspect(address, &["--query", "m", "--shard", shard]).status.code()
    });
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
