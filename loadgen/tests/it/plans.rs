//! Plans of every kind of load, carried out: files and flags, closed loops, threads, shards,
//! stages, bursts and paces.

use std::{
    fs,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use loadgen::{LoadError, Pace, Report};

use crate::{
    Running, assert_every_arrival_is_accounted_for,
    beginning::soon,
    options,
    peer::{OK, Peer, ok},
    run,
};

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(arguments)
        .args(["--max-lateness", "10m", "--format", "json"])
        .stdin(Stdio::null())
        .output()
        .expect("the command runs")
}

fn json(output: &Output) -> serde_json::Value {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn assert_all_completed(report: &Report, requests: u64) {
    assert_eq!(report.requests_planned, requests, "{report}");
    assert_eq!(report.requests_completed, requests, "{report}");
    assert_every_arrival_is_accounted_for(report);
}

#[test]
fn a_plan_file_says_what_is_sent_and_flags_have_the_last_word() {
    let peer = Peer::start(ok);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("plan.yaml");
    fs::write(&file, "url: http://127.0.0.1:1/\nrate: 200/s\nduration: 10m\nseed: 7\n")
        .expect("written");
    let (file, url) = (file.to_str().expect("text"), format!("http://{}/", peer.address()));
    let report = json(&command(&["--plan", file, "--duration", "200ms", &url]));
    assert_eq!((&report["requests_completed"], &report["seed"]), (&40.into(), &7.into()));

    fs::write(file, "url: http://127.0.0.1:1/\nrate: fast\nspeed: 5\n").expect("written");
    let output = command(&["--plan", file]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for place in ["plan.yaml:2:7: rate: ", "plan.yaml:3:8: speed: "] {
        assert!(errors.contains(place), "{errors}");
    }
}

#[test]
fn lists_of_flags_and_their_kind_of_load_take_the_place_of_the_plans() {
    let peer = Peer::start(ok);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("plan.yaml");
    let report = |plan: &str, flags: &[&str]| {
        fs::write(&file, format!("url: http://{}/\n{plan}", peer.address())).expect("written");
        let plan = ["--plan", file.to_str().expect("text"), "--format", "json"];
        let output = Command::new(env!("CARGO_BIN_EXE_loadgen")).args(plan).args(flags).output();
        json(&output.expect("the command runs"))
    };
    let stages = report(
        "rate: 200/s\nmax_lateness: 10m\nstages: ['10m:200/s']\nthresholds: ['p99<1us']\n",
        &["--stage", "200ms:200/s", "--threshold", "errors<1%"],
    );
    assert_eq!(stages["requests_completed"], 40);
    assert_eq!(stages["thresholds"].as_array().map(Vec::len), Some(1));
    let users =
        report("rate: 200/s\nconnections: 7\nburst: 2\nduration: 50ms\n", &["--users", "2"]);
    assert_eq!((&users["model"], &users["connections"]), (&"closed".into(), &2.into()));
    let rate = report(
        "users: 2\nthink_time: 10ms\nduration: 200ms\n",
        &["--rate", "200/s", "--max-lateness", "10m"],
    );
    assert_eq!((&rate["model"], &rate["requests_completed"]), (&"open".into(), &40.into()));
}

#[test]
fn a_mix_is_as_well_said_by_flags() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let request = "{weight: 3, path: '/items/{{key}}', headers: {x-id: '{{unique}}'}}";
    let arguments = ["--rate", "200/s", "--duration", "100ms", "--request", request, &url];
    let report = json(&command(&[&arguments[..], &["--request", "{path: /}"]].concat()));
    assert_eq!(report["requests_completed"], 20);
    let output = command(&["--rate", "1/s", "--request", "{speed: 5}", &url]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn users_ask_again_as_soon_as_they_have_thought() {
    // A server that takes 20 ms and users who think 30 ms: 20 asks of each in a second at most.
    let peer = Peer::start(|stream| {
        thread::sleep(Duration::from_millis(20));
        std::io::Write::write_all(stream, OK).is_ok()
    });
    let mut options = options(peer.address());
    (options.rate, options.users) = (String::new(), Some(5));
    options.think_time = Duration::from_millis(30);
    options.duration = Duration::from_secs(1);
    let report = run(options);
    assert_eq!(peer.connections(), 5);
    assert_eq!(report.requests_completed, report.requests_planned, "{report}");
    assert!((5..=100).contains(&report.requests_completed), "{report}");
    assert_every_arrival_is_accounted_for(&report);
}

#[test]
fn a_refusing_target_is_not_asked_without_pause_by_users() {
    let peer = Peer::start(|_| false);
    let mut options = options(peer.address());
    (options.rate, options.users) = (String::new(), Some(1));
    options.duration = Duration::from_secs(3);
    let running = Running::start(options);
    running.wait_until(|counts| counts.errors > 0);
    peer.close();
    let report = running.report();
    // Ten milliseconds after each refusal: a hundred in a second at most.
    assert!((1..=301).contains(&report.errors["connect"]), "{report}");
}

#[test]
fn threads_share_connections_and_arrivals_and_send_the_one_schedule() {
    let peer = Peer::start(ok);
    let alone = run(options(peer.address()));
    let mut options = options(peer.address());
    (options.threads, options.connections) = (3, 7);
    let before = peer.connections();
    let together = run(options);
    assert_all_completed(&together, 100);
    assert_eq!(peer.connections() - before, 7);
    assert_eq!(together.schedule_hash, alone.schedule_hash);
}

#[test]
fn shards_at_an_agreed_start_send_the_plan_together() {
    let peer = Peer::start(ok);
    let start = UNIX_EPOCH + Duration::from_secs(soon());
    let shards: Vec<_> = (0..3)
        .map(|index| {
            let mut options = options(peer.address());
            options.shard = format!("{index}/3").parse().expect("a shard");
            options.start_at = Some(start);
            thread::spawn(move || run(options))
        })
        .collect();
    let reports: Vec<_> = shards.into_iter().map(|shard| shard.join().expect("a report")).collect();
    let sent: Vec<_> = reports.iter().map(|report| report.requests_completed).collect();
    assert_eq!(sent, [34, 33, 33]);
    assert!(SystemTime::now() >= start + Duration::from_millis(500));
}

#[test]
fn a_pod_of_an_indexed_job_knows_its_shard() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["--rate", "100/s", "--duration", "1s", "--shard", "/3", "--max-lateness", "10m"])
        .args(["--format", "json", &url])
        .env("JOB_COMPLETION_INDEX", "1")
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    assert_eq!(json(&output)["requests_completed"], 33);
}

#[test]
fn a_start_that_has_passed_is_no_run() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    options.start_at = Some(SystemTime::UNIX_EPOCH);
    let plan = options.check().expect("a valid plan");
    let error = loadgen::run(&plan, &loadgen::Control::new()).expect_err("too late");
    assert!(matches!(error, LoadError::StartHasPassed), "{error:?}");
}

#[test]
fn stages_bursts_and_every_pace_send_what_is_planned() {
    let peer = Peer::start(ok);
    for pace in [Pace::Coarse, Pace::Precise, Pace::Spin] {
        let mut options = options(peer.address());
        options.rate = String::new();
        options.stages =
            ["200ms:400/s", "100ms:0/s"].map(|stage| stage.parse().expect(stage)).into();
        (options.pace, options.burst) = (pace, 5);
        assert_all_completed(&run(options), 60);
    }
}
