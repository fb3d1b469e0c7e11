//! The lab in one terminal: it serves, kills what is above its limit, and leaves nothing behind.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{Bench, Running, is_alive, stderr, wait_until};

struct Lab {
    child: Running,
    url: String,
    detector: String,
}

impl Lab {
    fn up(bench: &Bench, args: &[&str]) -> Self {
        let mut command =
            bench.command(&["up", "--port", "0", "--detector-port", "0", "--rate", "20/s"]);
        let command = command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = Running(command.spawn().expect("leaklab starts"));
        let mut lines = BufReader::new(child.0.stdout.take().expect("a pipe")).lines();
        let mut address = |name: &str| {
            let line = lines.next().expect("a line").expect("text");
            line.strip_prefix(name).expect("an address").to_owned()
        };
        let (url, detector) = (address("service "), address("detector "));
        Self { child, url, detector }
    }

    fn get(&self, path: &str) -> Option<Value> {
        Self::ask(&self.url, path)
    }

    fn ask(url: &str, path: &str) -> Option<Value> {
        ureq::get(format!("{url}{path}")).call().ok()?.body_mut().read_json().ok()
    }

    fn pid(&self) -> Option<u32> {
        self.get("/admin/memory")?["process"]["pid"].as_u64().map(|pid| pid as u32)
    }

    fn enable(&self, leak: &str, body: &Value) {
        self.post(&format!("/admin/leaks/{leak}"), body);
    }

    fn post(&self, path: &str, body: &Value) {
        ureq::post(format!("{}{path}", self.url)).send_json(body).expect("done");
    }

    /// What it has narrated, a line at a time, for as long as it does.
    fn narration(&mut self) -> Arc<Mutex<String>> {
        let told = Arc::<Mutex<String>>::default();
        let (lines, page) = (self.child.0.stderr.take().expect("a pipe"), Arc::clone(&told));
        thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                let mut page = page.lock().expect("nobody panics with it");
                page.push_str(&line);
                page.push('\n');
            }
        });
        told
    }

    /// Ends it as Ctrl-C does; returns its exit code, and what it has narrated where nobody else reads that.
    fn end(mut self) -> (Option<i32>, String) {
        let child = &mut self.child.0;
        let pid = Pid::from_raw(child.id().cast_signed()).expect("a pid");
        kill_process(pid, Signal::INT).expect("a signal");
        let mut told = String::new();
        if let Some(mut lines) = child.stderr.take() {
            lines.read_to_string(&mut told).expect("text");
        }
        (child.wait().expect("it ends").code(), told)
    }
}

#[test]
fn a_leak_is_fed_by_the_load_until_the_service_is_killed_and_started_again() {
    let bench = Bench::new();
    let lab = Lab::up(&bench, &["--limit", "64MiB"]);
    let first = lab.pid().expect("a service");
    let targets = Lab::ask(&lab.detector, "/api/v1/targets").expect("the detector answers");
    assert!(targets.to_string().contains("leaky-service"), "{targets}");
    lab.enable("cache", &json!({"enabled": true, "bytes_per_request": "1MiB"}));
    let second = wait_until("another service answers", || lab.pid().filter(|pid| *pid != first));
    let status = lab.get("/admin/leaks/status").expect("a status");
    assert_eq!(status["leaks"]["cache"]["enabled"], json!(false));
    assert!(!is_alive(first));
    let (code, told) = lab.end();
    assert_eq!(code, Some(0), "{told}");
    assert!(!is_alive(second), "the service was ended before leaklab");
    assert!(told.contains("out of memory: ") && told.contains("the limit is 64.0MiB"), "{told}");
    assert!(told.contains("started again, restart 1"), "{told}");
}

#[test]
fn a_fix_is_noticed_and_its_proof_is_narrated() {
    let bench = Bench::new();
    let mut lab = Lab::up(&bench, &["--confirm", "15s"]);
    let narration = lab.narration();
    let waits_for = |what: &str| {
        wait_until(what, || narration.lock().expect("a text").contains(what).then_some(()));
    };
    lab.enable("cache", &json!({"enabled": true, "bytes_per_request": "100KiB"}));
    waits_for("rss_anon_bytes: leaking, ");
    lab.enable("cache", &json!({"enabled": false}));
    lab.post("/admin/leaks/clear", &json!({"leak_type": "cache"}));
    waits_for("cache switched off");
    waits_for("leaking so far, fix on trial");
    waits_for("rss_anon_bytes: recovered, ");
    let told = narration.lock().expect("a text").clone();
    // Its detector's API has seen the same, and leaves the telling to the one that narrates.
    assert!(
        told.lines().all(|line| line.starts_with(|first: char| first.is_ascii_digit())),
        "{told}"
    );
    assert_eq!(lab.end().0, Some(0));
}

#[test]
fn a_taken_port_is_told_with_a_way_out() {
    let bench = Bench::new();
    let lab = Lab::up(&bench, &["--limit", "none"]);
    let port = lab.url.rsplit(':').next().expect("a port").to_owned();
    let second = bench.run(&["up", "--port", &port]);
    assert_eq!(second.status.code(), Some(2));
    assert!(stderr(&second).contains("choose another with --port"), "{}", stderr(&second));
    assert_eq!(lab.end().0, Some(0));
}
