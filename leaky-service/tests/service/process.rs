//! The service as a process: how it announces itself, how it ends, and how it refuses to start.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::server::{Server, command, wait_for};

#[test]
fn sigterm_and_sigint_end_it_with_exit_code_0_even_with_connections_open() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&[]);
        let mut half_a_request = TcpStream::connect(&server.address).expect("it listens");
        half_a_request.write_all(b"GET /api/data HTTP/1.1\r\n").expect("it reads");
        server.load(1);
        kill_process(pid(server.pid()), signal).expect("it runs");
        assert_eq!(server.wait().code(), Some(0), "{signal:?}");
    }
}

#[test]
fn it_prints_the_address_it_listens_on() {
    let mut child = command()
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the service starts");
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    out.read_line(&mut line).expect("it prints");
    let address = line.trim().strip_prefix("listening on http://127.0.0.1:");
    let port = address.and_then(|port| port.parse::<u16>().ok());
    child.kill().expect("it runs");
    child.wait().expect("it is ours");
    assert!(port.is_some_and(|port| port > 0), "{line}");
}

#[test]
fn an_address_in_use_is_refused_with_exit_code_2_and_a_way_out() {
    let server = Server::start(&[]);
    let output = command().args(["--listen", &server.address]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: cannot listen on 127.0.0.1:"), "{said}");
    assert!(said.contains("--listen") && said.lines().count() == 1, "{said}");
}

#[test]
fn impossible_settings_are_refused_with_exit_code_2() {
    for arguments in [
        ["--bytes-per-request", "17MiB"],
        ["--bytes-per-request", "big"],
        ["--max-held", "lots"],
        ["--delay", "10"],
        ["--workers", "0"],
        ["--near-limit", "0"],
        ["--near-limit", "80"],
        ["--growth-sampling", "2"],
        ["--growth-thresholds", "0B"],
        ["--listen", "nowhere"],
    ] {
        let output = command().args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "), "{arguments:?}");
    }
}

#[test]
fn leaks_are_listed_and_shown_without_serving() {
    let said = |arguments: &[&str]| {
        let output = command().args(arguments).output().expect("it starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, list, _) = said(&["leaks"]);
    assert!(code == Some(0) && list.contains("  cache ") && list.contains("  bounded_cache "));
    let (code, page, _) = said(&["leaks", "show", "cache"]);
    assert!(code == Some(0) && page.starts_with("# cache: "), "{page}");
    let (code, _, error) = said(&["leaks", "show", "cash"]);
    assert!(code == Some(2) && error.contains("cache, listeners, history"), "{error}");
    let (_, help, _) = said(&["--help"]);
    assert!(help.starts_with("Serve an API that leaks memory on demand"), "{help}");
}

#[test]
fn a_start_up_file_is_applied_before_it_listens_or_refused_whole() {
    let directory = tempfile::TempDir::new().expect("a directory for the file");
    let path = directory.path().join("leaks.json");
    let leaks = path.to_str().expect("a plain path");
    std::fs::write(&path, r#"{"cache": {"enabled": true, "share": 0.5}}"#).expect("it is ours");
    let server = Server::start(&["--leaks", leaks]);
    server.load(10);
    assert_eq!(server.get_json("/admin/leaks/status")["leaks"]["cache"]["entries"], 5);

    std::fs::write(&path, r#"{"cash": {}, "cache": {"share": 2}}"#).expect("it is ours");
    let output = command().args(["--leaks", leaks]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cash: ") && said.contains("cache: share is out of range"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn it_ends_with_its_parent() {
    // The shell prints the service's pid and then, as soon as its input ends, is gone.
    let mut shell = std::process::Command::new("sh")
        .args([
            "-c",
            "\"$1\" --listen 127.0.0.1:0 --exit-with-parent & echo $!; cat >/dev/null; sleep 0",
            "sh",
        ])
        .arg(env!("CARGO_BIN_EXE_leaky-service"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("there is a shell");
    let mut out = BufReader::new(shell.stdout.take().expect("it is piped"));
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        out.read_line(line).expect("it prints");
    }
    let address = lines.iter().find_map(|line| line.trim().strip_prefix("listening on http://"));
    let address = address.expect("it listens").to_owned();
    drop(shell.stdin.take());
    shell.wait().expect("it is ours");
    wait_for("the service to go", || TcpStream::connect(&address).is_err().then_some(()));
}

#[test]
fn it_refuses_to_run_under_another_parent_than_the_one_named() {
    let output = command()
        .args(["--listen", "127.0.0.1:0", "--exit-with-parent=1"])
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("parent process is already gone"));
}

fn pid(raw: u32) -> Pid {
    let raw = i32::try_from(raw).expect("a pid");
    Pid::from_raw(raw).unwrap_or_else(|| panic!("not a pid: {raw}"))
}
