//! A game day, played as a trainee would: by what every service shows.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use lab::service::Service;
use serde_json::{Value, json};

use crate::{Bench, LEAKLAB, Running, stderr, stdout, utf8, wait_until};

fn ask(service: &Service, path: &str) -> String {
    let url = format!("http://{}{path}", service.address());
    let mut answer = ureq::get(&url).call().expect("an answer");
    answer.body_mut().read_to_string().expect("text")
}

/// Requests that were answered since the service started.
fn answered(service: &Service) -> f64 {
    let page = ask(service, "/metrics");
    let counted = page.lines().filter(|line| line.starts_with("http_requests_total{"));
    let of_data = counted.filter(|line| line.contains("\"/api/data\""));
    of_data.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// The leak whose line grew most over two hundred requests.
fn suspect(service: &Service) -> Option<String> {
    ask(service, "/admin/memory/diff");
    let before = answered(service);
    wait_until("requests are answered", || (answered(service) >= before + 200.0).then_some(()));
    let diff: Value = serde_json::from_str(&ask(service, "/admin/memory/diff")).expect("JSON");
    let top = &diff["growing_allocations"].as_array()?.first()?;
    let is_much = top["size_diff_bytes"].as_i64()? > 200 * 1024;
    let (_, after) = top["location"].as_str()?.split_once("src/leak/").filter(|_| is_much)?;
    Some(after.split(['.', '/']).next()?.to_owned())
}

#[test]
fn a_leak_that_nothing_tells_of_is_found_in_the_heap_profile_and_scored() {
    let bench = Bench::new();
    let service = Service::start(Path::new(LEAKLAB), Duration::ZERO, || false).expect("a service");
    let (url, record) = (format!("http://{}", service.address()), bench.path("day.json"));
    let load = bench
        .command(&["load", "--rate", "100/s", "--connections", "4", "--duration", "5m"])
        .arg(format!("{url}/api/data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("load");
    let _load = Running(load);
    let day = |args: &[&str]| {
        let mut all = vec!["gameday"];
        all.extend(args);
        all.extend(["--record", utf8(&record)]);
        bench.run(&all)
    };

    // What somebody tried before is not to change the day: `listeners` is what this seed draws.
    let left_over = json!({"enabled": true, "patched": true, "share": 0.01, "start_after": "1h"});
    let listeners = format!("{url}/admin/leaks/listeners");
    ureq::post(&listeners).send_json(&left_over).expect("switched on");
    let begun = day(&["start", "--seed", "5", "--url", &url]);
    assert_eq!(begun.status.code(), Some(0), "{}", stderr(&begun));
    let twice = day(&["start", "--url", &url]);
    assert_eq!(twice.status.code(), Some(2), "a day is on: {}", stderr(&twice));
    assert!(!std::fs::read_to_string(&record).expect("a record").contains("bytes_per_request"));
    assert!(!ask(&service, "/metrics").contains("leak_"), "nothing tells of it");

    let found = wait_until("a line grows", || suspect(&service));
    let answered = day(&["answer", "--leak", &found, "--format", "json"]);
    let debrief: Value = serde_json::from_slice(&answered.stdout)
        .unwrap_or_else(|_| panic!("no debriefing: {}", stderr(&answered)));
    assert_eq!(debrief["truth"]["leaks"], json!([found]), "{debrief}");
    let what = debrief["score"]["what"].as_f64().expect("points");
    assert!((what - 50.0).abs() < 1e-9, "{debrief}");
    let said = debrief["injected"][0]["controls"]["bytes_per_request"].as_str().expect("a size");
    let kib: f64 = said.trim_end_matches("KiB").parse().expect("a number");
    let measured = debrief["truth"]["bytes_per_request"].as_f64().expect("there was load");
    // Requests under way, at both ends of some thousand.
    assert!((measured / (kib * 1024.0) - 1.0).abs() < 0.1, "{measured} of {said}");

    let status: Value = serde_json::from_str(&ask(&service, "/admin/leaks/status")).expect("JSON");
    let state = &status["leaks"][&found];
    assert_eq!(state["enabled"], false, "the day is over, and left nothing on");
    assert_eq!(state["patched"], false, "nor set: {state}");
    assert_eq!((&state["share"], &state["start_after"]), (&json!(1.0), &json!("0s")), "{state}");
    assert_eq!(state["bytes_per_request"], 10_240, "{state}");
    let none = day(&["give-up"]);
    assert_eq!(none.status.code(), Some(2), "no day is on: {}", stdout(&none));
}

#[test]
fn a_day_whose_service_is_gone_can_be_ended_and_another_begun() {
    let bench = Bench::new();
    let record = bench.path("day.json");
    let start = |seed: &str| {
        let service =
            Service::start(Path::new(LEAKLAB), Duration::ZERO, || false).expect("a service");
        let url = format!("http://{}", service.address());
        let args = ["gameday", "start", "--seed", seed, "--url", &url, "--record", utf8(&record)];
        bench.run(&args)
        // Here the service ends.
    };
    assert_eq!(start("5").status.code(), Some(0));
    let over = bench.run(&["gameday", "give-up", "--record", utf8(&record)]);
    assert_eq!(over.status.code(), Some(0), "{}", stderr(&over));
    assert!(stdout(&over).contains("listeners"), "{}", stdout(&over));
    assert!(stderr(&over).contains("does not answer"), "{}", stderr(&over));
    assert_eq!(start("6").status.code(), Some(0));
}
